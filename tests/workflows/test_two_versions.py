"""Two versions of a flow at once on a real server: every deal lives by the one it was given, through a restart."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from sqlalchemy import func
from sqlmodel import col, select
from temporalio.client import WorkflowHandle

from api import queries
from models.acts import Decide
from models.flow import FlowDef
from models.money import percent
from models.tables.deals import Deal
from models.tables.flows import FlowVersion
from models.tables.journal import JournalRow
from models.tables.requests import Request
from tests.workflows.worlds import Company, Outside, connect, deal_facts, employ
from workflows.binding import bind
from workflows.difference import difference
from workflows.flows.facts import deal
from workflows.language import Approval, Flow, Stage, business_days

T, R = TypeVar("T"), TypeVar("R")
EACH = 100
AT_ONCE = 8


def policy(version: int, threshold: int, counsel: str) -> FlowDef:
    written = Flow(
        "discounts",
        Stage(
            "review",
            Approval("legal", by=counsel, within=business_days(3), escalate_to="ceo"),
            Approval(
                "finance", by="finance", within=business_days(2), escalate_to="cfo",
                when=deal.discount > percent(threshold),
            ),
            on_reject="review",
        ),
        version=version,
    )  # fmt: skip
    return bind(written, deal, actions={}, templates={}, packets={}).travelling()


OLD, NEW = policy(1, 25, "legal"), policy(2, 20, "general_counsel")


async def each_of(things: Iterable[T], do: Callable[[T], Awaitable[R]]) -> list[R]:
    """Do something with every thing, a few at a time."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(thing: T) -> R:
        async with few:
            return await do(thing)

    return list(await asyncio.gather(*(one(thing) for thing in things)))


async def open_requests(company: Company, step: str, wanted: int) -> None:
    """Wait until so many requests of a step are open."""
    query = select(func.count()).select_from(Request).where(col(Request.step) == step, col(Request.state) == "open")
    found = -1
    for _ in range(600):
        async with company.database.read() as session:
            found = (await session.scalars(query)).one()
        if found == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{found} requests of {step} are open instead of {wanted}")


async def journalled(company: Company, kind: str) -> Counter[tuple[int, str, str | None]]:
    """Count what the journal says by version of the flow, person and step."""
    query = (
        select(col(Deal.flow_version), col(JournalRow.who), col(JournalRow.step))
        .join(Deal, col(Deal.id) == col(JournalRow.deal_id))
        .where(col(JournalRow.kind) == kind)
    )
    async with company.database.read() as session:
        return Counter((version, who, step) for version, who, step in await session.execute(query))


async def test_two_hundred_open_deals_of_two_versions_each_end_as_their_own_version_says(
    database, temporal_server
) -> None:
    assert [change.words for change in difference(OLD, NEW)] == [
        "legal is now asked of general counsel instead of legal",
        "finance is now asked when discount > 20 % instead of > 25 %",
    ]
    await employ(database)
    client = await connect(temporal_server.address)
    before = Company(client, database, Outside())
    async with before.at_work():

        async def arrive(flow: FlowDef) -> WorkflowHandle:
            return await before.arrive(flow, {**deal_facts(), "discount": percent(22)})

        handles = await each_of([OLD, NEW] * EACH, arrive)
        await open_requests(before, "approval:legal", 2 * EACH)
    olds, news = handles[::2], handles[1::2]
    async with database.read() as session:
        assert await queries.running_by_digest(session) == {OLD.digest: EACH, NEW.digest: EACH}

    # Another process: it has never seen either definition, and only version 2 is written anywhere now.
    after = Company(await connect(temporal_server.address), database, Outside())
    async with after.at_work():

        async def say_yes(asked: tuple[WorkflowHandle, str, str]) -> None:
            handle, person, step = asked
            key = f"{handle.id}/{person}"
            await after.act(handle, Decide(key=key, by=person, step=step, round=1, edition=1, verdict="approve"))

        legal = [(handle, "hanna", "approval:legal") for handle in olds]
        await each_of([*legal, *((handle, "vera", "approval:legal") for handle in news)], say_yes)
        assert set(await each_of(olds, after.ended)) == {"won"}
        await open_requests(after, "approval:finance", EACH)
        await each_of([(handle, "noor", "approval:finance") for handle in news], say_yes)
        assert set(await each_of(news, after.ended)) == {"won"}

    assert await journalled(after, "decided") == {
        (1, "hanna", "approval:legal"): EACH,
        (2, "vera", "approval:legal"): EACH,
        (2, "noor", "approval:finance"): EACH,
    }
    async with database.read() as session:
        stored = {row.version: row for row in await session.scalars(select(FlowVersion))}
    assert {number: FlowDef.model_validate(row.definition) for number, row in stored.items()} == {1: OLD, 2: NEW}
