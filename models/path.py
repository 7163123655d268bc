"""How far a deal is: every step as a station with its place in the picture and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.deal import DealState, Record, Status, instances
from models.flow import (
    ApprovalDef,
    CallDef,
    HandoffDef,
    Node,
    ParallelDef,
    SequenceDef,
    SignatureDef,
    StageDef,
    Step,
    StepId,
    SubflowDef,
    TaskDef,
    WhenDef,
)
from models.turn import title


class PathItem(BaseModel):
    """One station on the way: where it stands in the picture and how far it is."""

    model_config = ConfigDict(frozen=True)
    step: StepId
    kind: str
    name: str
    title: str
    stage: str
    column: int
    lane: int
    lanes: int
    state: Literal["done", "now", "next", "skipped", "incident", "late"]
    notes: tuple[str, ...] = ()
    rule: str = ""
    round: int = 0


def path(state: DealState) -> list[PathItem]:
    """Return the stations of the flow in order, with what came of each."""
    return [_item(state, *spot) for spot in spots(state)]


Spot = tuple[Step, StageDef, int, int, int]
"""A step with its stage, column, lane and number of lanes."""


def spots(state: DealState) -> Iterator[Spot]:
    """Yield where every step stands in the picture: a column of its own, parallel branches as lanes."""
    column = 0
    for stage in state.flow.stages:
        for node in stage.nodes:
            found = list(_lay(node, stage, column, 0, 1))
            yield from found
            column = max((spot[2] for spot in found), default=column - 1) + 1


def _lay(node: Node, stage: StageDef, column: int, lane: int, lanes: int) -> Iterator[Spot]:
    match node:
        case SequenceDef():
            yield from _row(node.nodes, stage, column, lane, lanes)
        case WhenDef():
            yield from _row((*node.nodes, *node.otherwise), stage, column, lane, lanes)
        case ParallelDef():
            for i, branch in enumerate(node.branches):
                yield from _lay(branch, stage, column, lane + i, max(lanes, len(node.branches)))
        case _:
            yield node, stage, column, lane, lanes


def _row(nodes: tuple[Node, ...], stage: StageDef, column: int, lane: int, lanes: int) -> Iterator[Spot]:
    for child in nodes:
        found = list(_lay(child, stage, column, lane, lanes))
        yield from found
        column = max((spot[2] for spot in found), default=column - 1) + 1


def _item(state: DealState, step: Step, stage: StageDef, column: int, lane: int, lanes: int) -> PathItem:
    records = [state.record(i) for i, _ in instances(step, state)] or [state.record(step.id)]
    worst = max(records, key=lambda r: _ORDER.index(r.state))
    shown = _shown(worst)
    return PathItem(
        step=step.id, kind=step.kind, name=step.name, title=title_of(state, step), stage=stage.name,
        column=column, lane=lane, lanes=lanes, state=shown, notes=tuple(_notes(step, worst, records)),
        rule=worst.printed, round=worst.round,
    )  # fmt: skip


def title_of(state: DealState, step: Step) -> str:
    """Return a step's name in a picture: what a call makes, else its own name."""
    spec = state.flow.actions.get(step.action) if isinstance(step, CallDef) and step.name == step.action else None
    return spec.title if spec is not None else title(step.id).capitalize()


_ORDER = (
    Status.SKIPPED, Status.SETTLED, Status.NEW, Status.VOID, Status.NEGATIVE, Status.OPEN, Status.RUNNING,
    Status.INCIDENT,
)  # fmt: skip


def _shown(record: Record) -> Literal["done", "now", "next", "skipped", "incident", "late"]:
    match record.state:
        case Status.SETTLED:
            return "done"
        case Status.SKIPPED:
            return "skipped"
        case Status.INCIDENT:
            return "incident"
        case Status.OPEN:
            return "late" if record.clock is not None and record.clock.rung > 0 else "now"
        case Status.RUNNING:
            return "now"
    return "next"


def _notes(step: Step, record: Record, records: list[Record]) -> Iterator[str]:
    if len(records) > 1:
        done = sum(r.state is Status.SETTLED for r in records)
        yield f"{done} of {len(records)}"
    if isinstance(step, ApprovalDef | TaskDef | HandoffDef | SignatureDef):
        for decision in record.decisions[-2:]:
            yield f"{decision.person}, {decision.at.day} {decision.at:%b}"
    if record.live is not None and isinstance(step, CallDef | SubflowDef):
        yield record.live.id
    if record.state is Status.VOID and record.reason:
        yield record.reason
    if record.kept is not None:
        yield f"{record.kept.how}: {record.kept.reason}"
