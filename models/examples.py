"""A deal that shows what rules come to, and the stretch of amounts, days or numbers around it that is no different."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod

from models.boundaries import atoms, sides
from models.facts import FactSpec
from models.money import Money
from models.reasoning import NO, UNDECIDED, YES, possible
from models.rules import Compare, Rates, Rule, holds, rank
from models.values import Value

Specs = Mapping[str, FactSpec]
Wanted = Sequence[tuple[Rule, int]]
_MOST_TRIED = 400_000
"""How often a rule is asked about a deal; where that is not enough for all deals, they are reasoned about."""


class Deals:
    """Every deal that some rules tell apart, so that one can be found for which they come to what is wanted.

    Amounts are in the currency the rules name; of rules in several currencies nothing is known.
    """

    def __init__(self, rules: Sequence[Rule], specs: Specs) -> None:
        self.rules, self.specs = rules, specs
        self.around = sides(rules, specs)
        self.rates = _rates(self.around)
        self.few = len(rules) * prod(map(len, self.around.values())) <= _MOST_TRIED
        self.worlds = [_known(self.around, values) for values in product(*self.around.values())] if self.few else []
        self._ways: dict[int, dict[int, int]] = {}

    def example(self, wanted: Wanted) -> dict[str, Value] | None:
        """Return the facts of a deal for which every rule comes to what is wanted; None where none was found."""
        if not self.rates:
            return None
        if not self.few:
            return self._searched(wanted)
        left = self._left(wanted)
        return self.worlds[(left & -left).bit_length() - 1] if left else None

    def never(self, wanted: Wanted) -> bool:
        """Return whether certainly no deal is like that."""
        if not self.rates:
            return False
        return not self._left(wanted) if self.few else not possible(wanted, self.specs)

    def words(self, one: Mapping[str, Value], paths: Iterable[str]) -> str:
        """Return the deals like one of them in words: "amount above $50,000 to $80,000, region west".

        Like it are those for which all rules come to the same. Of `paths` the facts are told that matter for that.
        """
        verdicts = [holds(rule, one, self.rates) for rule in self.rules]

        def alike(path: str) -> Callable[[Value], bool]:
            return lambda value: [holds(rule, {**one, path: value}, self.rates) for rule in self.rules] == verdicts

        told = []
        for path in dict.fromkeys(paths):
            others = [value for value in self.around.get(path, ()) if value is not None]
            if path in one and not all(map(alike(path), others)):
                line, bounds = _line(others), _bounds(path, self.rules)
                plain = _one(one[path], bounds, self.specs.get(path))
                said = _stretch(one[path], line, bounds, alike(path)) if line else plain
                told.append(f"{_label(path)} {said}")
        return ", ".join(told)

    def _left(self, wanted: Wanted) -> int:
        """Return which of the worlds are as wanted, a bit each."""
        left = (1 << len(self.worlds)) - 1
        for rule, way in wanted:
            ways = self._ways.get(id(rule))
            if ways is None:
                ways = self._ways[id(rule)] = self._came_to(rule)
            left &= sum(worlds for each, worlds in ways.items() if each & way)
        return left

    def _came_to(self, rule: Rule) -> dict[int, int]:
        found = {NO: 0, UNDECIDED: 0, YES: 0}
        for i, world in enumerate(self.worlds):
            found[_way(holds(rule, world, self.rates))] |= 1 << i
        return found

    def _searched(self, wanted: Wanted) -> dict[str, Value] | None:
        """Find an example fact by fact, where there are too many deals to try each."""
        if not possible(wanted, self.specs):
            return None
        found: dict[str, Value] = {}
        pinned = list(wanted)
        for path, values in sides([rule for rule, _ in wanted], self.specs).items():
            for value in (each for each in values if each is not None):
                pin = (Compare(fact=path, op="is", values=(value,)), YES)
                if possible([*pinned, pin], self.specs):
                    pinned.append(pin)
                    found[path] = value
                    break
        right = all(_way(holds(rule, found, self.rates)) & way for rule, way in wanted)
        return found if right else None  # the search may have given up


def _rates(around: Mapping[str, Iterable[Value | None]]) -> Rates:
    """Return a rate for the one currency among values; nothing where there are several."""
    found = {value.currency for values in around.values() for value in values if isinstance(value, Money)}
    return dict.fromkeys(found or {"USD"}, Decimal(1)) if len(found) < 2 else {}


def _known(around: Mapping[str, object], values: Sequence[Value | None]) -> dict[str, Value]:
    return {path: value for path, value in zip(around, values, strict=True) if value is not None}


def _way(held: bool | None) -> int:
    return UNDECIDED if held is None else YES if held else NO


def _one(value: Value, bounds: Sequence[Value], spec: FactSpec | None) -> str:
    """Return a value of a fact without an order; one that rules do not name stands for all such."""
    made_up = value not in bounds and value.t == "text" and not (spec and spec.options)
    return "something else" if made_up else str(value)


def _stretch(value: Value, line: Sequence[Value], bounds: Sequence[Value], alike: Callable[[Value], bool]) -> str:
    if value not in line:
        return str(value)
    first = last = line.index(value)
    while first > 0 and alike(line[first - 1]):
        first -= 1
    while last < len(line) - 1 and alike(line[last + 1]):
        last += 1
    if first == last and line[first] in bounds:
        return str(line[first])
    low = f"from {line[first]}" if line[first] in bounds else f"above {line[first - 1]}" if first else ""
    high = f"up to {line[last]}" if line[last] in bounds else f"below {line[last + 1]}" if last < len(line) - 1 else ""
    return f"{low} to {high.removeprefix('up to ')}" if low and high else low or high


def _line(values: Iterable[Value]) -> list[Value]:
    """Return the values of an ordered fact in their order; none for what has no order."""
    ranked = [(rank(value), value) for value in values]
    return [value for _, value in sorted(((r, v) for r, v in ranked if r is not None), key=lambda each: each[0])]


def _bounds(path: str, rules: Sequence[Rule]) -> list[Value]:
    named = [atom for rule in rules for atom in atoms(rule) if isinstance(atom, Compare) and atom.fact == path]
    return [value for atom in named for value in atom.values]


def _label(path: str) -> str:
    return path.replace("_", " ").replace(".", " ")
