"""The journal in the database: whole, in order, told once, however many write to it."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from activities.journal import append, first_broken
from connectors.database import Database
from models.journal import JournalEntry

AT = datetime(2026, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture
def deal() -> str:
    return f"deal/hubspot/{next(_numbers)}"


def entry(seq: int | None, **more: Any) -> JournalEntry:
    return JournalEntry(**{"seq": seq, "at": AT, "who": "vera", "kind": "answer", "text": "Approved", **more})


async def tell(database: Database, deal: str, *entries: JournalEntry) -> int:
    async with database.write() as session:
        return await append(session, deal, entries)


async def broken(database: Database, deal: str) -> int | None:
    async with database.read() as session:
        return await first_broken(session, deal)


async def seqs(database: Database, deal: str) -> list[tuple[int, int | None]]:
    query = text("select position, seq from journal where deal_id = :deal order by position")
    async with database.read() as session:
        return [tuple(each) for each in await (await session.connection()).execute(query, {"deal": deal})]


async def test_entries_are_told_once_however_often_they_are_sent(database: Database, deal: str) -> None:
    assert await tell(database, deal, entry(1), entry(2)) == 2
    assert await tell(database, deal, entry(1), entry(2), entry(3)) == 3
    assert await tell(database, deal, entry(3), entry(3)) == 3
    assert await tell(database, deal) == 3
    assert await seqs(database, deal) == [(1, 1), (2, 2), (3, 3)]
    assert await broken(database, deal) is None


async def test_refusals_the_api_writes_stand_between_and_are_never_merged(database: Database, deal: str) -> None:
    await tell(database, deal, entry(1))
    await tell(database, deal, entry(None, kind="refusal"), entry(None, kind="refusal"))
    await tell(database, deal, entry(2))
    assert await seqs(database, deal) == [(1, 1), (2, None), (3, None), (4, 2)]
    assert await broken(database, deal) is None


async def test_what_was_written_reads_back_as_it_was_hashed(database: Database, deal: str) -> None:
    body = {"signed": {"discount": 12.50}, "big": 10**30, "text": "ünï\x00", "none": None, "list": [1, True, 1e300]}
    await tell(database, deal, entry(1, body=body, text="a\x00b", because=7, step="approval:discount", edition=2))
    assert await broken(database, deal) is None


async def test_many_writers_of_one_deal_make_one_chain(database: Database, deal: str) -> None:
    batches = [[entry(number), entry(None, who=f"p{number}")] for number in range(1, 13)]
    await asyncio.gather(*(tell(database, deal, *batch) for batch in batches), tell(database, deal, *batches[0]))
    found = await seqs(database, deal)
    assert [position for position, _ in found] == list(range(1, len(found) + 1))
    assert sorted(seq for _, seq in found if seq) == list(range(1, 13))
    assert await broken(database, deal) is None


async def test_what_is_rolled_back_was_never_told(database: Database, deal: str) -> None:
    await tell(database, deal, entry(1))
    async with database.write() as session:
        await append(session, deal, [entry(2)])
        await session.rollback()
    assert await tell(database, deal, entry(2, text="Rejected")) == 2
    assert await broken(database, deal) is None


@pytest.mark.parametrize(
    "attack",
    [
        "update journal set who = 'joel' where deal_id = :deal and position = 2",
        "update journal set at = at + interval '1 microsecond' where deal_id = :deal and position = 2",
        "update journal set body = '{\"x\": 1}' where deal_id = :deal and position = 2",
        "delete from journal where deal_id = :deal and position = 2",
        "delete from journal where deal_id = :deal and position >= 2",
    ],
)
async def test_whoever_gets_past_the_guard_is_found_by_the_chain(database: Database, deal: str, attack: str) -> None:
    await tell(database, deal, entry(1), entry(2), entry(3))
    async with database.write() as session:
        connection = await session.connection()
        await connection.execute(text("alter table journal disable trigger user"))
        await connection.execute(text(attack), {"deal": deal})
        await connection.execute(text("alter table journal enable trigger user"))
    assert await broken(database, deal) == 2
