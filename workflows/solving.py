"""Finding facts that make rules come out as wanted: a small search over the values on both sides of every line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.boundaries import Side, sides
from models.facts import Source
from models.flow import FlowDef, HandoffDef, WaitDef, parameter_rules, writes
from models.given import assumed
from models.rules import Compare, Rates, Rule, all_hold, holds
from models.values import Value
from workflows.branches import EITHER, YES, Term

Assigned = dict[str, int]
"""Which of its values each fact has, by position."""


class GaveUp(Exception):
    """The search was stopped before it knew; that is no proof that there is no answer."""


def rules_of(flow: FlowDef) -> tuple[Rule, ...]:
    """Return every rule that decides about what a deal in this flow goes through."""
    found: list[Rule] = [flow.takes] if flow.takes is not None else []
    for placed in flow.steps.values():
        step = placed.step
        found += [*placed.rules, *parameter_rules(step)]
        if isinstance(step, WaitDef) and step.until is not None:
            found.append(step.until)
        if isinstance(step, HandoffDef) and step.accept_when is not None:
            found.append(step.accept_when)
    return tuple(dict.fromkeys(found))


@dataclass
class Solver:
    """The facts a flow's rules read, the values each may have, and who writes them."""

    flow: FlowDef
    rates: Rates
    values: dict[str, tuple[Side, ...]] = field(default_factory=dict)
    ordinary: Assigned = field(default_factory=dict)
    writers: dict[str, tuple[Term, ...]] = field(default_factory=dict)
    """Facts that are known only if one of these steps is due."""
    _verdicts: dict[tuple[int, tuple[int, ...]], bool | None] = field(default_factory=dict)
    _allowed: dict[int, frozenset[int]] = field(default_factory=dict)
    _kept: list[Term] = field(default_factory=list)
    """Terms are remembered by identity, so they are kept alive."""

    @classmethod
    def of(cls, flow: FlowDef, rates: Rates, usual: Mapping[str, Value] | None = None) -> Solver:
        """Return the solver of a flow; `usual` are facts of an ordinary deal."""
        rules = rules_of(flow)
        found = cls(flow, rates, sides(rules, flow.facts))
        compares = [atom for rule in rules for atom in _compares(rule)]
        for path, values in list(found.values.items()):
            usual_value = _usual(flow, path, values, compares, rates, (usual or {}).get(path))
            found.values[path] = values if usual_value in values else (*values, usual_value)
            found._learn_writers(path)
            found.ordinary[path] = found.values[path].index(usual_value)
        if flow.takes is not None and not usual:
            takes = Term((flow.takes,), YES)
            found.ordinary = found.solve([takes], found.ordinary) or found.ordinary
        return found

    def known(self, assigned: Mapping[str, int]) -> dict[str, Side]:
        """Return what the facts are; None for one that is not known."""
        return {path: self.values[path][i] for path, i in assigned.items()}

    def solve(self, terms: Sequence[Term], prefer: Assigned, most: int = 4_000) -> Assigned | None:
        """Return values for all facts that satisfy `terms`, preferring those given; None when there are none.

        Terms that are so anyway cost time: leave out those for which `may_be_unset` says no.

        Raises GaveUp after `most` tries.
        """
        wanted = list(dict.fromkeys(terms))
        paths = list(dict.fromkeys(path for term in wanted for path in self._involved(term)))
        fixed = {path: i for path, i in prefer.items() if path not in paths}
        found = _Search(self, wanted, paths, prefer, most).go(fixed)
        return None if found is None else {path: found[path] for path in self.values}

    def satisfied(self, terms: Sequence[Term], assigned: Assigned) -> bool:
        """Return whether these values satisfy `terms`."""
        return all(self.verdict(term, assigned) in term.verdicts for term in terms)

    def verdict(self, term: Term, assigned: Assigned) -> bool | None:
        """Return what a term's rules come to; facts without a value yet count as not known."""
        key = (id(term), tuple(assigned.get(path, -1) for path in term.facts))
        if key not in self._verdicts:
            self._kept.append(term)
            values = {path: self.values[path][assigned[path]] for path in term.facts if path in assigned}
            known = {path: value for path, value in values.items() if value is not None}
            self._verdicts[key] = all_hold(term.rules, known, self.rates)
        return self._verdicts[key]

    def allowed(self, term: Term) -> frozenset[int]:
        """Return which values of the one fact a term reads let it come out as wanted."""
        if id(term) not in self._allowed:
            self._kept.append(term)
            (path,) = term.facts
            every = range(len(self.values[path]))
            self._allowed[id(term)] = frozenset(i for i in every if self.verdict(term, {path: i}) in term.verdicts)
        return self._allowed[id(term)]

    def possible(self, assigned: Assigned, paths: Sequence[str] | None = None) -> bool:
        """Return whether facts that steps write are known exactly if one of their writers is due."""
        for path in self.writers if paths is None else paths:
            if path in self.writers and path in assigned:
                written = any(self.verdict(term, assigned) for term in self.writers[path])
                if written is not (self.values[path][assigned[path]] is not None):
                    return False
        return True

    def may_be_unset(self, term: Term) -> bool:
        """Return whether a fact that `term` reads may stay unknown."""
        return any(value is None for path in term.facts for value in self.values.get(path, ()))

    def _learn_writers(self, path: str) -> None:
        """Learn whether a fact may stay unknown because the steps that write it are not due."""
        placed = [p for p in self.flow.steps.values() if path in writes(p.step, self.flow)]
        if not placed:
            return
        known = tuple(value for value in self.values[path] if value is not None)
        if any(not p.rules for p in placed):
            self.values[path] = known
        else:
            self.writers[path] = tuple(Term(p.rules, EITHER) for p in placed)
            self.values[path] = (*known, None)

    def _involved(self, term: Term) -> list[str]:
        """Return the facts a term depends on, with those that decide whether they are written."""
        found: dict[str, None] = {}
        waiting = list(term.facts)
        while waiting:
            path = waiting.pop(0)
            if path not in found:
                found[path] = None
                waiting += [p for term in self.writers.get(path, ()) for p in term.facts]
        return list(found)


