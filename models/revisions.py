"""Facts change as one revision: atomic, in order of its source, and only what really differs."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.acts import Revise
from models.deal import DealState, Hold, Status, instances
from models.flow import CallDef, HandoffDef, SignatureDef, SubflowDef, writes
from models.reading import reading, signed_so_far, touches
from models.values import Value
from models.walk import stands

MOST_A_DAY = 20
"""Revisions in 24 hours that redo something before the deal is put on hold (semantics 26)."""


def revise(state: DealState, act: Revise, now: datetime) -> tuple[str, str]:
    """Apply a revision; return its outcome and a message. Older than its source's last is dropped; echoes are none."""
    last = state.sources.get(act.source)
    if act.source != "person" and last is not None and act.at < last:
        state.note(now, act.by, "late revision", f"a revision of {act.source} from {act.at:%Y-%m-%d %H:%M} came late")
        return "dropped", "a newer revision of this source is already here"
    if act.source != "person":
        state.sources[act.source] = act.at
    changes = {p: v for p, v in _news(state, act).items() if _may_write(state, act, p) and state.facts.get(p) != v}
    gone = [path for path in act.unset if path in state.facts and _may_unset(state, act, path)]
    if not changes and not gone:
        return "same", "nothing in it differs from what the deal knows"
    if state.ending is not None or state.ended:
        state.late += 1
        names = ", ".join([*changes, *gone])
        state.note(now, act.by, "late event", f"after the end: {names} changed", facts=_shown(changes))
        return "late", "the deal has ended; the change is kept in its journal"
    why_held = commitments_reached(state, {*changes, *gone})
    settled = _standing(state)
    _apply(state, act, changes, gone, now)
    if why_held and state.hold is None:
        _hold(state, f"a change reaches what cannot simply be taken back: {', '.join(why_held)}", now)
    elif settled - _standing(state):
        _count(state, now)
    return "applied", f"{len(changes) + len(gone)} facts changed"


def commitments_reached(state: DealState, changed: set[str]) -> list[str]:
    """Return the committed steps a change may make stale, following what steps read and write (semantics 29, 30)."""
    reached: list[str] = []
    moving = {path for path in changed if _tracked(state, path)}
    for step_id, placed in state.flow.steps.items():
        step = placed.step
        record = state.record(step_id)
        if not touches(step, state) & moving:
            continue
        if record.state not in (Status.NEW, Status.SKIPPED):
            moving |= {path for path in writes(step, state.flow) if _tracked(state, path)}
            moving |= {f"document:{step.document}"} if hasattr(step, "document") and step.kind == "render" else set()
        if _committed(state, step_id):
            reached.append(step_id)
    return reached


def _committed(state: DealState, step_id: str) -> bool:
    step = state.flow.steps[step_id].step
    records = [state.record(each) for each, _ in instances(step, state)] or [state.record(step_id)]
    if isinstance(step, SignatureDef):
        return any(signed_so_far(r) for r in records)
    if isinstance(step, HandoffDef):
        return any(r.state is Status.SETTLED for r in records)
    if isinstance(step, CallDef):
        asks = state.flow.actions[step.action].on_change == "ask"
        return asks and any(r.live is not None for r in records)
    return isinstance(step, SubflowDef) and not step.detach and any(r.live is not None for r in records)


def _apply(state: DealState, act: Revise, changes: dict, gone: list[str], now: datetime) -> None:  # type: ignore[type-arg]
    state.revision += 1
    old = {path: str(state.facts.get(path, "unset")) for path in [*changes, *gone]}
    state.facts.update(changes)
    for path in gone:
        del state.facts[path]
    state.ask_anew()
    who = act.by if act.source == "person" else act.source
    state.facts_by.update(dict.fromkeys([*changes, *gone], who))
    for step_id, record in state.records.items():
        here = state.flow.steps.get(step_id.partition("[")[0])
        if record.override and here is not None and touches(here.step, state) & {*changes, *gone}:
            record.override = {}
    shown = {path: [old[path], str(state.facts.get(path, "unset"))] for path in old}
    words = ", ".join(_moved(path, *values) for path, values in shown.items())
    first = "known" if state.revision == 1 else "changed"
    state.note(now, act.by, "facts", f"facts {first}: {words}", facts=shown, source=act.source)


def _moved(path: str, old: str, new: str) -> str:
    name = path.replace("_", " ")
    return f"{name} {new}" if old == "unset" else f"{name} {old} → {new}"


def _may_write(state: DealState, act: Revise, path: str) -> bool:
    """One writer per fact; a person may stand in for the CRM (flow language, semantics 5)."""
    spec = state.flow.facts.get(path)
    if spec is None:
        return False
    if act.source == "person":  # what a step would have written only while the deal asks for it: refusals say so
        return spec.source != "step" or path not in state.facts
    return spec.source == act.source


def _news(state: DealState, act: Revise) -> dict[str, Value]:
    """Return what a source says otherwise than the last time: repeating itself does not undo a person's correction."""
    if act.source == "person":
        return act.facts
    before = state.said.get(act.source, {})
    state.said[act.source] = {p: v for p, v in (before | act.facts).items() if p not in act.unset}
    return {path: value for path, value in act.facts.items() if before.get(path) != value}


def _may_unset(state: DealState, act: Revise, path: str) -> bool:
    """A source takes back only what it gave: an empty field in the CRM does not wipe what a person filled in."""
    return _may_write(state, act, path) and (act.source == "person" or state.facts_by.get(path) == act.source)


def _tracked(state: DealState, path: str) -> bool:
    spec = state.flow.facts.get(path)
    return spec is None or spec.tracked


def _standing(state: DealState) -> set[str]:
    return {
        step_id
        for step_id, record in state.records.items()
        if record.state is Status.SETTLED
        and (here := state.flow.steps.get(step_id.partition("[")[0])) is not None
        and stands(here.step, record, reading(here.step, step_id, state), state)
    }


def _count(state: DealState, now: datetime) -> None:
    state.redone = [at for at in state.redone if now - at < timedelta(days=1)] + [now]
    if len(state.redone) > MOST_A_DAY and state.hold is None:
        _hold(state, f"{len(state.redone)} changes in 24 hours each redid something; somebody should look", now)


def _hold(state: DealState, reason: str, now: datetime) -> None:
    state.hold = Hold(reason=reason, by="throughline", at=now)
    state.stop_clocks(now)
    state.note(now, "throughline", "hold", f"on hold: {reason}")


def _shown(changes: dict) -> dict[str, str]:  # type: ignore[type-arg]
    return {path: str(value) for path, value in changes.items()}
