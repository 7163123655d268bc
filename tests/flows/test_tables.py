"""Rule tables in flows: what they cover, whom they name, and how plan, scenarios and picture tell it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from activities.catalog import CATALOG, sum_up_lines
from cli.flow_plan_text import plan_text
from models.calendar import business_hours
from models.money import percent, usd
from models.people import Directory
from tests.flows.planning import CLOCK, PEOPLE, STAFF, START, Somebody, planned
from tests.flows.tables import asked, flow, found, levels
from tests.flows.test_checks_doc import templates
from workflows.binding import bind
from workflows.drawing.words import clock, who
from workflows.flows.facts import Facts, deal
from workflows.flows.packets import PACKETS
from workflows.language import (
    HIGHER,
    STEP,
    Approval,
    Call,
    Flow,
    Money,
    Ordered,
    Percent,
    Stage,
    Task,
    business_days,
    calendar,
    fact,
    person,
    row,
    table,
)
from workflows.scenarios import scenarios


def test_a_table_covers_the_facts_of_its_rules_and_keeps_its_digest_wherever_it_is_written() -> None:
    made = asked(table("t", row("cfo", when=deal.payment_days > 60), row("legal", when=deal.data_class.is_("public")),
                       row("sales"), match="first"))  # fmt: skip
    step = made.steps["approval:a"].step
    assert {"payment_days", "data_class"} <= set(step.covered)
    same = asked(table(
        "t",
        row("cfo", when=deal.payment_days > 60),
        row("legal", when=deal.data_class.is_("public")),
        row("sales"), match="first",
    ))  # fmt: skip
    assert made.digest == same.digest
    assert step.by != same.steps["approval:a"].step.by
    assert "payment_days" in asked("cfo", fallback=table("t", row("cfo", when=deal.payment_days > 60), row("legal"),
                                                         match="first")).steps["approval:a"].step.covered  # fmt: skip


def test_what_says_nothing_of_hours_fallback_and_override_is_written_down_as_before() -> None:
    plain = asked("cfo").steps["approval:a"].step.model_dump(mode="json")
    assert not {"hours", "fallback"} & set(plain["patience"])
    assert "override" not in plain
    ours = asked("cfo", hours="person", fallback=["sales", person("noor")], override="two").steps["approval:a"].step
    assert (ours.patience.hours, ours.override) == ("person", "two")
    assert [each.is_ for each in ours.patience.fallback] == ["role", "person"]
    task = flow(Task("t", by=person("noor"), within=business_hours(4), escalate_to="ceo", hours=calendar("Asia/Tokyo")))
    assert task.steps["task:t"].step.patience.hours.zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("amount", "names"),
    [(50_000, {"vera"}), (50_001, {"vera"}), (100_000, {"vera"}), (100_001, {"daniel"})],
)
def test_a_plan_asks_whom_the_first_row_names_with_the_row_and_the_deals_amount(amount: int, names: set[str]) -> None:
    made = planned(asked(levels()), amount=amount)
    [party] = made.step("approval:a").asked
    assert set(party.people) == names
    because = {50_000: "every other deal", 50_001: "amount $50,001 > $50,000", 100_000: "amount $100,000 > $50,000",
               100_001: "amount $100,001 > $100,000"}[amount]  # fmt: skip
    assert party.because == f"table levels: {because}"
    assert f"by table levels: {because}" in " ".join(" ".join(plan_text(made, {})).split())


def test_a_table_of_all_rows_asks_everybody_who_is_named_once() -> None:
    made = planned(asked(levels(match="all")), amount=200_000)
    assert [party.who for party in made.step("approval:a").asked] == ["cfo", "vp sales", "the owner's manager"]
    assert [party.because for party in made.step("approval:a").asked][2] == "table levels: every deal"


def test_a_row_counts_from_its_first_to_its_last_day() -> None:
    dated = table("t", row("cfo", until=date(2026, 11, 30)), row("vp_sales", since=date(2026, 12, 1)), match="first")
    for day, people in ((30, ("daniel",)), (31, ("vera",))):
        start = datetime(2026, 11, 30, 15, tzinfo=UTC) + timedelta(days=day - 30)
        assert planned(asked(dated), start=start).step("approval:a").asked[0].people == people


def test_scenarios_show_every_row_of_a_table() -> None:
    made = scenarios(asked(levels()), people=STAFF, clock=CLOCK, start=START)
    rows = [branch.rpartition("table levels ")[2] for branch in made.branches if "table levels" in branch]
    assert rows == ["because amount > $100,000", "because amount > $50,000", "otherwise"]
    assert made.unreached == ()
    assert len(made.scenarios) == 3


def test_scenarios_show_each_row_of_a_table_in_which_all_count() -> None:
    high, middle = row("cfo", when=deal.amount > usd(100_000)), row("finance", when=deal.amount > usd(50_000))
    every = table("levels", high, middle, row("legal"), match="all")
    made = scenarios(asked(every), people=STAFF, clock=CLOCK, start=START)
    rows = [branch.rpartition("table levels ")[2] for branch in made.branches if "table levels" in branch]
    assert rows == ["because amount > $100,000", "because amount > $50,000", "otherwise"]
    assert made.unreached == ()
    assert len(made.scenarios) == made.at_least == 2, "what the greatest amount brings brings the lesser row too"


def test_scenarios_show_the_rows_that_are_in_force_on_their_day() -> None:
    old = row("cfo", when=deal.amount > usd(100_000), until=date(2026, 12, 31))
    new = row("ceo", when=deal.amount > usd(200_000), since=date(2027, 1, 1))
    made = asked(table("t", old, new, row("sales"), match="first"))
    for start, sum_ in ((START, "$100,000"), (START + timedelta(days=90), "$200,000")):
        shown = scenarios(made, people=STAFF, clock=CLOCK, start=start)
        rows = [branch.rpartition("table t ")[2] for branch in shown.branches if "table t" in branch]
        assert rows == [f"because amount > {sum_}", "otherwise"]
        assert (shown.unreached, len(shown.scenarios)) == ((), 2)


def test_a_person_who_is_named_is_asked_and_nobody_else() -> None:
    assert planned(asked(person("noor"))).step("approval:a").asked[0].people == ("noor",)


def test_a_plan_says_whose_hours_count_and_counts_them() -> None:
    theirs = Directory(
        (Somebody(each.id, each.roles, each.manager) for each in PEOPLE),
        calendars={"noor": calendar("Asia/Tokyo", "9-17", country="JP")},
    )
    step = Approval("a", by="finance", within=business_hours(2), escalate_to="ceo", hours="person")
    made = planned(flow(step), people=theirs)
    company = planned(flow(step.model_copy(update={"patience": step.patience.model_copy(update={"hours": "company"})})))
    assert made.step("approval:a").within == "2 business hours in their own hours"
    # Noor's next working day begins at 9 in Tokyo: Wednesday 25 November, 0:00 UTC.
    assert made.step("approval:a").due == datetime(2026, 11, 25, 2, tzinfo=UTC)
    assert company.step("approval:a").due == datetime(2026, 11, 24, 17, tzinfo=UTC)
    fixed = planned(asked("finance", within=business_hours(2), hours=calendar("Asia/Tokyo")), people=STAFF)
    assert fixed.step("approval:a").due == made.step("approval:a").due
    assert fixed.step("approval:a").within == "2 business hours in Asia/Tokyo, Mon to Fri 9:00-17:00"


def test_a_later_request_in_peoples_own_hours_is_at_the_latest_when_their_next_day_is_over() -> None:
    theirs = Directory(
        (Somebody(each.id, each.roles, each.manager) for each in PEOPLE),
        calendars={"noor": calendar("Asia/Tokyo", "9-17", country="JP")},
    )
    first = Approval("first", by="cfo", within=business_days(2), escalate_to="ceo")
    second = Approval("a", by="finance", within=business_hours(2), escalate_to="ceo", hours="person", covers=[])
    made = planned(flow(first, second), people=theirs)
    assert made.step("approval:first").latest == datetime(2026, 11, 25, 23, tzinfo=UTC)
    assert made.step("approval:a").latest == datetime(2026, 11, 26, 2, tzinfo=UTC)


def test_a_picture_names_the_people_of_a_table_whose_hours_count_and_who_is_asked_instead() -> None:
    step = asked(levels(), hours="person", fallback="sales_ops").steps["approval:a"].step
    assert who(step) == "cfo, vp sales or the owner's manager by table levels; if nobody can, sales ops"
    assert clock(step) == "2 business days in their own hours, then ceo"
    assert clock(asked("cfo", hours=calendar("Asia/Tokyo")).steps["approval:a"].step).startswith(
        "2 business days in Asia/Tokyo"
    )
    assert who(asked(levels(match="all")).steps["approval:a"].step).startswith("cfo, vp sales and the owner's manager")


class Sums(Facts):
    """The company's facts, with what the lines add up to."""

    line_count: Ordered[int] = fact(STEP)
    family_count: Ordered[int] = fact(STEP)
    largest_family: Ordered[int] = fact(STEP, worse=HIGHER)
    given_away: Ordered[Money] = fact(STEP, worse=HIGHER)
    largest_discount: Ordered[Percent] = fact(STEP, worse=HIGHER)


