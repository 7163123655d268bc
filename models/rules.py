"""Rules as data: conditions over facts that evaluate to yes, no or undecided, and print themselves."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.mistakes import Mistake
from models.money import Money, Percent
from models.values import Value

Facts = Mapping[str, Value]
Rates = Mapping[str, Decimal]
"""Company currency per unit of a foreign one, by ISO code; the company currency itself is 1."""


class Direction(StrEnum):
    """Which way a fact gets worse for whoever approved it."""

    HIGHER = "higher"
    LOWER = "lower"
    DIFFERENT = "different"

    def turned(self) -> Direction:
        """Return the opposite way."""
        return {Direction.HIGHER: Direction.LOWER, Direction.LOWER: Direction.HIGHER}.get(self, self)


class _Rule(BaseModel):
    """A condition over facts. Join rules with & | ~; `and`, `or`, `not` raise TypeError."""

    model_config = ConfigDict(frozen=True)

    def __and__(self, other: Rule) -> Every:
        return Every(rules=(*_parts(self, Every), *_parts(other, Every)))

    def __or__(self, other: Rule) -> Some:
        return Some(rules=(*_parts(self, Some), *_parts(other, Some)))

    def __invert__(self) -> Rule:
        return self.rule if isinstance(self, Not) else Not(rule=self)

    def __bool__(self) -> bool:
        raise Mistake(
            "a rule is data, so it cannot be joined with and, or, not, and cannot stand in an if",
            "write & for and, | for or, ~ for not, with each comparison in parentheses: "
            "(deal.discount > percent(15)) & (deal.discount < percent(30))",
        )


class Compare(_Rule):
    """One fact against one value."""

    kind: Literal["compare"] = "compare"
    fact: str
    op: Literal[">", ">=", "<", "<=", "is", "one of"]
    values: tuple[Value, ...]


class IsSet(_Rule):
    """Whether a fact is known; always decided."""

    kind: Literal["is set"] = "is set"
    fact: str


class Every(_Rule):
    """All of them."""

    kind: Literal["every"] = "every"
    rules: tuple[Rule, ...]


class Some(_Rule):
    """At least one of them."""

    kind: Literal["some"] = "some"
    rules: tuple[Rule, ...]


class Not(_Rule):
    """The opposite; undecided stays undecided."""

    kind: Literal["not"] = "not"
    rule: Rule


Rule = Annotated[Compare | IsSet | Every | Some | Not, Field(discriminator="kind")]
Every.model_rebuild()
Some.model_rebuild()
Not.model_rebuild()


def holds(rule: Rule, facts: Facts, rates: Rates) -> bool | None:
    """Return whether `rule` holds by Kleene's logic; None while a fact it needs is unset."""
    # By kind and not by pattern: every walk of every deal comes through here.
    if rule.kind == "compare":
        value = facts.get(rule.fact)
        return None if value is None else _compare(rule, value, rates)
    if rule.kind == "is set":
        return rule.fact in facts
    if rule.kind == "not":
        inner = holds(rule.rule, facts, rates)
        return None if inner is None else not inner
    decisive = rule.kind == "some"  # one yes is enough for it, one no against the other
    found: bool | None = not decisive
    for part in rule.rules:
        verdict = holds(part, facts, rates)
        if verdict is decisive:
            return decisive
        if verdict is None:
            found = None
    return found


def all_hold(rules: tuple[Rule, ...], facts: Facts, rates: Rates) -> bool | None:
    """Return the conjunction of `rules`; an empty one holds."""
    undecided = False
    for rule in rules:
        verdict = holds(rule, facts, rates)
        if verdict is False:
            return False
        undecided = undecided or verdict is None
    return None if undecided else True


def facts_of(rule: Rule) -> Iterator[str]:
    """Yield the paths of the facts `rule` reads, in writing order."""
    match rule:
        case IsSet() | Compare():
            yield rule.fact
        case Not():
            yield from facts_of(rule.rule)
        case Every() | Some():
            for part in rule.rules:
                yield from facts_of(part)


def unset(rules: tuple[Rule, ...], facts: Facts, rates: Rates) -> list[str]:
    """Return the facts, each once, whose absence leaves `rules` undecided."""
    missing: dict[str, None] = {}
    for rule in rules:
        if holds(rule, facts, rates) is None:
            missing.update(dict.fromkeys(_undecided(rule, facts, rates)))
    return list(missing)


