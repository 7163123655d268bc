"""The world of a rehearsal: deals arrive, people look and answer in their own hours, systems fail, time passes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import NamedTuple

from models import acts
from models.calendar import CalendarSpec, between
from models.calls import ActionCall, Intake
from models.deal import DealState, Receipt, placed
from models.flow import FlowDef, SubflowDef, WaitDef, writes
from models.given import assumed
from models.people import BusinessTime, Directory, Expand
from models.plan import PlanTemplate
from models.progress import Wait
from models.values import Value
from workflows.deal import DealLifecycle
from workflows.flows.plans import PLANS
from workflows.onboarding import Onboarding
from workflows.rehearsal.answers import REASONS, chosen, enough
from workflows.rehearsal.deals import dated
from workflows.rehearsal.doors import act_of
from workflows.rehearsal.engine import VirtualTime
from workflows.rehearsal.flight import DATE, MACHINES, Flight, Waited, subflow
from workflows.rehearsal.instances import ByReference
from workflows.rehearsal.landing import landed
from workflows.rehearsal.office import Office
from workflows.rehearsal.outages import Outage, trouble
from workflows.rehearsal.outside import Attempt, Failed, Refused
from workflows.rehearsal.people import Company, Diary, Draw, draws
from workflows.rehearsal.plan_work import PlanWork
from workflows.rehearsal.rounds import Rounds
from workflows.rehearsal.waits import Waits

MOST_MONTHS = 36
MONTH = 30.44
"""Days of a month on average."""
_BEYOND = 420
"""Days calendars reach beyond the rehearsal, since deadlines may lie there."""
_REMEMBERED = timedelta(days=3)
"""What was passed on longer ago is asked for no more: tries take seconds."""
_REFUSALS = 5
"""How often somebody whose answer was refused looks again."""


class CannotFly(ValueError):
    """A flow that cannot be rehearsed, and what to do about it."""


@dataclass(frozen=True)
class Setting:
    """What a rehearsal takes place in."""

    flow: FlowDef
    company: Company
    calendar: CalendarSpec
    """The company's business time, in which deadlines count."""
    expand: Expand
    start: datetime
    months: float = 12
    seed: int = 0
    outages: tuple[Outage, ...] = ()
    plans: Sequence[PlanTemplate] = PLANS

    @property
    def until(self) -> datetime:
        return self.start + timedelta(days=round(self.months * MONTH))