class _Search:
    """One search, fact by fact; a term is looked at as soon as it can no longer come out as wanted."""

    def __init__(self, solver: Solver, terms: list[Term], paths: list[str], prefer: Assigned, most: int) -> None:
        self.solver, self.prefer, self.left = solver, prefer, most
        single = [term for term in terms if len(term.facts) == 1]
        self.allowed = {path: frozenset(range(len(solver.values[path]))) for path in paths}
        for term in single:
            self.allowed[term.facts[0]] &= solver.allowed(term)
        # Facts with the fewest values left come first: what cannot be shows early.
        self.paths = sorted(paths, key=lambda path: len(self.allowed[path]))
        self.touching: dict[str, list[Term]] = {path: [] for path in paths}
        place = {path: i for i, path in enumerate(self.paths)}
        self.last: dict[int, int] = {}
        for term in terms:
            if len(term.facts) > 1:
                self.last[id(term)] = max(place[path] for path in term.facts)
                for path in term.facts:
                    self.touching[path].append(term)
        self.impossible = any(not t.facts and not solver.satisfied([t], {}) for t in terms)

    def go(self, assigned: Assigned, at: int = 0) -> Assigned | None:
        if self.impossible:
            return None
        if at == len(self.paths):
            return dict(assigned) if self.solver.possible(assigned, self.paths) else None
        path = self.paths[at]
        first = self.prefer.get(path, 0)
        for i in sorted(self.allowed[path], key=lambda i: (i != first, i)):
            self.left -= 1
            if self.left < 0:
                raise GaveUp
            assigned[path] = i
            if all(self._may(term, assigned, at) for term in self.touching[path]):
                found = self.go(assigned, at + 1)
                if found is not None:
                    return found
        assigned.pop(path, None)
        return None

    def _may(self, term: Term, assigned: Assigned, at: int) -> bool:
        complete = self.last[id(term)] <= at
        if not complete and term.asks_whether_set:
            return True
        verdict = self.solver.verdict(term, assigned)
        return verdict in term.verdicts or (verdict is None and not complete)


def _parts(rule: Rule) -> tuple[Rule, ...]:
    inner = getattr(rule, "rule", None)
    return (inner,) if inner is not None else getattr(rule, "rules", ())


def _compares(rule: Rule) -> list[Compare]:
    return [rule] if isinstance(rule, Compare) else [each for part in _parts(rule) for each in _compares(part)]


def _usual(
    flow: FlowDef, path: str, values: tuple[Side, ...], compares: list[Compare], rates: Rates, given: Value | None
) -> Side:
    """Return the value of an ordinary deal: the one given, else the one of which the fewest rules take notice."""
    if given is not None:
        return given
    spec = flow.facts.get(path)
    plausible = [assumed(flow, spec)] if spec is not None else []
    known = [value for value in values if value is not None]

    def noticed(value: Value) -> int:
        return sum(holds(c, {path: value}, rates) is True for c in compares if c.fact == path)

    candidates = [*plausible, *known]
    outside = spec is None or spec.source is not Source.STEP
    return min(candidates, key=noticed) if candidates else (None if outside else values[0])
