"""Load document templates and render them to PDF and HTML, within bounds of time and memory."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from models.document import (
    MissingVariable,
    Rendered,
    RenderTooLong,
    Template,
    TemplateBroken,
    TemplateManifest,
    VariableType,
    WrongVariable,
    check_sections,
    check_template,
    check_variables,
    chosen_clauses,
    sections_of,
    template_digest,
)
from models.money import Money, Percent
from models.quote import Quote
from models.rules import Facts, Rates
from models.values import Digest, Value, unwrap

SHIPPED = Path(__file__).parent.parent / "templates" / "documents"
_TYPESET = Path(__file__).with_name("typeset.py")
_MEGABYTES = 2048


@dataclass(frozen=True)
class Files:
    """A rendered document: its bytes, and what is remembered of them."""

    pdf: bytes
    html: bytes
    rendered: Rendered


def load_templates(folders: Iterable[Path] = ()) -> dict[str, Template]:
    """Return every template by name, such as "sow/managed_services"; a later folder's replaces an earlier one's.

    The shipped templates come first, then `folders`, the `templates/documents` of company folders.
    """
    found: dict[str, Template] = {}
    for folder in (SHIPPED, *folders):
        for manifest in sorted(folder.glob("**/manifest.toml")):
            template = _load(manifest.parent, manifest.parent.relative_to(folder).as_posix())
            found[template.name] = template
    return found


def render(
    template: Template,
    facts: Facts,
    *,
    dated: date,
    contents: Mapping[str, bytes] | None = None,
    rates: Rates | None = None,
    seconds: float = 15,
) -> Files:
    """Return the document; the same input gives the same bytes. Raises a DocumentError.

    `contents` holds by hash what the facts only refer to, such as the quote.
    """
    manifest = template.manifest
    check_template(template)
    check_variables(manifest, facts)
    clauses = chosen_clauses(manifest, facts, rates or {})
    variables = {
        name: _printable(name, facts[name], wanted.type, contents or {})
        for name, wanted in manifest.variables.items()
        if name in facts
    }
    result = _typeset(
        {
            "text": template.text,
            "clauses": [{"name": c.name, "section": c.section, "text": template.clauses[c.name]} for c in clauses],
            "variables": {**variables, "title": manifest.title, "dated": _day(dated)},
            "dated": dated.isoformat(),
        },
        template.name,
        seconds,
    )
    sections = sections_of(result["source"])
    check_sections(manifest, sections)
    pdf, html = base64.b64decode(result["pdf"]), base64.b64decode(result["html"])
    rendered = Rendered(
        template=template.name,
        template_sha256=template.sha256,
        title=manifest.title,
        sha256_pdf=sha256(pdf).hexdigest(),
        sha256_html=sha256(html).hexdigest(),
        clauses=tuple(clause.name for clause in clauses),
        sections=sections,
    )
    return Files(pdf=pdf, html=html, rendered=rendered)


def _load(folder: Path, name: str) -> Template:
    try:
        manifest = TemplateManifest.model_validate(tomllib.loads((folder / "manifest.toml").read_text("utf-8")))
        text = (folder / "template.typ.j2").read_text("utf-8")
        clauses = {
            path.name.removesuffix(".typ.j2"): path.read_text("utf-8")
            for path in sorted(folder.glob("clauses/*.typ.j2"))
        }
    except tomllib.TOMLDecodeError as wrong:
        raise TemplateBroken(f"{folder / 'manifest.toml'}: {wrong}") from wrong
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TemplateBroken(f"{folder / 'manifest.toml'}: {place}: {first['msg']}") from wrong
    except (OSError, UnicodeDecodeError) as wrong:
        raise TemplateBroken(f"{folder}: {wrong}; a template is template.typ.j2 and manifest.toml in UTF-8") from wrong
    digest = template_digest(text, manifest, clauses)
    template = Template(name=name, text=text, clauses=clauses, manifest=manifest, sha256=digest)
    check_template(template)
    return template


def _typeset(job: dict[str, Any], name: str, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-I", str(_TYPESET), str(int(seconds) + 1), str(_MEGABYTES)]
    try:
        done = subprocess.run(  # noqa: S603 (our own file, no shell)
            command, input=json.dumps(job).encode(), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise RenderTooLong(f"{name} took more than {seconds:g} s to render; make its loops smaller") from late
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise RenderTooLong(f"{name} ended by going over its bounds ({last[0][:200]}); make its loops smaller")
    result: dict[str, Any] = json.loads(done.stdout)
    match result.get("error"):
        case "missing":
            raise MissingVariable([f"{name}, {result['message']}"])
        case "unprintable":
            raise WrongVariable(f"{name}: {result['message']}; write it with other characters")
        case "template":
            raise TemplateBroken(f"{name}: {result['message']}")
        case _:
            return result


def _printable(name: str, value: Value, wanted: VariableType, contents: Mapping[str, bytes]) -> Any:
    if wanted is VariableType.QUOTE and isinstance(value, Digest):
        if value.sha256 not in contents:
            raise MissingVariable([f"{name} ({value.sha256[:8]}, its content is not stored)"])
        try:
            return _plain(Quote.model_validate_json(contents[value.sha256]))
        except ValidationError as wrong:
            raise WrongVariable(f"{name} does not hold a quote: {wrong.errors()[0]['msg']}") from wrong
    if isinstance(value, Digest):
        return str(value)
    return _plain(unwrap(value))


def _plain(value: Any) -> Any:
    """Return what a template prints: money with its digits, dates in words, numbers without an exponent."""
    match value:
        case Money():
            return f"{value.currency} {value.rounded().amount:,}"  # the code, not a symbol: several dollars exist
        case Percent():
            return str(value)
        case BaseModel():
            return {field: _plain(getattr(value, field)) for field in type(value).model_fields}
        case bool() | int() | None:
            return value
        case Decimal():
            return f"{value.normalize():f}"
        case date():
            return _day(value)
        case str():
            return str(value)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case _:
            return [_plain(inner) for inner in value]


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
