"""What comes back from the world: results of actions, failures, resolved people and instants, ringing clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.approval import barred, counts, may_answer, policy_verdict, satisfied, short_of
from models.asking import Customer, Hours, Ladder, Patience, Who, are, chosen, who_key, who_words
from models.calendar import Instants, Span
from models.deal import NOBODY, Clock, DealState, Decision, ExternalRef, Incident, Record, Status, base, placed
from models.flow import (
    ApprovalDef,
    HandoffDef,
    RenderDef,
    StepId,
    SubflowDef,
    WaitDef,
)
from models.parties import asked_of, looked_up
from models.reading import reading
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
    fallback: tuple[Who, ...] = ()
    within: Span | None = None
    """None as well where the clock runs on as it is."""
    remind_every: Span | None = None
    hours: Hours = "company"
    opened: AwareDatetime
    date: Value | None = None
    lead: Span | None = None
    pauses: tuple[tuple[AwareDatetime, AwareDatetime], ...] = ()
    """When the clock stood still."""
    fresh: bool = False
    """People may have changed since they were last read."""


class Asks(_Message):
    """Who is asked at one step at this moment."""

    asked: dict[str, list[str]] = {}
    """Per party, everybody who may answer for it."""
    stands_in: dict[str, str] = {}
    """Whom somebody asked stands in for."""
    handed: dict[str, dict[str, str]] = {}
    """The same per party, for those who have no place of their own in it."""
    told: tuple[str, ...] = ()
    """What is not as the flow says, in words: who stands in, that somebody else had to be found."""


class Recorded(_Message):
    """What only the world knows, as `record` returns it."""

    people: dict[str, list[str]] = {}
    """By `who_key`: everybody who is meant."""
    asks: dict[StepId, Asks] = {}
    """By step: who of them is asked, and who stands in."""
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
    if result.facts or result.unset:
        state.ask_anew()
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
        if record.clock is None or not (record.state is Status.OPEN or nobody(record)):
            continue
        resumed = record.clock.resumed_at is not None
        if (
            record.resolved
            and not resumed
            and not _short(state, step_id, record)
            and not _handed_on(state, step_id, record)
            and not _lost_meanwhile(state, step_id, record)
        ):
            continue
        found.append(_need(state, step_id, record))
    revise = state.revise
    if revise is not None and (revise.clock.instants is None or revise.clock.resumed_at is not None):
        within = state.flow.stage(revise.stage).revise_within
        found.append(
            Need(step=REVISE, parties=asked_of(state, REVISE), within=within, opened=revise.since,
                 pauses=_pauses(revise.clock))
        )  # fmt: skip
    return found


def nobody(record: Record) -> bool:
    """Return whether a request is stuck because too few people can be found who may answer it."""
    return record.state is Status.INCIDENT and record.incident is not None and record.incident.kind == NOBODY


def _handed_on(state: DealState, step_id: StepId, record: Record) -> bool:
    """Return whether somebody stands in for a person who may, by now, not answer themselves."""
    here = placed(state, step_id)
    step = here.step if here else None
    return isinstance(step, ApprovalDef) and any(barred(step, each, state) for each in record.stands_in.values())


def _lost_meanwhile(state: DealState, step_id: StepId, record: Record) -> bool:
    """Return whether, after a no here, a yes to another step left too few who may still answer both."""
    here = placed(state, step_id)
    if here is None or not isinstance(here.step, ApprovalDef) or nobody(record):
        return False
    another = state.flow.second_people[here.step.id]  # without it no answer elsewhere takes anybody away
    return bool(another) and policy_verdict(here.step, record, reading(here.step, step_id, state), state) is False


def _short(state: DealState, step_id: StepId, record: Record) -> list[Who]:
    """Return the parties for which too few people are left who may answer."""
    here = placed(state, step_id)
    if here is None or nobody(record):
        return []
    if isinstance(here.step, ApprovalDef):
        return short_of(here.step, record, reading(here.step, step_id, state), state)
    return [who for who in asked_of(state, step_id) if not record.asked.get(who_key(who))]


def _need(state: DealState, step_id: StepId, record: Record) -> Need:
    here = placed(state, step_id)
    assert here is not None, step_id
    step, clock = here.step, record.clock or Clock()
    patience = patience_of(step)
    ladder = chosen(patience.escalate_to, state.facts, state.rates) or Ladder()
    date = state.facts.get(step.until_date) if isinstance(step, WaitDef) and step.until_date else None
    # The promised time is not moved by who answers, only by a clock that stood still or by people's own hours.
    timed = clock.instants is None or clock.resumed_at is not None or patience.hours == "person"
    within = chosen(patience.within, state.facts, state.rates) if patience.within and timed else None
    return Need(
        step=step_id,
        parties=asked_of(state, step_id),
        rungs=tuple(looked_up(rung, state) or () for rung in ladder.rungs),
        fallback=looked_up(patience.fallback, state) or (),
        within=within,
        remind_every=patience.remind_every,
        hours=patience.hours,
        opened=record.since or state.opened_at,
        date=date if timed else None,
        lead=step.lead if isinstance(step, WaitDef) else None,
        pauses=_pauses(clock),
        fresh=record.state is Status.INCIDENT or bool(record.asked),
    )


def _pauses(clock: Clock) -> tuple[tuple[datetime, datetime], ...]:
    if clock.stopped_at is None or clock.resumed_at is None:
        return tuple(clock.pauses)
    return (*clock.pauses, (clock.stopped_at, clock.resumed_at))


def patience_of(step: object) -> Patience:
    """Return how long a step waits; every kind but a few says so."""
    found = getattr(step, "patience", None)
    return found if isinstance(found, Patience) else Patience()


def recorded(state: DealState, answer: Recorded, asked: Sequence[Need], now: datetime) -> bool:
    """Take over people and instants for what was `asked`; return whether that needs another walk.

    What changed while `record` was under way (a new round, a clock stopped or resumed) is asked about next time.
    """
    state.people = {**state.people, **answer.people}
    if not asked:
        return False
    again = False
    sent = list(asked)
    for need in (n for n in needs(state) if n in sent):
        instants = answer.instants.get(need.step)
        if need.step == REVISE:
            if state.revise is not None:
                clock = state.revise.clock
                still = clock.stopped_at if clock.resumed_at is None else None
                state.revise.clock = Clock(
                    instants=instants, rung=clock.rung, stopped_at=still, pauses=list(need.pauses)
                )
            continue
        asks = answer.asks.get(need.step)
        if asks is None:  # written down by an older `record`
            if not all(who_key(who) in state.people for who in need.parties):
                continue  # it opened while `record` was under way; the next one finds out
            before = state.record(need.step).asked
            keys = [who_key(who) for who in need.parties]
            asks = Asks(asked={key: list(before.get(key) or state.people[key]) for key in keys})
        record = state.touch(need.step)
        if record.clock is not None:
            clock = record.clock
            still = clock.stopped_at if clock.resumed_at is None else None  # a hold may have come meanwhile
            record.clock = Clock(
                instants=instants or clock.instants, rung=clock.rung, reminded=clock.reminded, stopped_at=still,
                pauses=list(need.pauses),
            )  # fmt: skip
        again = _ask_people(state, need, record, asks, now) or again
    return again


def _ask_people(state: DealState, need: Need, record: Record, asks: Asks, now: datetime) -> bool:
    """Ask whom `record` found; return whether that needs another walk."""
    name, before = title(need.step), record.asked
    record.resolved, record.handed = True, dict(asks.handed)
    if (record.asked, record.stands_in) != (asks.asked, asks.stands_in):
        record.asked, record.stands_in = dict(asks.asked), dict(asks.stands_in)
        if before or asks.told:
            words = "; ".join([*_changed(before, asks.asked), *asks.told]) or "asked anew"
            state.note(now, SYSTEM, "people", f"{name}: {words}", need.step, asked=asks.asked, stands_in=asks.stands_in)
    was_stuck = nobody(record)
    if was_stuck:
        record.state = Status.OPEN
    here = placed(state, need.step)
    taken = here is not None and isinstance(here.step, ApprovalDef) and _take_over(state, here.step, record, now)
    if here is not None and isinstance(here.step, ApprovalDef) and _out_of_reach(state, here.step, record, now):
        return True
    short = _short(state, need.step, record)
    if not short:
        if was_stuck:
            record.incident = None
            state.note(now, SYSTEM, "people", f"{name}: there is somebody again who may answer", need.step)
        return taken or was_stuck or _satisfied(state, need.step, record)
    message = _nobody(short, record)
    if was_stuck and record.incident is not None and record.incident.message == message:
        record.state = Status.INCIDENT
        return False
    fail(state, need.step, Incident(kind=NOBODY, message=message, at=now), now)
    return True


def _out_of_reach(state: DealState, step: ApprovalDef, record: Record, now: datetime) -> bool:
    """After noes, an edit or a change of people may leave too few for a yes: then the request is rejected."""
    if policy_verdict(step, record, reading(step, step.id, state), state) is not False:
        return False
    record.state, record.outcome, record.incident = Status.NEGATIVE, "rejected", None
    record.end_clock()
    text = f"{title(step.id)}: rejected, since too few are left who could still say yes"
    state.note(now, SYSTEM, "settled", text, step.id, outcome="rejected")
    return True


def _satisfied(state: DealState, step_id: StepId, record: Record) -> bool:
    here = placed(state, step_id)
    step = here.step if here else None
    return isinstance(step, ApprovalDef) and satisfied(step, record, reading(step, step_id, state), state)


def _changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    old = {person for people in before.values() for person in people}
    new = {person for people in after.values() for person in people}
    come, gone = sorted(new - old), sorted(old - new)
    return [
        *([f"{', '.join(come)} {are(come)} asked"] if come else []),
        *([f"{', '.join(gone)} {are(gone)} no longer asked"] if gone else []),
    ]


def _take_over(state: DealState, step: ApprovalDef, record: Record, now: datetime) -> bool:
    """With `repeat="if consecutive"`, let a yes to the step directly before count for the same person here."""
    before = _directly_before(state, step.id) if step.repeat == "if consecutive" else None
    if before is None:
        return False
    here, there = reading(step, step.id, state), reading(before, before.id, state)
    given = [
        d for d in state.record(before.id).decisions
        # Given before this was asked: what is asked side by side is not one after the other.
        if d.verdict == "yes" and not d.by_silence and record.since is not None and d.at <= record.since
        and counts(d, state.record(before.id), there, before.covered)
    ]  # fmt: skip
    taken = False
    for each in given:
        parties = tuple(party for party, people in record.asked.items() if each.person in people)
        known = any(d.person == each.person and d.round == record.round for d in record.decisions)
        same = Decision(
            parties=parties, person=each.person, verdict="yes", signed=each.signed, round=record.round,
            edition=record.edition, at=each.at, reason=f"as in {title(before.id)}", channel="taken over",
            on_behalf_of=record.stands_in.get(each.person, ""),
        )  # fmt: skip
        if not parties or known or not counts(same, record, here, step.covered):
            continue
        if may_answer(step, each.person, record, state):
            continue
        record.decisions = [*record.decisions, same]
        taken = True
        text = f"{title(step.id)}: the yes of {each.person} to {title(before.id)} counts here too"
        state.note(now, SYSTEM, "taken over", text, step.id, person=each.person)
    return taken and policy_verdict(step, record, here, state) is not None


def _directly_before(state: DealState, step_id: StepId) -> ApprovalDef | None:
    """Return the approval right before a step, leaving out what was skipped."""
    ids = list(state.flow.steps)
    for other in reversed(ids[: ids.index(step_id)]):
        if state.record(other).state is Status.SKIPPED:
            continue
        step = state.flow.steps[other].step
        return step if isinstance(step, ApprovalDef) else None
    return None


def _nobody(short: Sequence[Who], record: Record) -> str:
    unknown = [who.contact for who in short if isinstance(who, Customer)]
    if unknown:
        return f"nobody can sign: the deal names no {unknown[0]} with a mail address; set that fact, then try again"
    names = " and ".join(dict.fromkeys(who_words(who) for who in short))
    there = sorted({person for who in short for person in record.asked.get(who_key(who), ())})
    able = f"; {', '.join(there)} cannot answer for all of it" if there else ""
    return f"nobody can answer: too few active people may answer for {names}{able}"
