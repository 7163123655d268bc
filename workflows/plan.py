"""What a flow would do for given facts when everybody says yes: who, in which order, why, by when, done outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.asking import Group, Silence, Who, who_key, who_words
from models.calendar import CalendarSpec
from models.deal import DealState, Entry, Record, Status, instances
from models.flow import (
    ApprovalDef,
    CallDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    RenderDef,
    SequenceDef,
    SignatureDef,
    Step,
    StepId,
    SubflowDef,
    WhenDef,
)
from models.graph import step_title
from models.hours import hours_words
from models.parties import tables_of, used_since
from models.people import BusinessTime, Directory, M
from models.reasons import because
from models.rules import Rates, holds, printed
from models.values import Value
from workflows.assent import Asking, Flown, assent
from workflows.plan_rest import Stop, Unknown, stops
from workflows.plan_time import latest_times

State = Literal["done", "asked", "waits", "skipped", "stops", "open"]
"""Done by machines, asked of people, waited for, skipped by rule, where the plan stops, or open beyond that."""


OWN = "Throughline"
"""The system of what a deal starts in our own house: onboardings and subflows, each once by its id."""


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Party(_Shown):
    """One party that is asked: in words, and the people it is today."""

    who: str
    people: tuple[str, ...]
    because: str = ""
    """The row of a rule table that names them, with the deal's values; empty where the step names them itself."""
    called: tuple[str, ...] = ()
    """Who of them is no part of it, and asked because too few of it may answer: the fallback, or the ladder early."""


class Rung(_Shown):
    """What happens at an instant when nobody has answered by then."""

    at: AwareDatetime
    what: str
    people: tuple[str, ...] = ()


class Outside(_Shown):
    """Something that is done in somebody else's system."""

    system: str
    what: str
    safety: str
    undo: Literal["auto", "ask", "none"]


class Answer(_Shown):
    """A fact a step makes known; assumed when nobody gave it."""

    fact: str
    value: str
    assumed: bool


class Planned(_Shown):
    """One step of the flow, and what becomes of it for this deal."""

    step: StepId
    kind: str
    title: str
    stage: str
    state: State
    turn: int | None = None
    """Steps with the same number begin together."""
    group: int | None = None
    """The parallel group it belongs to, counted through the flow."""
    branch: int | None = None
    instances: tuple[str, ...] = ()
    asked: tuple[Party, ...] = ()
    needs: str = ""
    answers: tuple[str, ...] = ()
    """Whose answers the plan takes."""
    why: str = ""
    at: AwareDatetime | None = None
    due: AwareDatetime | None = None
    within: str = ""
    late: tuple[Rung, ...] = ()
    latest: AwareDatetime | None = None
    """By when it is over if everybody before and here takes all the time they have."""
    outside: Outside | None = None
    document: str = ""
    knows: tuple[Answer, ...] = ()
    advisory: bool = False


class Plan(_Shown):
    """A flow over one deal's facts. Answers take no time; due times are on the company's calendar."""

    flow: str
    version: int
    digest: str
    start: AwareDatetime
    end: AwareDatetime
    latest: AwareDatetime | None
    zone: str
    steps: tuple[Planned, ...]
    stops: tuple[Stop, ...]
    ending: str
    """How the deal ends; empty when it stops before."""
    assumed: tuple[str, ...]
    facts: dict[str, Value]
    happens: tuple[tuple[str, str], ...]
    """What the journal would say, in its order: asked, done, answered or skipped, and the step."""
    walks: int
    refused: str = ""
    """Why the flow would not take such a deal by itself; empty when it does."""

    def step(self, step_id: StepId) -> Planned:
        """Return one step. Raises KeyError."""
        for each in self.steps:
            if each.step == step_id:
                return each
        raise KeyError(step_id)

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """The facts without which it goes no further."""
        return tuple(dict.fromkeys(each for stop in self.stops for each in stop.unknown))


def plan(
    flow: FlowDef,
    facts: Mapping[str, Value],
    *,
    people: Directory[M],
    clock: BusinessTime,
    start: datetime,
    rates: Rates | None = None,
) -> Plan:
    """Return what the flow would do for these facts. Pure: it asks nobody and does nothing."""
    flown = assent(flow, facts, people, clock, start, rates)
    state = flown.state
    stopped = stops(flown)
    latest = latest_times(flown, clock)
    places = dict(_places(flow))
    rows = tuple(_planned(flown, step_id, places, latest, {s.step for s in stopped}) for step_id in flow.steps)
    return Plan(
        flow=flow.name, version=flow.version, digest=flow.digest, start=start, end=flown.now,
        latest=max((row.latest for row in rows if row.latest is not None), default=None),
        zone=clock.calendar.zone, steps=rows, stops=stopped,
        ending=str(state.ending) if state.ended else "", assumed=tuple(flown.assumed), facts=dict(state.facts),
        happens=happens(state), walks=flown.walks, refused=_refused(flow, facts, state.rates),
    )  # fmt: skip


