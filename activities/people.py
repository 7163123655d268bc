"""The people of the company as the database has them, and the clock they work by."""

from __future__ import annotations

from time import monotonic

from sqlmodel import col, select

from activities.calendars import working
from connectors.database import ReadSession, WriteSession
from models.calendar import CalendarSpec
from models.people import BusinessTime, Directory
from models.tables.people import Person

Session = ReadSession | WriteSession


async def everybody(session: Session) -> Directory[Person]:
    """Read everybody; a company's people are few."""
    people = list((await session.execute(select(Person).order_by(col(Person.id)))).scalars())
    for person in people:
        session.expunge(person)  # others use them after this transaction, which may fail
    return Directory(people)


def business_time(calendar: CalendarSpec) -> BusinessTime:
    """Return the company's clock, which expands its calendar as it needs it."""
    return BusinessTime(calendar, working)


class Roster:
    """The directory, read at most once a second: a burst of deals asks for the same few people."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._directory: Directory[Person] = Directory([])

    async def now(self, session: Session) -> Directory[Person]:
        """Return the people as they were within the last second."""
        at = monotonic()
        if at - self._read_at > 1:
            self._directory, self._read_at = await everybody(session), at
        return self._directory
