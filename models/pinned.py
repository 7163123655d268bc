"""What a flow keeps of what it uses: actions, templates and packets as they were when it was bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.asking import Path


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class ActionSpec(_Data):
    """What the definition keeps of a catalogued action (semantics 36)."""

    name: str
    title: str
    effect: bool
    system: str = ""
    queue: str = ""
    inputs: Mapping[str, bool] = {}
    """Input name -> whether it must be set."""
    outputs: tuple[Path, ...] = ()
    amend: bool = False
    undo: Literal["auto", "ask", "none"] = "none"
    on_change: Literal["again", "amend", "ask", "keep"] = "again"
    patience_seconds: int = 86_400
    duplicate_safety: str = ""
    max_commit_lag_seconds: int = 0


class TemplateSpec(_Data):
    """What the definition keeps of a document template."""

    title: str
    variables: tuple[Path, ...]
    sections: tuple[str, ...] = ()


class PacketField(_Data):
    """One thing operations need to know, in the reader's words."""

    label: str
    fact: Path | None = None
    document: str | None = None
    where: str = ""


class PacketSpec(_Data):
    """What a handoff must carry."""

    title: str
    fields: tuple[PacketField, ...]
