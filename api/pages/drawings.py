"""Pictures on pages: a deal's path, and the marks that lists and keys share with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup
from pydantic import ValidationError

from api.pages.words import Words, spoken
from models.flow import FlowDef
from models.graph import graph
from models.path import PathItem
from models.tables.deals import Deal
from models.tables.flows import FlowVersion
from models.tables.journal import JournalRow
from workflows.diagram import progressed
from workflows.drawing.progress import SentBack
from workflows.drawing.svg import mark, sign


class DealPath(NamedTuple):
    """A deal's way through its flow: the picture, and the same as items for the list and the table beside it."""

    picture: Markup | None
    """None for a definition that this version of Throughline cannot read."""
    items: Sequence[PathItem]
    parallel: frozenset[str]
    """Steps that stand beside others."""


def deal_path(
    deal: Deal, version: FlowVersion | None, sent: Sequence[JournalRow], names: Mapping[str, str], words: Words
) -> DealPath:
    """Return how far a deal is."""
    items = [_item(each, names) for each in deal.path]
    flow = definition(version)
    if flow is None or not items:
        return DealPath(None, items, frozenset())
    back = [
        SentBack(
            str(row.body.get("to_stage", "")),
            [str(r) for r in row.body.get("reasons", ())],
            words.day(words.local(row.at).date()),
        )
        for row in sent
    ]
    drawn = progressed(flow, items, back, deal.title).svg(ident="path", page=True)
    beside = frozenset(step for step, station in graph(flow).stations.items() if station.parallel)
    return DealPath(Markup(drawn), items, beside)  # noqa: S704 (the renderer escapes every text)


def definition(version: FlowVersion | None) -> FlowDef | None:
    """Return a stored definition; None for one that cannot be read."""
    try:
        return FlowDef.model_validate(version.definition) if version is not None else None
    except ValidationError:
        return None


def mark_of(state: str) -> Markup:
    """Return the mark of a state, for a list or a key; 24 units square."""
    return Markup(mark(state, 12, 12))  # noqa: S704 (no text in it)


def sign_named(name: str) -> Markup:
    """Return what pictures draw for a kind of step, for a key."""
    return Markup(sign(name))  # noqa: S704 (no text in it)


def _item(stored: dict[str, Any], names: Mapping[str, str]) -> PathItem:
    return PathItem.model_validate({**stored, "notes": [spoken(note, names) for note in stored.get("notes", ())]})
