"""Pictures on pages: a deal's path, and the marks that lists and keys share with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup
from pydantic import ValidationError

from api.flow_figures import Took, Waiting
from api.pages.words import Words, length, spoken
from models.flow import FlowDef
from models.graph import graph, joined
from models.path import PathItem
from models.tables.deals import Deal
from models.tables.flows import FlowVersion
from models.tables.journal import JournalRow
from workflows.diagram import Count, compared, counted, progressed, small_svg
from workflows.drawing.progress import SentBack
from workflows.drawing.svg import mark, sign, sign_of
from workflows.drawing.words import clock, who


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


class StepRow(NamedTuple):
    """One step of a flow in the list and the table beside its picture."""

    step: str
    title: str
    stage: str
    sign: str
    who: str
    clock: str
    rule: str
    parallel: bool
    waiting: int
    late: int
    stuck: int
    takes: str


def flow_picture(flow: FlowDef, waiting: Mapping[str, Waiting], times: Mapping[str, Took]) -> Markup:
    """Return where the deals of a flow are."""
    steps = ((step, waiting.get(step, Waiting())) for step in flow.steps)
    counts = {step: Count(at.deals, at.late, at.stuck, _takes(times.get(step))) for step, at in steps}
    return Markup(counted(flow, counts).svg(ident="live", page=True))  # noqa: S704 (the renderer escapes every text)


def flow_rows(flow: FlowDef, waiting: Mapping[str, Waiting], times: Mapping[str, Took]) -> list[StepRow]:
    """Return the steps of a flow with what waits at them."""
    rows = []
    for step, station in graph(flow).stations.items():
        at = waiting.get(step, Waiting())
        rows.append(
            StepRow(
                step,
                station.title,
                station.stage,
                sign_of(station),
                who(station.step, station.where),
                clock(station.step),
                joined(station.own),
                station.parallel,
                at.deals,
                at.late,
                at.stuck,
                _takes(times.get(step)),
            )
        )
    return rows


def difference_picture(old: FlowDef, new: FlowDef) -> Markup:
    """Return what a version changes."""
    return Markup(compared(old, new).svg(ident="diff", page=True))  # noqa: S704 (the renderer escapes every text)


def shape(flow: FlowDef) -> Markup:
    """Return the shape of a flow for a card."""
    ident = "shape-" + "".join(c if c.isascii() and c.isalnum() else "-" for c in flow.name)
    return Markup(small_svg(flow, ident=ident))  # noqa: S704 (the renderer escapes every text)


def _takes(took: Took | None) -> str:
    return f"median {length(took.median)}" if took is not None else ""


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
