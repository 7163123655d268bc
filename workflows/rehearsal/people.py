"""The people of a rehearsal: when they work, how long they take to answer, what they tend to say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 (no workflow draws here; its people do)
from zoneinfo import ZoneInfo  # noqa: TID251 (stories are told in a zone; workflows get instants)

from models.calendar import CalendarSpec, HorizonTooNear, Working, between, later
from models.flow import FlowDef
from models.people import Directory, Expand
from workflows.stand_ins import with_stand_ins

_SHORTEST, _LONGEST = 0.05, 20.0
"""Nobody answers in less or more than these multiples of their median: a rehearsal is about ordinary days."""


Draw = Random
"""Where chance comes from."""
Zone = ZoneInfo


@dataclass(frozen=True)
class Habit:
    """How somebody answers. `hours` are working hours until they look at a request: the median of many.

    Two of three times they look between `hours / spread` and `hours * spread`. Shares are percent of requests.
    """

    hours: float = 3.0
    spread: float = 2.0
    minutes: float = 15.0
    """Working minutes an answer takes; while they work at one, the others wait."""
    no: Decimal = Decimal(0)
    ask_changes: Decimal = Decimal(0)
    ask_information: Decimal = Decimal(0)

    def until_looked(self, draw: Draw) -> timedelta:
        """Return the working time until they look at a request."""
        factor = math.exp(draw.gauss(0.0, 1.0) * math.log(self.spread)) if self.spread > 1 else 1.0
        return timedelta(seconds=round(3600 * self.hours * min(max(factor, _SHORTEST), _LONGEST)))

    def says(self, draw: Draw, *, asked_before: bool) -> str:
        """Return what they say to an approval: yes, no, ask_changes or ask_information (once per request)."""
        drawn = Decimal(str(draw.random())) * 100
        for word in ("no", "ask_changes", "ask_information"):
            share: Decimal = getattr(self, word)
            if drawn < share:
                return "yes" if word == "ask_information" and asked_before else word
            drawn -= share
        return "yes"


@dataclass(frozen=True)
class Person:
    """Somebody a deal may wait for. A leave is in the calendar's days off."""

    id: str
    name: str
    calendar: CalendarSpec
    roles: tuple[str, ...] = ()
    manager: str | None = None
    habit: Habit = Habit()
    active: bool = True


USUAL = Habit(no=Decimal(2), ask_changes=Decimal(5), ask_information=Decimal(4))
"""How people answer of whom nobody says otherwise."""
OFFICE_HOURS = CalendarSpec(zone="UTC")
SIGNER = Person("customer", "The customer", OFFICE_HOURS, habit=Habit(hours=12, spread=2.5, minutes=20, no=Decimal(4)))
VENDOR = Person("vendor", "The vendor", OFFICE_HOURS, habit=Habit(hours=4))
WORLD = Person("outside", "The outside world", OFFICE_HOURS, habit=Habit(hours=16, spread=2, minutes=0))


@dataclass(frozen=True)
class Company:
    """Everybody there is: the company's people, and how customers and vendors behave."""

    people: tuple[Person, ...]
    signer: Person = SIGNER
    vendor: Person = VENDOR
    world: Person = WORLD
    """What comes from outside by itself, such as a purchase order a deal waits for."""
    named: Mapping[str, Person] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", {person.id: person for person in self.people})

    def find(self, who: str) -> Person:
        """Return the person of an id, or somebody of their kind: an address is a customer's."""
        known = self.named.get(who)
        if known is not None:
            return known
        if "@" in who:
            return replace(self.signer, id=who, name=who)
        others = {self.vendor.id: self.vendor, self.world.id: self.world, self.signer.id: self.signer}
        return others.get(who) or replace(self.vendor, id=who, name=who.replace("_", " ").capitalize())

    def name(self, who: str) -> str:
        """Return what somebody is called in a story."""
        return self.find(who).name

    def called(self, who: str) -> str:
        """Return the name of one of its people, or the word itself when it is nobody's id."""
        return self.named[who].name if who in self.named else who

    def among(self, role: str) -> Person | None:
        """Return the first active person of a role."""
        return next((each for each in self.people if each.active and role in each.roles), None)


