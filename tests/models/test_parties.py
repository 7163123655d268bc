"""Whom a rule table names: by the deal's facts, on the days its rows are in force, kept as of first use."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from models.asking import Role, Row, Table
from models.money import percent, usd
from models.values import Text
from tests.models.colleagues import PEOPLE, Colleague, Staffed
from tests.models.flying import T0, flow_of
from workflows.flows.facts import deal
from workflows.language import Approval, Stage, business_days, lost
from workflows.language import usd as dollars

STEP = "approval:regional"
NEW_YEAR = date(2027, 1, 1)


def roles(*names: str) -> tuple[Role, ...]:
    return tuple(Role(role=name) for name in names)


def rows_by_amount(match="first") -> Table:
    return Table(name="by-amount", match=match, rows=(
        Row(when=deal.amount >= dollars(100_000), who=roles("cfo")),
        Row(when=deal.amount >= dollars(10_000), who=roles("finance")),
        Row(who=roles("sales_ops")),
    ))  # fmt: skip


def flown(table: Table, *, at: datetime = T0, **facts):
    """Return a deal whose table is first used at an instant, once legal has agreed."""
    patience = {"within": business_days(2), "on_reject": lost("no")}
    steps = Approval("legal", by="legal", **patience), Approval("regional", by=table, **patience)
    flight = Staffed(flow_of(Stage("one", *steps)), people=(*PEOPLE, Colleague("wes", ("west",))), owner=Text(v="dana"))
    flight.state.facts |= facts
    flight.now = at
    flight.answer("hanna", "approval:legal")
    return flight


@pytest.mark.parametrize(
    ("amount", "match", "asked"),
    [
        (500_000, "first", {"daniel"}), (50_000, "first", {"noor", "nils"}), (5_000, "first", {"iris"}),
        (500_000, "all", {"daniel", "noor", "nils", "iris"}), (50_000, "all", {"noor", "nils", "iris"}),
    ],
)  # fmt: skip
def test_the_deals_amount_decides_which_rows_name_the_approvers(amount, match, asked):
    assert set(flown(rows_by_amount(match), amount=usd(amount)).asked(STEP)) == asked


def test_a_missing_amount_is_asked_for_and_nobody_is_asked_by_guess():
    flight = flown(rows_by_amount())
    assert [(wait.question, wait.reason) for wait in flight.waits()] == [("missing", "not known yet: amount")]


def test_rows_hold_on_their_days_and_a_deal_keeps_those_of_the_day_it_first_asked():
    table = Table(name="west", match="first", rows=(
        Row(who=roles("finance"), until=date(2026, 12, 31)), Row(who=roles("west"), since=NEW_YEAR),
    ))  # fmt: skip
    assert flown(table, at=datetime(2027, 1, 4, 15, tzinfo=UTC)).asked(STEP) == ["wes"]
    december = flown(table)
    december.now = datetime(2027, 1, 4, 15, tzinfo=UTC)
    december.staff()
    assert set(december.asked(STEP)) == {"noor", "nils"}
    december.staff(Colleague("noor", ("finance",), active=False))
    assert december.asked(STEP) == ["nils"], "whom a row's role means is looked up live"


def test_a_row_that_becomes_true_while_the_request_is_open_asks_its_people_instead():
    flight = flown(rows_by_amount(), amount=usd(50_000))
    flight.state.facts["amount"] = usd(200_000)
    flight.staff()
    assert flight.asked(STEP) == ["daniel"]


def test_a_yes_of_the_row_before_is_not_the_yes_of_the_row_now():
    flight = flown(rows_by_amount("all"), amount=usd(50_000))
    flight.answer("noor", STEP)
    flight.state.facts["amount"] = usd(200_000)
    flight.staff()
    assert set(flight.waiting_on(STEP)) >= {"daniel"}


def test_where_no_row_fits_it_is_an_incident_that_names_the_table():
    flight = flown(Table(name="big-only", match="first", rows=rows_by_amount().rows[:1]), amount=usd(1))
    wait = flight.waits()[0]
    assert wait.kind == "incident"
    assert "table big-only" in wait.reason


def test_an_approval_by_a_table_stands_while_the_row_is_the_same_and_is_asked_of_the_new_row_otherwise():
    step = Approval(
        "regional", by=rows_by_amount(), within=business_days(2), on_reject=lost("no"), covers=[deal.discount]
    )
    then = Approval("legal", by="legal", within=business_days(2), on_reject=lost("no"))
    flight = Staffed(flow_of(Stage("one", step, then)), owner=Text(v="dana"), discount=percent(10))
    flight.state.facts["amount"] = usd(50_000)
    flight.crm(account=Text(v="C"))
    flight.answer("noor", STEP)
    for amount, state in ((60_000, "settled"), (300_000, "open")):
        flight.state.facts["amount"] = usd(amount)
        flight.crm(account=Text(v=f"C{amount}"))
        assert flight.is_(STEP) == state
    assert flight.waiting_on(STEP) == ("daniel",)