def directions(rule: Rule, *, turned: bool = False) -> dict[str, Direction]:
    """Return which way each fact gets worse, read off the comparisons; contradictory ones mean any difference."""
    match rule:
        case IsSet():
            return {}
        case Compare():
            way = {">": Direction.HIGHER, ">=": Direction.HIGHER, "<": Direction.LOWER, "<=": Direction.LOWER}
            found = way.get(rule.op, Direction.DIFFERENT)
            return {rule.fact: found.turned() if turned else found}
        case Not():
            return directions(rule.rule, turned=not turned)
        case Every() | Some():
            merged: dict[str, Direction] = {}
            for part in rule.rules:
                for fact, way_ in directions(part, turned=turned).items():
                    merged[fact] = way_ if merged.get(fact, way_) is way_ else Direction.DIFFERENT
            return merged


def text(rule: Rule) -> str:
    """Return `rule` in words, without a deal's values: "discount > 15 %"."""
    match rule:
        case IsSet():
            return f"{_label(rule.fact)} is known"
        case Compare():
            return f"{_label(rule.fact)} {rule.op} {_bound(rule)}"
        case Not():
            return f"not ({text(rule.rule)})" if isinstance(rule.rule, Every | Some) else f"not {text(rule.rule)}"
        case Every():
            return " and ".join(f"({text(p)})" if isinstance(p, Some) else text(p) for p in rule.rules)
        case Some():
            return " or ".join(f"({text(p)})" if isinstance(p, Every) else text(p) for p in rule.rules)


def printed(rule: Rule, facts: Facts, rates: Rates) -> str:
    """Return why `rule` holds or not with the deal's values: "discount 35 % > 15 %", "margin 24.6 % is not < 22 %"."""
    return _printed(rule, facts, rates, wanted=holds(rule, facts, rates))


def _printed(rule: Rule, facts: Facts, rates: Rates, *, wanted: bool | None) -> str:
    match rule:
        case IsSet():
            return f"{_label(rule.fact)} is {'known' if rule.fact in facts else 'not known'}"
        case Compare():
            value = facts.get(rule.fact)
            if value is None:
                return f"{_label(rule.fact)} is not known yet"
            verdict = _compare(rule, value, rates)
            if verdict is None:
                return f"{_label(rule.fact)} {value} cannot be compared with {_bound(rule)} without an exchange rate"
            op = {True: rule.op, False: f"is not {rule.op}".replace("is not is", "is not")}
            return f"{_label(rule.fact)} {value} {op[verdict]} {_bound(rule)}"
        case Not():
            return _printed(rule.rule, facts, rates, wanted=None if wanted is None else not wanted)
        case Every() | Some():
            # Only the parts that made it so: an approver reads why, not the whole policy.
            decisive = [p for p in rule.rules if holds(p, facts, rates) is wanted] or list(rule.rules)
            all_needed = isinstance(rule, Every) is (wanted is not False)
            return (" and " if all_needed else " or " if wanted else " and ").join(
                _printed(p, facts, rates, wanted=wanted) for p in decisive
            )


def _parts(rule: Rule | _Rule, kind: type[Every | Some]) -> tuple[Rule, ...]:
    if not isinstance(rule, _Rule):
        raise Mistake(
            f"{rule!r} is not a rule that could be joined",
            "put each comparison in parentheses: (deal.discount > percent(15)) | (deal.margin < percent(25))",
        )
    return rule.rules if isinstance(rule, kind) else (rule,)  # type: ignore[return-value]


def _compare(rule: Compare, value: Value, rates: Rates) -> bool | None:
    bound = rule.values[0]
    order = _ORDER.get(rule.op)
    if order is None:
        return value == bound if rule.op == "is" else value in rule.values
    if isinstance(value, Percent) and isinstance(bound, Percent):
        return order(value.value, bound.value)
    left, right = rank(value, rates), rank(bound, rates)
    return None if left is None or right is None else order(left, right)


_ORDER: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


def rank(value: Value, rates: Rates | None = None) -> Decimal | None:
    """Return something comparable: money in company currency (or as it stands without rates), dates as ordinals.

    None for what has no order, and for money without a rate.
    """
    if isinstance(value, Money):
        rate = Decimal(1) if rates is None else rates.get(value.currency)
        return None if rate is None else value.amount * rate
    if value.t == "percent":
        return value.value
    if value.t == "day":
        return Decimal(value.v.toordinal())
    if value.t == "moment":
        return Decimal(value.v.timestamp())
    if value.t in ("whole", "number"):
        return Decimal(value.v)
    return None


def _undecided(rule: Rule, facts: Facts, rates: Rates) -> Iterator[str]:
    match rule:
        case Compare():
            if holds(rule, facts, rates) is None:
                yield rule.fact
        case Not():
            yield from _undecided(rule.rule, facts, rates)
        case Every() | Some():
            for part in rule.rules:
                yield from _undecided(part, facts, rates)


def _bound(rule: Compare) -> str:
    return " or ".join(str(value) for value in rule.values)


def _label(fact: str) -> str:
    return fact.replace("_", " ").replace(".", " ")