class Diary:
    """When each person works, and how much of it went into answers."""

    def __init__(self, company: Company, expand: Expand, start: datetime, days: int) -> None:
        self.company = company
        self._expand, self._start, self._days = expand, start - timedelta(days=2), days + 2
        self._working: dict[CalendarSpec, Working] = {}
        self.busy: dict[str, timedelta] = {}
        """Person -> working time spent on answers."""
        self.queued: dict[str, timedelta] = {}
        """Person -> working time requests lay there while they were at others."""

    def of(self, person: Person) -> Working:
        """Return when somebody works, leave and holidays left out."""
        return self.calendar(person.calendar)

    def calendar(self, spec: CalendarSpec) -> Working:
        """Return a calendar for the whole rehearsal, expanded once."""
        if spec not in self._working:
            self._working[spec] = self._expand(spec, self._start, self._days)
        return self._working[spec]

    def expand(self, spec: CalendarSpec, start: datetime, days: int) -> Working:
        """Return a calendar that covers some days: the rehearsal's own where that is enough; expanding is slow."""
        whole = self.calendar(spec)
        covers = whole.start + timedelta(days=1) <= start and start + timedelta(days=days) <= whole.horizon
        return whole if covers else self._expand(spec, start, days)

    def after(self, person: Person, at: datetime, worked: timedelta) -> datetime | None:
        """Return when somebody has worked so long since `at`; None when they will not within the rehearsal."""
        try:
            # A minute of work at least begins inside working hours, never at the end of a day.
            return later(self.of(person), at, max(worked, timedelta(minutes=1)))
        except HorizonTooNear:
            return None

    def work(self, person: Person, looked: datetime, begin: datetime) -> datetime | None:
        """Let somebody begin an answer to what they looked at before; return when it is done."""
        work = timedelta(minutes=person.habit.minutes)
        done = self.after(person, begin, work)
        if done is not None:
            self.busy[person.id] = self.busy.get(person.id, timedelta(0)) + work
            if begin > looked:
                self.queued[person.id] = self.queued.get(person.id, timedelta(0)) + self.worked(person, looked, begin)
        return done

    def worked(self, person: Person, since: datetime, until: datetime) -> timedelta:
        """Return the working time of somebody between two instants."""
        working = self.of(person)
        return between(working, max(since, working.start), min(until, working.horizon))


def draws(*of: object) -> Draw:
    """Return random draws that belong to one thing only, so that a change elsewhere does not move them."""
    return Random("|".join(str(each) for each in of))  # noqa: S311 (a rehearsal is to be repeatable, not secret)


def company_of(people: Sequence[Person], usual: CalendarSpec) -> Company:
    """Return a company whose customers and vendors keep its own hours."""
    others = [replace(person, calendar=usual) for person in (SIGNER, VENDOR, WORLD)]
    return Company(tuple(people), *others)


def manned(company: Company, flow: FlowDef, usual: CalendarSpec) -> Company:
    """Return the company with somebody in every role the flow names: a flow of another line of business can fly too."""
    _, added = with_stand_ins(flow, Directory(company.people))
    people = [Person(each.id, each.name, usual, each.roles, habit=USUAL) for each in added]
    return replace(company, people=(*company.people, *people))


def on_leave(calendar: CalendarSpec, ranges: Sequence[tuple[datetime, datetime]]) -> CalendarSpec:
    """Return a calendar with every day of the ranges, first and last included, off."""
    days = {
        (first + timedelta(days=i)).date() for first, last in ranges for i in range((last - first).days + 1)
    }  # fmt: skip
    return calendar.model_copy(update={"days_off": tuple(sorted({*calendar.days_off, *days}))})


def utc(at: datetime) -> datetime:
    """Return an instant in UTC, in which everything is computed."""
    return at.astimezone(UTC)
