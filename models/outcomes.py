"""What comes back from the world: results of actions, failures, resolved people and instants, ringing clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.asking import Customer, Ladder, Patience, Silence, Who, chosen, who_key
from models.calendar import Instants, Span
from models.deal import Clock, DealState, ExternalRef, Incident, Record, Status, base, placed
from models.deeds import release, silence
from models.flow import (
    ApprovalDef,
    CallDef,
    HandoffDef,
    RenderDef,
    SignatureDef,
    StepId,
    SubflowDef,
    TaskDef,
    WaitDef,
    commits,
    parties,
    writes,
)
from models.reading import DOCUMENT, reading, touches
from models.turn import SYSTEM, fail, title
from models.values import Digest, Value


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Result(_Message):
    """What an action answered: facts it wrote, what exists outside now, a document it made."""

    facts: dict[str, Value] = {}
    unset: tuple[str, ...] = ()
    reference: ExternalRef | None = None
    document: Digest | None = None
    template: str = ""
    """The hash of the template used, pinned at first use."""
    valid_until: AwareDatetime | None = None
    outcome: Literal["done", "rejected", "expired"] = "done"


class Need(_Message):
    """What `record` is asked to find out for an open request: who, and when."""

    step: StepId
    parties: tuple[Who, ...]
    rungs: tuple[tuple[Who, ...], ...] = ()
    within: Span | None = None
    remind_every: Span | None = None
    opened: AwareDatetime
    date: Value | None = None
    lead: Span | None = None
    stopped: Instants | None = None
    stopped_at: AwareDatetime | None = None
    resumed_at: AwareDatetime | None = None


class Recorded(_Message):
    """What only the world knows, as `record` returns it."""

    people: dict[str, list[str]] = {}
    """By `who_key`."""
    instants: dict[StepId, Instants] = {}
    """By step; the revise request is `revise`."""


REVISE = "revise"
CERTAIN = ("refused", "not found", "access denied", "annulled", "invalid", "missing variable")
"""Failures after which nothing happened outside for certain."""


def finished(state: DealState, step: StepId, result: Result, now: datetime) -> None:
    """Record what an action did. The facts it writes are journalled as its own."""
    record = state.touch(step)
    here = state.flow.steps.get(base(step))
    state.cause = state.seq + 1
    if record.op == "undo":
        record.state, record.live, record.unconfirmed, record.outcome = Status.VOID, None, False, "undone"
        state.note(now, SYSTEM, "undone", f"{title(step)} undone", step, effect_revision=record.revision)
        return
    old = {path: str(state.facts.get(path, "unset")) for path in result.facts}
    for path, value in result.facts.items():
        state.facts[path], state.facts_by[path] = value, step
    for path in result.unset:
        state.facts.pop(path, None)
    if result.template and here is not None and isinstance(here.step, RenderDef):
        name = chosen(here.step.template, state.facts, state.rates) or ""
        state.templates.setdefault(name, result.template)
        record.read = {**record.read, "template": Digest(sha256=state.templates[name], label=name)}
    record.document = result.document or record.document
    if result.outcome == "done":
        record.live = result.reference or record.live
        if here is not None and isinstance(here.step, SubflowDef) and record.live is None:
            record.live = ExternalRef(id=step)
    record.valid_until, record.lapsed = result.valid_until, False
    record.unconfirmed = False
    _settle(state, step, record, result, now)
    shown = {path: [old[path], str(value)] for path, value in result.facts.items() if old[path] != str(value)}
    state.note(
        now, SYSTEM, "done", f"{title(step)}: {record.outcome}{_told(result)}", step, op=record.op,
        effect_revision=record.revision, facts=shown,
        reference=result.reference.model_dump() if result.reference else None,
        document=result.document.sha256 if result.document else None,
    )  # fmt: skip


def _settle(state: DealState, step: StepId, record: Record, result: Result, now: datetime) -> None:
    here = state.flow.steps.get(base(step))
    if result.outcome != "done":
        record.state, record.outcome = Status.NEGATIVE, result.outcome
        return
    record.state, record.since = Status.SETTLED, now
    if here is not None and isinstance(here.step, HandoffDef):
        record.outcome = record.outcome or "accepted"
    else:
        record.outcome = "rendered" if step.startswith("render:") else "done"


def _told(result: Result) -> str:
    if result.reference is not None:
        return f" ({result.reference.id})"
    return f" ({result.document})" if result.document is not None else ""


def failed(state: DealState, step: StepId, incident: Incident, now: datetime) -> None:
    """Record that an action could not be done; a refusal is certain, anything else leaves the revision open."""
    record = state.touch(step)
    state.cause = state.seq + 1
    if incident.kind in CERTAIN:
        record.unconfirmed = False
    fail(state, step, incident, now)


def needs(state: DealState) -> list[Need]:
    """Return what `record` has to find out before the open requests can be answered and can ring."""
    found: list[Need] = []
    for step_id, record in state.records.items():
        if record.state is not Status.OPEN or record.clock is None:
            continue
        resumed = record.clock.resumed_at is not None
        if record.resolved and not resumed:
            continue
        found.append(_need(state, step_id, record))
    revise = state.revise
    if revise is not None and (revise.clock.instants is None or revise.clock.resumed_at is not None):
        within = state.flow.stage(revise.stage).revise_within
        found.append(
            Need(step=REVISE, parties=state.flow.owner, within=within, opened=revise.since, **_stopped(revise.clock))
        )
    return found


def _need(state: DealState, step_id: StepId, record: Record) -> Need:
    here = placed(state, step_id)
    assert here is not None, step_id
    step = here.step
    patience = _patience(step)
    ladder = chosen(patience.escalate_to, state.facts, state.rates) or Ladder()
    date = state.facts.get(step.until_date) if isinstance(step, WaitDef) and step.until_date else None
    return Need(
        step=step_id,
        parties=asked_of(state, step_id),
        rungs=ladder.rungs,
        within=chosen(patience.within, state.facts, state.rates) if patience.within else None,
        remind_every=patience.remind_every,
        opened=record.since or state.opened_at,
        date=date,
        lead=step.lead if isinstance(step, WaitDef) else None,
        **_stopped(record.clock or Clock()),
    )


def _stopped(clock: Clock) -> dict[str, object]:
    if clock.resumed_at is None or clock.instants is None:
        return {}
    return {"stopped": clock.instants, "stopped_at": clock.stopped_at, "resumed_at": clock.resumed_at}


def _patience(step: object) -> Patience:
    found = getattr(step, "patience", None)
    return found if isinstance(found, Patience) else Patience()


def asked_of(state: DealState, step_id: StepId) -> tuple[Who, ...]:
    """Return whom the flow asks at a step."""
    here = placed(state, step_id)
    match here.step if here else None:
        case ApprovalDef() as step:
            return parties(step, state.facts, state.rates)
        case TaskDef() as step:
            return step.by
        case WaitDef() as step:
            return step.by
        case SignatureDef() as step:
            return (step.by,)
        case HandoffDef() as step:
            return step.to
        case _:
            return state.flow.owner


def recorded(state: DealState, answer: Recorded, asked: Sequence[Need], now: datetime) -> bool:
    """Take over people and instants for what was `asked`; return whether that needs another walk.

    What changed while `record` was under way (a new round, a clock stopped or resumed) is asked about next time.
    """
    state.people = {**state.people, **answer.people}
    again = False
    sent = list(asked)
    for need in (n for n in needs(state) if n in sent):
        instants = answer.instants.get(need.step)
        if need.step == REVISE:
            if state.revise is not None:
                state.revise.clock = Clock(instants=instants, rung=state.revise.clock.rung)
            continue
        if not all(who_key(who) in state.people for who in need.parties):
            continue  # it opened while `record` was under way; the next one finds out
        record = state.touch(need.step)
        if record.clock is not None and (record.resolved or instants is not None):
            clock = record.clock
            still = clock.stopped_at if clock.resumed_at is None else None  # a hold may have come meanwhile
            instants = instants or clock.instants
            record.clock = Clock(instants=instants, rung=clock.rung, reminded=clock.reminded, stopped_at=still)
        record.resolved = True
        if not record.asked:
            record.asked = {who_key(who): list(state.people[who_key(who)]) for who in need.parties}
        empty = [who_key(who) for who in need.parties if not record.asked.get(who_key(who))]
        if empty:
            fail(state, need.step, Incident(kind="nobody", message=_nobody(need, record), at=now), now)
            again = True
    return again


def _nobody(need: Need, record: Record) -> str:
    empty = [who for who in need.parties if not record.asked.get(who_key(who))]
    unknown = [who.contact for who in empty if isinstance(who, Customer)]
    if unknown:
        return f"nobody can sign: the deal names no {unknown[0]} with a mail address; set that fact, then try again"
    return f"nobody can answer: {', '.join(who_key(who) for who in empty)} names no active person"


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
        clock.reminded += 1
        state.note(now, SYSTEM, "reminder", f"{title(step_id)}: reminder {clock.reminded}", step_id)
        return
    here = placed(state, step_id)
    assert here is not None, step_id
    if isinstance(here.step, WaitDef) and here.step.until_date is not None:
        record.state, record.outcome, record.clock = Status.SETTLED, "met", None
        record.read = reading(here.step, step_id, state)
        state.note(now, SYSTEM, "settled", f"{title(step_id)}: the date has come", step_id)
        return
    patience = _patience(here.step)
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
    people = [p for who in rung for p in state.people.get(who_key(who), [])]
    record.asked = {party: list(dict.fromkeys([*asked, *people])) for party, asked in record.asked.items()}
    names = ", ".join(people) or "nobody could be found"
    state.note(now, SYSTEM, "escalated", f"{title(step_id)}: late, so {names} is asked too", step_id, people=people)


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
