"""How far a deal is: every step as a station with what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.deal import DealState, Record, Status, instances
from models.flow import ApprovalDef, CallDef, HandoffDef, SignatureDef, Step, StepId, SubflowDef, TaskDef
from models.graph import step_title


class PathItem(BaseModel):
    """One station on the way: how far it is, and what is said about it."""

    model_config = ConfigDict(frozen=True)
    step: StepId
    kind: str
    name: str
    title: str
    stage: str
    state: Literal["done", "now", "next", "skipped", "incident", "late"]
    notes: tuple[str, ...] = ()
    rule: str = ""
    round: int = 0


def path(state: DealState) -> list[PathItem]:
    """Return the stations of the flow in order, with what came of each."""
    return [_item(state, placed.step, placed.stage.name) for placed in state.flow.steps.values()]


def _item(state: DealState, step: Step, stage: str) -> PathItem:
    records = [state.record(i) for i, _ in instances(step, state)] or [state.record(step.id)]
    worst = max(records, key=lambda r: _ORDER.index(r.state))
    shown = _shown(worst)
    return PathItem(
        step=step.id, kind=step.kind, name=step.name, title=step_title(state.flow, step), stage=stage,
        state=shown, notes=tuple(_notes(step, worst, records)), rule=worst.printed, round=worst.round,
    )  # fmt: skip


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