SUMS = Sums.paths()
ORDINARY = {"line_count": 2, "family_count": 2, "largest_family": 1, "given_away": 1_000, "largest_discount": 10}


@pytest.mark.parametrize(
    ("sums", "asked_", "because"),
    [
        ({}, {}, {}),
        ({"given_away": 5_000}, {}, {}),
        ({"given_away": 5_001}, {"discounts": "deal desk"}, {"discounts": "every other deal"}),
        ({"given_away": 40_000}, {"discounts": "cfo"}, {"discounts": "given away $40,000 >= $40,000"}),
        ({"largest_discount": 36}, {"discounts": "vp sales"}, {"discounts": "largest discount 36 % > 35 %"}),
        ({"largest_family": 3}, {"family": "delivery head"}, {}),
        ({"largest_family": 3, "family_count": 5}, {}, {}),
        ({"line_count": 21, "largest_family": 2}, {"family": "delivery head"}, {}),
    ],
)
def test_steps_and_rows_depend_on_what_the_lines_add_up_to(
    sums: dict[str, Any], asked_: dict[str, str], because: dict[str, str]
) -> None:
    by = table("given-away", row("cfo", when=SUMS.given_away >= usd(40_000)),
               row("vp_sales", when=SUMS.largest_discount > percent(35)), row("deal_desk"), match="first")  # fmt: skip
    many = (SUMS.largest_family > 2) | (SUMS.line_count > 20)
    steps = (
        Call(sum_up_lines),
        Approval("discounts", by=by, within=business_days(1), escalate_to="ceo",
                 when=(SUMS.given_away > usd(5_000)) | (SUMS.largest_discount > percent(35))),
        Approval("family", by="delivery_head", within=business_days(1), escalate_to="ceo",
                 when=many & (SUMS.family_count < 5)),
    )  # fmt: skip
    actions = {action.name: action.spec() for action in CATALOG}
    written = Flow("f", Stage("s", *steps, on_reject="s"), version=1)
    made = bind(written, SUMS, actions=actions, templates=templates(), packets=PACKETS)
    assert found(made) == []
    shown = planned(made, **{**ORDINARY, **sums})
    people = {step.title.lower(): party.who for step in shown.steps for party in step.asked}
    rows = {step.title.lower(): party.because for step in shown.steps for party in step.asked if party.because}
    assert people == asked_
    assert rows == {title: f"table given-away: {words}" for title, words in because.items()}


def test_a_table_that_asks_for_a_rate_nobody_knows_is_a_question_and_asks_nobody() -> None:
    made = planned(asked(levels()), amount="48000 EUR")
    assert [(stop.step, stop.reason) for stop in made.stops] == [
        ("approval:a", "no exchange rate is known for amount €48,000; give it in USD")
    ]
    assert made.step("approval:a").asked == ()
