"""The people of the company as the database has them: who they are, who is away, and the hours they work."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Any

from pydantic import ValidationError
from sqlmodel import col, select

from activities.calendars import UnknownCalendar, working
from connectors.database import ReadSession, WriteSession
from models.absence import Absence, Scope
from models.calendar import CalendarSpec
from models.people import BusinessTime, Directory
from models.tables.people import AbsenceRow, Person

log = logging.getLogger(__name__)
Session = ReadSession | WriteSession
REMEMBERED = timedelta(days=400)
"""How long past leave is known: the clock of a request opened before it still leaves those days out."""


async def everybody(session: Session) -> Directory[Person]:
    """Read everybody with their absences and hours; a company's people are few."""
    people = list((await session.execute(select(Person).order_by(col(Person.id)))).scalars())
    for person in people:
        session.expunge(person)  # others use them after this transaction, which may fail
    calendars = {person.id: known for person in people if (known := hours_of(person)) is not None}
    return Directory(people, await absences(session), calendars)


async def absences(session: Session) -> list[Absence]:
    """Return who is away when, the ones for certain requests only before those for everything."""
    row = AbsenceRow
    query = (
        select(row)
        .where(col(row.ends) > datetime.now(UTC) - REMEMBERED)
        .order_by((col(row.scope) == {}).asc(), col(row.created_at), col(row.id))
    )
    found: list[Absence] = []
    for each in (await session.execute(query)).scalars():
        session.expunge(each)
        absence = absence_of(each)
        if absence is not None:
            found.append(absence)
    return found


def absence_of(row: AbsenceRow) -> Absence | None:
    """Return the time somebody is really away; None when it was taken back before it began."""
    ends = row.ends if row.ended_at is None else min(row.ends, row.ended_at)
    if row.starts >= ends:
        return None
    return _absence(row.person, row.starts, ends, row.delegate, json.dumps(row.scope, sort_keys=True), row.note)


def hours_of(person: Person) -> CalendarSpec | None:
    """Return when a person works; None when what is kept of it cannot be used, so that the company's hours count."""
    return _hours(person.zone, person.country, json.dumps(person.calendar or {}, sort_keys=True))


def calendar(zone: str, country: str | None, own: Mapping[str, Any] | None) -> CalendarSpec:
    """Return a person's working hours. Raises ValueError in words that say what to do."""
    try:
        spec = CalendarSpec.model_validate({**(own or {}), "zone": zone, "country": country or None})
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise ValueError(said if place in {"", "week"} else f"{place}: {said}") from wrong
    working(spec, datetime.now(UTC), 370)
    return spec


def business_time(company: CalendarSpec) -> BusinessTime:
    """Return the company's clock, which expands its calendar as it needs it."""
    return BusinessTime(company, working)


class Roster:
    """The directory, read at most once a second: a burst of deals asks for the same few people."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._directory: Directory[Person] = Directory([])

    def recent(self) -> Directory[Person] | None:
        """Return the people as they were within the last second; None when they have to be read."""
        return self._directory if monotonic() - self._read_at <= 1 else None

    async def now(self, session: Session) -> Directory[Person]:
        """Return the people as they were within the last second, or since they were last forgotten."""
        known = self.recent()
        if known is None:
            at = monotonic()
            known = self._directory = await everybody(session)
            self._read_at = at
        return known

    def forget(self) -> None:
        """Read them anew next time: somebody says that they changed."""
        self._read_at = float("-inf")


@lru_cache(maxsize=4096)
def _absence(
    person: str, starts: datetime, ends: datetime, delegate: str | None, scope: str, note: str
) -> Absence | None:
    try:
        within = Scope.model_validate(json.loads(scope))
        return Absence(person=person, starts=starts, ends=ends, delegate=delegate, scope=within, note=note)
    except ValidationError:
        log.warning("an absence of %s cannot be read and is left out: %s", person, scope)
        return None


@lru_cache(maxsize=4096)
def _hours(zone: str, country: str, own: str) -> CalendarSpec | None:
    try:
        return calendar(zone, country, json.loads(own))
    except (ValueError, UnknownCalendar) as wrong:
        log.warning("working hours cannot be used, so the company's count (%s, %s): %s", zone, country, wrong)
        return None
