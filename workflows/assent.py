"""Everybody says yes: a deal driven by `walk` alone to its end, or to where nobody could take it further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models import acts
from models.approval import open_parties, policy_verdict
from models.asking import Continue, Ladder, Silence, chosen, who_key
from models.boundaries import meeting
from models.calendar import Instants
from models.deal import DealState, Decision, ExternalRef, Incident, Record, Status, base
from models.deeds import carry_out
from models.facts import Source
from models.flow import (
    ApprovalDef,
    CallDef,
    EndDef,
    FlowDef,
    RenderDef,
    SignatureDef,
    Step,
    StepId,
    SubflowDef,
    TaskDef,
    WaitDef,
    route,
    writes,
)
from models.given import assumed, assumed_form, form_answers
from models.moves import Close, End, Gate, Route, Start, Walk
from models.outcomes import Need, Recorded, Result, failed, finished, needs, recorded
from models.people import BusinessTime, Directory, M, find_out
from models.reading import reading
from models.refusals import refusal
from models.ringing import ring
from models.rules import Rates, all_hold
from models.turn import land, perform, turn
from models.values import Digest, Value, fingerprint
from models.walk import walk

PLANNED = "planned"
"""The reference of what does not exist outside yet."""


@dataclass(frozen=True)
class Asking:
    """What was found out when a request opened: when it is due, and who comes next when it is late."""

    need: Need
    instants: Instants | None
    ladder: Ladder
    silence: Silence


@dataclass
class Flown:
    """A deal that everybody has said yes to, and what was learned on the way."""

    state: DealState
    given: Mapping[str, Value]
    now: datetime
    walks: int = 0
    turns: dict[StepId, int] = field(default_factory=dict)
    """Step -> the how-manieth walk it first began in."""
    asked: dict[StepId, Asking] = field(default_factory=dict)
    wrote: dict[StepId, dict[str, Value]] = field(default_factory=dict)
    begun_at: dict[StepId, datetime] = field(default_factory=dict)
    assumed: dict[str, Value] = field(default_factory=dict)
    """What nobody gave and was made up."""
    confirmed: set[StepId] = field(default_factory=set)
    """Endings a person has to agree to, since something was signed or done outside before."""
    passed: set[StepId] = field(default_factory=set)
    """Waits whose time passed, since what they wait for would have ended the deal."""
    refused: dict[StepId, str] = field(default_factory=dict)
    """Requests that nobody may answer, and why."""
    people: Directory[Any] = field(default_factory=lambda: Directory(()))


def assent(
    flow: FlowDef,
    facts: Mapping[str, Value],
    people: Directory[M],
    clock: BusinessTime,
    start: datetime,
    rates: Rates | None = None,
) -> Flown:
    """Drive a new deal with these facts until it ends or rests. Answers take no time; dates are waited for."""
    written = {path for placed in flow.steps.values() for path in writes(placed.step, flow)}
    state = DealState(flow=flow, deal="plan", opened_at=start)
    if rates is not None:
        state.rates = dict(rates)
    state.facts = {path: value for path, value in facts.items() if path not in written}
    state.facts_by = {path: flow.facts[path].source for path in state.facts}
    state.note(start, "throughline", "arrived", f"the deal arrived; it walks {flow.name} version {flow.version}")
    flown = Flown(state, facts, start, people=people)
    _drive(flown, people, clock)
    if not state.ended:
        turn(state, flown.now)  # opens the questions that say why it rests
        flown.walks += 1
    return flown


def _drive(flown: Flown, people: Directory[M], clock: BusinessTime) -> None:
    state = flown.state
    for _ in range(4 * len(state.flow.steps) + 10):
        found = walk(state.flow, state)
        flown.walks += 1
        for move in found.moves:
            begun = perform(state, move, flown.now)
            _remember(flown, _ending(state, found) if isinstance(move, End) else getattr(move, "step", ""))
            for step in begun:
                _finish(flown, step)
        if state.ended:
            return
        _find_out(flown, people, clock)
        if any(isinstance(move, Start) for move in found.moves):
            continue  # machines are quicker than people: what they let begin comes before any answer
        before = state.seq
        _answer(flown)
        if not found.moves and state.seq == before and not _confirm_ending(flown, found):
            return


def _confirm_ending(flown: Flown, found: Walk) -> bool:
    """Let the owner agree to an ending that comes after something was signed or done outside."""
    ending = next((step for step, kind in found.questions if kind == "ending"), None)
    if ending is None:
        return False
    owner = str(flown.state.facts.get("owner", "owner"))
    act = acts.Answer(key=ending, by=owner, step=ending, question="ending", choice="end", reason="as the flow says")
    carry_out(flown.state, act, flown.now)
    flown.confirmed.add(ending)
    _remember(flown, ending)
    return True


def _open(state: DealState) -> list[StepId]:
    return [step for step, record in state.records.items() if record.state is Status.OPEN]


def _ending(state: DealState, found: Walk) -> StepId:
    """Return the step that ends the deal; none when it is over because all is settled."""
    for step_id, placed in state.flow.steps.items():
        reached = isinstance(placed.step, EndDef) and found.gates.get(step_id) is Gate.CLEAR
        if reached and all_hold(placed.rules, state.facts, state.rates):
            return step_id
    return ""


def _remember(flown: Flown, step: StepId) -> None:
    if step and step not in flown.turns and flown.state.record(step).state is not Status.SKIPPED:
        flown.turns[step] = flown.walks
        flown.begun_at[step] = flown.now


def _finish(flown: Flown, step_id: StepId) -> None:
    """Let a step's action answer what is given for it, or what is made up."""
    state = flown.state
    record, step = state.record(step_id), state.flow.steps[base(step_id)].step
    if record.state is not Status.RUNNING:
        return
    match step:
        case RenderDef():
            made = Digest(sha256=fingerprint(record.read), label=step.document)
            result = Result(document=made, template=f"template of {step.document}")
        case CallDef() | SubflowDef():
            facts = {path: _value(flown, path) for path in writes(step, state.flow) if path in state.flow.facts}
            flown.wrote[step_id] = facts
            new = record.op == "do" and (isinstance(step, SubflowDef) or step.effect)
            result = Result(facts=facts, reference=ExternalRef(id=PLANNED) if new else None)
        case _:
            result = Result(reference=ExternalRef(id=PLANNED))
    finished(state, step_id, result, flown.now)


