"""Approval figures from seed data: each checked against plain SQL over the same journal and against what was seeded."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time, timedelta
from statistics import quantiles
from typing import Any

import pytest
from sqlalchemy import text

from activities.calendars import working
from activities.journal import append
from api import approval_figures
from api.approval_figures import Habit, Pace
from connectors.database import Database
from models.calendar import CalendarSpec, Working
from models.journal import JournalEntry
from models.tables.deals import Deal
from tests.api.company import NOW, deal, request

SINCE = NOW - timedelta(days=90)
STEP = "approval:finance"


class Told:
    """A journal being written: what happens at which hour after the request opened."""

    def __init__(self, owner: Deal, opened: datetime) -> None:
        self.owner, self.opened, self.entries = owner, opened, list[JournalEntry]()

    def say(self, hour: float, who: str, kind: str, step: str | None = STEP, round: int = 1, **body: Any) -> Told:  # noqa: A002
        at = self.opened + timedelta(hours=hour)
        entry = JournalEntry(
            seq=len(self.entries) + 1,
            at=at,
            who=who,
            kind=kind,
            step=step,
            round=round,
            edition=1,
            text=kind,
            body=body,
        )
        self.entries.append(entry)
        return self

    def decided(self, hour: float, who: str, verdict: str = "approve", **more: Any) -> Told:
        return self.say(hour, who, "decided", verdict=verdict, signed={"margin": "24.6 %"}, **more)


def seeded() -> list[Told]:
    """Ten requests of one rule and six of another, with everything that can happen to an answer."""
    opened = NOW - timedelta(days=20)
    told = [Told(deal(f"81{n:02}", f"Account {n}", "1000", flow="seed"), opened) for n in range(16)]
    for n, each in enumerate(told[:5]):
        each.decided(n + 1, "noor")  # 1, 2, 3, 4 and 5 hours
    told[5].say(2, "noor", "information asked").say(50, "dana", "information given").decided(54, "noor")  # 6 hours
    told[6].say(1, "noor", "information asked").say(2, "dana", "hold", None).say(8, "dana", "information given")
    told[6].say(11, "dana", "released", None).decided(17, "noor", "reject")  # 7 hours: the pauses overlap
    told[7].say(24, "throughline", "escalated", people=["daniel"]).decided(26, "daniel")  # 2 hours after he was asked
    told[8].decided(1, "noor", "reject").say(1.01, "noor", "undone answer", verdict="no").decided(8, "noor")
    told[9].decided(3, "noor").say(5, "iris", "overridden", verdict="reject", override=True, second="")
    for n, each in enumerate(told[10:]):
        each.decided(1, "hanna", step="approval:legal", on_behalf_of="vera" if n else "")
    return told


async def write(database: Database, told: list[Told]) -> None:
    """Write the deals, one closed request of each, and their journals."""
    async with database.write() as session:
        session.add_all([each.owner for each in told])
        await session.flush()
        for each in told:
            step = next(entry.step for entry in each.entries if entry.kind in ("decided", "silence"))
            row = request(each.owner, str(step), "Review", [], state="closed", opened_at=each.opened)
            row.closed_at = each.entries[-1].at
            session.add(row)
    for each in told:
        async with database.write() as session:
            await append(session, each.owner.id, each.entries)


@pytest.fixture(scope="module")
async def journal(database: Database) -> list[Told]:
    """The seed, written: deals and requests, then every journal."""
    told = seeded()
    told += [Told(deal("8190", "Old", "1000", flow="seed"), NOW - timedelta(days=200)).decided(1, "noor")]
    told += [
        Told(deal("8191", "Elsewhere", "1000", flow="other"), NOW - timedelta(days=9)).decided(1, "noor", "reject")
    ]
    await write(database, told)
    return told


async def test_the_time_of_an_approver_runs_from_when_they_were_asked_and_stands_still_with_the_clock(
    database: Database, journal: list[Told]
) -> None:
    async with database.read() as session:
        _, each = await approval_figures.paces(session, SINCE, "seed")
    hours = [1, 2, 3, 4, 5, 6, 7, 1, 8, 3]
    noor, hanna, daniel = each
    assert noor == Pace("noor", 10, 8, 0, 2, timedelta(hours=3.5), timedelta(hours=7.1))
    assert noor.slow == timedelta(hours=quantiles(hours, n=10, method="inclusive")[8])
    assert hanna == Pace("hanna", 6, 6, 5, 0, timedelta(hours=1), timedelta(hours=1))
    assert daniel == Pace("daniel", 1, 1, 0, 0, timedelta(hours=2), timedelta(hours=2))


async def test_the_time_of_an_approver_is_also_told_in_their_own_working_hours(database: Database) -> None:
    friday = NOW - timedelta(days=14 + (NOW.weekday() - 4) % 7)
    told = [Told(deal(f"85{n}", f"Week {n}", "1000", flow="week"), friday.replace(hour=16, minute=0)) for n in range(3)]
    told[0].decided(66, "noor")  # Friday 16:00 to Monday 10:00
    told[1].say(65.25, "noor", "information asked").say(65.75, "dana", "information given").decided(66, "noor")
    told[2].decided(66, "daniel")
    await write(database, told)
    office = CalendarSpec(zone="UTC", country=None)
    weekend = CalendarSpec(zone="UTC", country=None, week=((),) * 5 + (((time(9), time(12)),),) * 2)

    def hours(person: str, begin: datetime) -> Working:
        return working(weekend if person == "daniel" else office, begin)

    async with database.read() as session:
        found = await approval_figures.worked(session, SINCE, "week", hours)
        _, each = await approval_figures.paces(session, SINCE, "week")
    assert found == {"noor": timedelta(hours=1.75), "daniel": timedelta(hours=6)}
    assert {pace.person: pace.median for pace in each} == {
        "noor": timedelta(hours=65.75),
        "daniel": timedelta(hours=66),
    }


async def test_all_together_are_counted_as_plain_sql_counts_them(database: Database, journal: list[Told]) -> None:
    async with database.read() as session:
        together, each = await approval_figures.paces(session, SINCE)
        plain = await session.execute(
            text("""
                select who, count(*), count(*) filter (where body->>'verdict' = 'approve') from journal
                where kind = 'decided' and at >= :since group by who
            """),
            {"since": SINCE},
        )
        counted = {who: (answers, yes) for who, answers, yes in plain}
    assert {pace.person: (pace.answers, pace.yes) for pace in each} == counted
    assert together is not None
    assert (together.answers, together.yes) == tuple(map(sum, zip(*counted.values(), strict=True)))


async def test_an_answer_is_reversed_when_it_was_taken_back_or_overruled_not_when_the_content_changed(
    database: Database, journal: list[Told]
) -> None:
    async with database.read() as session:
        together, each = await approval_figures.paces(session, SINCE, "seed")
        plain = await session.execute(
            text("""
                select count(*) from journal d where d.kind = 'decided' and d.at >= :since and exists (
                    select from journal r where r.deal_id = d.deal_id and r.position > d.position
                    and (r.kind = 'undone answer' and r.who = d.who or r.kind = 'overridden'))
            """),
            {"since": SINCE},
        )
        reversed_ = plain.scalar_one()
    assert together is not None
    assert together.reversed == reversed_ == 2
    assert together.reversal == pytest.approx(100 * 2 / 17)
    assert {pace.person for pace in each if pace.reversed} == {"noor"}


async def test_another_answer_to_the_same_content_is_a_reversal_and_to_other_content_is_none(
    database: Database,
) -> None:
    opened = NOW - timedelta(days=4)
    told = [Told(deal(f"84{n}", f"Turn {n}", "1000", flow="turned"), opened) for n in range(2)]
    for n, each in enumerate(told):
        each.decided(1, "noor").say(
            30, "noor", "decided", verdict="reject", signed={"margin": "24.6 %" if n else "19 %"}
        )
    await write(database, told)
    async with database.read() as session:
        together, _ = await approval_figures.paces(session, SINCE, "turned")
    assert together is not None
    assert (together.answers, together.reversed) == (4, 1)


async def test_the_rules_that_always_say_yes_are_those_plain_sql_finds(database: Database, journal: list[Told]) -> None:
    async with database.read() as session:
        found = await approval_figures.habits(session, SINCE, "seed")
        plain = await session.execute(
            text("""
                select j.step from journal j join deal d on d.id = j.deal_id
                where j.kind in ('decided', 'overridden', 'silence') and d.flow = 'seed' and j.at >= :since
                group by j.step having bool_and(j.body->>'verdict' = 'approve') and count(distinct j.deal_id) >= 5
            """),
            {"since": SINCE},
        )
        always = [step for (step,) in plain]
    assert [habit.step for habit in found if habit.always] == always == ["approval:legal"]
    legal, finance = found
    assert legal == Habit("seed", "approval:legal", 6, 6, 0, 0, 0, timedelta(hours=1), timedelta(hours=6))
    # Of ten one was rejected and one overruled; what Noor took back is no answer any more.
    assert finance[2:7] == (10, 8, 0, 1, 1)


def test_a_rule_asked_less_than_five_times_says_nothing_about_always() -> None:
    few = Habit("f", "s", approval_figures.ENOUGH - 1, approval_figures.ENOUGH - 1, 0, 0, 0, timedelta(), timedelta())
    assert not few.always
    assert few._replace(requests=approval_figures.ENOUGH, yes=approval_figures.ENOUGH).always


async def test_silence_counts_as_the_answer_of_its_rule_and_of_nobody(database: Database) -> None:
    told = Told(deal("8300", "Quiet", "1000", flow="quiet"), NOW - timedelta(days=3))
    told.say(48, "silence", "silence", verdict="approve")
    await write(database, [told])
    async with database.read() as session:
        together, each = await approval_figures.paces(session, SINCE, "quiet")
        (habit,) = await approval_figures.habits(session, SINCE, "quiet")
    assert (together, each) == (None, [])
    assert habit[2:5] == (1, 1, 1)


async def test_an_override_is_told_with_who_why_and_which_deal(database: Database, journal: list[Told]) -> None:
    async with database.read() as session:
        found = await approval_figures.overrides(session, SINCE)
    assert [(each.by, each.verdict, each.account, each.step) for each in found] == [
        ("iris", "reject", "Account 9", STEP)
    ]


async def test_what_is_older_or_of_another_flow_is_left_out(database: Database, journal: list[Told]) -> None:
    by_flow: dict[str, int] = defaultdict(int)
    async with database.read() as session:
        for habit in await approval_figures.habits(session, SINCE):
            by_flow[habit.flow] += habit.requests
        _, old = await approval_figures.paces(session, NOW - timedelta(days=300), "seed", of={"noor"})
    assert by_flow["seed"] == 16
    assert by_flow["other"] == 1
    assert [(pace.person, pace.answers) for pace in old] == [("noor", 11)]
