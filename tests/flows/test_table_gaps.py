"""The gaps and overlaps that are told are those found by trying every deal on every day."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from models.asking import Role, Row, Table
from models.money import usd
from models.values import Day, Text, Value, Whole
from tests.flows.tables import USD, asked, dated, found, told
from workflows.flows.facts import deal
from workflows.language import (
    person,
    row,
)

# What every row of a random table can be about, and every value that tells two rows apart.
VALUES: dict[str, list[Value]] = {
    "payment_days": [Whole(v=n) for n in range(-1, 5)],
    "data_class": [Text(v=each) for each in ("public", "internal", "confidential", "restricted")],
}
DAYS = [date(2027, 1, 1) + timedelta(days=n) for n in range(-2, 8)]


def a_rule(g: random.Random) -> Any:
    n = g.randrange(4)
    one = g.choice([deal.payment_days > n, deal.payment_days <= n, deal.payment_days.is_(n)])
    other = deal.data_class.is_(str(g.choice(VALUES["data_class"])))
    return g.choice([one, one, other, one & other, one | other, ~one & ~other])


def a_table(g: random.Random) -> Table:
    rows = []
    for i in range(g.randrange(1, 5)):
        first, last = sorted(g.sample(DAYS[2:7], 2))
        since, until = first if g.random() < 0.3 else None, last if g.random() < 0.3 else None
        when = None if g.random() < 0.2 else a_rule(g)
        rows.append(Row(when=when, who=(Role(role=f"r{i}"),), since=since, until=until, line=100 + i))
    return Table(name="t", match=g.choice(["first", "first", "all"]), rows=tuple(rows), line=99)


def worlds() -> Iterator[dict[str, Value]]:
    for values in itertools.product(*VALUES.values()):
        yield dict(zip(VALUES, values, strict=True))


def judged(made: Table) -> None:
    """Compare what is told of a table with what comes of every deal on every day."""
    begins = min((r.since or DAYS[0]) for r in made.rows)
    tried = [made.named(day, facts, USD) for day in DAYS if day >= begins for facts in worlds()]
    told_ = found(asked(made, covers=[deal.amount]))
    assert any(each.code == "table_gap" for each in told_) is any(not people for people in tried), made
    named = {who for people in tried for who in people or ()}
    late = {each.line for each in told_ if "is still in force" in each.what}
    mute = {each.line for each in told_ if each.code in ("table_overlap", "unreachable_row", "never_true")}
    assert mute - late == {each.line for each in made.rows if each.who[0] not in named}, (made, told_)


@pytest.mark.parametrize("seed", range(60))
def test_gaps_and_rows_nobody_comes_to_are_exactly_those_found_by_trying_every_deal_on_every_day(seed: int) -> None:
    judged(a_table(random.Random(seed)))


@pytest.mark.parametrize("seed", range(60, 75))
def test_they_are_the_same_where_there_are_too_many_deals_to_try_each(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.examples._MOST_TRIED", 0)
    judged(a_table(random.Random(seed)))


def test_what_a_gap_is_told_with_is_a_deal_nobody_is_named_for() -> None:
    made = dated(
        row("cfo", when=deal.close_date > date(2027, 3, 1)), row("ceo", when=deal.close_date < date(2027, 2, 1))
    )
    assert told(made) == "Approval 'a': table 't' names nobody for close date from 1 Feb 2027 to 1 Mar 2027"
    named = made.steps["approval:a"].step.by[0].named
    inside = [named(DAYS[0], {"close_date": Day(v=day)}, USD) for day in (date(2027, 2, 1), date(2027, 3, 1))]
    assert inside == [(), ()]
    assert named(DAYS[0], {"close_date": Day(v=date(2027, 3, 2))}, USD)


def test_a_table_of_a_hundred_rows_is_checked_in_a_moment() -> None:
    bands = [row(person(f"p{n}"), when=(deal.amount > usd(n)) & (deal.amount <= usd(n + 1))) for n in range(1, 99)]
    made = dated(row("sales", when=deal.amount <= usd(1)), *bands, row("ceo", when=deal.amount > usd(100)))
    began = time.process_time()
    assert told(made) == "Approval 'a': table 't' names nobody for amount above $99 to $100"
    assert time.process_time() - began < 5
