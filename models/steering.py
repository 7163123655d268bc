"""Changing who is asked and how an open approval ends, without answering it: move, add, nudge, override, undo."""

from __future__ import annotations

from datetime import datetime

from models import acts
from models.approval import policy_verdict
from models.deal import Clock, DealState, Decision, Record, Status, placed
from models.flow import ApprovalDef, StepId
from models.reading import reading
from models.steered import Added, Moved, Proposed
from models.turn import title

Steering = acts.Reassign | acts.AddApprover | acts.Nudge | acts.Override | acts.Undo | acts.PeopleChanged
Said = tuple[str, str]
"""An outcome and its message."""


def steer(state: DealState, act: Steering, now: datetime) -> Said:
    """Carry out one of these acts."""
    match act:
        case acts.Reassign():
            return _reassign(state, act, now)
        case acts.AddApprover():
            return _add(state, act, now)
        case acts.Nudge():
            return _nudge(state, act, now)
        case acts.Override():
            return _override(state, act, now)
        case acts.Undo():
            return _undo(state, act, now)
        case acts.PeopleChanged():
            return _people_changed(state)


def _reassign(state: DealState, act: acts.Reassign, now: datetime) -> Said:
    record = state.touch(act.step)
    of = act.of or (act.by if any(act.by in people for people in record.asked.values()) else "")
    parties = tuple(party for party, people in record.asked.items() if of in people) if of else _lonely(record)
    places: dict[str, list[str]] = {}  # whose place it is, party by party: one's own, or the one stood in for
    for party in parties:
        places.setdefault(record.handed.get(party, {}).get(of, of), []).append(party)
    for whose, where in (places or {of: []}).items():
        moved = Moved(of=whose, to=act.to, by=act.by, at=now, reason=act.reason, parties=tuple(where))
        record.moved = [*record.moved, moved]
    for party in parties or tuple(record.asked):
        others = [p for p in record.asked[party] if p != of]
        record.asked = {**record.asked, party: list(dict.fromkeys([*others, act.to]))}
    record.stands_in = {person: whom for person, whom in record.stands_in.items() if person != of}
    record.resolved = False
    text = f"{title(act.step)}: {act.to} is asked in place of {of or 'nobody'}: {act.reason}"
    state.note(now, act.by, "reassigned", text, act.step, of=of, to=act.to, channel=act.channel)
    return "reassigned", text


def _lonely(record: Record) -> tuple[str, ...]:
    """Return the parties nobody could be found for; all of them where each has somebody but not enough."""
    return tuple(party for party, people in record.asked.items() if not people)


def _add(state: DealState, act: acts.AddApprover, now: datetime) -> Said:
    record = state.touch(act.step)
    record.added = [*record.added, Added(person=act.person, place=act.place, by=act.by, at=now, reason=act.reason)]
    record.asked = {**record.asked, f"person:{act.person}": [act.person]}
    record.resolved = False
    when = "before the others" if act.place == "before" else "once the others have agreed"
    text = f"{title(act.step)}: {act.person} is asked too, {when}: {act.reason}"
    state.note(now, act.by, "approver added", text, act.step, person=act.person, place=act.place, channel=act.channel)
    return "approver added", text


def _nudge(state: DealState, act: acts.Nudge, now: datetime) -> Said:
    state.touch(act.step).nudged_at = now
    text = f"{title(act.step)}: {act.by} asks for an answer" + (f": {act.note}" if act.note else "")
    state.note(now, act.by, "nudged", text, act.step, note=act.note, channel=act.channel)
    return "nudged", text


