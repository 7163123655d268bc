"""Whose request is whose: mine, what I answer for somebody away, my team's; by value and age, narrowed, by pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from activities.journal import append
from api import inboxes, queries, teams
from api.inboxes import Line, Narrowed, Reader, Whose
from connectors.database import Database
from models.journal import JournalEntry
from models.tables.people import AbsenceRow, Person
from models.tables.requests import Request
from tests.api.busy_inbox import WAITING, busy
from tests.api.company import NOW, PEOPLE, load

BY_WEIGHT = [account for account, amount, since, _ in sorted(WAITING, key=lambda row: -int(row[1]) * row[2])]


@pytest.fixture(scope="module")
async def noor(database: Database) -> Reader:
    """Noor as her inbox knows her, in a company whose inboxes are full."""
    await load(database, busy())
    async with database.read() as session:
        people = await queries.people(session)
        return await inboxes.reader(session, "noor", teams.colleagues("noor", ["finance"], people), NOW)


async def listed(
    database: Database, who: Reader, whose: Whose, order: inboxes.Order = "weight", **want: object
) -> list[Line]:
    async with database.read() as session:
        return await inboxes.lines(session, who, whose, Narrowed(**want), order, NOW)


async def test_mine_comes_by_value_times_age_and_leaves_out_what_is_delegated(database: Database, noor: Reader) -> None:
    assert [line.account for line in await listed(database, noor, "mine") if line.title != "Rate"] == BY_WEIGHT


@pytest.mark.parametrize(
    ("order", "key"), [("value", lambda row: -int(row[1])), ("age", lambda row: -row[2]), ("due", lambda row: row[3])]
)
async def test_every_order_is_what_it_says(database: Database, noor: Reader, order: inboxes.Order, key: object) -> None:
    found = await listed(database, noor, "mine", order, ask="Finance review")
    assert [line.account for line in found] == [row[0] for row in sorted(WAITING, key=key)]


async def test_what_somebody_away_delegated_to_me_is_its_own_list_and_says_for_whom(
    database: Database, noor: Reader
) -> None:
    found = await listed(database, noor, "delegated")
    assert {(line.account, line.stands_in["noor"]) for line in found} == {
        ("Kestrel Airports", "daniel"), ("Larchmont Press", "daniel"),
    }  # fmt: skip


async def test_my_teams_are_those_of_my_role_and_never_also_mine(database: Database, noor: Reader) -> None:
    found = await listed(database, noor, "team")
    assert [(line.account, list(line.people)) for line in found] == [
        ("Marlow Textiles", ["frida"]), ("Northwick Dairies", ["frida"]),
    ]  # fmt: skip


async def test_filters_narrow_and_the_count_is_of_all_pages(database: Database, noor: Reader) -> None:
    late = await listed(database, noor, "mine", late=True)
    assert {line.account for line in late} == {"Copperline Rail", "Juniper Housing"}
    async with database.read() as session:
        second = await inboxes.lines(session, noor, "mine", Narrowed(ask="Finance review"), "weight", NOW, 2, 4)
    assert [line.account for line in second] == BY_WEIGHT[4:8]
    assert {line.of for line in second} == {10}


async def test_the_heaps_count_everything_whatever_is_filtered(database: Database, noor: Reader) -> None:
    async with database.read() as session:
        heaps = await inboxes.heaps(session, noor, NOW)
    assert {whose: heap.count for whose, heap in heaps.items()} == {"mine": 11, "delegated": 2, "team": 2}
    assert heaps["mine"].late == 2
    assert heaps["mine"].worth == {"USD": Decimal(sum(int(row[1]) for row in WAITING) + 30000)}
    assert heaps["mine"].asks == {"Finance review": 10, "Rate": 1}


async def test_the_next_request_is_the_weightiest_but_the_one_just_answered(database: Database, noor: Reader) -> None:
    async with database.read() as session:
        first = await inboxes.following(session, "noor", None, NOW)
        second = await inboxes.following(session, "noor", first, NOW)
    found = [line.id for line in await listed(database, noor, "mine")]
    assert [first, second] == found[:2]


async def test_nothing_is_delegated_to_somebody_who_stands_in_for_nobody(database: Database, noor: Reader) -> None:
    async with database.read() as session:
        frida = await inboxes.reader(session, "frida", [], NOW)
    assert not frida.away
    assert await listed(database, frida, "delegated") == []


def test_a_team_is_who_shares_a_role_and_everybody_below_even_in_a_circle() -> None:
    people = {p.id: Person(**p.model_dump()) for p in PEOPLE}
    people["noor"].manager, people["frida"] = "daniel", Person(id="frida", name="F", email="f", roles=["finance"])
    people["daniel"].manager = "noor"
    assert teams.colleagues("noor", ["finance"], people) == ["frida", "daniel"]
    assert set(teams.below("daniel", people)) == {"noor"}
    people["frida"].active = False
    assert "frida" not in teams.colleagues("noor", ["finance"], people)


async def test_the_load_of_a_team_is_counted_by_day_and_a_stopped_clock_is_not_late(database: Database) -> None:
    noon = [NOW + timedelta(hours=hours) for hours in (24, 48, 72)]
    async with database.read() as session:
        found = await teams.loads(session, ["noor", "frida", "joel"], NOW, noon)
        away = await teams.absences(session, ["noor", "daniel"], NOW, NOW + timedelta(days=5))
    assert set(found) == {"noor", "frida"}
    assert found["noor"].open == 13
    assert found["noor"].late == 2
    assert found["noor"].due == (8, 2, 1)
    assert found["noor"].oldest == NOW - timedelta(hours=50)
    assert [(each.person, each.delegate) for each in away] == [("daniel", "noor")]
    assert isinstance(away[0], AbsenceRow)


async def test_what_i_answered_is_listed_also_while_others_are_still_asked_and_not_when_i_am_asked_again(
    database: Database, noor: Reader
) -> None:
    first, second, third = (f"deal/hubspot/61{n:02}" for n in range(3))
    step = {"step": "approval:finance", "round": 1}

    def said(at: datetime, verdict: str = "approve") -> JournalEntry:
        return JournalEntry(seq=None, at=at, who="noor", kind="decided", text="said", body={"verdict": verdict}, **step)

    async with database.write() as session:
        for number, (deal, verdict) in enumerate([(first, "approve"), (second, "approve"), (third, "reject")]):
            await append(session, deal, [said(NOW + timedelta(minutes=number), verdict)])
        for deal, people, state in ((first, ["frida"], "open"), (third, [], "closed")):
            row = await session.get_one(Request, f"{deal}|approval:finance|1")
            row.people, row.state = people, state
            if state == "closed":
                row.outcome, row.answered_by, row.closed_at = "rejected", "frida", NOW
    async with database.read() as session:
        found = [(each.request.deal_id, each.verdict) for each in await queries.decided(session, "noor")]
    assert found[:2] == [(third, "reject"), (first, "approve")]
    assert second not in {deal for deal, _ in found}
