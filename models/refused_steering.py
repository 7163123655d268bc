"""Whether somebody may change who is asked, decide in place of those asked, or take an answer back."""

from __future__ import annotations

from datetime import datetime

from models import acts
from models.approval import NUDGE_EVERY, UNDO_WINDOW, barred
from models.deal import DealState, Record, Status, placed
from models.flow import ApprovalDef, HandoffDef, TaskDef
from models.outcomes import nobody
from models.refused import Refusal, known_request, needs, out_of_date, owner_only, request
from models.steering import undo_blocked
from models.turn import title

Steering = acts.Reassign | acts.AddApprover | acts.Nudge | acts.Override | acts.Undo
_ASKS = ApprovalDef | TaskDef | HandoffDef


def steering_refusal(state: DealState, act: Steering, now: datetime | None) -> Refusal | None:
    """Return why one of these acts is refused, or None."""
    match act:
        case acts.Reassign():
            return _reassign(state, act)
        case acts.AddApprover():
            return request(state, act, ApprovalDef) or _add(state, act)
        case acts.Nudge():
            return request(state, act, _ASKS) or _nudge(state, act, now)
        case acts.Override():
            return _open_or_stuck(state, act, ApprovalDef) or _override(state, act)
        case acts.Undo():
            return known_request(state, act) or _undo(state, act, now)


def _open_or_stuck(state: DealState, act: acts.Reassign | acts.Override, kind: object) -> Refusal | None:
    record = state.record(act.step)
    return known_request(state, act) if nobody(record) and record.round == act.round else request(state, act, kind)


def _reassign(state: DealState, act: acts.Reassign) -> Refusal | None:
    found = _open_or_stuck(state, act, _ASKS) or needs(act.reason, "reason")
    if found is not None:
        return found
    record = state.record(act.step)
    asked = {person for people in record.asked.values() for person in people}
    of = act.of or (act.by if act.by in asked else "")
    if of != act.by and not _operator(state, act.by):
        return Refusal("not_yours", f"only {of or 'sales operations'} or sales operations can pass this on")
    if of and of not in asked:
        return Refusal("invalid", f"{of} is not asked here; it waits for {', '.join(sorted(asked))}", {"field": "of"})
    if not of and not nobody(record):
        return Refusal("invalid", f"say in whose place: {', '.join(sorted(asked))}", {"field": "of"})
    if act.to == of:
        return Refusal("invalid", f"{act.to} is asked already; name somebody else", {"field": "to"})
    return _mover(state, act.step, act.by, of) or _fit(state, act.step, act.to, "to")


def _mover(state: DealState, step: str, by: str, of: str) -> Refusal | None:
    """Whoever may not approve may not choose who does either, unless it is their own place they pass on."""
    here = placed(state, step)
    why = barred(here.step, by, state) if here and isinstance(here.step, ApprovalDef) and by != of else ""
    return Refusal("not_allowed", f"you may not choose who answers this: {why}") if why else None


def _fit(state: DealState, step: str, person: str, field: str) -> Refusal | None:
    here = placed(state, step)
    why = barred(here.step, person, state) if here and isinstance(here.step, ApprovalDef) else ""
    told = why.replace("you ", "they ", 1)
    return Refusal("not_allowed", f"{person} may not answer this: {told}", {"field": field}) if why else None


def _add(state: DealState, act: acts.AddApprover) -> Refusal | None:
    record = state.record(act.step)
    asked = act.by in _asked(record) or _operator(state, act.by)
    if not asked and owner_only(state, act) is not None:
        return Refusal("not_yours", "only who is asked, the deal's owner or sales operations can add somebody")
    if any(each.person == act.person for each in record.added):
        return Refusal("invalid", f"{act.person} has been added already", {"field": "person"})
    if any(d.person == act.person and d.round == record.round for d in record.decisions):
        return Refusal("invalid", f"{act.person} has answered this request already", {"field": "person"})
    return needs(act.reason, "reason") or _fit(state, act.step, act.person, "person")


def _nudge(state: DealState, act: acts.Nudge, now: datetime | None) -> Refusal | None:
    record = state.record(act.step)
    asked = act.by in _asked(record) or _operator(state, act.by)
    if not asked and owner_only(state, act) is not None:
        return Refusal("not_yours", "only the deal's owner, who is asked, or sales operations can remind people")
    if now is not None and record.nudged_at is not None and now - record.nudged_at < NUDGE_EVERY:
        again = record.nudged_at + NUDGE_EVERY
        return Refusal("closed", f"they were reminded at {record.nudged_at:%H:%M} UTC; wait until {again:%H:%M} UTC")
    return None


def _override(state: DealState, act: acts.Override) -> Refusal | None:
    record, here = state.record(act.step), placed(state, act.step)
    assert here is not None, act.step
    assert isinstance(here.step, ApprovalDef), act.step
    if act.by not in state.people.get("role:admin", []):
        return Refusal("not_allowed", "only an administrator can decide in place of those asked")
    why = barred(here.step, act.by, state)
    if why:
        return Refusal("not_allowed", why)
    if here.step.override == "none":
        return Refusal("not_allowed", "the flow lets nobody decide in place of those asked here")
    stale = out_of_date(record, here.step, act.edition, act.verdict)
    if stale is not None:
        return stale
    proposed = record.proposed
    if proposed is not None and proposed.by == act.by:
        return Refusal("not_allowed", "you have proposed this; a second administrator has to agree")
    if proposed is not None and proposed.verdict != act.verdict:
        return Refusal("invalid", f"{proposed.by} proposed to {proposed.verdict}; agree to that, or let it be")
    if proposed is not None and proposed.edition != act.edition:
        return Refusal(
            "stale", "the content changed since the override was proposed; look again", {"edition": record.edition}
        )
    return needs(act.reason, "reason")


def _undo(state: DealState, act: acts.Undo, now: datetime | None) -> Refusal | None:
    record = state.record(act.step)
    mine = [d for d in record.decisions if d.person == act.by and d.round == act.round]
    name = title(act.step)
    here = placed(state, act.step)
    if here is None or not isinstance(here.step, ApprovalDef) or not mine:
        return Refusal("closed", f"{name}: you have given no answer that could be taken back")
    last = mine[-1]
    if record.round != act.round or (now is not None and now - last.at > UNDO_WINDOW):
        seconds = int(UNDO_WINDOW.total_seconds())
        return Refusal(
            "closed", f"{name}: an answer can be taken back for {seconds} seconds; ask the owner to recall it"
        )
    if record.state is Status.VOID and last.verdict == "yes":
        return Refusal("closed", f"{name}: the deal has gone on, so this can no longer be taken back")
    why = undo_blocked(state, act.step, last.at)
    return Refusal("closed", f"{name}: {why}, so this can no longer be taken back") if why else None


def _asked(record: Record) -> set[str]:
    return {person for people in record.asked.values() for person in people}


def _operator(state: DealState, person: str) -> bool:
    return any(person in state.people.get(f"role:{role}", []) for role in ("sales_ops", "admin"))
