"""What happens when a clock rings: reminders, the next rung, silence, a date that has come, a result that lapses."""

from __future__ import annotations

from datetime import datetime

from models.asking import Ladder, Silence, Who, are, chosen, who_key
from models.deal import Clock, DealState, Record, Status, base, placed
from models.deeds import release, silence
from models.flow import CallDef, RenderDef, StepId, WaitDef, commits, writes
from models.outcomes import patience_of
from models.parties import looked_up
from models.reading import DOCUMENT, reading, touches
from models.turn import SYSTEM, title


def next_ring(state: DealState) -> datetime | None:
    """Return the earliest instant at which a clock does something; None while nothing rings."""
    if state.ended:
        return None
    if state.hold is not None:
        return state.hold.until
    times = [r.clock.next_ring() for r in state.records.values() if r.clock is not None and r.state is Status.OPEN]
    times += [r.valid_until for r in state.records.values() if r.valid_until is not None and not r.lapsed]
    if state.revise is not None:
        times.append(state.revise.clock.next_ring())
    return min((at for at in times if at is not None), default=None)


def ring(state: DealState, now: datetime) -> bool:
    """Let every clock that is due do what it does; return whether anything changed."""
    before = state.seq
    state.cause = state.seq + 1
    if state.hold is not None:
        if state.hold.until is not None and state.hold.until <= now:
            release(state, SYSTEM, now)
        return state.seq != before
    for step_id, record in list(state.records.items()):
        if record.valid_until is not None and record.valid_until <= now and not record.lapsed:
            record.lapsed = not _read_by_commit(state, step_id)
            record.valid_until = None
            state.note(now, SYSTEM, "lapsed", f"{title(step_id)}: its result is no longer valid", step_id)
        while record.state is Status.OPEN and record.clock is not None:
            at = record.clock.next_ring()
            if at is None or at > now:
                break
            _strike(state, step_id, record, record.clock, now)
    if state.revise is not None:
        _strike_revise(state, now)
    return state.seq != before


def _strike(state: DealState, step_id: StepId, record: Record, clock: Clock, now: datetime) -> None:
    assert clock.instants is not None, step_id
    deadline = clock.deadline()
    if deadline is None or deadline > now:
        clock.reminded = sum(at <= now for at in clock.instants.reminders)  # those missed meanwhile are one
        state.note(now, SYSTEM, "reminder", f"{title(step_id)}: reminder {clock.reminded}", step_id)
        return
    here = placed(state, step_id)
    assert here is not None, step_id
    if isinstance(here.step, WaitDef) and here.step.until_date is not None:
        record.state, record.outcome, record.clock = Status.SETTLED, "met", None
        record.read = reading(here.step, step_id, state)
        state.note(now, SYSTEM, "settled", f"{title(step_id)}: the date has come", step_id)
        return
    patience = patience_of(here.step)
    quiet = chosen(patience.on_silence, state.facts, state.rates) or Silence.ESCALATE
    ladder = chosen(patience.escalate_to, state.facts, state.rates) or Ladder()
    clock.rung += 1
    if quiet is not Silence.ESCALATE:
        silence(state, step_id, quiet.value, now)
    elif clock.rung <= len(ladder.rungs):
        _climb(state, step_id, record, ladder.rungs[clock.rung - 1], now)
    elif ladder.last is not None and ladder.last is not Silence.ESCALATE:
        silence(state, step_id, ladder.last.value, now)
    else:
        state.note(now, SYSTEM, "overdue", f"{title(step_id)}: overdue, and nobody is left to escalate to", step_id)


def _climb(state: DealState, step_id: StepId, record: Record, rung: tuple[Who, ...], now: datetime) -> None:
    """Ask the next rung too: its people may answer for every party that is still waited for."""
    people = [p for who in looked_up(rung, state) or () for p in state.people.get(who_key(who), [])]
    record.resolved = False  # who stands in for them is found out with the next `record`
    record.asked = {party: list(dict.fromkeys([*asked, *people])) for party, asked in record.asked.items()}
    told = f"{', '.join(people) or 'nobody could be found'} {are(people)} asked too"
    state.note(now, SYSTEM, "escalated", f"{title(step_id)}: late, so {told}", step_id, people=people)


def _strike_revise(state: DealState, now: datetime) -> None:
    revise = state.revise
    assert revise is not None, "only while the deal is sent back"
    at = revise.clock.next_ring()
    while at is not None and at <= now:
        revise.clock.rung += 1
        state.note(now, SYSTEM, "overdue", f"revision at {revise.stage} is overdue")
        at = revise.clock.next_ring()


def _read_by_commit(state: DealState, step_id: StepId) -> bool:
    """Whether a commit that reads this step's result is done or under way; then it no longer lapses (semantics 38).

    A signature reads what its document was made from: what the customer has signed is agreed, however old it gets.
    """
    here = state.flow.steps.get(base(step_id))
    made = set(writes(here.step, state.flow)) if here else set()
    for other_id, other in state.flow.steps.items():
        if not touches(other.step, state) & made:
            continue
        if commits(other.step):
            if state.record(other_id).state in (Status.SETTLED, Status.RUNNING):
                return True
        elif isinstance(other.step, RenderDef):
            made.add(DOCUMENT + other.step.document)
        elif isinstance(other.step, CallDef):
            made |= set(writes(other.step, state.flow))
    return False