@dataclass
class Aloft:
    """A deal that is under way: what has to be known of it beside its own state."""

    deal: str
    name: str
    facts: Mapping[str, Value]
    arrived: datetime
    waiting: dict[tuple[str, str], tuple[Wait, datetime]] = field(default_factory=dict)
    """Wait and person -> what it is and since when."""
    waited: list[Waited] = field(default_factory=list)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    at_it: dict[str, set[str]] = field(default_factory=dict)
    """Wait -> who works at an answer."""
    answered: set[tuple[str, str]] = field(default_factory=set)
    helped: Counter[str] = field(default_factory=Counter)
    assumed: dict[str, None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    open_chains: set[str] = field(default_factory=set)


class _Seen(NamedTuple):
    """A request that lies on somebody's desk."""

    chain: str
    wait: str
    who: str
    offers: str
    draw: Draw
    at: datetime


class World:
    """One rehearsal. Deals share its people; what a deal and a person draw depends on them and the seed alone."""

    def __init__(self, setting: Setting, landed: Callable[[Flight], None], *, keep_journal: bool = True) -> None:
        _may_fly(setting.flow)
        self.setting, self.flow, self.company = setting, setting.flow, setting.company
        days = (setting.until - setting.start).days + _BEYOND
        self.diary = Diary(setting.company, setting.expand, setting.start, days)
        self.clock = BusinessTime(setting.calendar, self.diary.expand)
        staff = Directory(setting.company.people)
        self.office = Office(staff, self.clock, self._outputs, trouble=self._trouble, plans=setting.plans)
        self.office.recorded = self._recorded
        self.office.flow_of = lambda chain: self.state(chain).flow
        self._company_time = self.diary.calendar(setting.calendar)
        self._rounds = Rounds()
        self.time = VirtualTime(
            self.office, start=setting.start, workflows=[DealLifecycle, Onboarding], seed=setting.seed,
            rounds=self._rounds,
        )  # fmt: skip
        self.plan_work = PlanWork(self)
        self._waits = Waits(self.time.runs)
        self.aloft: dict[str, Aloft] = {}
        self.landed, self.keep_journal = landed, keep_journal
        self._stale: set[str] = set()
        self._keys = count(1)
        self._desks: dict[str, deque[_Seen]] = {}
        self._at_work: set[str] = set()
        self._passed_on: deque[tuple[datetime, bytes]] = deque()

    def arrive(self, at: datetime, facts: Mapping[str, Value], *, deal: str, name: str = "") -> None:
        """Let the CRM report a new deal at an instant."""
        self.time.at(at, partial(self._arrives, Aloft(deal, name, facts, at)))

    def run(self, passed: Callable[[datetime], None] = lambda _at: None) -> None:
        """Let time pass until every deal has landed or the rehearsal is over; `passed` is told day by day."""
        while (at := self.time.next_event()) is not None and at <= self.setting.until:
            self.time.run(min(at + timedelta(days=1), self.setting.until))
            passed(self.time.now)
        self.time.now = max(self.time.now, self.setting.until)
        for aloft in list(self.aloft.values()):
            self._land(aloft, self.setting.until)
        self.time.close()

    def supply(self, aloft: Aloft, path: str) -> Value:
        """Return what somebody says a fact is: what is given, else something plausible."""
        known = aloft.facts.get(path)
        if known is None:
            aloft.assumed[path] = None
            known = dated(assumed(self.flow, self.flow.facts[path]), self.time.now)
        return known

    def state(self, chain: str) -> DealState:
        """Return the state of a deal, or of a subflow's deal."""
        state: DealState = self.time.runs[chain].object.state
        return state

    def of(self, chain: str) -> Aloft | None:
        """Return the deal a workflow belongs to."""
        return self.aloft.get(self.of_deal(chain))

    def of_deal(self, chain: str) -> str:
        """Return the id of the deal a workflow belongs to, as its subflow or its onboarding."""
        return chain.partition("|")[0].replace("onboarding/", "deal/", 1)

    def working(self, since: datetime, until: datetime) -> timedelta:
        """Return the company's working time between two instants."""
        return between(self._company_time, since, min(until, self._company_time.horizon))

    def mark(self, chain: str) -> None:
        """Look at a workflow again before time goes on."""
        if chain not in self._stale:
            self._stale.add(chain)
            self.time.at(self.time.now, partial(self._look, chain))

    # --- a deal's life

    def _arrives(self, aloft: Aloft) -> None:
        self.aloft[aloft.deal] = aloft
        written = {path for each in self.flow.steps.values() for path in writes(each.step, self.flow)}
        facts = {path: value for path, value in aloft.facts.items() if path not in written}
        report = acts.Revise(key="crm", by="crm", source="crm", at=self.time.now, facts=facts)
        # As the CRM's events do: a deal that began without its facts would ask others than its owner.
        with suppress(Refused):
            self.time.start(DealLifecycle, Intake(flow=self.flow, deal=aloft.deal), aloft.deal, ("act", report))

    def _recorded(self, chain: str) -> None:
        aloft = self.of(chain)
        if aloft is not None:
            aloft.open_chains.add(chain)
            self.mark(chain)

    def _look(self, chain: str) -> None:
        """See what a deal waits for now, and let those who are newly waited for know."""
        self._stale.discard(chain)
        aloft, run = self.of(chain), self.time.runs.get(chain)
        if aloft is None or run is None:
            return
        if run.kind is Onboarding:
            self.plan_work.look(chain, aloft)
        else:
            self._look_at_deal(chain, aloft)
        if run.ended:
            aloft.open_chains.discard(chain)
        if not aloft.open_chains:
            self._land(aloft, self.time.now)

    def _look_at_deal(self, chain: str, aloft: Aloft) -> None:
        state = self.state(chain)
        now: dict[tuple[str, str], Wait] = {}
        for wait in self._waits.of(chain).values():
            for who in self._waited_for(state, wait):
                now[f"{chain} {wait.id}", who] = wait
        for key in [key for key in aloft.waiting if key[0].startswith(f"{chain} ") and key not in now]:
            self.close(aloft, key)
        for key, wait in now.items():
            _, since = aloft.waiting.get(key, (wait, self.time.now))
            aloft.waiting[key] = (wait, since)  # as it is now: whom it asks may have been found out meanwhile
            offers = ",".join(offer.do for offer in wait.acts)
            if wait.acts and wait.kind != MACHINES and (*key, offers) not in aloft.seen:
                aloft.seen.add((*key, offers))
                self._tell(chain, aloft, wait, key[1], offers)

    def _waited_for(self, state: DealState, wait: Wait) -> tuple[str, ...]:
        if wait.kind == "running":
            return (wait.who,)
        here = placed(state, wait.step or "")
        if wait.kind == "wait" and here is not None and isinstance(here.step, WaitDef):
            known = here.step.until_date is not None and here.step.until_date in state.facts
            return (DATE,) if known else (self.company.world.id,)
        return wait.waiting_on

    def close(self, aloft: Aloft, key: tuple[str, str]) -> None:
        """Somebody is no longer waited for."""
        wait, since = aloft.waiting.pop(key)
        aloft.seen = {seen for seen in aloft.seen if seen[:2] != key}  # waited for again, they are told again
        kind = DATE if key[1] == DATE else wait.kind
        person = self.company.find(key[1])
        human = kind not in (DATE, MACHINES)
        working = self.diary.worked(person, since, self.time.now) if human else self.time.now - since
        answered = key in aloft.answered or not human
        asked = wait.waiting_on if key[1] in (DATE, self.company.world.id) else ()
        below = subflow(key[0].removesuffix(f" {wait.id}"))[1]
        aloft.waited.append(Waited(key[1], wait.title, kind, since, self.time.now, working, answered, below, asked))

    # --- people

    def _tell(self, chain: str, aloft: Aloft, wait: Wait, who: str, offers: str) -> None:
        """Let somebody know; they look when their day and their habit have it so."""
        if who == DATE:
            return
        person = self.company.find(who)
        draw = draws(self.setting.seed, aloft.deal, chain, wait.id, who, offers)
        at = self.diary.after(person, self.time.now, person.habit.until_looked(draw))
        if at is not None:
            self.time.at(at, partial(self._looks, chain, wait.id, who, offers, draw))

    def _looks(self, chain: str, wait_id: str, who: str, offers: str, draw: Draw) -> None:
        """Somebody sees what waits for them; they begin when they are through with what they saw before."""
        if self._standing(chain, wait_id, who) is not None:
            # Each deal has a customer of its own, whatever address its facts give; people of the company are shared.
            desk = who if who in self.company.named else f"{self.of_deal(chain)} {who}"
            self._desks.setdefault(desk, deque()).append(_Seen(chain, wait_id, who, offers, draw, self.time.now))
            if desk not in self._at_work:
                self._next(desk)

    def _next(self, name: str) -> None:
        """Let somebody take the first request on their desk that nobody else has taken."""
        self._at_work.discard(name)
        desk = self._desks.get(name)
        while desk:
            seen = desk.popleft()
            aloft = self.of(seen.chain)
            found = self._standing(seen.chain, seen.wait, seen.who)
            if aloft is None or found is None:
                continue
            key = f"{seen.chain} {seen.wait}"
            at_it = aloft.at_it.setdefault(key, set())
            if enough(self.state(seen.chain), found, len(at_it)):
                aloft.seen.discard((key, seen.who, seen.offers))  # told again should the others not settle it
                continue
            at = self.diary.work(self.company.find(seen.who), seen.at, self.time.now)
            self._at_work.add(name)
            if at is not None:
                at_it.add(seen.who)
                self.time.at(at, partial(self._done, name, seen))
            return
        self._desks.pop(name, None)

    def _done(self, name: str, seen: _Seen) -> None:
        self._answers(seen.chain, seen.wait, seen.who, seen.offers, seen.draw)
        self._next(name)

    def _answers(self, chain: str, wait_id: str, who: str, offers: str, draw: Draw) -> None:
        aloft = self.of(chain)
        if aloft is None:
            return
        key = f"{chain} {wait_id}"
        aloft.at_it.get(key, set()).discard(who)
        wait = self._standing(chain, wait_id, who)
        if wait is None:
            return
        state, person = self.state(chain), self.company.find(who)
        step = f"{chain} {wait.kind} {wait.step} {wait.question}"
        offer = chosen(state, wait, person.habit, draw, aloft.helped[step])
        aloft.helped[step] += 1
        act = None if offer is None else act_of(
            state, wait, offer, by=self._signs(who, wait), key=f"k{next(self._keys)}", now=self.time.now,
            supply=partial(self.supply, aloft), reason=REASONS.get(offer.choice or offer.do, "in order"),
        )  # fmt: skip
        if act is None:
            return
        aloft.answered.add((key, who))
        refused = self._send(chain, act)
        if refused is not None:
            aloft.answered.discard((key, who))
            aloft.refused.append(f"{wait.title}: {self.company.name(who)}: {refused}")
            if aloft.helped[f"refused {key} {who}"] < _REFUSALS:
                aloft.helped[f"refused {key} {who}"] += 1
                self._tell(chain, aloft, wait, who, offers)
        self.mark(chain)

    def _signs(self, who: str, wait: Wait) -> str:
        """Return under whose name an act is done: what comes from outside is entered by whoever waits for it."""
        return wait.waiting_on[0] if who == self.company.world.id and wait.waiting_on else who

    def _standing(self, chain: str, wait_id: str, who: str) -> Wait | None:
        wait = self._waits.of(chain).get(wait_id)
        return wait if wait is not None and who in self._waited_for(self.state(chain), wait) else None

    def _send(self, chain: str, act: acts.Act) -> str | None:
        """Hand in an act; return why it was refused."""
        try:
            self.time.update(chain, "act", act, Receipt)
        except Refused as refused:
            return str(refused)
        return None

    # --- systems

    def _outputs(self, call: ActionCall, flow: FlowDef) -> Mapping[str, Value]:
        aloft = self.of(call.deal)
        paths = flow.actions[call.action].outputs
        if aloft is None or flow is not self.flow:
            return {path: assumed(flow, flow.facts[path]) for path in paths if path in flow.facts}
        return {path: self.supply(aloft, path) for path in paths if path in flow.facts}

    def _trouble(self, attempt: Attempt) -> timedelta | Failed:
        found = trouble(attempt, self.time.now, self.setting.outages, self.flow, self.setting.until)
        if isinstance(found, Failed):
            self._rounds.tried(attempt, found)
        return found

    # --- the end

    def _land(self, aloft: Aloft, at: datetime) -> None:
        del self.aloft[aloft.deal]
        for key in list(aloft.waiting):
            self.close(aloft, key)
        self.landed(landed(self, aloft, at))
        for chain in [c for c in self.office.journal if self.of_deal(c) == aloft.deal]:
            if self.time.runs[chain].ended:
                self.time.runs[chain].instance = None
            self.office.journal.pop(chain, None)
            self.office.order.pop(chain, None)
            self.office.onboardings.pop(chain, None)
        self._forget()
        for effect in [each for each in self.office.effects if each.startswith(f"{aloft.deal}|")]:
            del self.office.effects[effect]

    def _forget(self) -> None:
        """Let go of values passed on long ago, so that a rehearsal of many deals needs no more memory than one."""
        if not isinstance(self.time.converter, ByReference):
            return
        kept, now = self.time.converter.kept, self.time.now
        if kept:
            self._passed_on.append((now, next(reversed(kept))))
        while self._passed_on and self._passed_on[0][0] < now - _REMEMBERED:
            _, last = self._passed_on.popleft()
            while kept and int(next(iter(kept))) <= int(last):
                del kept[next(iter(kept))]


def _may_fly(flow: FlowDef) -> None:
    written = [s.step.what for s in flow.steps.values() if isinstance(s.step, SubflowDef)]
    strange = [what for what in written if what not in flow.children]
    if strange:
        raise CannotFly(
            f"{flow.name} starts {', '.join(strange)}, a workflow of its own code, which a rehearsal cannot start; "
            "rehearse the flow with a flow in its place"
        )
