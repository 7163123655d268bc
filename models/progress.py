"""Why a deal waits: typed waits with reason, owner, clock and the act that unblocks them (D6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.approval import counts, may_answer, open_parties, satisfied
from models.asking import Group, Ladder, Who, chosen, who_key, who_words
from models.deal import Clock, DealState, Question, Record, Status, base, placed
from models.flow import (
    ApprovalDef,
    CallDef,
    Step,
    StepId,
    WaitDef,
)
from models.offers import Offer, answers_to, remedies, requests
from models.parties import asked_of, owners
from models.reading import reading
from models.reasons import lacking
from models.rules import text
from models.turn import title
from models.walk import walk


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Next(_Shown):
    """What the clock does next."""

    at: AwareDatetime
    what: str


class Wait(_Shown):
    """One reason why a deal does not move, whom it waits for and what unblocks it (D6)."""

    id: str
    kind: Literal[
        "approval",
        "task",
        "wait",
        "signature",
        "handoff",
        "running",
        "incident",
        "question",
        "revise",
        "hold",
        "parked",
    ]
    step: StepId | None
    title: str
    reason: str
    who: str
    waiting_on: tuple[str, ...]
    since: AwareDatetime
    due: AwareDatetime | None = None
    next: Next | None = None
    acts: tuple[Offer, ...] = ()
    late: bool = False
    round: int = 0
    edition: int = 0
    question: str = ""


def explain(state: DealState) -> list[Wait]:
    """Return everything a deal that has not ended waits for; never empty for a deal at rest."""
    if state.ended:
        return []
    found = list(_explain(state))
    if not found and state.ending is None:
        found.append(_between(state))
    return found


def stage_now(state: DealState) -> str:
    """Return the first stage with something unsettled, or the last one when the deal has ended."""
    if state.ended or state.ending is not None:
        return state.ending.outcome if state.ending else ""
    return walk(state.flow, state).stage or state.flow.stages[-1].name


def _explain(state: DealState) -> Iterator[Wait]:
    owners = _owners(state)
    if state.hold is not None:
        yield Wait(
            id="hold", kind="hold", step=None, title="On hold", reason=state.hold.reason, who="deal owner",
            waiting_on=owners, since=state.hold.at, due=state.hold.until, acts=(Offer(do="release", label="Release"),),
        )  # fmt: skip
    for step_id, record in state.records.items():
        if record.state is Status.RUNNING:
            yield _running(state, step_id, record, owners)
        elif record.state is Status.INCIDENT and record.incident is not None:
            yield Wait(
                id=f"{step_id}!{record.revision}|{_stamp(record.incident.at)}", kind="incident", step=step_id,
                title=title(step_id),
                reason=record.incident.message, who="deal owner", waiting_on=owners, since=record.incident.at,
                acts=remedies(state, step_id, record), late=True, round=record.round,
            )  # fmt: skip
        elif record.state is Status.OPEN and state.ending is None and not _decided(state, step_id, record):
            yield _request(state, step_id, record)
    if state.revise is not None and not state.revise.exhausted:
        clock = state.revise.clock
        yield Wait(
            id=f"revise|{_stamp(state.revise.since)}", kind="revise", step=None,
            title=f"Revise and resubmit, from stage {state.revise.stage}",
            reason="; ".join(state.revise.reasons), who="deal owner", waiting_on=owners, since=state.revise.since,
            due=clock.instants.due if clock.instants else None, late=clock.rung > 0,
            acts=(Offer(do="resubmit", label="Resubmit"), Offer(do="end", label="End the deal")),
        )  # fmt: skip
    for question in state.questions.values():
        # Before the next walk, and during a hold, a question may stand whose answer has come meanwhile.
        if question.kind != "missing" or lacking(state, question.step):
            yield _question(state, question, owners)


def _decided(state: DealState, step_id: StepId, record: Record) -> bool:
    """Return whether an open approval is satisfied already and only waits to be closed by the next walk."""
    here = placed(state, step_id)
    return (
        here is not None
        and isinstance(here.step, ApprovalDef)
        and state.hold is None
        and satisfied(here.step, record, reading(here.step, step_id, state), state)
    )


def _stamp(since: datetime) -> str:
    """Return what tells one asking from the next of the same question: when it began."""
    return f"{since:%Y%m%dT%H%M%S}"


def _running(state: DealState, step_id: StepId, record: Record, owners: tuple[str, ...]) -> Wait:
    here = state.flow.steps.get(base(step_id))
    spec = state.flow.actions.get(here.step.action) if here and isinstance(here.step, CallDef) else None
    who = spec.system if spec and spec.system else "Throughline"
    words = {"amend": "is being changed", "undo": "is being undone"}.get(record.op, "is under way")
    return Wait(
        id=f"{step_id}>{record.revision}", kind="running", step=step_id, title=title(step_id),
        reason=f"{title(step_id)} {words} in {who}; it is tried again by itself until it is done", who=who,
        waiting_on=owners, since=record.since or state.opened_at, round=record.round,
    )  # fmt: skip


def _request(state: DealState, step_id: StepId, record: Record) -> Wait:
    here = placed(state, step_id)
    assert here is not None, step_id
    asked, people = _asked(state, here.step, step_id, record)
    clock = record.clock or Clock()
    reason = record.printed or _standing_reason(here.step)
    if record.inquiry is not None and not record.inquiry.answer:
        reason = f"{record.inquiry.by} asks: {record.inquiry.question}"
        asked, people = "deal owner", _owners(state)
    offers = requests(here.step, record)
    if not people:
        people, asked = _owners(state), asked or "deal owner"
        reason, offers = _unanswerable(state, here.step, record, reason, offers)
    if any(p.step == step_id for p in state.parked):
        reason = "answered; it counts once the steps before it are done again"
    return Wait(
        id=f"{step_id}|{record.round}", kind=here.step.kind, step=step_id, title=title(step_id), reason=reason,
        who=asked, waiting_on=people, since=record.since or state.opened_at, due=_due(clock),
        next=_next(state, step_id, record),
        acts=offers, late=clock.rung > 0, round=record.round, edition=record.edition,
    )  # fmt: skip


def _unanswerable(
    state: DealState, step: Step, record: Record, reason: str, offers: tuple[Offer, ...]
) -> tuple[str, tuple[Offer, ...]]:
    """Say why nobody is waited for: not found yet, answered during a hold, or nobody left who may answer."""
    if not record.resolved:
        return f"{reason}; who is asked is being found out", offers
    if state.hold is not None:
        return "answered; it counts once the deal goes on", ()
    why = [
        may_answer(step, p, record, state)
        for people in record.asked.values() for p in people if isinstance(step, ApprovalDef)
    ]  # fmt: skip
    told = next((each.replace("you ", "they ", 1) for each in why if each), "everybody has answered")
    return f"nobody who is asked may answer: {told}", (Offer(do="recall", label="Take it back"),)


def _asked(state: DealState, step: Step, step_id: StepId, record: Record) -> tuple[str, tuple[str, ...]]:
    if isinstance(step, ApprovalDef):
        waiting = open_parties(step, record, reading(step, step_id, state), state)
        now = reading(step, step_id, state)
        given = {d.person for d in record.decisions if counts(d, record, now, step.covered)}
        able = dict.fromkeys(p for who in waiting for p in record.asked.get(who_key(who), []) if p not in given)
        people = {p: None for p in able if not may_answer(step, p, record, state)}
        return " and ".join(_still(who, record) for who in waiting), tuple(people)
    parties = asked_of(state, step_id)
    people = dict.fromkeys(p for group in record.asked.values() for p in group)
    return " and ".join(who_words(who) for who in parties), tuple(people)


def _still(who: Who, record: Record) -> str:
    if not isinstance(who, Group):
        return who_words(who)
    said = {d.person for d in record.decisions if d.verdict == "yes" and who_key(who) in d.parties}
    left = who.need - len(said)
    return f"{'one more' if said and left == 1 else left} of {who.role.replace('_', ' ')}"


def _standing_reason(step: Step) -> str:
    if isinstance(step, WaitDef) and step.until is not None:
        return f"{step.name}: until {text(step.until)}"
    if isinstance(step, WaitDef) and step.until_date is not None:
        return f"{step.name}: until {step.until_date.replace('_', ' ')}"
    return {
        "approval": "every deal asks this",
        "task": f"{title(step.id)} has to be done",
        "signature": "the customer signs the document",
        "handoff": "operations accept what was sold before they take it over",
    }.get(step.kind, "the flow asks this")


def _due(clock: Clock) -> datetime | None:
    return clock.instants.due if clock.instants is not None else None


def _next(state: DealState, step_id: StepId, record: Record) -> Next | None:
    clock, here = record.clock, placed(state, step_id)
    if clock is None or here is None:
        return None
    at, deadline = clock.next_ring(), clock.deadline()
    if at is None:
        return None
    if deadline is None or at < deadline:
        return Next(at=at, what="a reminder")
    patience = getattr(here.step, "patience", None)
    quiet = chosen(patience.on_silence, state.facts, state.rates) if patience else None
    ladder = (chosen(patience.escalate_to, state.facts, state.rates) if patience else None) or Ladder()
    if quiet is not None and quiet != "escalate":
        return Next(
            at=at, what={"approve": "it counts as approved", "reject": "it counts as rejected"}.get(quiet, "it expires")
        )
    if clock.rung < len(ladder.rungs):
        names = [p for who in ladder.rungs[clock.rung] for p in state.people.get(who_key(who), [])]
        words = " and ".join(who_words(who) for who in ladder.rungs[clock.rung])
        return Next(at=at, what=f"{words} is asked too" + (f" ({', '.join(names)})" if names else ""))
    return Next(at=at, what="it stays open, and its owner and sales operations are told each week")


def _question(state: DealState, question: Question, owners: tuple[str, ...]) -> Wait:
    manager = state.people.get("managers:1", [])
    asks_manager = question.kind == "exhausted" and bool(manager)
    return Wait(
        id=f"{question.step}?{question.kind}|{_stamp(question.since)}", kind="question", step=question.step,
        title=title(question.step),
        reason=question.reason, who="the owner's manager" if asks_manager else "deal owner",
        waiting_on=tuple(manager) if asks_manager else owners, since=question.since, acts=answers_to(state, question),
        question=question.kind,
    )  # fmt: skip


def _between(state: DealState) -> Wait:
    """The instant between a change and the walk that follows it."""
    at = state.outbox[-1].at if state.outbox else state.opened_at
    return Wait(
        id="walk", kind="running", step=None, title="Working", reason="the deal is being worked on right now",
        who="Throughline", waiting_on=_owners(state), since=at,
    )  # fmt: skip


def _owners(state: DealState) -> tuple[str, ...]:
    owner = state.facts.get("owner")
    return tuple(owners(state)) or ((str(owner),) if owner is not None else ("sales ops",))
