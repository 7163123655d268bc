"""Rule tables in flows: whom they name, what they cover, what is said of them, and every gap and overlap in them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from activities.catalog import CATALOG, create_project, price_quote, sum_up_lines
from cli.flow_plan_text import plan_text
from models.asking import Role, Row, Table
from models.calendar import business_hours
from models.flow import FlowDef
from models.money import percent, usd
from models.people import Directory
from models.values import Day, Text, Value, Whole
from tests.flows.planning import CLOCK, PEOPLE, STAFF, START, Somebody, planned
from tests.flows.test_checks_doc import templates
from workflows.binding import bind
from workflows.checks import Finding, Menu, check
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
    days,
    fact,
    group,
    managers,
    person,
    pick,
    row,
    table,
)
from workflows.scenarios import scenarios

USD = {"USD": 1}
CFO, VP, REST = deal.amount > usd(100_000), deal.amount > usd(50_000), None


def flow(*steps: Any, **more: Any) -> FlowDef:
    written = Flow("f", Stage("s", Call(price_quote), *steps, on_reject="s", **more), version=1)
    actions = {action.name: action.spec() for action in CATALOG}
    return bind(written, deal, actions=actions, templates=templates(), packets=PACKETS)


def asked(by: Any, **more: Any) -> FlowDef:
    return flow(Approval("a", by=by, **{"within": business_days(2), "escalate_to": "ceo", **more}))


def levels(*more: Row, match: Any = "first") -> Table:
    return table("levels", row("cfo", when=CFO), row("vp_sales", when=VP), row(managers(1)), *more, match=match)


def found(made: FlowDef, **people: set[str]) -> list[Finding]:
    roles = {role: frozenset(names) for role, names in people.items()}
    menu = Menu(roles=frozenset(roles), people=roles) if people else Menu()
    return [each for each in check(made, menu) if each.code not in ("unknown_action", "wrong_type")]


def codes(made: FlowDef, **people: set[str]) -> list[str]:
    return [each.code for each in found(made, **people)]


def told(made: FlowDef, **people: set[str]) -> str:
    [only] = found(made, **people)
    return only.what


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


def dated(*rows: Row, match: Any = "first", **more: Any) -> FlowDef:
    return asked(table("t", *rows, match=match), **more)


OLD, NEW = {"until": date(2026, 12, 31)}, {"since": date(2027, 1, 1)}
GAPS = {
    "between two amounts": (
        dated(row("cfo", when=CFO), row("sales", when=deal.amount < usd(50_000))),
        "Approval 'a': table 't' names nobody for amount from $50,000 to $100,000",
    ),
    "on the line itself": (
        dated(row("cfo", when=CFO), row("sales", when=deal.amount < usd(100_000))),
        "Approval 'a': table 't' names nobody for amount $100,000",
    ),
    "above the last": (
        dated(row("sales", when=deal.amount <= usd(100_000))),
        "Approval 'a': table 't' names nobody for amount above $100,000",
    ),
    "of one choice": (
        dated(row("legal", when=deal.data_class.one_of("public", "internal", "restricted"))),
        "Approval 'a': table 't' names nobody for data class confidential",
    ),
    "of two facts": (
        dated(row("legal", when=deal.data_class.is_("restricted")),
              row("cfo", when=(deal.amount >= usd(7)) & ~deal.data_class.is_("public")),
              row("sales", when=deal.data_class.is_("public"))),
        "Approval 'a': table 't' names nobody for data class internal, amount below $7",
    ),
    "on one day": (
        dated(row("cfo", until=date(2026, 12, 30)), row("ceo", **NEW)),
        "Approval 'a': table 't' has no row in force on 31 Dec 2026",
    ),
    "from a day on": (
        dated(row("cfo", **OLD)),
        "Approval 'a': table 't' has no row in force from 1 Jan 2027 on",
    ),
    "of an amount from a day on": (
        dated(row("cfo", when=CFO), row("sales", when=~CFO, **OLD), row("vp_sales", when=VP, **NEW)),
        "Approval 'a': table 't' names nobody for amount up to $50,000 from 1 Jan 2027 on",
    ),
    "although all rows count": (
        dated(row("cfo", when=CFO), row("legal", when=deal.data_class.is_("restricted")), match="all"),
        "Approval 'a': table 't' names nobody for amount up to $100,000, data class public",
    ),
    "in who is asked when it is late": (
        asked("cfo", escalate_to=table("t", row("ceo", when=CFO), match="first")),
        "Approval 'a': table 't' names nobody for amount up to $100,000",
    ),
    "in who is asked instead": (
        asked("cfo", fallback=table("t", row("ceo", when=CFO), match="first")),
        "Approval 'a': table 't' names nobody for amount up to $100,000",
    ),
    "where a pick leads to it": (
        asked(pick("legal", when=VP, otherwise=table("t", row("cfo", when=CFO), row("sales", when=deal.amount < usd(9)),
                                                     match="first"))),
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("where", [where for where, (_, what) in GAPS.items() if what])
def test_a_gap_in_a_table_is_told_with_the_amount_and_the_days(where: str) -> None:
    made, what = GAPS[where]
    [gap] = found(made)
    assert (gap.code, gap.what, gap.severity) == ("table_gap", what, "error")
    assert gap.line


def test_a_table_is_checked_for_the_deals_that_come_to_it_only() -> None:
    [row_, gap] = found(GAPS["where a pick leads to it"][0])
    assert row_.code == "unreachable_row"
    assert row_.what == "Approval 'a': table 't': the row amount > $100,000 is for no deal that comes here"
    assert (gap.code, gap.what) == ("table_gap", "Approval 'a': table 't' names nobody for amount from $9 to $50,000")
    assert codes(dated(row("cfo", when=CFO), when=CFO)) == []


OVERLAPS = {
    "a narrower row behind": (
        dated(row("vp_sales", when=VP), row("cfo", when=CFO), row("sales")),
        "no deal comes to this row; amount above $100,000 goes to line {0} first",
    ),
    "a row behind one for every deal": (
        dated(row("sales"), row("cfo", when=CFO)),
        "no deal comes to this row; amount above $100,000 goes to line {0} first",
    ),
    "a successor to a row that was not ended": (
        dated(row("cfo", when=CFO), row("ceo", when=CFO, **NEW), row("sales")),
        "no deal comes to this row; amount above $100,000 goes to line {0} first",
    ),
    "a successor to a row that ends too late": (
        dated(row("cfo", when=CFO, until=date(2027, 1, 31)), row("ceo", when=CFO, **NEW), row("sales")),
        ("no deal comes to this row from 1 Jan 2027 to 31 Jan 2027; amount above $100,000 goes to line {0} first, "
         "which is still in force"),
    ),
    "several rows together": (
        dated(row("cfo", when=CFO), row("ceo", when=~CFO), row("sales", when=deal.amount.is_(usd(7))), row("legal")),
        "no deal comes to this row; amount $7 goes to line {1} first",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OVERLAPS)
def test_a_row_that_is_never_the_first_is_told_with_the_amount_and_the_line_that_takes_it(what: str) -> None:
    made, said = OVERLAPS[what]
    rows = made.steps["approval:a"].step.by[0].rows
    first = found(made)[0]
    assert first.code == "table_overlap"
    assert first.what == "Approval 'a': table 't': " + said.format(*(each.line for each in rows))


def test_rows_that_all_count_may_overlap_and_an_exception_for_some_days_may_stand_on_top() -> None:
    assert codes(dated(row("sales"), row("cfo", when=CFO), match="all")) == []
    freeze = {"since": date(2026, 12, 1), "until": date(2026, 12, 31)}
    assert codes(dated(row("ceo", **freeze), row("cfo", when=CFO), row("sales"))) == []


def test_a_row_inside_another_is_a_level_and_one_that_only_crosses_another_may_be_a_slip() -> None:
    assert codes(asked(levels())) == []
    crossing = dated(row("cfo", when=deal.amount >= usd(9)), row("sales", when=deal.amount <= usd(9)))
    [only] = found(crossing)
    assert (only.code, only.severity) == ("rows_compete", "warning")
    assert "amount $9 is for this row and for line" in only.what
    other_facts = dated(row("legal", when=deal.data_class.is_("public")), row("cfo", when=CFO), row("sales"))
    assert codes(other_facts) == []
    assert codes(dated(row("cfo", when=deal.amount >= usd(9)), row("cfo", when=deal.amount <= usd(9)))) == []


def test_one_table_that_several_steps_look_in_is_one_and_two_of_a_name_are_told() -> None:
    one = levels()
    twice = [Approval(name, by=one, within=business_days(2), escalate_to="ceo", covers=covers)
             for name, covers in (("a", None), ("b", [deal.amount]))]  # fmt: skip
    assert codes(flow(*twice)) == []
    other = twice[1].model_copy(update={"by": (table("levels", row("cfo"), match="first"),)})
    assert codes(flow(twice[0], other)) == ["two_tables"]


def test_a_fact_of_a_table_that_is_written_on_some_ways_only_is_told_where_a_row_waits_for_it() -> None:
    sometimes = Call(create_project, when=deal.discount > percent(5))

    def with_rows(*rows: Row) -> list[str]:
        step = Approval(
            "a", by=table("t", *rows, match="first"), within=business_days(2), escalate_to="ceo", covers=[deal.amount]
        )
        return codes(flow(sometimes, step))

    by_project = deal.project.is_("P-1")
    assert with_rows(row("cfo", when=by_project), row("sales")) == ["fact_maybe_unset"]
    assert with_rows(row("ceo", when=deal.discount <= percent(5)), row("cfo", when=by_project), row("sales")) == []
    assert with_rows(row("cfo", when=deal.project.is_set() & by_project), row("sales")) == []
    by = table("t", row("cfo", when=by_project), row("sales"), match="first")
    step = Approval("a", by=by, within=business_days(2), escalate_to="ceo", covers=[deal.amount])
    early = flow(step, Call(create_project))
    [only] = found(early)
    assert only.code == "fact_too_early"
    assert "table 't' reads 'project'" in only.what


def test_whoever_a_row_names_is_looked_for_and_told_in_the_line_of_the_row() -> None:
    rows = (row("ghost", when=CFO), row(person("nobody"), when=VP), row("sales"))
    [role, somebody] = found(dated(*rows), sales={"tom"}, ceo={"eve"})
    assert (role.code, role.line) == ("unknown_role", rows[0].line)
    assert (somebody.code, somebody.line) == ("unknown_person", rows[1].line)
    assert somebody.what == "table 't': there is nobody called 'nobody'"
    assert codes(dated(*rows[1:])) == []  # who there is, is known with --people only


def test_a_quorum_larger_than_a_row_or_its_people_is_told_with_the_amount_and_the_line() -> None:
    rows = (row(["cfo", "legal"], when=CFO), row("sales"))
    [short] = found(dated(*rows, need=2))
    assert (short.code, short.line) == ("need_too_large", rows[1].line)
    assert short.what == "Approval 'a': it needs 2 answers and asks 1: sales, for amount up to $100,000"
    seats = (row(group("legal", need=3), when=CFO), row("sales"))
    [few] = found(dated(*seats), legal={"ann", "bob"}, sales={"tom"}, ceo={"eve"})
    assert (few.code, few.line) == ("too_few_people", seats[0].line)
    assert "3 of legal, each a different person, for amount above $100,000; there is ann, bob" in few.what
    both = dated(row("legal", when=CFO), row("sales"), match="all", need=2)
    assert "sales, for amount up to $100,000" in told(both)
    alone = dated(row("legal", when=CFO), row("sales"), match="all")
    assert "legal and sales, each a different person, for amount above" in told(
        alone, legal={"x"}, sales={"x"}, ceo={"e"}
    )


def test_an_escalation_or_fallback_that_comes_back_to_those_asked_is_told() -> None:
    assert codes(asked("cfo", escalate_to=("ceo", "cfo"))) == ["escalates_in_circle"]
    assert codes(asked("cfo", escalate_to=(["cfo", "ceo"], "ceo"))) == ["escalates_in_circle"]
    assert codes(asked("cfo", escalate_to=("ceo", ["cfo", "legal"]))) == []
    assert codes(asked(["cfo", "legal"], escalate_to="ceo", fallback="legal")) == ["idle_fallback"]
    assert codes(asked("cfo", escalate_to="ceo", fallback=["cfo", "legal"])) == []


def test_an_override_of_two_wants_two_administrators() -> None:
    there = {"cfo": {"dan"}, "ceo": {"eve"}, "admin": {"ada"}}
    assert "there is ada" in told(asked("cfo", override="two"), **there)
    assert codes(asked("cfo", override="two"), **{**there, "admin": {"ada", "bo"}}) == []
    assert codes(asked("cfo", override="none"), **there) == []


def test_hours_of_a_time_that_runs_day_and_night_are_told() -> None:
    assert codes(asked("cfo", within=days(2), hours="person")) == ["idle_hours"]
    assert codes(asked("cfo", within=days(2), hours="person", remind_every=business_hours(4))) == []
    assert codes(asked("cfo", within=days(2))) == []


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
    began = datetime.now(UTC)
    assert told(made) == "Approval 'a': table 't' names nobody for amount above $99 to $100"
    assert datetime.now(UTC) - began < timedelta(seconds=20)
