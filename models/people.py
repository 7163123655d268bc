"""Who is meant by a role, a manager chain or a fact, and what a request's business time comes to as instants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from email.utils import parseaddr
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from models.absence import Absence, stand_in
from models.approval import barred, short_of
from models.asking import Customer, Group, Managers, Named, Owner, Role, Table, Who, are, who_key, who_words
from models.calendar import CalendarSpec, HorizonTooNear, Instants, Pause, Span, Working, add, days, earlier, reminders
from models.deal import DealState, Record, placed
from models.flow import ApprovalDef
from models.outcomes import Asks, Need, Recorded
from models.parties import looked_up
from models.reading import reading
from models.rules import Facts
from models.values import Day, Moment

FALLBACK_ROLE = "sales_ops"
"""Who stands in for an owner the company no longer has."""
OPERATORS = ("sales_ops", "admin")
"""Roles whose people may move requests; administrators may override them."""

Expand = Callable[[CalendarSpec, datetime, int], Working]
"""Expands a calendar from an instant on for a number of days; zones and holidays are the world's."""


class Member(Protocol):
    """What has to be known of a person to ask them."""

    @property
    def id(self) -> str: ...
    @property
    def roles(self) -> Sequence[str]: ...
    @property
    def manager(self) -> str | None: ...
    @property
    def active(self) -> bool: ...


M = TypeVar("M", bound=Member)
T = TypeVar("T")


class Directory(Generic[M]):
    """The people of the company as they are now, who is away, and the hours they work."""

    def __init__(
        self, people: Iterable[M], absences: Iterable[Absence] = (), calendars: Mapping[str, CalendarSpec] | None = None
    ) -> None:
        self.people = {person.id: person for person in people}
        self.absences = tuple(absences)
        self.calendars = dict(calendars or {})

    def having(self, role: str) -> list[str]:
        """Return the active people of a role."""
        return [p.id for p in self.people.values() if p.active and role in p.roles]

    def resolve(self, who: Who, state: DealState) -> list[str]:
        """Return the ids of the active people `who` means for this deal."""
        match who:
            case Role() | Group():
                return self.having(who.role)
            case Owner(fact=fact):
                named = self.people.get(str(state.facts.get(fact, "")))
                return [named.id] if named is not None and named.active else []
            case Managers(n=n):
                return self._above(str(state.facts.get("owner", "")), n)
            case Customer(contact=contact):
                _, address = parseaddr(str(state.facts.get(contact, "")))
                return [address] if address else []
            case Named(person=person):
                known = self.people.get(person)
                return [person] if known is not None and known.active else []
            case Table():
                return list(
                    dict.fromkeys(
                        p for each in looked_up((who,), state) or () if each != who for p in self.resolve(each, state)
                    )
                )

    def active(self) -> set[str]:
        """Return everybody who can be asked."""
        return {person.id for person in self.people.values() if person.active}

    def leave(self, person: str, party: str = "", facts: Facts | None = None) -> list[Pause]:
        """Return when somebody is away with nobody in their place: time that does not count for them.

        An absence for certain requests only counts where they are asked as that party, on a deal of those facts.
        """
        mine = (each for each in self.absences if each.person == person and each.delegate is None)
        return [(each.starts, each.ends) for each in mine if each.scope.fits(party, facts or {})]

    def owners(self, state: DealState) -> list[str]:
        """Return the deal's owner, or who stands in."""
        found = [p for who in state.flow.owner for p in self.resolve(who, state)]
        return found or self.having(FALLBACK_ROLE)

    def _above(self, person: str, levels: int) -> list[str]:
        for _ in range(levels):
            known = self.people.get(person)
            if known is None or known.manager is None:
                return []
            person = known.manager
        found = self.people.get(person)
        return [found.id] if found is not None and found.active else []


Theirs = tuple[CalendarSpec, tuple[Pause, ...]]
"""One person's hours: their calendar, and when they are away."""


