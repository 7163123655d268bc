"""Inbound events: kept once, handed out in order, one object at a time, given back when a relay dies."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.inbound import Claimed, Kept, claim, count, finish, reject, store, try_again
from connectors.database import Database

T0 = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
_keys = itertools.count(1)


@pytest.fixture(autouse=True)
async def an_empty_queue(database: Database) -> None:
    async with database.write() as session:
        await (await session.connection()).execute(text("delete from inbound_event"))


async def arrive(database: Database, object_id: str, minute: int, key: str | None = None) -> Kept:
    async with database.write() as session:
        return await store(
            session,
            "hubspot",
            key or f"e{next(_keys)}",
            kind="changed",
            object_id=object_id,
            occurred_at=T0 + timedelta(minutes=minute),
            raw=b'{"objectId": 1}',
        )


async def take(database: Database, **more: Any) -> list[Claimed]:
    async with database.write() as session:
        return await claim(session, **more)


async def end(database: Database, event: Claimed, **more: Any) -> bool:
    async with database.write() as session:
        return await finish(session, event, "relayed", **more)


async def later(database: Database, by: timedelta) -> None:
    async with database.write() as session:
        move = "update inbound_event set lease_until = lease_until - :by, not_before = not_before - :by"
        await (await session.connection()).execute(text(move), {"by": by})


async def rows(database: Database) -> list[Any]:
    async with database.read() as session:
        found = await (await session.connection()).execute(text("select * from inbound_event order by id"))
        return list(found.all())


async def test_an_event_that_comes_three_times_is_kept_once(database: Database) -> None:
    kept = [await arrive(database, "1", 0, "same") for _ in range(3)]
    assert kept == [Kept.STORED, Kept.DUPLICATE, Kept.DUPLICATE]
    together = await asyncio.gather(*(arrive(database, "1", 0, "other") for _ in range(6)))
    assert sorted(together) == [Kept.DUPLICATE] * 5 + [Kept.STORED]
    assert [bytes(each.raw) for each in await rows(database)] == [b'{"objectId": 1}'] * 2


async def test_the_events_of_one_object_come_in_the_order_they_happened_one_at_a_time(database: Database) -> None:
    for minute in (3, 1, 2):
        await arrive(database, "a", minute)
    await arrive(database, "b", 9)
    first = await take(database)
    assert sorted((each.object_id, each.occurred_at.minute) for each in first) == [("a", 1), ("b", 9)]
    assert await take(database) == []
    for each in first:
        assert await end(database, each, deal_id="deal/hubspot/a")
    [second] = await take(database)
    assert second.occurred_at.minute == 2


async def test_an_event_from_before_that_arrives_late_waits_for_the_one_in_work(database: Database) -> None:
    await arrive(database, "a", 5)
    [working] = await take(database)
    await arrive(database, "a", 1)
    assert await take(database) == []
    await end(database, working)
    [late] = await take(database)
    assert late.occurred_at.minute == 1


async def test_a_relay_that_died_loses_its_event_to_another(database: Database) -> None:
    await arrive(database, "a", 1)
    [dead] = await take(database)
    await later(database, timedelta(minutes=2))
    [taken] = await take(database)
    assert (taken.id, taken.tries) == (dead.id, 2)
    assert not await end(database, dead)
    assert await end(database, taken)
    assert (await rows(database))[0].state == "relayed"


async def test_an_event_tried_again_later_holds_up_its_object_only(database: Database) -> None:
    await arrive(database, "a", 1)
    await arrive(database, "a", 2)
    [first] = await take(database)
    async with database.write() as session:
        assert await try_again(session, first, "the CRM is away", timedelta(seconds=30))
    assert await take(database) == []
    await arrive(database, "b", 1)
    assert [each.object_id for each in await take(database)] == ["b"]
    await later(database, timedelta(seconds=31))
    [again] = await take(database)
    assert (again.id, again.tries) == (first.id, 2)


async def test_several_relays_never_work_on_one_object_at_once(database: Database) -> None:
    dice, working, order = random.Random(7), set[str](), dict[str, list[int]]()
    plan = [(str(number % 5), minute) for minute, number in enumerate(range(40))]
    dice.shuffle(plan)
    for object_id, minute in plan:
        await arrive(database, object_id, minute)

    async def relay() -> None:
        while any(each.state == "stored" for each in await rows(database)):
            for event in await take(database, most=2):
                assert event.object_id not in working
                working.add(event.object_id)
                await asyncio.sleep(0.001)
                order.setdefault(event.object_id, []).append(event.occurred_at.minute)
                working.discard(event.object_id)
                assert await end(database, event)

    await asyncio.gather(*(relay() for _ in range(4)))
    assert all(minutes == sorted(minutes) for minutes in order.values())
    assert sum(map(len, order.values())) == 40


async def test_what_cannot_be_read_is_kept_but_never_relayed(database: Database) -> None:
    async with database.write() as session:
        kept = await reject(session, "hubspot", "x", occurred_at=T0, raw=b"\x00{", reason="not JSON")
    assert kept is Kept.STORED
    assert await take(database) == []
    assert [(each.state, each.reason) for each in await rows(database)] == [("rejected", "not JSON")]


async def test_forgeries_are_counted_even_when_they_come_together(database: Database) -> None:
    async def forged() -> None:
        async with database.write() as session:
            await count(session, "hubspot", "forged")

    await asyncio.gather(*(forged() for _ in range(20)))
    async with database.read() as session:
        total = text("select count from inbound_counter where source = 'hubspot' and what = 'forged'")
        assert (await (await session.connection()).execute(total)).scalar_one() == 20
