"""The people that every record shares: read once a second, and none the worse for a transaction that failed."""

from __future__ import annotations

import pytest

from activities.people import Roster
from connectors.database import Database
from models.tables.people import Person


class Broken(Exception):
    """What ends a transaction in the middle."""


async def test_people_read_in_a_transaction_that_failed_serve_the_next_one(database: Database) -> None:
    async with database.write() as session:
        session.add(Person(id="noor", name="Noor", email="noor@halden.example", roles=["finance"], manager="vera"))
    roster = Roster()

    async def fail() -> None:
        async with database.write() as session:
            await roster.now(session)
            raise Broken

    with pytest.raises(Broken):
        await fail()
    async with database.write() as session:
        directory = await roster.now(session)
    person = directory.people["noor"]
    assert (person.manager, person.roles, person.email) == ("vera", ["finance"], "noor@halden.example")


async def test_people_who_are_said_to_have_changed_are_read_anew(database: Database) -> None:
    roster = Roster()
    async with database.write() as session:
        await roster.now(session)
        session.add(Person(id="kim", name="Kim", email="kim@halden.example"))
        await session.flush()
        assert "kim" not in (await roster.now(session)).people, "read within the last second"
        roster.forget()
        assert "kim" in (await roster.now(session)).people