class BusinessTime:
    """The company's calendar and those of its people, expanded and kept for the day."""

    def __init__(self, calendar: CalendarSpec, expand: Expand) -> None:
        self.calendar = calendar
        self.expand = expand
        self._kept: dict[tuple[CalendarSpec, datetime], Working] = {}

    def at(self, start: datetime, *, days: int = 400, calendar: CalendarSpec | None = None) -> Working:
        """Return the company's calendar, or another, from the day of `start` on."""
        spec = calendar or self.calendar
        day = datetime.combine(start.date(), time(), tzinfo=start.tzinfo)
        kept = self._kept.get((spec, day))
        if kept is None or (kept.horizon - day).days < days - 2:
            kept = self.expand(spec, day, days)
            self._kept = {**dict(list(self._kept.items())[-40:]), (spec, day): kept}
        return kept

    def instants(
        self, need: Need, hours: Sequence[Sequence[Theirs]] = (), rungs: Sequence[Sequence[Theirs]] = ()
    ) -> Instants | None:
        """Return when a request rings; None when it has no deadline.

        `hours` are those of the people of each party, `rungs` those of each rung; without them the company's count.
        A party has had its time when the first of its people has; a request, when its last party has.
        """
        if need.date is not None:
            return self._dated(need)
        within = need.within
        if within is None:
            return None
        company = [[(need.hours if isinstance(need.hours, CalendarSpec) else self.calendar, ())]]
        asked, climbing = [each for each in hours if each] or company, list(rungs) or company * len(need.rungs)
        start = need.opened
        due, theirs = max((self._first(each, start, within, need.pauses) for each in asked), key=lambda found: found[0])
        climbs, at = list[datetime](), due
        for rung in climbing:
            at, _ = self._first(rung or company[0], at, within, need.pauses)
            climbs.append(at)
        every = need.remind_every
        reminded = self._far(theirs, start, need.pauses, lambda w: reminders(w, start, every, due, need.pauses))
        return Instants(due=due, rungs=tuple(climbs), reminders=reminded, within=within, remind_every=every)

    def _first(
        self, people: Sequence[Theirs], start: datetime, within: Span, pauses: Sequence[Pause]
    ) -> tuple[datetime, Theirs]:
        found = [(self._far(each, start, pauses, lambda w: add(w, start, within, pauses)), each) for each in people]
        return min(found, key=lambda each: each[0])

    def _dated(self, need: Need) -> Instants | None:
        """A date has come at the start of its day in the company's zone, `lead` before it."""
        match need.date:
            case Day(v=day):
                at = datetime.combine(day, time(), tzinfo=ZoneInfo(self.calendar.zone))
            case Moment(v=moment):
                at = moment
            case _:
                return None
        lead = need.lead
        if lead is not None:
            at = (
                at - lead.length(timedelta(days=1))
                if not lead.unit.business
                else earlier(self.at(at - timedelta(days=400), days=410), at, lead)
            )
        return Instants(due=at.astimezone(need.opened.tzinfo), within=need.within or days(0))

    def _far(self, theirs: Theirs, start: datetime, pauses: Sequence[Pause], compute: Callable[[Working], T]) -> T:
        calendar, away = theirs
        for reach in (400, 800, 3650):
            try:
                working = self.at(start, days=reach, calendar=calendar)
                return compute(working.without((*pauses, *away)) if pauses or away else working)
            except HorizonTooNear:
                continue
        raise ValueError("a deadline more than ten years away; give the step a shorter time")


def find_out(
    directory: Directory[M], clock: BusinessTime, state: DealState, needs: Iterable[Need], at: datetime | None = None
) -> Recorded:
    """Return whom a deal's open requests ask at this moment, and instants for those that lack them."""
    people: dict[str, list[str]] = {"managers:1": directory.resolve(Managers(n=1), state)}
    people |= {f"role:{role}": directory.having(role) for role in OPERATORS}
    for who in state.flow.owner:
        people[who_key(who)] = directory.resolve(who, state) or directory.having(FALLBACK_ROLE)
    times: dict[str, Instants] = {}
    asks: dict[str, Asks] = {}
    for need in needs:
        for who in (*need.parties, *need.fallback, *(w for rung in need.rungs for w in rung)):
            key = who_key(who)
            if key not in people:
                people[key] = directory.resolve(who, state)
        if placed(state, need.step) is not None:
            asks[need.step] = _Asking(directory, state, need, people, at or need.opened).found()
        found = clock.instants(need, *_hours(directory, clock, need, asks.get(need.step), people, state.facts))
        if found is not None:
            times[need.step] = found
    return Recorded(people=people, asks=asks, instants=times)


