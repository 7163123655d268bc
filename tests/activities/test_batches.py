"""Batches in the database: each counts once, in order, whole or not at all, whoever else writes meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.journal import append, first_broken
from connectors.database import Database
from models import acts
from models.journal import JournalEntry
from models.values import Text
from tests.activities.telling import NOW, Line, hire, recorder, send


@pytest.fixture(scope="module")
async def company(database: Database) -> Database:
    await hire(database, dana=["account_executive"], hanna=["legal"], noor=["finance"])
    return database


async def rows(database: Database, query: str, deal: str) -> list[tuple]:
    async with database.read() as session:
        return [tuple(row) for row in await (await session.connection()).execute(text(query), {"deal": deal})]


async def journal(database: Database, deal: str) -> list[tuple]:
    return await rows(database, "select position, seq, kind from journal where deal_id = :deal order by position", deal)


async def requests(database: Database, deal: str) -> dict[str, tuple]:
    query = "select step, state, outcome, answered_by, people from request where deal_id = :deal order by opened_at, id"
    return {step: tuple(rest) for step, *rest in await rows(database, query, deal)}


async def everything(database: Database, deal: str) -> list[list[tuple]]:
    tables = ("deal where id", "request where deal_id", "journal where deal_id", "outbound where deal_id")
    return [
        sorted(await rows(database, f"select t::text from {t.replace(' ', ' t ', 1)} = :deal", deal)) for t in tables
    ]


async def whole(database: Database, deal: str) -> bool:
    async with database.read() as session:
        return await first_broken(session, deal) is None


async def test_what_is_open_and_answered_stands_in_the_inbox(company: Database) -> None:
    line, worker = Line(), recorder(company)
    await line.settled(worker)
    assert await requests(company, line.id) == {
        "approval:legal": ("open", None, None, ["hanna"]),
        "approval:finance": ("open", None, None, ["noor"]),
    }
    line.decide("hanna", "legal")
    await line.settled(worker)
    found = await requests(company, line.id)
    assert found["approval:legal"] == ("closed", "approved", "hanna", ["hanna"])
    assert found["approval:finance"][0] == "open"


async def test_requests_say_by_which_names_their_people_were_found(company: Database) -> None:
    line = Line()
    await line.settled(recorder(company))
    asks = await rows(company, "select asks from request where deal_id = :deal order by step", line.id)
    assert asks == [(["role:finance", "person:noor"],), (["role:legal", "person:hanna"],)]


@pytest.mark.parametrize("same_worker", [True, False])
async def test_a_batch_that_comes_again_writes_the_same(company: Database, same_worker: bool) -> None:
    line, worker = Line(), recorder(company)
    await line.settled(worker)
    line.decide("hanna", "legal")
    sent = await line.told(worker)
    before = await everything(company, line.id)
    again = worker if same_worker else recorder(company)
    first, second = await send(again, sent), await send(again, sent)
    assert first == second
    assert await everything(company, line.id) == before


async def test_a_batch_that_was_overtaken_only_tells_what_nobody_has_told(company: Database) -> None:
    line, worker = Line(), recorder(company)
    await line.settled(worker)
    line.decide("hanna", "legal")
    early = line.batch()
    line.decide("noor", "finance")
    await line.settled(worker)
    before = await everything(company, line.id)
    for late in (worker, recorder(company)):
        await send(late, early)
        assert await everything(company, line.id) == before


async def test_the_api_may_journal_a_refusal_between_two_batches(company: Database) -> None:
    line, worker = Line(), recorder(company)
    await line.settled(worker)
    async with company.write() as session:
        await append(session, line.id, [JournalEntry(at=NOW, who="dana", kind="refusal", text="dana owns the deal")])
    line.decide("hanna", "legal")
    await line.settled(worker)
    told = await journal(company, line.id)
    assert [position for position, _, _ in told] == list(range(1, len(told) + 1))
    assert [seq for _, seq, _ in told if seq] == list(range(1, line.state.seq + 1))
    assert [kind for _, seq, kind in told if seq is None] == ["refusal"]
    assert await whole(company, line.id)


async def test_a_deal_may_move_between_workers_at_any_batch(company: Database) -> None:
    line, one, other = Line(), recorder(company), recorder(company)
    await line.settled(one)
    hold = acts.HoldDeal(key="hold", by="dana", reason="on holiday")
    line.do(hold)
    await line.settled(other)
    stopped = "select stopped from request where deal_id = :deal"
    assert await rows(company, stopped, line.id) == [(True,), (True,)]
    line.do(acts.Release(key="release", by="dana"))
    await line.settled(one)  # which left both requests running, and must not take that for what the database says
    assert await rows(company, stopped, line.id) == [(False,), (False,)]
    assert await whole(company, line.id)


async def test_another_worker_that_told_nothing_new_is_noticed_too(company: Database) -> None:
    line, one, other = Line(), recorder(company), recorder(company)
    await line.settled(one)
    opened = "select step, due_at is not null from request where deal_id = :deal and step = 'approval:legal'"
    assert await rows(company, opened, line.id) == [("approval:legal", True)]
    bare = line.batch()  # neither entries nor needs; another worker writes it from a state without the clock
    bare.state["records"]["approval:legal"]["clock"] = None
    await send(other, bare)
    assert await rows(company, opened, line.id) == [("approval:legal", False)]
    await send(one, line.batch())
    assert await rows(company, opened, line.id) == [("approval:legal", True)]


async def test_the_same_batch_many_times_at_once_makes_one_chain(company: Database) -> None:
    line, workers = Line(), [recorder(company) for _ in range(3)]
    sent = line.batch()
    await asyncio.gather(*(send(worker, sent) for worker in workers * 3))
    await line.settled(workers[0])
    line.decide("hanna", "legal")
    sent = line.batch()
    await asyncio.gather(*(send(worker, sent) for worker in workers * 3))
    told = await journal(company, line.id)
    assert [seq for _, seq, _ in told] == list(range(1, line.state.seq + 1))
    assert await whole(company, line.id)


async def test_a_batch_is_written_whole_or_not_at_all(company: Database) -> None:
    line, worker = Line(), recorder(company)
    await line.settled(worker)
    before = await everything(company, line.id)
    line.decide("hanna", "legal", reason="fine")
    sent = line.batch()
    sent.state["url"] = "nobody can store \x00 this"
    with pytest.raises(ApplicationError) as failure:
        await send(worker, sent)
    assert failure.value.type == "database"
    assert "nobody can store" not in str(failure.value)
    assert await everything(company, line.id) == before
    await line.settled(worker)
    assert (await requests(company, line.id))["approval:legal"][0] == "closed"
    assert await whole(company, line.id)


async def test_a_database_that_was_restarted_is_written_to_with_the_next_batch(company: Database) -> None:
    line, worker = Line(), recorder(company)
    await line.settled(worker)
    async with company.write() as session:
        mine = "pid <> pg_backend_pid() and datname = current_database()"
        killed = text(f"select pg_terminate_backend(pid) from pg_stat_activity where {mine}")
        await (await session.connection()).execute(killed)
    line.decide("hanna", "legal")
    await line.settled(worker)
    assert (await requests(company, line.id))["approval:legal"][0] == "closed"


async def test_each_person_is_owed_one_message_per_channel_however_often_it_is_recorded(company: Database) -> None:
    line, worker = Line(), recorder(company)
    for _ in range(3):
        await line.settled(worker)
        renamed = {"title": Text(v=f"{line.state.seq}")}
        line.do(acts.Revise(key=f"title-{line.state.seq}", by="crm", source="crm", at=NOW, facts=renamed))
        await line.settled(recorder(company))
    owed = await rows(company, "select id from outbound where deal_id = :deal and kind <> 'crm' order by id", line.id)
    assert [name.removeprefix(f"{line.id}|") for (name,) in owed] == [
        "approval:finance|1|noor|mail", "approval:finance|1|noor|slack",
        "approval:legal|1|hanna|mail", "approval:legal|1|hanna|slack",
    ]  # fmt: skip


async def test_the_crm_is_owed_each_change_of_stage_once(company: Database) -> None:
    line, worker = Line(), recorder(company)
    await line.settled(worker)
    line.decide("hanna", "legal")
    await line.settled(recorder(company))
    line.decide("noor", "finance")
    await line.settled(worker)
    owed = await rows(
        company, "select body from outbound where deal_id = :deal and kind = 'crm' order by number", line.id
    )
    assert [body["properties"] for (body,) in owed] == [
        {"throughline_stage": "Review", "throughline_status": "running"},
        {"throughline_stage": "won", "throughline_status": "won"},
    ]