def _value(flown: Flown, path: str) -> Value:
    if path in flown.given:
        return flown.given[path]
    flow = flown.state.flow
    value = flown.assumed[path] = assumed(flow, flow.facts[path], flown.now.date())
    return value


def _find_out(flown: Flown, people: Directory[M], clock: BusinessTime) -> None:
    """Learn who is asked and until when, as `record` does at a wait point."""
    state = flown.state
    wanted = needs(state)
    if not wanted:
        return
    answer = _within_reach(flown, people, clock, wanted)
    for need in wanted:
        patience = getattr(state.flow.steps[base(need.step)].step, "patience", None)
        ladder = chosen(patience.escalate_to, state.facts, state.rates) if patience else None
        quiet = chosen(patience.on_silence, state.facts, state.rates) if patience else None
        instants = answer.instants.get(need.step)
        flown.asked[need.step] = Asking(need, instants, ladder or Ladder(), quiet or Silence.ESCALATE)
    recorded(state, answer, wanted, flown.now)


def _within_reach(flown: Flown, people: Directory[M], clock: BusinessTime, wanted: list[Need]) -> Recorded:
    try:
        return find_out(people, clock, flown.state, wanted, flown.now)
    except ValueError as beyond:  # a deadline that no calendar reaches
        for need in wanted:
            failed(flown.state, need.step, Incident(kind="invalid", message=str(beyond), at=flown.now), flown.now)
        return Recorded()


def _answer(flown: Flown) -> None:
    """Let everybody who is asked say yes; dates come last, since the others do not wait for them."""
    state = flown.state
    asked = _open(state)
    dated = [step for step in asked if isinstance(state.flow.steps[base(step)].step, WaitDef)]
    for step_id in [*(step for step in asked if step not in dated), *dated]:
        record, step = state.record(step_id), state.flow.steps[base(step_id)].step
        if not record.resolved or record.state is not Status.OPEN:
            continue
        match step:
            case ApprovalDef():
                _approve(flown, step, record)
            case TaskDef():
                _complete(flown, step, record)
            case WaitDef():
                _come(flown, step, record)
            case _:
                _commit(flown, step, record)


def _approve(flown: Flown, step: ApprovalDef, record: Record) -> None:
    """Take a yes of the first who may give one, party by party, until the policy holds."""
    state, refused = flown.state, dict[str, str]()
    while record.state is Status.OPEN:
        now = reading(step, step.id, state)
        if policy_verdict(step, record, now, state):
            perform(state, Close(step.id, now), flown.now)
            return
        act = next(_yeses(flown, step, record, refused), None)
        if act is None:
            flown.refused[step.id] = "; ".join(f"{person}: {why}" for person, why in refused.items())
            return
        carry_out(state, act, flown.now)