def _refused(flow: FlowDef, facts: Mapping[str, Value], rates: Rates) -> str:
    """Return why the flow would not take such a deal, which the plan is shown in spite of."""
    return printed(flow.takes, facts, rates) if flow.takes is not None and not holds(flow.takes, facts, rates) else ""


def happens(state: DealState) -> tuple[tuple[str, str], ...]:
    """Return what happened to a deal's steps, for a deal whose whole journal is still in its state."""
    return happened(state.outbox, str(state.ending) if state.ended else "")


def happened(journal: Iterable[Entry], ending: str = "") -> tuple[tuple[str, str], ...]:
    """Return what a deal's journal says happened to its steps, in order; the last is how it ended."""
    found = [(_HAPPENED[e.kind], e.step) for e in journal if e.kind in _HAPPENED and e.step is not None]
    return (*found, ("ended", ending)) if ending else tuple(found)


_HAPPENED = {
    "opened": "asked", "done": "done", "skipped": "skipped", "settled": "answered", "completed": "answered",
    "signed": "answered",
}  # fmt: skip


PASSES = "its time passes, since what it waits for would end the deal"
_CONFIRMED = "the deal's owner has to agree, since something was signed or done outside before"


def _planned(
    flown: Flown, step_id: StepId, places: Mapping[StepId, tuple[int, int]], latest: Mapping[StepId, datetime],
    stopped: set[StepId],
) -> Planned:  # fmt: skip
    state = flown.state
    here = state.flow.steps[step_id]
    step = here.step
    ids = [i for i, _ in instances(step, state)] or [step_id]
    began = [i for i in ids if i in flown.turns]
    record = state.record(began[0] if began else ids[0])
    group, branch = places.get(step_id, (None, None))
    asking = flown.asked.get(step_id)
    due = asking.instants.due if asking and asking.instants else None
    shown = _state(flown, step, record, stopped & {step_id, *ids})
    if step.kind == "wait" and shown == "done":
        began = []  # it was so before its turn came
    return Planned(
        step=step_id, kind=step.kind, title=step_title(state.flow, step), stage=here.stage.name,
        state=shown,
        turn=flown.turns.get(began[0]) if began else None, group=group, branch=branch,
        instances=tuple(i.partition("[")[2][:-1] for i in ids if "[" in i),
        asked=_asked(state, step, record, asking), needs=_needs(flown, step, asking),
        answers=_answers(record),
        why=record.printed or because(state, step_id), at=flown.begun_at.get(began[0]) if began else None,
        due=due, within=_within(asking) if asking else "",
        late=tuple(_late(state, asking)) if asking else (), latest=latest.get(step_id),
        outside=_outside(state, step) if record.state is not Status.SKIPPED else None,
        document=step.document if isinstance(step, RenderDef | SignatureDef) else "",
        knows=tuple(_knows(flown, ids)), advisory=getattr(step, "advisory", False),
    )  # fmt: skip


def _state(flown: Flown, step: Step, record: Record, stopped: set[StepId]) -> State:
    if stopped:
        return "stops"
    if record.state is Status.SKIPPED:
        return "skipped"
    ended_here = step.kind == "ending" and flown.state.ended
    if step.id in flown.turns and ended_here:
        return "done"
    if record.state is Status.NEW or (record.state is Status.VOID and step.id not in flown.turns):
        return "open"
    if step.kind == "wait":
        return "waits" if step.id in flown.asked else "done"
    return "done" if step.kind in ("call", "render", "subflow") else "asked"


def _asked(state: DealState, step: Step, record: Record, asking: Asking | None) -> tuple[Party, ...]:
    rows = _rows(state, step) if asking else {}

    def party(who: Who) -> Party:
        key = who_key(who)
        people = tuple(record.asked.get(key, ()))
        own = {*state.people.get(key, ()), *record.stands_in}
        called = tuple(each for each in people if each not in own) if key in state.people else ()
        return Party(who=who_words(who), people=people, because=rows.get(key, ""), called=called)

    return tuple(party(who) for who in (asking.need.parties if asking else ()))


