"""What is called impossible has no facts that make it so, and what is called always true holds for all: tried out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from models.facts import FactSpec, Source
from models.money import Money, Percent, percent, usd
from models.reasoning import (
    NO,
    UNDECIDED,
    YES,
    always,
    equal,
    idle_parts,
    implies,
    impossible_parts,
    possible,
    satisfiable,
)
from models.rules import Compare, Every, IsSet, Not, Rates, Rule, Some, holds, text
from models.values import Day, Flag, Moment, Number, Text, Value, Whole

RATES: Rates = {"USD": Decimal(1), "EUR": Decimal(2)}
CLASSES = ("public", "internal", "restricted")
SPECS = {
    path: FactSpec(path=path, type=kind, source=Source.CRM, options=options)
    for path, kind, options in [
        ("days", "whole", ()),
        ("share", "percent", ()),
        ("worth", "money", ()),
        ("grade", "text", CLASSES),
        ("name", "text", ()),
        ("due", "day", ()),
        ("urgent", "flag", ()),
    ]
}


def day(n: int) -> Day:
    return Day(v=date(2026, 1, 1) + timedelta(days=n))


def eur(n: int) -> Money:
    return Money(amount=Decimal(n), currency="EUR")


# Every value that comparisons with the named ones can tell apart, for each fact; None is unset.
WORLD: dict[str, list[Value | None]] = {
    "days": [None, *(Whole(v=n) for n in range(-1, 5))],
    "share": [None, *(percent(Decimal(n) / 2) for n in range(-1, 8))],
    "worth": [None, *(usd(Decimal(n) / 2) for n in range(-1, 8)), *(eur(n) for n in range(3)),
              Money(amount=Decimal(1), currency="CHF")],
    "grade": [None, *(Text(v=each) for each in CLASSES)],
    "name": [None, *(Text(v=each) for each in ("ada", "bo", "somebody else"))],
    "due": [None, *(day(n) for n in range(-1, 5))],
    "urgent": [None, Flag(v=True), Flag(v=False)],
}  # fmt: skip
NAMED: dict[str, list[Value]] = {
    "days": [Whole(v=n) for n in range(4)],
    "share": [percent(n) for n in range(4)],
    "worth": [usd(n) for n in range(4)],
    "grade": [Text(v=each) for each in CLASSES],
    "name": [Text(v="ada"), Text(v="bo")],
    "due": [day(n) for n in range(4)],
    "urgent": [Flag(v=True), Flag(v=False)],
}
ORDERED = {"days", "share", "worth", "due"}


def atoms(fact: str) -> st.SearchStrategy[Rule]:
    ops = [">", ">=", "<", "<=", "is"] if fact in ORDERED else ["is"]
    one = st.builds(lambda op, v: Compare(fact=fact, op=op, values=(v,)), st.sampled_from(ops), _named(fact))
    some = st.lists(_named(fact), min_size=1, max_size=3, unique=True)
    several = some.map(lambda vs: Compare(fact=fact, op="one of", values=tuple(vs)))
    return st.one_of(one, one, several, st.just(IsSet(fact=fact)))


def _named(fact: str) -> st.SearchStrategy[Value]:
    return st.sampled_from(NAMED[fact])


@st.composite
def rules(draw: st.DrawFn, facts: tuple[str, ...] | None = None) -> Rule:
    about = facts or tuple(draw(st.lists(st.sampled_from(sorted(WORLD)), min_size=1, max_size=2, unique=True)))
    leaf = st.sampled_from(about).flatmap(atoms)
    joined = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Every(rules=tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Some(rules=tuple(parts))),
            inner.map(lambda rule: Not(rule=rule)),
        ),
        max_leaves=7,
    )
    return draw(joined)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Rule, Rule]:
    about = tuple(draw(st.lists(st.sampled_from(sorted(WORLD)), min_size=1, max_size=2, unique=True)))
    return draw(rules(about)), draw(rules(about))


def worlds(*about: Rule) -> Iterator[dict[str, Value]]:
    """Every combination of facts that can matter to the rules."""
    paths = sorted({path for path in WORLD if any(f'"{path}"' in rule.model_dump_json() for rule in about)})
    for values in itertools.product(*(WORLD[path] for path in paths)):
        yield {path: value for path, value in zip(paths, values, strict=True) if value is not None}


def verdicts(rule: Rule) -> set[bool | None]:
    return {holds(rule, facts, RATES) for facts in worlds(rule)}


@settings(max_examples=100, deadline=None)
@given(rules())
def test_what_is_called_impossible_is_never_so_and_nothing_else_is(rule: Rule) -> None:
    assert satisfiable([rule], SPECS) is (True in verdicts(rule)), text(rule)


@settings(max_examples=100, deadline=None)
@given(rules())
def test_what_is_called_always_true_holds_wherever_its_facts_are_known_and_nothing_else_does(rule: Rule) -> None:
    assert always([rule], SPECS) is (False not in verdicts(rule)), text(rule)


@settings(max_examples=100, deadline=None)
@given(pairs())
def test_one_rule_implies_another_exactly_where_that_is_so_for_all_facts(both: tuple[Rule, Rule]) -> None:
    one, other = both
    really = all(holds(other, f, RATES) is True for f in worlds(one, other) if holds(one, f, RATES) is True)
    assert implies([one], other, SPECS) is really, f"{text(one)} / {text(other)}"


@settings(max_examples=100, deadline=None)
@given(pairs())
def test_equal_rules_come_to_the_same_for_all_facts_known_or_not(both: tuple[Rule, Rule]) -> None:
    one, other = both
    really = all(holds(one, f, RATES) is holds(other, f, RATES) for f in worlds(one, other))
    assert equal(one, other, SPECS) is really, f"{text(one)} / {text(other)}"


@settings(max_examples=100, deadline=None)
@given(rules())
def test_an_idle_part_can_be_left_out_and_an_impossible_part_never_holds(rule: Rule) -> None:
    for part in impossible_parts(rule, SPECS):
        assert True not in verdicts(part)
    idle = idle_parts(rule, SPECS)
    rest = idle[-1][1] if idle else rule
    for facts in worlds(rule):
        assert holds(rest, facts, RATES) is holds(rule, facts, RATES)


@settings(max_examples=100, deadline=None)
@given(rules(), st.sampled_from(sorted(WORLD)))
def test_what_nobody_knows_and_what_is_known_is_taken_into_account(rule: Rule, fact: str) -> None:
    for way, held in ((NO, False), (UNDECIDED, None), (YES, True)):
        without = {holds(rule, f, RATES) for f in worlds(rule) if fact not in f}
        assert possible([(rule, way)], SPECS, unset=frozenset({fact})) or held not in without


def test_whole_numbers_and_days_have_nothing_between_neighbours_and_shares_have() -> None:
    def between(fact: str, low: Value, high: Value) -> bool:
        over, under = (Compare(fact=fact, op=op, values=(v,)) for op, v in ((">", low), ("<", high)))
        return satisfiable([over, under])

    assert not between("days", Whole(v=3), Whole(v=4))
    assert between("days", Whole(v=3), Whole(v=5))
    assert not between("due", day(3), day(4))
    assert between("share", percent(3), percent(4))
    assert not between("share", percent(4), percent(4))
    assert between("n", Number(v=Decimal(3)), Number(v=Decimal("3.001")))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert between("at", Moment(v=noon), Moment(v=noon + timedelta(seconds=1)))
    assert not between("due", Day(v=date.max), Day(v=date.max))


def test_amounts_of_two_currencies_are_not_compared() -> None:
    high, low = (Compare(fact="worth", op=op, values=(v,)) for op, v in ((">", usd(100)), ("<", eur(50))))
    assert satisfiable([high, low], SPECS), "what a euro is worth is known only once a deal runs"
    assert not satisfiable([high, Compare(fact="worth", op="<", values=(usd(50),)), low], SPECS)


def test_a_comparison_with_a_value_of_another_type_is_called_possible() -> None:
    odd = Compare(fact="days", op=">", values=(Percent(value=Decimal(5)),))
    assert satisfiable([odd, Not(rule=IsSet(fact="name"))], SPECS)
    assert not always([odd], SPECS)
    assert satisfiable([odd, Compare(fact="days", op="<", values=(Whole(v=3),))], SPECS)


def test_rules_of_any_size_are_answered_in_bounded_time() -> None:
    """Pigeons and holes: hard for every such search, so it gives up and calls it possible."""
    seats = [[Compare(fact=f"p{p}h{h}", op="is", values=(Flag(v=True),)) for h in range(8)] for p in range(9)]
    alone = [Not(rule=seats[a][h] & seats[b][h]) for h in range(8) for a in range(9) for b in range(a)]
    began = time.process_time()
    assert satisfiable([*(Some(rules=tuple(row)) for row in seats), *alone])
    assert time.process_time() - began < 2


def test_the_impossible_part_is_named() -> None:
    high, low = (Compare(fact="days", op=op, values=(Whole(v=n),)) for op, n in ((">", 9), ("<", 3)))
    assert [text(part) for part in impossible_parts((high & low) | IsSet(fact="days"), SPECS)] == [
        "days > 9 and days < 3"
    ]
    assert impossible_parts(IsSet(fact="days") & high, SPECS) == []


def test_is_set_beside_a_comparison_is_not_idle_since_it_decides() -> None:
    guarded = IsSet(fact="days") & Compare(fact="days", op=">", values=(Whole(v=9),))
    assert idle_parts(guarded, SPECS) == []
    wider = Compare(fact="days", op=">", values=(Whole(v=15),)) | Compare(fact="days", op=">", values=(Whole(v=30),))
    assert [text(part) for part, _ in idle_parts(wider, SPECS)] == ["days > 30"]