def _hours(
    directory: Directory[M],
    clock: BusinessTime,
    need: Need,
    asks: Asks | None,
    people: Mapping[str, list[str]],
    facts: Facts,
) -> tuple[list[list[Theirs]], list[list[Theirs]]]:
    """Return the hours of everybody asked, party by party, and of everybody on each rung; nothing where unwanted."""
    if need.hours != "person" or asks is None:
        return [], []

    def theirs(person: str, party: str) -> Theirs:
        return directory.calendars.get(person, clock.calendar), tuple(directory.leave(person, party, facts))

    rungs = [[theirs(p, who_key(who)) for who in rung for p in people.get(who_key(who), ())] for rung in need.rungs]
    return [[theirs(p, party) for p in asked] for party, asked in asks.asked.items()], rungs


class _Asking(Generic[M]):
    """Works out who is asked for one request: who is meant, moved by people, stood in for, and found when too few."""

    def __init__(
        self, directory: Directory[M], state: DealState, need: Need, people: Mapping[str, list[str]], at: datetime
    ) -> None:
        self.directory, self.state, self.need, self.people, self.at = directory, state, need, people, at
        self.record = state.record(need.step)
        self.able = directory.active()
        self.stands_in: dict[str, str] = {}
        self.handed: dict[str, dict[str, str]] = {}
        self.told: list[str] = []

    def found(self) -> Asks:
        """Return who is asked, with whoever is called in where too few are left who may answer."""
        climbed = self.need.rungs[: self.record.clock.rung if self.record.clock is not None else 0]
        asked = {}
        for who in self.need.parties:
            key = who_key(who)
            meant = self._moved(key, [*self.people.get(key, []), *self._meant(climbed)])
            asked[key] = self._handed(key, meant) if not isinstance(who, Customer) else meant
        rest = self.need.rungs[len(climbed) :]
        for called, how in ((self.need.fallback, "as the fallback"), *((rung, "early") for rung in rest)):
            short = self._short(asked)
            if not short:
                break
            people = self._meant((called,))
            for key in dict.fromkeys(who_key(who) for who in short):
                asked[key] = list(dict.fromkeys([*asked[key], *self._handed(key, self._moved(key, people))]))
            if people:
                missing = " and ".join(dict.fromkeys(who_words(who) for who in short))
                self.told.append(f"too few can answer for {missing}, so {', '.join(people)} {are(people)} asked {how}")
        return Asks(asked=asked, stands_in=self.stands_in, handed=self.handed, told=tuple(dict.fromkeys(self.told)))

    def _meant(self, rungs: Iterable[Sequence[Who]]) -> list[str]:
        return [p for rung in rungs for who in rung for p in self.people.get(who_key(who), [])]

    def _moved(self, party: str, meant: list[str]) -> list[str]:
        """Follow what people did by hand: one person asked in another's place."""
        for move in self.record.moved:
            if move.parties and party not in move.parties:
                continue
            meant = [p for p in meant if p != move.of]
            if move.to in self.able and move.to not in meant:
                meant = [*meant, move.to]
        return meant

    def _handed(self, party: str, meant: list[str]) -> list[str]:
        """Let whoever is away be stood in for."""
        asked: list[str] = []
        for person in meant:
            here = person
            if not self._barred(person):  # nobody decides in the name of somebody who may not
                here = stand_in(person, party, self.state.facts, self.directory.absences, self.at, self.able)
            if here != person and here not in meant:
                self.stands_in.setdefault(here, person)
                self.handed.setdefault(party, {}).setdefault(here, person)
                self.told.append(f"{here} stands in for {person}")
            asked.append(here)
        return list(dict.fromkeys(asked))

    def _barred(self, person: str) -> bool:
        here = placed(self.state, self.need.step)
        return here is not None and isinstance(here.step, ApprovalDef) and bool(barred(here.step, person, self.state))

    def _short(self, asked: dict[str, list[str]]) -> list[Who]:
        here = placed(self.state, self.need.step)
        if here is None or not isinstance(here.step, ApprovalDef):
            return [who for who in self.need.parties if not asked[who_key(who)]]
        trial: Record = self.record.model_copy(update={"asked": asked, "stands_in": self.stands_in, "resolved": True})
        return short_of(here.step, trial, reading(here.step, self.need.step, self.state), self.state)
