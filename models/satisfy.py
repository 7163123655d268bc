"""Which facts would make a rule true: what a rehearsal lets happen outside when a deal waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from models.facts import FactSpec
from models.money import Money, Percent
from models.rules import Compare, Every, Facts, IsSet, Not, Rates, Rule, Some, holds
from models.values import Day, Flag, Moment, Number, Text, Value, Whole

Make = Callable[[FactSpec], Value]
"""Makes up a value for a fact nothing else is said of."""


def satisfying(
    rule: Rule, facts: Facts, rates: Rates, specs: Mapping[str, FactSpec], make: Make, *, wanted: bool = True
) -> dict[str, Value] | None:
    """Return facts that would make `rule` true (or false); None when none could be found."""
    if holds(rule, facts, rates) is wanted:
        return {}
    match rule:
        case Not():
            return satisfying(rule.rule, facts, rates, specs, make, wanted=not wanted)
        case IsSet():
            return {rule.fact: make(specs[rule.fact])} if wanted and rule.fact in specs else None
        case Compare():
            return _compared(rule, facts, rates, specs, make, wanted=wanted)
        case Every() | Some():
            parts = rule.rules
            return (_all if isinstance(rule, Every) is wanted else _one)(parts, facts, rates, specs, make, wanted)


def _all(
    parts: tuple[Rule, ...], facts: Facts, rates: Rates, specs: Mapping[str, FactSpec], make: Make, wanted: bool
) -> dict[str, Value] | None:
    found: dict[str, Value] = {}
    for part in parts:
        more = satisfying(part, {**facts, **found}, rates, specs, make, wanted=wanted)
        if more is None:
            return None
        found |= more
    together = {**facts, **found}
    return found if all(holds(part, together, rates) is wanted for part in parts) else None


def _one(
    parts: tuple[Rule, ...], facts: Facts, rates: Rates, specs: Mapping[str, FactSpec], make: Make, wanted: bool
) -> dict[str, Value] | None:
    tried = (satisfying(part, facts, rates, specs, make, wanted=wanted) for part in parts)
    return next((found for found in tried if found is not None), None)


def _compared(
    rule: Compare, facts: Facts, rates: Rates, specs: Mapping[str, FactSpec], make: Make, *, wanted: bool
) -> dict[str, Value] | None:
    spec = specs.get(rule.fact)
    options = [Text(v=option) for option in spec.options] if spec else []
    near = [value for bound in rule.values for value in (bound, _beside(bound, 1), _beside(bound, -1))]
    for value in (*near, *options, *([make(spec)] if spec else [])):
        if value is not None and holds(rule, {**facts, rule.fact: value}, rates) is wanted:
            return {rule.fact: value}
    return None


def _beside(value: Value, way: int) -> Value | None:
    match value:
        case Whole(v=v):
            return Whole(v=v + way)
        case Number(v=v):
            return Number(v=v + way)
        case Money():
            return Money(amount=value.amount + Decimal(way), currency=value.currency)
        case Percent():
            return Percent(value=value.value + Decimal(way))
        case Day(v=v):
            return Day(v=v + timedelta(days=way))
        case Moment(v=v):
            return Moment(v=v + timedelta(days=way))
        case Flag(v=v):
            return Flag(v=not v)
        case Text(v=v):
            return Text(v=f"not {v}")
    return None