def _yeses(
    flown: Flown, step: ApprovalDef, record: Record, refused: dict[str, str]
) -> Iterator[acts.Decide]:  # fmt: skip
    state = flown.state
    form = form_answers(state.flow, step.form, flown.given, flown.now.date()) if step.form else {}
    answered = {d.person for d in record.decisions if d.round == record.round}
    for who in open_parties(step, record, reading(step, step.id, state), state):
        for person in record.asked.get(who_key(who), []):
            if person in answered:
                continue
            act = acts.Decide(
                key=f"{step.id}|{record.round}|{person}", by=person, step=step.id, round=record.round,
                edition=record.edition, verdict="approve", form=form,
            )  # fmt: skip
            no = refusal(state, act)
            if no is None:
                _remember_form(flown, step)
                yield act
            else:
                refused[person] = no.message


def _complete(flown: Flown, step: TaskDef, record: Record) -> None:
    state = flown.state
    person = next(iter(p for people in record.asked.values() for p in people), "")
    if not person:
        return
    form = form_answers(state.flow, step.form, flown.given, flown.now.date()) if step.form else {}
    act = acts.Complete(
        key=f"{step.id}|{record.round}", by=person, step=step.id, round=record.round, form=form
    )  # fmt: skip
    no = refusal(state, act)
    if no is not None:
        flown.refused[step.id] = no.message
        return
    _remember_form(flown, step)
    carry_out(state, act, flown.now)


def _remember_form(flown: Flown, step: Step) -> None:
    form: str | None = getattr(step, "form", None)
    if form is None:
        return
    flow = flown.state.flow
    facts = assumed_form(flow, form, flown.given, flown.now.date())
    flown.wrote[step.id] = {path: value for path, value in facts.items() if path != form}
    flown.assumed |= {path: value for path, value in flown.wrote[step.id].items() if path not in flown.given}


def _come(flown: Flown, step: WaitDef, record: Record) -> None:
    """Let what is waited for come: the date, or the facts that make the rule hold."""
    state = flown.state
    if step.until is None:
        at = record.clock.instants.due if record.clock and record.clock.instants else None
        if at is not None:
            flown.now = max(flown.now, at)
            ring(state, flown.now)
        return
    outside = [path for path, spec in state.flow.facts.items() if spec.source is not Source.STEP]
    news = meeting(step.until, state.facts, state.rates, state.flow.facts, outside)
    if not news or _pass(flown, step, record, news):
        return
    flown.wrote[step.id] = news
    flown.assumed |= news
    for path, value in news.items():
        source = state.flow.facts[path].source
        by = str(state.facts.get("owner", "owner")) if source is Source.PERSON else source
        act = acts.Revise(key=f"{step.id}|{path}", by=by, source=source, at=flown.now, facts={path: value})
        carry_out(state, act, flown.now)


def _pass(flown: Flown, step: WaitDef, record: Record, news: Mapping[str, Value]) -> bool:
    """Let a wait's time pass where the flow goes on without it, and what is waited for would end the deal."""
    state, here = flown.state, flown.state.flow.steps[step.id]
    at = record.clock.instants.due if record.clock and record.clock.instants else None
    if at is None or not isinstance(route(step, here.stage, "expired"), Continue):
        return False
    after = {**state.facts, **news}
    endings = [p.rules for p in state.flow.steps.values() if isinstance(p.step, EndDef)]
    if not any(
        all_hold(rules, after, state.rates) and not all_hold(rules, state.facts, state.rates) for rules in endings
    ):
        return False
    flown.now = max(flown.now, at)
    ring(state, flown.now)
    perform(state, Route((step.id,)), flown.now)
    flown.passed.add(step.id)
    return True


def _commit(flown: Flown, step: Step, record: Record) -> None:
    """Let the customer sign, or operations accept; nothing before it is unsettled, or it would not be open."""
    person = next(iter(p for people in record.asked.values() for p in people), "")
    if not person and isinstance(step, SignatureDef):
        person = "the customer"
    if not person:
        return
    yes = Decision(
        parties=tuple(record.asked), person=person, verdict="yes", signed=record.read, round=record.round,
        edition=record.edition, at=flown.now,
    )  # fmt: skip
    land(flown.state, step.id, yes, flown.now)
    _finish(flown, step.id)
