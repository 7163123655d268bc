"""Whose hours a request counts: from a person's row to exact instants, across clock changes, holidays and leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import delete

from activities.people import business_time, everybody
from connectors.database import Database
from models.calendar import CalendarSpec, Span, Unit
from models.outcomes import Need
from models.people import Directory
from models.tables.people import AbsenceRow, Person

COMPANY = business_time(CalendarSpec(zone="America/Chicago", country="US"))
DAYS, HOURS = Unit.BUSINESS_DAYS, Unit.BUSINESS_HOURS


@pytest.fixture
async def company(database: Database) -> AsyncIterator[Database]:
    """Nobody works here yet."""
    yield database
    async with database.write() as session:
        for table in (AbsenceRow, Person):
            await session.execute(delete(table))


async def known(database: Database, person: dict[str, Any], *leaves: dict[str, Any]) -> Directory[Person]:
    async with database.write() as session:
        session.add(Person(**{"id": "noor", "name": "Noor", "email": "noor@halden.example", **person}))
        for number, leave in enumerate(leaves):
            session.add(AbsenceRow(**{"id": str(number), "person": "noor", "created_by": "noor", **leave}))
    async with database.read() as session:
        return await everybody(session)


def due(directory: Directory[Person], opened: str, n: int, unit: Unit) -> str:
    """Return when a request opened then is due by noor's own hours, in UTC."""
    within = Span(n=n, unit=unit)
    need = Need(step="approval:a", parties=(), within=within, opened=datetime.fromisoformat(opened), hours="person")
    theirs = (directory.calendars["noor"], tuple(directory.leave("noor")))
    found = COMPANY.instants(need, [[theirs]])
    assert found is not None
    return found.due.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")


BERLIN, DELHI, ADELAIDE = (
    {"zone": "Europe/Berlin", "country": "DE"},
    {"zone": "Asia/Kolkata", "country": "IN"},
    {"zone": "Australia/Adelaide", "country": "AU"},
)


@pytest.mark.parametrize(
    ("person", "opened", "n", "unit", "instant"),
    [
        # Friday 16:00 in Berlin, one hour left that day; on Sunday clocks spring forward; Monday 9:00 is 7:00 UTC.
        (BERLIN, "2027-03-26T15:00Z", 1, HOURS, "2027-03-30T08:00Z"),  # Good Friday and Easter Monday are off
        (BERLIN, "2027-04-02T14:00Z", 2, HOURS, "2027-04-05T08:00Z"),
        (BERLIN, "2026-10-23T14:00Z", 2, HOURS, "2026-10-26T09:00Z"),  # and back in autumn
        # Half an hour off the full hour, all year.
        (DELHI, "2026-12-01T03:30Z", 8, HOURS, "2026-12-01T11:30Z"),
        (DELHI, "2026-12-01T11:00Z", 1, HOURS, "2026-12-02T04:00Z"),
        # Half an hour, with summer time that begins in October.
        (ADELAIDE, "2026-10-02T07:00Z", 1, HOURS, "2026-10-04T23:00Z"),
        ({**ADELAIDE, "calendar": {"region": "SA"}}, "2026-10-02T07:00Z", 1, HOURS, "2026-10-05T23:00Z"),  # Labour Day
        # Only mornings, Monday to Thursday.
        ({**BERLIN, "calendar": {"week": [[["08:00", "12:00"]]] * 4 + [[]] * 3}}, "2026-11-19T10:00Z", 1, DAYS,
         "2026-11-23T10:00Z"),
        # A holiday that only one region has, and a day off of one's own.
        ({**BERLIN, "calendar": {"region": "BY"}}, "2027-01-05T15:00Z", 2, HOURS, "2027-01-07T09:00Z"),
        (BERLIN, "2027-01-05T15:00Z", 2, HOURS, "2027-01-06T09:00Z"),
        ({**BERLIN, "calendar": {"days_off": ["2027-01-06"]}}, "2027-01-05T15:00Z", 2, HOURS, "2027-01-07T09:00Z"),
    ],
)  # fmt: skip
async def test_time_is_that_of_the_person_asked(
    company: Database, person: dict[str, Any], opened: str, n: int, unit: Unit, instant: str
) -> None:
    assert due(await known(company, person), opened, n, unit) == instant


LEAVE = {"starts": datetime(2026, 11, 24, 11, tzinfo=UTC), "ends": datetime(2026, 11, 25, 23, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("leave", "instant"),
    [
        ({}, "2026-11-27T12:00Z"),  # away from Tuesday noon: one hour on Monday, three on Tuesday, none on Wednesday
        ({"delegate": "ben"}, "2026-11-25T15:00Z"),  # somebody answers meanwhile, so the days count
        ({"ended_at": datetime(2026, 11, 24, 11, tzinfo=UTC)}, "2026-11-25T15:00Z"),  # taken back
        ({"ended_at": datetime(2026, 11, 24, 13, tzinfo=UTC)}, "2026-11-26T09:00Z"),  # cut short after two hours
    ],
)
async def test_leave_in_the_middle_does_not_count_unless_somebody_stands_in(
    company: Database, leave: dict[str, Any], instant: str
) -> None:
    directory = await known(company, BERLIN, {**LEAVE, **leave})
    assert due(directory, "2026-11-23T15:00Z", 2, DAYS) == instant


async def test_an_absence_nobody_can_read_is_left_out_and_the_others_count(company: Database) -> None:
    broken = {**LEAVE, "scope": {"below": "a lot"}}
    directory = await known(company, BERLIN, broken, {**LEAVE, "delegate": "ben"})
    assert [absence.delegate for absence in directory.absences] == ["ben"]


async def test_an_absence_for_certain_requests_is_looked_at_before_one_for_all(company: Database) -> None:
    everything = {**LEAVE, "delegate": "ben", "created_at": datetime(2026, 11, 1, tzinfo=UTC)}
    some = {**LEAVE, "delegate": "vera", "scope": {"roles": ["finance"]}}
    directory = await known(company, BERLIN, everything, some)
    assert [absence.delegate for absence in directory.absences] == ["vera", "ben"]
