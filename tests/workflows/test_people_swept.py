"""From a change of people to the deals it affects, on a real server, entered as the API does and swept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, delete, select
from temporalio.client import WorkflowHandle

from activities.journal import first_broken
from api import absences, staff, sweep
from api.auth import Caller
from api.parts import Parts
from api.people_changes import affected
from connectors.database import Database
from models.tables.journal import JournalRow
from models.tables.people import AbsenceRow, PeopleChange, Person
from models.tables.requests import Request
from tests.workflows.doors import doors
from tests.workflows.worlds import Company, Outside, connect, employ

DISCOUNT = "approval:discount"


@pytest.fixture
async def company(database: Database, temporal_server: Any) -> Company:
    await employ(database)
    return Company(await connect(temporal_server.address), database, Outside())


@pytest.fixture
async def parts(company: Company, temporal_server: Any) -> AsyncIterator[Parts]:
    """The company at work with the sweep beside it; everybody is back afterwards."""
    parts = doors(company.database, lambda: connect(temporal_server.address))
    async with company.at_work():
        sweeping = asyncio.create_task(sweep.run(parts))
        yield parts
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
    async with company.database.write() as session:
        for table in (AbsenceRow, PeopleChange):
            await session.execute(delete(table))
        for person in (await session.execute(select(Person))).scalars():
            person.active = True


async def caller(database: Database, name: str, *roles: str) -> Caller:
    async with database.read() as session:
        person = await session.get_one(Person, name)
    found = Caller.of(person, "token")
    return Caller(**{**found.__dict__, "roles": found.roles | set(roles)})


async def row(company: Company, handle: WorkflowHandle, fits: Callable[[Request], bool]) -> Request:
    """Return what the inbox shows of the discount once it is so."""
    found: list[Request] = []
    for _ in range(400):
        async with company.database.read() as session:
            asked = select(Request).where(col(Request.deal_id) == handle.id, col(Request.step) == DISCOUNT)
            found = list(await session.scalars(asked))
        for each in found:
            if fits(each):
                return each
        await asyncio.sleep(0.05)
    raise AssertionError([(each.people, each.kind, each.state) for each in found])


def asks(*people: str) -> Callable[[Request], bool]:
    return lambda request: (sorted(request.people), request.kind, request.state) == (sorted(people), "approval", "open")


async def entries(company: Company, handle: WorkflowHandle) -> list[JournalRow]:
    mine = select(JournalRow).where(col(JournalRow.deal_id) == handle.id).order_by(col(JournalRow.position))
    async with company.database.read() as session:
        return list(await session.scalars(mine))


async def test_open_requests_move_when_an_absence_begins_and_untouched_ones_come_back_when_it_ends(
    company: Company, parts: Parts
) -> None:
    untouched, touched = await company.arrive(), await company.arrive()
    for handle in (untouched, touched):
        await row(company, handle, asks("joel"))
    now, joel = datetime.now(UTC), await caller(company.database, "joel")
    leave = absences.Wanted(
        person="joel", starts=now.isoformat(), ends=(now + timedelta(days=3)).isoformat(), delegate="noor"
    )
    entered = await absences.enter(parts, joel, leave)
    assert entered.waiting == 2
    for handle in (untouched, touched):
        await row(company, handle, asks("noor"))
    await company.answer(touched, "noor", DISCOUNT)
    await absences.end(parts, joel, entered.row.id)
    await row(company, untouched, asks("joel"))
    answered = await row(company, touched, lambda request: request.state == "closed")
    assert (answered.answered_by, answered.outcome) == ("noor", "approved")
    (decision,) = (await company.state(touched)).record(DISCOUNT).decisions
    assert (decision.person, decision.on_behalf_of) == ("noor", "joel")
    moves = [entry.text for entry in await entries(company, untouched) if entry.kind == "people"]
    assert "noor stands in for joel" in moves[0]
    assert "joel is asked" in moves[-1]
    assert "noor is no longer asked" in moves[-1]


async def test_nobody_leaves_an_orphan_behind_and_what_has_happened_keeps_every_byte(
    company: Company, parts: Parts
) -> None:
    answered, opened = await company.arrive(), await company.arrive()
    await company.answer(answered, "joel", DISCOUNT)
    done = await row(company, answered, lambda request: request.state == "closed")
    await row(company, opened, asks("joel"))
    history = [event.SerializeToString(deterministic=True) for event in (await opened.fetch_history()).events]
    journal = {handle.id: await entries(company, handle) for handle in (answered, opened)}

    iris = await caller(company.database, "iris", "admin")
    gone = await staff.change(parts, iris, "joel", {"active": False})
    assert gone.notes[0].startswith("Nobody holds deal_desk any more: ")
    async with company.database.read() as session:
        reached = await affected(session, ["joel"], ["role:deal_desk"])
    assert opened.id in reached
    assert answered.id not in reached, "the deal that waits for somebody else now is left alone"
    moved = await row(company, opened, lambda request: "joel" not in request.people)
    assert moved.people, "the first rung of the ladder is asked early, or operations see an incident"

    after = [event.SerializeToString(deterministic=True) for event in (await opened.fetch_history()).events]
    assert after[: len(history)] == history
    for handle in (answered, opened):
        was = journal[handle.id]
        is_now = await entries(company, handle)
        assert [entry.hash for entry in is_now[: len(was)]] == [entry.hash for entry in was]
        async with company.database.read() as session:
            assert await first_broken(session, handle.id) is None
    assert (await row(company, answered, lambda request: True)).model_dump() == done.model_dump()

    await staff.change(parts, iris, "vera", {"active": False})
    stuck = await row(company, opened, lambda request: (request.kind, request.state) == ("incident", "open"))
    assert (stuck.people, stuck.asks) == (["dana"], ["role:deal_desk"])
    await staff.change(parts, iris, "joel", {"active": True})
    await row(company, opened, asks("joel"))
    await company.answer(opened, "joel", DISCOUNT)
