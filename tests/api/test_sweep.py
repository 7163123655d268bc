"""The sweep: a change of people reaches each deal it affects once, however often something is down meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlmodel import delete, select

from api import sweep
from api.gateway import NotRunning, Refused, Unreachable
from api.parts import Parts
from api.people_changes import affected, note_change
from connectors.database import Database
from models.acts import PeopleChanged
from models.deal import Receipt
from models.tables.deals import Deal
from models.tables.people import AbsenceRow, PeopleChange, Person
from models.tables.requests import Request

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@dataclass
class Deals:
    """The running deals as the sweep sees them: which are told, and which cannot be reached now."""

    told: list[tuple[str, str]] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)

    async def act(self, deal: str, act: PeopleChanged) -> Receipt:
        if deal in self.silent:
            raise Unreachable("no worker took the act in time", worker=True)
        self.told.append((deal, act.key))
        if deal in self.over:
            raise NotRunning(deal) if deal.endswith("1") else Refused("ended", "the deal has ended")
        return Receipt(outcome="asked", message="", seq=1, by=act.by, at=NOW)


@dataclass
class Around:
    """What the sweep needs of everything the doors work with."""

    database: Database
    gateway: Deals = field(default_factory=Deals)
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def around(database: Database) -> AsyncIterator[Around]:
    """Four people of whom vera leads dana, and no deal yet."""
    async with database.write() as session:
        for name, roles, manager in (
            ("dana", ["sales"], "vera"), ("vera", ["ceo"], None), ("noor", ["finance"], "vera"), ("ben", [], None)
        ):  # fmt: skip
            session.add(
                Person(id=name, name=name.title(), email=f"{name}@halden.example", roles=roles, manager=manager)
            )
    yield Around(database)
    async with database.write() as session:
        for table in (PeopleChange, Request, Deal, Person, AbsenceRow):
            await session.execute(delete(table))


async def deal(database: Database, number: int, *, owner: str = "dana", **asked: Any) -> str:
    """Write a deal with one open request."""
    name = f"deal/hubspot/{number:04}"
    facts = {fact: {"t": "text", "v": who} for fact, who in asked.pop("facts", {}).items()}
    known: dict[str, Any] = {
        "id": f"{name}|approval:finance|1", "deal_id": name, "step": "approval:finance", "kind": "approval",
        "title": "Finance", "state": "open", "opened_at": NOW, "people": [], "asks": [],
    }  # fmt: skip
    async with database.write() as session:
        session.add(Deal(id=name, source="hubspot", source_id=f"{number:04}", title=name, owner=owner, flow="f",
                         flow_version=1, flow_digest="d", opened_at=NOW, changed_at=NOW, stage_since=NOW, facts=facts,
                         ended_at=NOW if asked.pop("ended", False) else None))  # fmt: skip
        session.add(Request(**{**known, **asked}))
    return name


async def sweep_at(around: Around, after: timedelta = timedelta()) -> int:
    around.at = NOW + after
    return await sweep.sweep_due(cast("Parts", around))


async def left(database: Database) -> list[PeopleChange]:
    async with database.read() as session:
        return [c for c in await session.scalars(select(PeopleChange)) if c.done_at is None]


async def change(database: Database, *people: str, keys: tuple[str, ...] = (), after: timedelta = timedelta()) -> None:
    async with database.write() as session:
        await note_change(session, "Noor left", people, keys, "iris", NOW + after, "c1")


async def test_each_affected_deal_is_told_once_under_the_key_of_the_change(around: Around) -> None:
    asked = await deal(around.database, 1, people=["noor"])
    role = await deal(around.database, 2, asks=["role:finance"])
    await deal(around.database, 3, people=["ben"], asks=["role:legal"])
    await change(around.database, "noor", keys=("role:finance",))
    assert await sweep_at(around) == 1
    assert sorted(around.gateway.told) == [(asked, "people:c1"), (role, "people:c1")]
    assert await sweep_at(around) == 0


async def test_a_deal_recorded_while_the_people_changed_is_found_by_a_second_look(around: Around) -> None:
    first = await deal(around.database, 1, people=["noor"])
    await change(around.database, "noor")
    await sweep_at(around)
    late = await deal(around.database, 2, people=["noor"])
    assert await sweep_at(around, timedelta(seconds=6)) == 1
    assert [name for name, _ in around.gateway.told] == [first, late]
    assert await left(around.database) == []


async def test_a_change_to_come_waits_for_its_time(around: Around) -> None:
    await deal(around.database, 1, people=["noor"])
    await change(around.database, "noor", after=timedelta(hours=1))
    assert await sweep_at(around) == 0
    assert await sweep_at(around, timedelta(hours=1)) == 1
    assert len(around.gateway.told) == 1


async def test_whoever_could_not_be_reached_is_told_later_and_nobody_twice(around: Around) -> None:
    names = [await deal(around.database, number, people=["noor"]) for number in range(1, 6)]
    around.gateway.silent = {names[2]}
    await change(around.database, "noor")
    await sweep_at(around)
    (waiting,) = await left(around.database)
    assert waiting.error == f"{names[2]}: no worker took the act in time"
    around.gateway.silent = set()
    await sweep_at(around, timedelta(seconds=6))
    await sweep_at(around, timedelta(seconds=12))
    assert sorted(name for name, _ in around.gateway.told) == names
    assert await left(around.database) == []


async def test_with_everything_down_it_stops_asking_and_keeps_the_change(around: Around) -> None:
    names = [await deal(around.database, number, people=["noor"]) for number in range(1, 101)]
    asked: list[str] = []

    class Down(Deals):
        async def act(self, deal: str, act: PeopleChanged) -> Receipt:
            asked.append(deal)
            return await super().act(deal, act)

    around.gateway = Down(silent=set(names))
    await change(around.database, "noor")
    await sweep_at(around)
    assert len(asked) < 2 * sweep.AT_ONCE
    assert len(await left(around.database)) == 1


async def test_a_deal_that_has_ended_meanwhile_needs_nothing(around: Around) -> None:
    around.gateway.over = {await deal(around.database, number, people=["noor"]) for number in (1, 2)}
    await deal(around.database, 3, people=["noor"], ended=True)
    await change(around.database, "noor")
    await sweep_at(around)
    await sweep_at(around, timedelta(seconds=6))
    assert len(around.gateway.told) == 2
    assert await left(around.database) == []


async def test_two_processes_share_the_work(around: Around) -> None:
    await deal(around.database, 1, people=["noor"])
    await change(around.database, "noor")
    other = Around(around.database)
    assert {await sweep_at(around), await sweep_at(other)} == {0, 1}
    assert len(around.gateway.told) + len(other.gateway.told) == 1


@pytest.mark.parametrize(
    ("who", "reached"),
    [
        ("vera", {"asked by her reports' deals", "the deal she owns"}),  # asked as the manager of dana
        ("ben", {"stood in for", "named by a fact", "nobody found"}),
        ("noor", {"stood in for", "nobody found"}),
    ],
)
async def test_a_change_reaches_whoever_is_asked_in_whatever_way(
    around: Around, database: Database, who: str, reached: set[str]
) -> None:
    deals = {
        await deal(database, 1, asks=["managers:1"]): "asked by her reports' deals",
        await deal(database, 2, owner="ben2", asks=["managers:1"]): "asked by others' deals",
        await deal(database, 3, owner="vera", asks=["role:legal"]): "the deal she owns",
        await deal(database, 4, owner="x", asks=["fact:lead"], facts={"lead": "ben"}): "named by a fact",
        await deal(database, 5, owner="x", people=["ben"]): "stood in for",
        await deal(database, 6, owner="x", kind="incident", asks=["role:legal"]): "nobody found",
        await deal(database, 7, owner="x", kind="incident", step="call:project"): "another incident",
    }
    async with database.write() as session:
        session.add(AbsenceRow(id="a", person="noor", delegate="ben", starts=NOW, ends=datetime(2099, 1, 1, tzinfo=UTC),
                               created_by="noor"))  # fmt: skip
    async with database.read() as session:
        found = {deals[name] for name in await affected(session, [who], [f"person:{who}"])}
    assert found == reached | {"nobody found"}
