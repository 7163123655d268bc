"""Approvals on a real Temporal server: answers by signal, people who are away, people who have left."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import col, select
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from connectors.database import Database
from models import acts
from models.deal import DealState, Record
from models.tables.journal import JournalRow
from models.tables.people import AbsenceRow, Person
from models.tables.requests import Request
from models.values import Text
from tests.workflows.worlds import Company, Outside, connect, deal_facts, employ
from workflows.binding import bind
from workflows.flows.facts import deal
from workflows.language import Approval, Flow, Stage, business_days

DISCOUNT, DEEP = "approval:discount", "approval:deep-discount"


@pytest.fixture
async def company(database: Database, temporal_server: Any) -> AsyncIterator[Company]:
    """The company at work; who went away or left during a test is back afterwards."""
    await employ(database)
    found = Company(await connect(temporal_server.address), database, Outside())
    async with found.at_work():
        yield found
    async with database.write() as session:
        await session.execute(delete(AbsenceRow))
        await session.execute(update(Person).values(active=True))


async def asked(company: Company, handle: WorkflowHandle, *people: str) -> Record:
    """Wait until exactly these people are asked about the discount."""
    found: set[str] = set()
    for _ in range(300):
        record = (await company.state(handle)).record(DISCOUNT)
        found = {person for each in record.asked.values() for person in each}
        if found == set(people) and record.resolved:
            return record
        await asyncio.sleep(0.05)
    raise AssertionError(f"{sorted(found)} are asked, not {people}")


async def journal(company: Company, handle: WorkflowHandle, kind: str, at_least: int = 1) -> list[JournalRow]:
    """Return the deal's entries of one kind, once there are so many."""
    mine = (col(JournalRow.deal_id) == handle.id) & (col(JournalRow.kind) == kind)
    rows: list[JournalRow] = []
    for _ in range(300):
        async with company.database.read() as session:
            rows = list(await session.scalars(select(JournalRow).where(mine).order_by(col(JournalRow.position))))
        if len(rows) >= at_least:
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(rows)} entries of {kind}, not {at_least}")


async def people_changed(company: Company, handle: WorkflowHandle) -> None:
    """Let the deal hear that people changed, as the sweep does."""
    await company.act(handle, acts.PeopleChanged(key=secrets.token_hex(8), by="throughline", reason="people changed"))


async def away(company: Company, person: str, delegate: str | None) -> str:
    """Enter that somebody is away from now on for a week; return the absence's id."""
    now, name = datetime.now(UTC), secrets.token_hex(8)
    row = AbsenceRow(id=name, person=person, delegate=delegate, starts=now - timedelta(seconds=1),
                     ends=now + timedelta(days=7), created_by=person)  # fmt: skip
    async with company.database.write() as session:
        session.add(row)
    return name


async def leave(company: Company, *people: str) -> None:
    async with company.database.write() as session:
        await session.execute(update(Person).where(col(Person.id).in_(people)).values(active=False))


async def decided(company: Company, handle: WorkflowHandle, step: str = DISCOUNT) -> DealState:
    """Wait until somebody's answer is recorded."""
    for _ in range(300):
        state = await company.state(handle)
        if state.record(step).decisions:
            return state
        await asyncio.sleep(0.05)
    raise AssertionError(f"nobody has answered {step}")


def answer(by: str, **more: Any) -> dict[str, Any]:
    return {"by": by, "step": DISCOUNT, "round": 1, "edition": 1, "verdict": "approve", **more}


async def test_an_answer_by_signal_counts_like_any_other(company: Company) -> None:
    handle = await company.arrive()
    await company.until(handle, DISCOUNT)
    await handle.signal("decide", answer("joel", reason="fine"))
    [decision] = (await decided(company, handle)).record(DISCOUNT).decisions
    assert (decision.person, decision.verdict, decision.channel, decision.reason) == ("joel", "yes", "signal", "fine")
    await company.until(handle, DEEP)
    assert [entry.who for entry in await journal(company, handle, "decided")] == ["joel"]


async def test_a_signal_that_may_not_decide_changes_nothing_and_is_journalled(company: Company) -> None:
    handle = await company.arrive()
    await company.until(handle, DISCOUNT)
    for given in (
        answer("noor"), answer("dana"), answer("joel", verdict="reject"), answer("joel", edition=7),
        answer("joel", verdict="perhaps"), answer("joel", step="approval:nothing"), {},
    ):  # fmt: skip
        await handle.signal("decide", given)
    refused = await journal(company, handle, "refused", at_least=7)
    assert [(each.who, each.body["code"], each.body["channel"]) for each in refused] == [
        ("noor", "not_yours", "signal"), ("dana", "not_yours", "signal"), ("joel", "reason_needed", "signal"),
        ("joel", "stale", "signal"), ("joel", "unreadable", "signal"), ("joel", "unknown_step", "signal"),
        ("signal", "unreadable", "signal"),
    ]  # fmt: skip
    assert (await company.state(handle)).record(DISCOUNT).decisions == []
    await company.answer(handle, "joel", DISCOUNT)
    await company.until(handle, DEEP)


