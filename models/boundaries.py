"""Values on both sides of every line that rules draw through a fact, and the change of facts that makes a rule hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise, product
from typing import cast

from models.facts import FactSpec
from models.given import made_up
from models.money import Money, Percent
from models.rules import Compare, Every, Facts, IsSet, Not, Rates, Rule, Some, facts_of, holds, rank
from models.values import Day, Digest, Flag, Items, Moment, Number, Text, Value, Whole, digest_of

Side = Value | None
"""A value a fact may have; None is not known."""
_MOST_TRIED = 20_000


def atoms(rule: Rule) -> Iterator[Compare | IsSet]:
    """Yield the comparisons a rule is made of, in writing order."""
    match rule:
        case Compare() | IsSet():
            yield rule
        case Not():
            yield from atoms(rule.rule)
        case Every() | Some():
            for part in rule.rules:
                yield from atoms(part)


def sides(rules: Iterable[Rule], specs: Mapping[str, FactSpec]) -> dict[str, tuple[Side, ...]]:
    """Return, for every fact the rules read, values that together see each comparison true and false.

    For what has an order these are: below the lowest line, on each line, between two lines, above the highest.
    """
    drawn: dict[str, list[Value]] = {}
    reading: dict[str, list[Compare]] = {}
    asked: set[str] = set()
    for atom in (each for rule in rules for each in atoms(rule)):
        lines = drawn.setdefault(atom.fact, [])
        if isinstance(atom, IsSet):
            asked.add(atom.fact)
        else:
            lines += [value for value in atom.values if value not in lines]
            reading.setdefault(atom.fact, []).append(atom)
    found: dict[str, tuple[Side, ...]] = {}
    for path, lines in drawn.items():
        around = _around(lines, specs.get(path))
        plausible = [value for value in around if not _needless(value, around, reading.get(path, []))]
        found[path] = (*plausible, *((None,) if path in asked else ()))
    return found


def meeting(
    rule: Rule, facts: Facts, rates: Rates, specs: Mapping[str, FactSpec], free: Iterable[str]
) -> dict[str, Value] | None:
    """Return the fewest `free` facts that must become something else so that `rule` holds; None when none can."""
    around = sides([rule], specs)
    paths = [path for path in dict.fromkeys(facts_of(rule)) if path in set(free)]
    choices = [
        [facts.get(path), *(v for v in around[path] if v is not None and v != facts.get(path))] for path in paths
    ]
    best: dict[str, Value] | None = None
    for tried, picked in enumerate(product(*choices)):
        if tried >= _MOST_TRIED:
            break
        changed = {p: v for p, v in zip(paths, picked, strict=True) if v is not None and v != facts.get(p)}
        fewer = best is None or len(changed) < len(best)
        if fewer and holds(rule, {**facts, **changed}, rates) is True:
            best = changed
    return best


def _needless(value: Value, around: list[Value], reading: list[Compare]) -> bool:
    """Whether a value is less than nothing although zero would do as well."""
    size = rank(value)
    if size is None or size >= 0 or isinstance(value, Day | Moment):
        return False
    zero = next((other for other in around if rank(other) == 0), None)
    return zero is not None and all(_side(atom, value) == _side(atom, zero) for atom in reading)


def _side(atom: Compare, value: Value) -> bool | None:
    currencies = {getattr(each, "currency", "") for each in (value, *atom.values)}
    return holds(atom, {atom.fact: value}, dict.fromkeys(currencies, Decimal(1)))


def _around(lines: list[Value], spec: FactSpec | None) -> list[Value]:
    if not lines:
        return [made_up(spec) if spec is not None else Text(v="something")]
    first = lines[0]
    if isinstance(first, Flag):
        return [Flag(v=True), Flag(v=False)]
    if rank(first) is not None:
        found: dict[Value, None] = {}
        currencies = dict.fromkeys(getattr(line, "currency", "") for line in lines)
        for currency in currencies:
            found |= dict.fromkeys(_ordered([v for v in lines if getattr(v, "currency", "") == currency]))
        return list(found)
    if spec is not None and spec.options:
        return [Text(v=option) for option in spec.options]
    return [*lines, _other(first, lines)]


def _ordered(lines: list[Value]) -> Iterator[Value]:
    line = sorted(lines, key=lambda value: cast("Decimal", rank(value)))
    below = moved(line[0], -1)
    if below is not None:
        yield below
    for one, next_ in pairwise(line):
        yield one
        between = _between(one, next_)
        if between is not None:
            yield between
    yield line[-1]
    above = moved(line[-1], 1)
    if above is not None:
        yield above


def moved(value: Value, by: int) -> Value | None:
    """Return the next value a person would name: one more, one percent more, one day later."""
    match value:
        case Money(amount=amount, currency=currency):
            return Money(amount=amount + by, currency=currency)
        case Percent(value=share):
            return Percent(value=share + by)
        case Whole(v=number):
            return Whole(v=number + by)
        case Number(v=exact):
            return Number(v=exact + by)
        case Day(v=day):
            return Day(v=day + timedelta(days=by))
        case Moment(v=at):
            return Moment(v=at + timedelta(minutes=by))
    return None


def _between(one: Value, other: Value) -> Value | None:
    near = moved(one, 1)
    low, high = rank(one), rank(other)
    if near is None or low is None or high is None:
        return None
    if cast("Decimal", rank(near)) < high:
        return near
    middle = (low + high) / 2
    match one:
        case Money(currency=currency):
            return Money(amount=middle, currency=currency)
        case Percent():
            return Percent(value=middle)
        case Number():
            return Number(v=middle)
    return None  # nothing lies between two neighbouring whole numbers, days or minutes


def _other(first: Value, lines: list[Value]) -> Value:
    words = {str(line) for line in lines}
    name = next(f"something else{'.' * i}" for i in range(len(words) + 1) if f"something else{'.' * i}" not in words)
    match first:
        case Digest():
            return Digest(sha256=digest_of(name.encode()), label=first.label)
        case Items():
            return Items(items=())
    return Text(v=name)
