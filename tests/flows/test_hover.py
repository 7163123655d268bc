"""What an editor shows over a word: one sentence, an example that is right, and a line for every parameter."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from activities.catalog import create_project, price_quote
from models.flow import FlowDef, StageDef
from workflows import language
from workflows.language import CRM, PERSON, Answers, Each, Fact, Money, Ordered, fact
from workflows.wording import node

WORDS = (
    "Flow", "Stage", "Approval", "Call", "Render", "Signature", "Task", "Wait", "Parallel", "When", "Handoff", "Subflow"
)  # fmt: skip
SMALL = ("won", "lost", "cancelled", "group", "managers", "owner", "customer", "person", "row", "table", "calendar",
         "pick", "fact", "business_days", "business_hours", "days", "hours", "minutes", "percent", "usd")  # fmt: skip
SELF_EVIDENT = {("Flow", "stages"), ("Stage", "name"), ("Stage", "steps"), ("Approval", "name"), ("Task", "name"),
                ("When", "rule"), ("When", "steps")}  # fmt: skip


class Survey(BaseModel):
    """What a survey of a site finds."""

    rooms: int


class Facts(language.DealFacts):
    """Everything the examples name."""

    discount: Ordered[language.Percent] = fact(CRM)
    amount: Ordered[Money] = fact(CRM)
    term_months: Ordered[int] = fact(CRM)
    region: Fact[str] = fact(CRM)
    region_lead: Fact[str] = fact(CRM)
    po_number: Fact[str] = fact(CRM)
    start_date: Ordered[date] = fact(CRM)
    sites: Each[Any] = fact(CRM)
    survey: Answers[Survey] = fact(PERSON)


NAMES = {
    **{name: getattr(language, name) for name in language.__all__},
    "deal": Facts.paths(), "date": date, "price_quote": price_quote, "create_project": create_project,
    "site_survey": language.Flow("site-survey", version=1),
}  # fmt: skip


def word(name: str) -> Callable[..., Any]:
    return getattr(language, name)


def examples(name: str) -> list[str]:
    """The indented examples of a docstring, each as one line."""
    text = inspect.getdoc(word(name)) or ""
    indented = re.findall(r"(?m)(?:^    .*\n?)+", text.partition("\n\n")[2])
    return [
        re.sub(r"\s*\n\s+", " ", each).strip()
        for block in indented[:1]
        for each in re.split(r"\n(?=    \S)(?!     )", block)
    ]


@pytest.mark.parametrize("name", [*WORDS, *SMALL])
def test_a_word_begins_with_a_sentence_that_fits_one_line(name: str) -> None:
    first = (inspect.getdoc(word(name)) or "").splitlines()[0]
    assert re.fullmatch(r"[A-Z`].{15,115}[.:].*", first), first


@pytest.mark.parametrize("name", WORDS)
def test_every_parameter_of_a_word_is_explained(name: str) -> None:
    text = inspect.getdoc(word(name)) or ""
    silent = [
        parameter
        for parameter in inspect.signature(word(name)).parameters
        if (name, parameter) not in SELF_EVIDENT and not re.search(rf"(?m)(^|\. ){parameter}: \S", text)
    ]
    assert silent == []


@pytest.mark.parametrize("name", WORDS)
def test_no_parameter_is_explained_that_is_none(name: str) -> None:
    text = inspect.getdoc(word(name)) or ""
    explained = re.findall(r"(?m)^([a-z_]+): ", text)
    assert set(explained) <= set(inspect.signature(word(name)).parameters)


@pytest.mark.parametrize("name", WORDS)
def test_the_example_of_a_word_can_be_written_so(name: str) -> None:
    shown = [each for each in examples(name) if "..." not in each]
    assert examples(name)
    for each in shown:
        made = eval(each, NAMES)
        assert isinstance(made, FlowDef | StageDef) or node(made) == made
        assert type(made).__name__ == f"{name}Def"


def test_the_examples_of_a_rule_table_and_its_rows_can_be_written_so() -> None:
    [one], [whole] = examples("row"), examples("table")
    made = eval(one, NAMES)
    assert (made.who[0].role, made.since) == ("cfo", date(2027, 1, 1))
    by = eval(f"dict({whole})", NAMES)["by"]
    assert [len(row.who) for row in by.rows] == [1, 1, 1]
    said = re.findall(r"hours=(calendar\(.*\))", inspect.getdoc(language.calendar) or "")
    assert eval(said[0], NAMES).zone == "Asia/Tokyo"


def test_most_examples_are_complete() -> None:
    whole = [name for name in WORDS if any("..." not in each for each in examples(name))]
    assert set(WORDS) - set(whole) <= {"Flow", "Stage", "Parallel", "When"}


def test_the_line_of_every_word_is_the_authors() -> None:
    here = inspect.currentframe()
    assert here is not None
    made = (
        language.Approval("a", by="cfo", within=language.days(1)), language.Call(price_quote),
        language.Render("d", template="t"), language.Signature("d", within=language.days(1)),
        language.Task("t", by="cfo", within=language.days(1)), language.Wait("w", until=NAMES["deal"].start_date),
        language.Handoff("p", to="cfo", within=language.days(1)), language.Subflow(NAMES["site_survey"]),
        language.Stage("s"), language.Flow("f", version=1),
        language.row("cfo"), language.table("t", language.row("cfo"), match="first"),
    )  # fmt: skip
    first = here.f_lineno - 8
    assert {each.line - first for each in made} <= set(range(9)), [each.line for each in made]
    assert made[-3].file == __file__
