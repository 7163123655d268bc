"""What the read side says of a flow's steps: medians from enough deals only, instances counted as their step."""

from __future__ import annotations

from datetime import timedelta

from activities.journal import append
from api import flow_figures
from connectors.database import Database
from models.journal import JournalEntry
from tests.api.company import NOW, deal, request


async def test_a_median_needs_enough_deals_and_is_the_middle_time(database: Database) -> None:
    deals = [deal(f"70{n}", f"Account {n}", "1000", flow="figures") for n in range(6)]
    hours = [1, 2, 3, 9, 100]
    answered = [
        request(
            owner, "approval:finance", "Finance", ["noor"], state="closed", answered_by="noor", outcome="approved",
            opened_at=NOW - timedelta(hours=200), closed_at=NOW - timedelta(hours=200 - hours[n]),
        )
        for n, owner in enumerate(deals[:5])
    ]  # fmt: skip
    seldom = request(
        deals[0], "approval:legal", "Legal", ["hanna"], state="closed", answered_by="hanna", outcome="approved",
        opened_at=NOW - timedelta(hours=5), closed_at=NOW,
    )  # fmt: skip
    withdrawn = [
        request(owner, "task:visit", "Visit", ["marco"], kind="task", state="closed", closed_at=NOW) for owner in deals
    ]
    async with database.write() as session:
        session.add_all(deals)
        await session.flush()
        session.add_all([*answered, seldom, *withdrawn])
    async with database.read() as session:
        found = await flow_figures.took(session, "figures")
    assert set(found) == {"approval:finance"}
    assert found["approval:finance"] == flow_figures.Took(5, timedelta(hours=3))


async def test_an_action_took_from_its_start_to_its_result_items_counting_as_their_step(database: Database) -> None:
    owner = deal("799", "Machines", "1000", flow="machines")
    async with database.write() as session:
        session.add(owner)
        await session.flush()
    entries = []
    for n, seconds in enumerate([10, 20, 30, 40, 50], 1):
        step = f"call:book[line-{n}]"
        for kind, at in (("started", NOW), ("done", NOW + timedelta(seconds=seconds))):
            entries.append(
                JournalEntry(
                    seq=len(entries) + 1, at=at, who="throughline", kind=kind, step=step, text=kind,
                    body={"effect_revision": 1},
                )
            )  # fmt: skip
    async with database.write() as session:
        await append(session, owner.id, entries)
    async with database.read() as session:
        found = await flow_figures.took(session, "machines")
    assert found == {"call:book": flow_figures.Took(5, timedelta(seconds=30))}


async def test_who_waits_is_counted_by_deal_with_what_is_late_and_stuck_apart(database: Database) -> None:
    one, two, over = (deal(f"71{n}", f"Waiting {n}", "1", flow="waits") for n in range(3))
    over.status = "won"
    asked = [
        request(one, "call:book[a]", "Book", ["iris"], kind="incident"),
        request(one, "call:book[b]", "Book", ["iris"], kind="incident"),
        request(one, "approval:finance", "Finance", ["noor"], due_at=NOW - timedelta(hours=1)),
        request(two, "approval:finance", "Finance", ["noor"], due_at=NOW + timedelta(hours=1)),
        request(over, "approval:finance", "Finance", ["noor"]),
    ]
    async with database.write() as session:
        session.add_all([one, two, over])
        await session.flush()
        session.add_all(asked)
    async with database.read() as session:
        found = await flow_figures.waiting(session, "waits", NOW)
        stages = await flow_figures.stages(session)
        using = await flow_figures.using(session, "waits")
    assert found == {
        "approval:finance": flow_figures.Waiting(2, 1, 0),
        "call:book": flow_figures.Waiting(0, 0, 1),
    }
    assert stages["waits"] == {"review": 2}
    assert using == {"d" * 64: flow_figures.Using(2, 3)}
