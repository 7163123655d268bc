"""Where a plan goes no further: what is not known or cannot be answered, and who has to see to it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from models.deal import DealState, Status, base, placed
from models.facts import FactSpec, Source
from models.flow import CallDef, HandoffDef, StepId, SubflowDef, WaitDef, writes
from models.parties import owners
from models.progress import explain
from models.reading import missing_inputs, reading
from models.rules import text
from models.turn import title
from models.walk import undecided
from workflows.assent import Flown


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Unknown(_Shown):
    """A fact that has to be known, what it may be, and who says it."""

    fact: str
    label: str
    type: str
    options: tuple[str, ...]
    supplier: str


class Stop(_Shown):
    """One reason why the deal would rest here."""

    step: StepId
    reason: str
    people: tuple[str, ...]
    """Who can see to it."""
    unknown: tuple[Unknown, ...] = ()


def stops(flown: Flown) -> tuple[Stop, ...]:
    """Return why the deal rests although everybody says yes; nothing when it ends."""
    state = flown.state
    if state.ended:
        return ()
    found: list[Stop] = []
    for wait in explain(state):
        step_id = wait.step or ""
        unknown = tuple(_unknown(state, path) for path in _lacking(state, step_id) if path not in state.facts)
        reason = _reason(flown, step_id) or wait.reason
        found.append(Stop(step=step_id, reason=reason, people=wait.waiting_on, unknown=unknown))
    return tuple(found)


def _reason(flown: Flown, step_id: StepId) -> str:
    state = flown.state
    here = placed(state, step_id)
    refused = flown.refused.get(step_id)
    if refused:
        return f"nobody who is asked may answer: {refused}"
    if here is not None and isinstance(here.step, WaitDef) and state.record(step_id).state is Status.OPEN:
        if here.step.until is not None:
            return f"waits until {text(here.step.until)}, which nothing from outside can make so"
        return f"waits for a date that is not known: {_label(here.step.until_date or '')}"
    return ""


def _lacking(state: DealState, step_id: StepId) -> list[str]:
    here = placed(state, step_id)
    if here is None:
        return []
    step = here.step
    match step:
        case HandoffDef():
            spec = state.flow.packets.get(step.packet)
            given = reading(step, step.id, state)
            packet = [f.fact for f in spec.fields if f.fact and f.label not in given] if spec else []
            return undecided(step, here.rules, state) or packet
        case WaitDef() if step.until_date is not None and step.until_date not in state.facts:
            return undecided(step, here.rules, state) or [step.until_date]
        case CallDef() | SubflowDef():
            each = [step.each] if step.each is not None and step.each not in state.facts else []
            return undecided(step, here.rules, state) or missing_inputs(step, step_id, state) or each
    return undecided(step, here.rules, state)


def _unknown(state: DealState, path: str) -> Unknown:
    spec = state.flow.facts.get(path) or FactSpec(path=path, type="text", source=Source.PERSON)
    return Unknown(
        fact=path, label=spec.label or _label(path), type=spec.type, options=spec.options,
        supplier=" or ".join(_suppliers(state, spec)),
    )  # fmt: skip


def _suppliers(state: DealState, spec: FactSpec) -> Iterator[str]:
    writers = [step_id for step_id, p in state.flow.steps.items() if spec.path in writes(p.step, state.flow)]
    if writers:
        for step_id in writers:
            skipped = state.record(base(step_id)).state is Status.SKIPPED
            yield f"step {title(step_id)}" + (", which is skipped" if skipped else "")
        return
    owner = ", ".join(owners(state)) or str(state.facts.get("owner", "its owner"))
    outside = {Source.CRM: "the CRM", Source.ERP: "the ERP"}.get(spec.source)
    if outside is not None:
        yield outside
    yield f"{owner} on the deal's page"


def _label(path: str) -> str:
    return path.replace("_", " ").replace(".", " ")
