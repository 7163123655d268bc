"""What flows know of document templates: titles, variables and sections, without any text."""

from __future__ import annotations

from collections.abc import Mapping

from models.document import Template
from models.pinned import TemplateSpec


def template_specs(templates: Mapping[str, Template]) -> dict[str, TemplateSpec]:
    """Return what a flow's definition keeps of each template."""
    return {
        name: TemplateSpec(
            title=template.manifest.title, variables=template.manifest.reads, sections=template.manifest.required
        )
        for name, template in templates.items()
    }
