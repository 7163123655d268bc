"""Facts from a file: typed, with one clear message for each that is wrong, and written back as they were."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from pydantic import BaseModel

from models.facts import CRM, PERSON, Answers, DealFacts, Each, Fact, Ordered, fact
from models.given import GivenWrong, assumed, assumed_form, given, parsed, plain_of, read_given, written_down
from models.money import Money, Percent
from models.values import Day, Digest, Flag, Form, Item, Items, Moment, Number, Text, Whole, digest_of
from tests.models.flying import flow_of
from workflows.language import Stage, Task, days


class Level(StrEnum):
    """How hard it is."""

    LOW = "low"
    HIGH = "high"


class Survey(BaseModel):
    """What somebody found out."""

    level: Level
    seats: int
    budget: Money
    when: date | None = None


class Facts(DealFacts):
    """One fact of every type."""

    discount: Ordered[Percent] = fact(CRM)
    level: Fact[Level] = fact(CRM)
    seats: Ordered[int] = fact(CRM)
    factor: Ordered[Decimal] = fact(CRM)
    budget: Ordered[Money] = fact(CRM)
    urgent: Fact[bool] = fact(CRM)
    until: Ordered[date] = fact(CRM)
    called: Ordered[datetime] = fact(CRM)
    parts: Each[Any] = fact(CRM)
    survey: Answers[Survey] = fact(PERSON)


DEAL = Facts.paths()
FLOW = flow_of(Stage("survey", Task("survey", by="ops", within=days(2), form=DEAL.survey)), facts=DEAL)


def wrong(**plain: Any) -> dict[str, str]:
    with pytest.raises(GivenWrong) as found:
        given(FLOW, plain)
    return found.value.faults


def test_facts_are_written_as_people_write_them():
    facts = given(
        FLOW,
        {
            "title": "Corvane", "discount": "35 %", "level": "high", "seats": "1,200", "factor": Decimal("1.5"),
            "budget": "250000 EUR", "urgent": "yes", "until": "2026-11-30", "called": "2026-11-30T10:00:00+00:00",
            "quote": "offer of 3 November",
        },
    )  # fmt: skip
    assert facts == {
        "title": Text(v="Corvane"), "discount": Percent(value=Decimal(35)), "level": Text(v="high"),
        "seats": Whole(v=1200), "factor": Number(v=Decimal("1.5")),
        "budget": Money(amount=Decimal(250_000), currency="EUR"), "urgent": Flag(v=True),
        "until": Day(v=date(2026, 11, 30)), "called": Moment(v=datetime(2026, 11, 30, 10, tzinfo=UTC)),
        "quote": Digest(sha256=digest_of(b"offer of 3 November"), label="quote"),
    }  # fmt: skip


def test_a_plain_number_is_a_percentage_or_dollars_and_true_is_yes():
    facts = given(FLOW, {"discount": 35, "budget": 250_000, "urgent": True})
    assert [str(value) for value in facts.values()] == ["35 %", "$250,000", "yes"]


def test_null_means_not_known():
    assert given(FLOW, {"discount": None, "seats": 3}) == {"seats": Whole(v=3)}


def test_items_are_kept_by_key_and_by_the_hash_of_all_they_say():
    one = given(FLOW, {"parts": [{"key": 1, "sku": "a"}, {"key": "2", "sku": "b"}]})["parts"]
    other = given(FLOW, {"parts": [{"sku": "a", "key": 1}, {"key": "2", "sku": "c"}]})["parts"]
    assert isinstance(one, Items)
    assert isinstance(other, Items)
    assert [item.key for item in one.items] == ["1", "2"]
    assert one.items[0] == other.items[0]
    assert one.items[1] != other.items[1]


def test_a_form_gives_itself_and_its_fields_nested_or_one_by_one():
    nested = given(FLOW, {"survey": {"level": "high", "seats": 40, "budget": "5000 USD"}})
    single = given(FLOW, {"survey.level": "high", "survey.seats": 40, "survey.budget": "5000 USD"})
    assert nested == single
    assert set(nested) == {"survey", "survey.level", "survey.seats", "survey.budget"}
    assert nested["survey.seats"] == Whole(v=40)
    assert isinstance(nested["survey"], Form)


def test_a_form_no_step_of_the_flow_asks_for_is_read_and_written_all_the_same():
    other = FLOW.model_copy(update={"forms": {}})  # a flow that shares its facts with one that asks for it
    known = given(other, {"survey": {"level": "high", "seats": 40}})
    assert known == given(other, {"survey.level": "high", "survey.seats": 40})
    assert known["survey.seats"] == Whole(v=40)
    assert given(other, {"survey": {}}) == {}
    assert assumed_form(other, "survey") == {"survey": Form(v="{}")}
    assert given(other, written_down(other, known)) == known
    with pytest.raises(GivenWrong, match=r"there is no fact 'survey\.seets'; did you mean 'survey\.seats'"):
        given(other, {"survey": {"seets": 3}})


def test_a_form_that_is_not_complete_gives_the_fields_it_has():
    assert given(FLOW, {"survey": {"seats": 40, "level": None}}) == {"survey.seats": Whole(v=40)}


@pytest.mark.parametrize(
    ("path", "raw", "said"),
    [
        ("discuont", 3, "there is no fact 'discuont'; did you mean 'discount'?"),
        ("zzz", 3, "there is no fact 'zzz'; the facts are title, account, owner, signatory, lines"),
        ("discount", "a lot", "discount is a percentage such as 15, not 'a lot'"),
        ("seats", 3.5, "seats is a whole number such as 60, not '3.5'"),
        ("seats", True, "seats is a whole number such as 60, not 'True'"),
        ("seats", [3], "seats is one whole, not a list"),
        ("budget", "5000 dollars", "budget is a sum such as 5000, 5,000.50 or 5000 EUR"),
        ("budget", "300.000,00 USD", "budget is a sum such as 5000, 5,000.50 or 5000 EUR, not '300.000,00 USD'"),
        ("budget", "48,00", "budget is a sum such as 5000, 5,000.50 or 5000 EUR, not '48,00'"),
        ("budget", "1e400 USD", "budget is a sum"),
        ("seats", "1,5", "seats is a whole number such as 60, not '1,5'"),
        ("discount", "12,5 %", "discount is a percentage such as 15, not '12,5 %'"),
        ("level", "middle", "level is one of low, high, not 'middle'"),
        ("title", True, "title is a text, not true; put it in quotes"),
        ("until", "30.11.2026", "until is a date such as 2026-11-30, not '30.11.2026'"),
        ("called", "2026-11-30T10:00:00", "called is a time such as 2026-11-30T10:00:00Z"),
        ("parts", {"key": "1"}, "parts is a list of entries with a key each"),
        ("parts", [{"sku": "a"}], "entry 1 has no key"),
        ("parts", [{"key": "1"}, {"key": 1}], "parts has two entries with the key '1'"),
        ("survey", "high", "survey is a form: an object with level, seats, budget, when"),
        ("survey", {"level": "high", "seats": "many", "budget": 5}, "survey.seats is a whole number"),
        ("survey", {"seets": 3}, "there is no fact 'survey.seets'; did you mean 'survey.seats'?"),
        ("survey.seets", 3, "there is no fact 'survey.seets'; did you mean 'survey.seats'?"),
    ],
)
def test_what_is_wrong_is_said_by_fact(path, raw, said):
    assert said in "".join(wrong(**{path: raw}).values())


@pytest.mark.parametrize(
    ("raw", "sum_"),
    [("48,000.50", "48000.50"), ("$48,000 USD", "48000"), (48000, "48000"), (Decimal("4.8e4"), "48000"), ("-5", "-5")],
)
def test_a_sum_may_be_written_with_commas_between_thousands(raw, sum_):
    assert given(FLOW, {"budget": raw}) == {"budget": Money(amount=Decimal(sum_), currency="USD")}


def test_every_fault_is_said_at_once():
    assert list(wrong(discount="a lot", seats="many", budget=3)) == ["discount", "seats"]


def test_a_long_wrong_value_does_not_fill_the_screen():
    assert len(wrong(seats="9" * 5000 + "x")["seats"]) < 250


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ("[1]", "holds a list; facts are an object"),
        ('"a"', "holds a text; facts are an object"),
        ("null", "holds null; facts are an object"),
        ('{"discount": NaN}', "NaN is no number"),
        ('{"discount": 1, "discount": 2}', "'discount' is given twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_holds_no_facts_says_why(tmp_path, written, said):
    path = tmp_path / "facts.json"
    path.write_text(written)
    with pytest.raises(GivenWrong, match=said.replace("(", r"\(")) as found:
        read_given(FLOW, path)
    assert "\n" not in str(found.value)


def test_a_file_that_is_not_there_or_not_text_says_so(tmp_path):
    with pytest.raises(GivenWrong, match="there is no"):
        read_given(FLOW, tmp_path / "nothing.json")
    with pytest.raises(GivenWrong, match="cannot be read"):
        read_given(FLOW, tmp_path)
    (tmp_path / "facts.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(GivenWrong, match="cannot be read"):
        read_given(FLOW, tmp_path / "facts.json")


def test_numbers_in_a_file_stay_exact():
    assert given(FLOW, parsed('{"discount": 24.60, "factor": 0.1}'))["factor"] == Number(v=Decimal("0.1"))


def test_what_is_made_up_has_the_facts_type_and_is_always_the_same():
    for spec in FLOW.facts.values():
        value = assumed(FLOW, spec)
        assert value.t == spec.type
        assert value == assumed(FLOW, spec)
        assert not spec.options or str(value) in spec.options


def test_a_made_up_form_takes_the_answers_that_are_known_and_picks_from_its_own_choices():
    made = assumed_form(FLOW, "survey", {"survey.seats": Whole(v=7)})
    assert made["survey.seats"] == Whole(v=7)
    assert made["survey.level"] == Text(v="low")


wholes = st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
every = st.fixed_dictionaries(
    {},
    optional={
        "title": st.builds(Text, v=texts),
        "discount": st.builds(Percent, value=numbers),
        "level": st.sampled_from([Text(v="low"), Text(v="high")]),
        "seats": st.builds(Whole, v=wholes),
        "factor": st.builds(Number, v=numbers),
        "budget": st.builds(Money, amount=numbers, currency=st.sampled_from(["USD", "EUR", "JPY"])),
        "urgent": st.builds(Flag, v=st.booleans()),
        "until": st.builds(Day, v=st.dates()),
        "called": st.builds(Moment, v=moments),
        "quote": st.builds(Digest, sha256=texts.map(lambda t: digest_of(t.encode())), label=texts | st.just("")),
        "parts": st.lists(texts, unique=True, max_size=3).map(
            lambda keys: Items(items=tuple(Item(key=k, digest=digest_of(k.encode())) for k in keys))
        ),
        "survey": st.builds(lambda seats: assumed_form(FLOW, "survey", {"survey.seats": Whole(v=seats)}), wholes),
    },
)


@drawn(every)
def test_facts_written_down_are_read_back_as_they_were(facts):
    flat = {path: value for path, value in facts.items() if path != "survey"} | facts.get("survey", {})
    text = json.dumps(written_down(FLOW, flat))
    assert given(FLOW, parsed(text)) == flat
    assert all(plain_of(value) is not None for value in flat.values())
