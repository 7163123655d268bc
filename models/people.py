"""Who is meant by a role, a manager chain or a fact, and what a request's business time comes to as instants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time, timedelta
from email.utils import parseaddr
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from models.asking import Customer, Group, Managers, Owner, Role, Who, who_key
from models.calendar import CalendarSpec, HorizonTooNear, Instants, Working, days, earlier, instants, resume
from models.deal import DealState
from models.outcomes import Need, Recorded
from models.values import Day, Moment

FALLBACK_ROLE = "sales_ops"
"""Who stands in for an owner the company no longer has."""

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


class Directory(Generic[M]):
    """The people of the company as they are now."""

    def __init__(self, people: Iterable[M]) -> None:
        self.people = {person.id: person for person in people}

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
            case _:
                return []

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


class BusinessTime:
    """One company calendar, expanded and kept for the day."""

    def __init__(self, calendar: CalendarSpec, expand: Expand) -> None:
        self.calendar = calendar
        self.expand = expand
        self._kept: dict[datetime, Working] = {}

    def at(self, start: datetime, *, days: int = 400) -> Working:
        """Return the calendar from the day of `start` on."""
        day = datetime.combine(start.date(), time(), tzinfo=start.tzinfo)
        if day not in self._kept or (self._kept[day].horizon - day).days < days - 2:
            self._kept = {**dict(list(self._kept.items())[-20:]), day: self.expand(self.calendar, day, days)}
        return self._kept[day]

    def instants(self, need: Need) -> Instants | None:
        """Return when a request rings; None when it has no deadline."""
        stopped, at, now = need.stopped, need.stopped_at, need.resumed_at
        if stopped is not None and at is not None and now is not None:
            return self._far(lambda calendar: resume(calendar, stopped, at, now), at)
        if need.date is not None:
            return self._dated(need)
        within = need.within
        if within is None:
            return None
        return self._far(lambda w: instants(w, need.opened, within, len(need.rungs), need.remind_every), need.opened)

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

    def _far(self, compute: Callable[[Working], Instants], start: datetime) -> Instants:
        for reach in (400, 800, 3650):
            try:
                return compute(self.at(start, days=reach))
            except HorizonTooNear:
                continue
        raise ValueError("a deadline more than ten years away; give the step a shorter time")


def find_out(directory: Directory[M], clock: BusinessTime, state: DealState, needs: Iterable[Need]) -> Recorded:
    """Return people for everybody a deal's open requests may ask, and instants for those that lack them."""
    people: dict[str, list[str]] = {"managers:1": directory.resolve(Managers(n=1), state)}
    for who in state.flow.owner:
        people[who_key(who)] = directory.resolve(who, state) or directory.having(FALLBACK_ROLE)
    times: dict[str, Instants] = {}
    for need in needs:
        for who in (*need.parties, *(w for rung in need.rungs for w in rung)):
            key = who_key(who)
            if key not in people:
                people[key] = directory.resolve(who, state)
        found = clock.instants(need)
        if found is not None:
            times[need.step] = found
    return Recorded(people=people, instants=times)
