"""What is said of rule tables: gaps, overlaps, rows nobody comes to, people who are missing, each with its line."""

from __future__ import annotations

from datetime import date

import pytest

from activities.catalog import create_project
from models.asking import Row
from models.calendar import business_hours
from models.money import percent, usd
from tests.flows.tables import CFO, VP, asked, codes, dated, flow, found, levels, told
from workflows.flows.facts import deal
from workflows.language import (
    Approval,
    Call,
    business_days,
    days,
    group,
    person,
    pick,
    row,
    table,
)

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