def _override(state: DealState, act: acts.Override, now: datetime) -> Said:
    record, here = state.touch(act.step), placed(state, act.step)
    assert here is not None, act.step
    assert isinstance(here.step, ApprovalDef), act.step
    name, proposed = title(act.step), record.proposed
    if here.step.override == "two" and proposed is None:
        record.proposed = Proposed(by=act.by, verdict=act.verdict, reason=act.reason, edition=act.edition, at=now)
        text = f"{name}: {act.by} wants to {act.verdict} in place of those asked; a second administrator has to agree"
        state.note(now, act.by, "override proposed", f"{text}: {act.reason}", act.step, verdict=act.verdict)
        return "override proposed", text
    seen = record.editions[act.edition - 1] if 0 < act.edition <= len(record.editions) else record.read
    decision = Decision(
        parties=(), person=act.by, verdict="yes" if act.verdict == "approve" else "no", signed=seen, round=record.round,
        edition=act.edition, at=now, reason=act.reason, channel=act.channel, override=True,
    )  # fmt: skip
    record.decisions, record.proposed = [*record.decisions, decision], None
    both = f"{proposed.by} and {act.by}" if proposed is not None else act.by
    text = f"{name}: overridden by {both}, {act.verdict}: {act.reason}"
    shown = {key: str(value) for key, value in seen.items()}
    state.note(
        now, act.by, "overridden", text, act.step, verdict=act.verdict, channel=act.channel, override=True,
        second=proposed.by if proposed else "", signed=shown,
    )  # fmt: skip
    _settle_no(state, here.step, record)
    return ("approved" if decision.verdict == "yes" else "rejected"), text


def _settle_no(state: DealState, step: ApprovalDef, record: Record) -> None:
    if policy_verdict(step, record, reading(step, step.id, state), state) is False:
        record.state, record.outcome, record.incident = Status.NEGATIVE, "rejected", None
        record.end_clock()


def _undo(state: DealState, act: acts.Undo, now: datetime) -> Said:
    """Take the last answer back: the request stands open again in its round, and a send-back it caused is gone."""
    record = state.touch(act.step)
    last = next(d for d in reversed(record.decisions) if d.person == act.by and d.round == act.round)
    record.decisions = [d for d in record.decisions if d is not last]
    sent_back = record.state is Status.VOID and state.revise is not None
    if record.state is not Status.OPEN:
        record.state, record.outcome, record.reason, record.kept = Status.OPEN, "", "", None
        record.clock, record.clock_before, record.resolved = record.clock_before or Clock(), None, False
        if state.hold is not None:
            record.clock.stop(now)
        elif record.inquiry is None or record.inquiry.answer:
            record.clock.resume(now)
    if sent_back:
        here = placed(state, act.step)
        assert here is not None, act.step
        state.sent_back[here.stage.name] = max(0, state.sent_back.get(here.stage.name, 1) - 1)
        state.revise = None
    state.ask_anew()  # whoever may answer only one of two steps may answer the other again
    text = f"{title(act.step)}: {act.by} took back {last.verdict}"
    state.note(now, act.by, "undone answer", text, act.step, verdict=last.verdict, channel=act.channel)
    return "undone", text


def _people_changed(state: DealState) -> Said:
    """Let `record` find out anew who is asked wherever somebody is waited for."""
    state.ask_anew()
    return "people changed", "whom the open requests ask is found out anew"


def undo_blocked(state: DealState, step: StepId, since: datetime) -> str:
    """Return what has followed an answer that nobody can take back, or nothing."""
    if state.ending is not None:
        return "the deal ends"
    record = state.record(step)
    for other, each in state.records.items():
        if other == step or each.since is None or each.since < since:
            continue
        kind = other.partition(":")[0]
        outside = kind in ("call", "subflow") and (each.unconfirmed or each.live is not None)
        sent = kind == "signature" and each.state in (Status.OPEN, Status.SETTLED)
        if outside or sent or (kind == "handoff" and each.state is not Status.OPEN):
            return f"{title(other)} has begun"
    back = state.revise
    mine = back is not None and back.since >= since and back.by == (step,) and len(back.reasons) == 1
    if record.state is Status.VOID and (back is None or not mine or back.exhausted):
        return "the deal has gone on"
    return ""
