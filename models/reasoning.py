"""What rules can come to at all: which can never hold and which always do, whatever the facts of a deal are.

Every comparison is constant between the values that rules name, so one value from each such stretch stands for all.
The search over these few values is exact for facts of one type, given rates for the currencies that rules name.
Where it would take too long, or where a fact is compared with several currencies, it errs towards "possible": so what
is called impossible is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

from models.facts import FactSpec
from models.money import Money, Percent
from models.rules import Compare, Every, IsSet, Not, Rates, Rule, Some, holds
from models.values import Day, Flag, Moment, Number, Text, Value, Whole

NO, UNDECIDED, YES = 1, 2, 4
"""What a rule can come to; together they are a set, as NO | UNDECIDED."""

Specs = Mapping[str, FactSpec]
_BUDGET = 40_000
"""Parts of rules looked at before a search gives up and says "possible"."""
_FOREIGN = "XXX"
_ORDERED = ("whole", "number", "percent", "money", "day", "moment")


def satisfiable(rules: Sequence[Rule], specs: Specs | None = None) -> bool:
    """Return whether some facts make all `rules` hold; no rules hold."""
    return _free(rules, specs) or possible([(Every(rules=tuple(rules)), YES)], specs)


def always(rules: Sequence[Rule], specs: Specs | None = None) -> bool:
    """Return whether `rules` hold whenever the facts they read are known; unknown ones leave them undecided."""
    return not (rules and _free(rules, specs)) and not possible([(Every(rules=tuple(rules)), NO)], specs)


def implies(given: Sequence[Rule], rule: Rule, specs: Specs | None = None) -> bool:
    """Return whether `rule` holds wherever all of `given` do."""
    return not possible([(Every(rules=tuple(given)), YES), (rule, NO | UNDECIDED)], specs)


def equal(one: Rule, other: Rule, specs: Specs | None = None) -> bool:
    """Return whether two rules come to the same for all facts, known or not."""
    return not any(possible([(one, way), (other, (NO | UNDECIDED | YES) ^ way)], specs) for way in (NO, UNDECIDED, YES))


def impossible_parts(rule: Rule, specs: Specs | None = None) -> list[Rule]:
    """Return the alternatives inside `rule` that can never hold, the largest of each."""
    if _free([rule], specs):
        return []
    match rule:
        case Some():
            parts: list[Rule] = []
            for part in rule.rules:
                parts += impossible_parts(part, specs) if satisfiable([part], specs) else [part]
            return parts
        case Every():
            return [found for part in rule.rules for found in impossible_parts(part, specs)]
    return []


def idle_parts(rule: Rule, specs: Specs | None = None) -> list[tuple[Rule, Rule]]:
    """Return the parts of `rule` that change nothing beside the others, each with the rule that remains."""
    if not isinstance(rule, Every | Some) or _free([rule], specs):
        return []
    left = list(rule.rules)
    found: list[tuple[Rule, Rule]] = []
    for part in reversed(rule.rules):
        others = [other for other in left if other is not part]
        if others and len(others) < len(left):
            rest = type(rule)(rules=tuple(others))
            if equal(type(rule)(rules=tuple(left)), rest, specs):
                found.append((part, others[0] if len(others) == 1 else rest))
                left = others
    return found


def possible(
    wanted: Sequence[tuple[Rule, int]],
    specs: Specs | None = None,
    *,
    unset: frozenset[str] = frozenset(),
    known: frozenset[str] = frozenset(),
) -> bool:
    """Return whether some facts let every rule come to one of what is wanted of it.

    `unset` are facts that nobody knows, `known` ones that are known.
    """
    atoms = list(dict.fromkeys(atom for rule, _ in wanted for atom in _atoms(rule)))
    search = _Search(_variables(atoms, specs or {}, unset, known))
    return search.reaches([(search.node(rule), way) for rule, way in wanted])


def _free(rules: Sequence[Rule], specs: Specs | None) -> bool:
    """Whether every comparison can go either way whatever the others do: no fact is asked twice, none has no choice."""
    seen: set[str] = set()
    for rule in rules:
        for atom in _atoms(rule):
            if atom.fact in seen:
                return False
            seen.add(atom.fact)
            if isinstance(atom, Compare) and not _either_way(atom, (specs or {}).get(atom.fact)):
                return False
    return _parted(rules)


def _parted(rules: Sequence[Rule]) -> bool:
    """Whether no group among rules is empty; one without parts is always the same."""
    match rules:
        case [Not() as only]:
            return _parted([only.rule])
        case [Every() | Some() as only]:
            return bool(only.rules) and _parted(only.rules)
    return all(_parted([rule]) for rule in rules if isinstance(rule, Not | Every | Some))


def _either_way(atom: Compare, spec: FactSpec | None) -> bool:
    kind = atom.values[0].t
    if atom.op in ("is", "one of"):
        return atom.op == "is" and (kind != "text" or spec is None or len(spec.options) != 1)
    return kind in _ORDERED and kind not in ("day", "moment")


Atom = Compare | IsSet
Node = tuple[Any, ...]
"""("atom", variable, row), ("not", node) or ("every", nodes)."""


class _Variable:
    """One fact: for each of the few values that stand for all, what its atoms come to."""

    def __init__(self, atoms: Sequence[Atom], columns: Iterable[tuple[int, ...]]) -> None:
        self.atoms = tuple(atoms)
        self.columns = tuple(dict.fromkeys(columns))
        self.chosen: tuple[int, ...] | None = None
        self.open = tuple(_union(way) for way in zip(*self.columns, strict=True))


class _Search:
    """Looks for facts that let rules come to what is wanted: fact by fact, leaving off what is out of reach."""

    def __init__(self, variables: Sequence[_Variable]) -> None:
        self.variables = variables
        self.places = {atom: (i, row) for i, v in enumerate(variables) for row, atom in enumerate(v.atoms)}
        self.order = sorted(variables, key=lambda v: -len(v.atoms))
        self.spent = 0

    def node(self, rule: Rule) -> Node:
        match rule:
            case Not():
                return ("not", self.node(rule.rule))
            case Every():
                return ("every", tuple(self.node(part) for part in rule.rules))
            case Some():  # not (not a and not b), which is the same by Kleene
                return ("not", ("every", tuple(("not", self.node(part)) for part in rule.rules)))
        return ("atom", *self.places[rule])

    def reaches(self, goals: Sequence[tuple[Node, int]], at: int = 0) -> bool:
        """Return whether every goal can still be met; True also when that would take too long to find out."""
        certain = True
        for node, way in goals:
            can = self._can(node)
            if not can & way:
                return False
            certain = certain and not can & ~way
        if certain or at == len(self.order) or self.spent > _BUDGET:
            return True
        variable = self.order[at]
        for column in variable.columns:
            variable.chosen = column
            if self.reaches(goals, at + 1):
                variable.chosen = None
                return True
        variable.chosen = None
        return False

    def _can(self, node: Node) -> int:
        """Return what a node can come to, given what is chosen so far; never too little."""
        self.spent += 1
        if node[0] == "atom":
            variable = self.variables[node[1]]
            return (variable.chosen or variable.open)[node[2]]
        if node[0] == "not":
            can = self._can(node[1])
            return (can & UNDECIDED) | (YES if can & NO else 0) | (NO if can & YES else 0)
        can = YES
        for part in node[1]:
            other = self._can(part)
            can = (
                (NO if (can | other) & NO else 0)
                | (UNDECIDED if (can & UNDECIDED and other & (UNDECIDED | YES))
                   or (other & UNDECIDED and can & (UNDECIDED | YES)) else 0)
                | (can & other & YES)
            )  # fmt: skip
        return can


def _union(ways: Iterable[int]) -> int:
    found = 0
    for way in ways:
        found |= way
    return found


def _atoms(rule: Rule) -> Iterator[Atom]:
    match rule:
        case Not():
            yield from _atoms(rule.rule)
        case Every() | Some():
            for part in rule.rules:
                yield from _atoms(part)
        case _:
            yield rule


def _variables(atoms: Sequence[Atom], specs: Specs, unset: frozenset[str], known: frozenset[str]) -> list[_Variable]:
    by_fact: dict[str, list[Atom]] = {}
    for atom in atoms:
        by_fact.setdefault(atom.fact, []).append(atom)
    found: list[_Variable] = []
    for fact, its in by_fact.items():
        kinds = {_kind(atom, specs.get(fact)) for atom in its if isinstance(atom, Compare)}
        for group in [its] if len(kinds) < 2 else _apart(its, specs.get(fact)):
            columns = list(_columns(group, specs.get(fact)))
            nobody_knows = tuple(NO if isinstance(atom, IsSet) else UNDECIDED for atom in group)
            possible_ones = [] if fact in unset else columns
            found.append(_Variable(group, possible_ones if fact in known else [*possible_ones, nobody_knows]))
    return found


def _apart(atoms: Sequence[Atom], spec: FactSpec | None) -> list[list[Atom]]:
    """Return the atoms by what they compare with; taken apart they allow more than together, never less."""
    groups: dict[str, list[Atom]] = {}
    for atom in atoms:
        groups.setdefault(_kind(atom, spec) if isinstance(atom, Compare) else "", []).append(atom)
    return list(groups.values())


def _kind(atom: Compare, spec: FactSpec | None) -> str:
    if _opaque(atom, spec):
        return f"{atom.op} {atom.values}"
    first = atom.values[0]
    return f"money {first.currency}" if isinstance(first, Money) else first.t


def _opaque(atom: Compare, spec: FactSpec | None) -> bool:
    """Whether nothing is known of what a comparison comes to: values of several kinds, or of none the fact holds."""
    kinds = {value.currency if isinstance(value, Money) else value.t for value in atom.values}
    return len(kinds) != 1 or (spec is not None and spec.type != atom.values[0].t)


def _columns(atoms: Sequence[Atom], spec: FactSpec | None) -> Iterator[tuple[int, ...]]:
    """Yield what the atoms of a fact come to, for each value that matters."""
    compared = [atom for atom in atoms if isinstance(atom, Compare)]
    if any(_opaque(atom, spec) for atom in compared):
        for way in (NO, UNDECIDED, YES):
            yield tuple(YES if isinstance(atom, IsSet) else way for atom in atoms)
        return
    if len(atoms) == 1 and compared and _either_way(compared[0], spec):
        yield from ((way,) for way in (YES, NO, UNDECIDED)[: 3 if compared[0].values[0].t == "money" else 2])
        return
    for value, rates in _candidates([value for atom in compared for value in atom.values], spec):
        yield tuple(_verdict(atom, value, rates) for atom in atoms)


def _verdict(atom: Atom, value: Value, rates: Rates) -> int:
    held = holds(atom, {atom.fact: value}, rates)
    return UNDECIDED if held is None else YES if held else NO


def _candidates(values: Sequence[Value], spec: FactSpec | None) -> Iterator[tuple[Value, Rates]]:
    """Yield one value of each stretch on which comparisons with `values` do not change, with rates for money."""
    first = values[0] if values else None
    if isinstance(first, Money):
        yield from _amounts([v for v in values if isinstance(v, Money)], first.currency)
    elif first is not None and first.t in _ORDERED:
        plain = sorted({_plain(value) for value in values})
        yield from ((_value(first.t, each), {}) for each in _stretches(plain, first.t))
    elif isinstance(first, Flag):
        yield from ((Flag(v=way), {}) for way in (True, False))
    else:
        yield from ((value, {}) for value in dict.fromkeys(values))
        named = {value.v for value in values if isinstance(value, Text)}
        others = [option for option in spec.options if option not in named] if spec and spec.options else None
        if others is None or others:
            yield Text(v=others[0] if others else "\x00another"), {}


def _amounts(values: Sequence[Money], currency: str) -> Iterator[tuple[Value, Rates]]:
    """Yield amounts, the same ones in a currency of equal worth, and one that nobody has a rate for."""
    rates = {currency: Decimal(1), _FOREIGN: Decimal(1)}
    for each in _stretches(sorted({value.amount for value in values}), "money"):
        yield Money(amount=each, currency=currency), rates
        yield Money(amount=each, currency=_FOREIGN), rates
    yield Money(amount=Decimal(1), currency=_FOREIGN), {currency: Decimal(1)}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Percent) else value.v


def _value(tag: str, plain: Any) -> Value:
    kinds: dict[str, Any] = {"whole": Whole, "number": Number, "day": Day, "moment": Moment}
    return Percent(value=plain) if tag == "percent" else kinds[tag](v=plain)


def _stretches(bounds: Sequence[Any], tag: str) -> Iterator[Any]:
    """Yield the bounds, and one value below, between each two of them, and above."""
    step: Any = {"whole": 1, "day": timedelta(days=1), "moment": timedelta(days=1)}.get(tag, Decimal(1))
    yield from bounds
    with localcontext(prec=200):
        for edge, way in ((bounds[0], -1), (bounds[-1], 1)):
            try:
                yield edge + step * way
            except OverflowError:  # nothing lies before the first day of the calendar
                continue
        for low, high in pairwise(bounds):
            if tag in ("whole", "day"):
                if low + step < high:
                    yield low + step
            else:
                yield low + (high - low) / 2