async def test_an_absence_entered_after_opening_moves_the_ask_and_its_end_gives_it_back(company: Company) -> None:
    handle = await company.arrive()
    await company.until(handle, DISCOUNT)
    opened = await asked(company, handle, "joel")
    absence = await away(company, "joel", "noor")
    await people_changed(company, handle)
    moved = await asked(company, handle, "noor")
    assert moved.stands_in == {"noor": "joel"}
    async with company.database.read() as session:
        row = await session.get(Request, f"{handle.id}|{DISCOUNT}|1")
    assert row is not None
    assert row.people == ["noor"]
    async with company.database.write() as session:
        await session.execute(
            update(AbsenceRow).where(col(AbsenceRow.id) == absence).values(ended_at=datetime.now(UTC))
        )
    await people_changed(company, handle)
    back = await asked(company, handle, "joel")
    assert (back.round, back.stands_in) == (opened.round, {})
    told = [entry.text for entry in await journal(company, handle, "people", at_least=2)]
    assert "noor" in told[0]
    assert "joel" in told[1]
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await company.answer(handle, "noor", DISCOUNT)
    assert refused.value.cause.type == "not_yours"
    await company.answer(handle, "joel", DISCOUNT)


async def test_whoever_stands_in_answers_in_their_own_name_on_behalf_of_the_absent(company: Company) -> None:
    await away(company, "joel", "noor")
    handle = await company.arrive()
    await company.until(handle, DISCOUNT)
    await asked(company, handle, "noor")
    await company.answer(handle, "noor", DISCOUNT)
    [decision] = (await company.state(handle)).record(DISCOUNT).decisions
    assert (decision.person, decision.on_behalf_of) == ("noor", "joel")
    [entry] = await journal(company, handle, "decided")
    assert "joel" in entry.text


async def test_whoever_made_the_deal_cannot_decide_it_as_a_stand_in(company: Company) -> None:
    await away(company, "joel", "dana")
    handle = await company.arrive()
    await company.until(handle, DISCOUNT)
    record = await asked(company, handle, "dana", "vera")
    assert record.stands_in == {"dana": "joel"}
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await company.answer(handle, "dana", DISCOUNT)
    assert refused.value.cause.type == "not_allowed"
    await company.answer(handle, "vera", DISCOUNT)
    await company.until(handle, DEEP)


async def test_nobody_who_leaves_takes_a_request_along_and_history_stays_as_it_was(company: Company) -> None:
    handle = await company.arrive()
    await company.until(handle, DISCOUNT)
    await asked(company, handle, "joel")
    before = await rows(company, handle)
    await leave(company, "joel")
    await people_changed(company, handle)
    await asked(company, handle, "vera")
    assert (await rows(company, handle))[: len(before)] == before
    await leave(company, "vera", "dana")
    await people_changed(company, handle)
    incident = await stuck(company, handle)
    assert incident.people == ["iris"]
    act = acts.Reassign(key=secrets.token_hex(8), by="iris", step=DISCOUNT, round=1, to="noor", reason="joel has left")
    await company.act(handle, act)
    await asked(company, handle, "noor")
    await company.answer(handle, "noor", DISCOUNT)
    assert (await rows(company, handle))[: len(before)] == before


async def rows(company: Company, handle: WorkflowHandle) -> list[tuple[Any, ...]]:
    """Return the deal's journal, every column of it."""
    query = select(JournalRow.__table__).where(col(JournalRow.deal_id) == handle.id)  # type: ignore[attr-defined]
    async with company.database.read() as session:
        return [tuple(row) for row in await session.execute(query.order_by(col(JournalRow.position)))]


async def stuck(company: Company, handle: WorkflowHandle) -> Request:
    """Wait for the incident that nobody can be asked."""
    mine = (col(Request.deal_id) == handle.id) & (col(Request.kind) == "incident") & (col(Request.state) == "open")
    for _ in range(300):
        async with company.database.read() as session:
            row = (await session.scalars(select(Request).where(mine))).first()
        if row is not None:
            return row
        await asyncio.sleep(0.05)
    raise AssertionError("no incident says that nobody can be asked")


async def test_where_two_administrators_are_wanted_one_alone_decides_nothing_and_the_second_has_to_say_the_same(
    company: Company,
) -> None:
    written = Flow(
        "guarded",
        Stage("review", Approval("finance", by="finance", within=business_days(2), override="two"), on_reject="review"),
        version=1,
    )  # fmt: skip
    async with company.database.write() as session:
        for name in ("ada", "ines"):
            session.add(Person(id=name, name=name.title(), email=f"{name}@halden.example", roles=["admin"]))
    flow = bind(written, deal, actions={}, templates={}, packets={}).travelling()
    handle = await company.arrive(flow, {**deal_facts(), "owner": Text(v="dana")})
    await company.until(handle, "approval:finance")

    def override(by: str, verdict: str) -> acts.Override:
        return acts.Override(
            key=secrets.token_hex(8), by=by, step="approval:finance", round=1, edition=1, verdict=verdict,
            reason="year end",
        )  # fmt: skip

    await company.act(handle, override("ada", "approve"))
    async with company.database.read() as session:
        row = await session.get_one(Request, f"{handle.id}|approval:finance|1")
    assert row.state == "open"
    for by, verdict in (("ada", "approve"), ("ines", "reject"), ("iris", "approve")):
        with pytest.raises(WorkflowUpdateFailedError):
            await company.act(handle, override(by, verdict))
    await company.act(handle, override("ines", "approve"))
    assert await company.ended(handle) == "won"
    [marked] = await journal(company, handle, "overridden")
    assert (marked.who, marked.body["override"], "ada and ines" in marked.text) == ("ines", True, True)