def _rows(state: DealState, step: Step) -> dict[str, str]:
    """Return for every party that a table names which row does: "table large-deals: amount $500,000 > $100,000"."""
    found: dict[str, str] = {}
    for table in tables_of(step):
        for row in table.rows:
            if not row.in_force(used_since(table, state)):
                continue
            if row.when is not None and not holds(row.when, state.facts, state.rates):
                continue
            every = "every other deal" if table.match == "first" else "every deal"
            because = printed(row.when, state.facts, state.rates) if row.when is not None else every
            for who in row.who:
                found.setdefault(who_key(who), f"table {table.name}: {because}")
            if table.match == "first":
                break
    return found


def _within(asking: Asking) -> str:
    hours = asking.need.hours
    own = f" {hours_words(hours)}" if isinstance(hours, CalendarSpec) else ""
    theirs = " in their own hours" if hours == "person" else own
    return f"{asking.need.within}{theirs}" if asking.need.within else ""


def _needs(flown: Flown, step: Step, asking: Asking | None) -> str:
    """Return how many of those asked have to answer, in words; empty where that goes without saying."""
    if step.id in flown.passed:
        return PASSES
    if step.id in flown.confirmed:
        return _CONFIRMED
    if not isinstance(step, ApprovalDef) or asking is None:
        return ""
    parties = asking.need.parties
    turns = ", one after the other" if step.in_turn and len(parties) > 1 else ""
    if len(parties) > 1 and step.need != "all":
        return f"{'any one' if step.need == 'any' else step.need} of them is enough{turns}"
    if len(parties) > 1:
        return f"all of them{turns}"
    return "the first to answer speaks for all" if parties and not isinstance(parties[0], Group) else ""


def _answers(record: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(d.person for d in record.decisions if d.verdict == "yes"))


def _late(state: DealState, asking: Asking) -> Iterator[Rung]:
    """Yield what happens at each deadline: who is asked too, or what silence means in the end."""
    if asking.instants is None or asking.need.date is not None:
        return
    times = (asking.instants.due, *asking.instants.rungs)
    if asking.silence is not Silence.ESCALATE:
        yield Rung(at=times[0], what=_SILENCE[asking.silence])
        return
    for at, rung in zip(times, asking.need.rungs, strict=False):
        yield Rung(at=at, what=f"{_words(rung)} too", people=tuple(_people(state, rung)))
    if len(times) > len(asking.need.rungs) and asking.ladder.last is not None:
        yield Rung(at=times[len(asking.need.rungs)], what=_SILENCE[asking.ladder.last])


_SILENCE = {
    Silence.APPROVE: "counts as approved", Silence.REJECT: "counts as rejected", Silence.EXPIRE: "expires",
    Silence.ESCALATE: "stays open",
}  # fmt: skip


def _words(rung: tuple[Who, ...]) -> str:
    return " and ".join(who_words(who) for who in rung)


def _people(state: DealState, rung: tuple[Who, ...]) -> list[str]:
    return list(dict.fromkeys(p for who in rung for p in state.people.get(who_key(who), ())))


def _outside(state: DealState, step: Step) -> Outside | None:
    match step:
        case CallDef(effect=True):
            spec = state.flow.actions[step.action]
            return Outside(system=spec.system, what=spec.title, safety=spec.duplicate_safety, undo=spec.undo)
        case SubflowDef():
            return Outside(system=OWN, what=f"starts {step.what}", safety="A", undo="none")
        case HandoffDef():
            return Outside(system=OWN, what="starts the onboarding", safety="A", undo="none")
    return None


def _knows(flown: Flown, ids: list[StepId]) -> Iterator[Answer]:
    for step_id in ids:
        for path, value in flown.wrote.get(step_id, {}).items():
            yield Answer(fact=path, value=str(value), assumed=path in flown.assumed)


def _places(flow: FlowDef) -> Iterator[tuple[StepId, tuple[int, int]]]:
    """Yield the parallel group and the branch of every step that is in one; of nested groups the outermost."""
    groups = 0

    def steps(node: Node) -> Iterator[StepId]:
        match node:
            case SequenceDef():
                children = node.nodes
            case ParallelDef():
                children = node.branches
            case WhenDef():
                children = (*node.nodes, *node.otherwise)
            case _:
                yield node.id
                return
        for child in children:
            yield from steps(child)

    def go(node: Node) -> Iterator[tuple[StepId, tuple[int, int]]]:
        nonlocal groups
        match node:
            case ParallelDef():
                groups += 1
                group = groups
                for i, branch in enumerate(node.branches, 1):
                    yield from ((step_id, (group, i)) for step_id in steps(branch))
            case SequenceDef():
                for child in node.nodes:
                    yield from go(child)
            case WhenDef():
                for child in (*node.nodes, *node.otherwise):
                    yield from go(child)

    for stage in flow.stages:
        for node in stage.nodes:
            yield from go(node)
