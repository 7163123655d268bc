"""The smallest set of deals that shows everything a flow can do, found from its rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from models.boundaries import Side
from models.flow import FlowDef, WaitDef
from models.given import assumed, form_paths
from models.people import BusinessTime, Directory, M
from models.rules import Rates, facts_of
from models.values import Text, Value
from workflows.branches import EITHER, Branch, Term, branches, seen
from workflows.plan import Plan, plan
from workflows.solving import Assigned, GaveUp, Solver

DOLLARS: Rates = {"USD": Decimal(1)}
_ORDERS = 6
"""In how many orders branches are packed into scenarios; the fewest scenarios are kept."""
_LONG, _QUICK = 4_000, 300
"""How much is tried; the lesser where giving up costs a scenario more or a weaker proof, and nothing else."""
_PROVABLE = 120
"""Up to how many branches it is worked out whether fewer scenarios could do."""


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Scenario(_Shown):
    """One deal: what is special about it, what it shows, and the way it goes."""

    name: str
    facts: dict[str, Value]
    differs: dict[str, str]
    """Facts that are not those of the ordinary deal; "not known" for one it lacks."""
    covers: tuple[str, ...]
    only: tuple[str, ...]
    """What no other scenario shows."""
    path: tuple[str, ...]
    ending: str


class Unreached(_Shown):
    """A branch no scenario shows, and why."""

    branch: str
    why: str


class Scenarios(_Shown):
    """Deals that together go every way a flow can go."""

    flow: str
    version: int
    ordinary: dict[str, Value]
    made_up: tuple[str, ...]
    """What the given facts do not say of the ordinary deal, of what its ways depend on."""
    scenarios: tuple[Scenario, ...]
    branches: tuple[str, ...]
    unreached: tuple[Unreached, ...]
    at_least: int
    """Fewer scenarios than this cannot show it all: so many branches exclude each other."""


@dataclass(frozen=True)
class _Found:
    """Assignments that were found, with what could not be."""

    deals: list[Assigned]
    impossible: list[Branch]
    gave_up: list[Branch]


def scenarios(
    flow: FlowDef,
    *,
    people: Directory[M],
    clock: BusinessTime,
    start: datetime,
    usual: Mapping[str, Value] | None = None,
    rates: Rates = DOLLARS,
) -> Scenarios:
    """Return the fewest deals found that go every way of `flow`; `usual` are facts of an ordinary deal."""
    solver = Solver.of(flow, rates, usual)
    every = [_lean(solver, branch) for branch in branches(flow, start.date())]
    found = _fewest(solver, every)
    base = _base(flow, people, usual, start)
    made = [
        plan(flow, _facts(base, solver.known(deal)), people=people, clock=clock, start=start, rates=rates)
        for deal in found.deals
    ]
    shown = [{branch.text for branch in every if seen(branch, each, rates)} for each in made]
    kept = _needed(shown)
    rows = _rows(
        solver, base, [b.text for b in every], [found.deals[i] for i in kept], [made[i] for i in kept],
        [shown[i] for i in kept],
    )  # fmt: skip
    reached = set().union(*shown)
    fewest = _at_least(solver, [branch for branch in every if branch.text in reached])
    ordinary = _facts(base, solver.known(solver.ordinary))
    return Scenarios(
        flow=flow.name, version=flow.version, ordinary=ordinary, scenarios=tuple(rows),
        made_up=tuple(path for path in _looked_at(every) if usual and path in ordinary and path not in usual),
        branches=tuple(branch.text for branch in every), at_least=fewest,
        unreached=tuple(
            Unreached(branch=branch.text, why=_why(branch, found)) for branch in every if branch.text not in reached
        ),
    )  # fmt: skip


def _lean(solver: Solver, branch: Branch) -> Branch:
    """Leave out what a branch does not depend on: rules of which all facts are always known are always decided."""
    before = tuple(t for t in branch.before if t.verdicts != EITHER or solver.may_be_unset(t))
    return Branch(branch.text, branch.step, branch.state, branch.terms, before)


def _fewest(solver: Solver, every: Sequence[Branch]) -> _Found:
    impossible, gave_up, open_ = list[Branch](), list[Branch](), list[Branch]()
    for branch in every:
        try:
            (open_ if solver.solve(branch.all_terms, solver.ordinary) is not None else impossible).append(branch)
        except GaveUp:
            gave_up.append(branch)
    best: list[Assigned] | None = None
    for order in _orders(open_):
        packed = _spared(solver, _packed(solver, order), open_)
        if best is None or len(packed) < len(best):
            best = packed
    return _Found([_plainer(solver, i, best or [], open_) for i in range(len(best or []))], impossible, gave_up)


def _orders(every: list[Branch]) -> Iterator[list[Branch]]:
    """Yield the branches in several orders: hardest first, as written, and from other starting points."""
    yield sorted(every, key=lambda branch: -len(branch.all_terms))
    yield every
    yield every[::-1]
    for i in range(1, _ORDERS - 2):
        at = len(every) * i // (_ORDERS - 2)
        yield every[at:] + every[:at]


def _packed(solver: Solver, order: Sequence[Branch]) -> list[Assigned]:
    """Put as many branches into each deal as go together, until all are in one."""
    deals: list[Assigned] = []
    left = list(order)
    while left:
        terms: tuple[Term, ...] = ()
        deal: Assigned = solver.ordinary
        for branch in left:
            wanted = (*terms, *branch.all_terms)
            if solver.satisfied(branch.all_terms, deal) and solver.possible(deal) and terms:
                terms = wanted
                continue
            try:
                more = solver.solve(wanted, deal, _QUICK if terms else _LONG)
            except GaveUp:
                continue
            if more is not None:
                terms, deal = wanted, more
        deals.append(deal)
        still = [branch for branch in left if not _covers(solver, deal, branch)]
        assert len(still) < len(left), "each branch can be had by itself"
        left = still
    return deals


def _covers(solver: Solver, deal: Assigned, branch: Branch) -> bool:
    return solver.satisfied(branch.all_terms, deal)


def _spared(solver: Solver, deals: list[Assigned], every: Sequence[Branch]) -> list[Assigned]:
    """Leave out deals the others make needless."""
    kept = list(deals)
    for deal in deals[::-1]:
        others = [each for each in kept if each is not deal]
        if all(any(_covers(solver, each, branch) for each in others) for branch in every):
            kept = others
    return kept


def _plainer(solver: Solver, i: int, deals: list[Assigned], every: Sequence[Branch]) -> Assigned:
    """Give a deal back every ordinary fact it can do with, so that what remains says why it is here."""
    others = [deal for j, deal in enumerate(deals) if j != i]
    mine = [b for b in every if not any(_covers(solver, deal, b) for deal in others)]
    deal = dict(deals[i])
    for path, value in solver.ordinary.items():
        plainer = {**deal, path: value}
        if deal[path] != value and all(_covers(solver, plainer, b) for b in mine) and solver.possible(plainer):
            deal = plainer
    deals[i] = deal
    return deal


def _needed(shown: Sequence[set[str]]) -> list[int]:
    """Leave out deals that turn out to be needless: what comes while a deal waits can show more than its facts did."""
    kept = list(range(len(shown)))
    for i in kept[::-1]:
        others = set().union(*(shown[j] for j in kept if j != i))
        if shown[i] <= others:
            kept.remove(i)
    return kept


def _at_least(solver: Solver, reached: Sequence[Branch]) -> int:
    """Return the size of a group of branches of which no two go together: each needs a deal of its own."""
    if len(reached) > _PROVABLE:
        return min(1, len(reached))
    terms = [_lasting(solver, branch) for branch in reached]
    apart: dict[tuple[int, int], bool] = {}

    def excluded(i: int, j: int) -> bool:
        key = (min(i, j), max(i, j))
        if key not in apart:
            try:
                apart[key] = solver.solve((*terms[i], *terms[j]), solver.ordinary, _QUICK) is None
            except GaveUp:
                apart[key] = False
        return apart[key]

    best = 0
    for first in range(len(reached)):
        group = [first]
        for other in range(len(reached)):
            if other != first and all(excluded(other, each) for each in group):
                group.append(other)
        best = max(best, len(group))
    return best


def _lasting(solver: Solver, branch: Branch) -> tuple[Term, ...]:
    """Return the terms of a branch that nothing changes on the way: what a deal waits for may be both in one deal."""
    steps = (placed.step for placed in solver.flow.steps.values())
    awaited = {path for s in steps if isinstance(s, WaitDef) and s.until is not None for path in facts_of(s.until)}
    return tuple(term for term in branch.all_terms if not awaited & set(term.facts))


def _why(branch: Branch, found: _Found) -> str:
    if branch in found.impossible:
        return "no facts lead there"
    return "the search gave up" if branch in found.gave_up else "the deal stops before, or a step answers otherwise"


def _base(flow: FlowDef, people: Directory[M], usual: Mapping[str, Value] | None, start: datetime) -> dict[str, Value]:
    """Return the facts of an ordinary deal; what nobody gives is made up."""
    found = {path: assumed(flow, spec, start.date()) for path, spec in flow.facts.items() if path not in _fields(flow)}
    if "owner" in found:
        owners = people.having("account_executive") or people.having("sales") or list(people.people)
        found["owner"] = Text(v=owners[0] if owners else "owner")
    if "signatory" in found:
        found["signatory"] = Text(v="Ada Signer <ada@customer.example>")
    return {**found, **(usual or {})}


def _looked_at(every: Sequence[Branch]) -> Iterable[str]:
    return dict.fromkeys(path for branch in every for term in branch.all_terms for path in term.facts)


def _fields(flow: FlowDef) -> set[str]:
    """Return forms and their fields: whoever fills in a form answers them, and where nobody does nobody knows them."""
    forms = form_paths(flow)
    return {path for path in flow.facts if path in forms or path.partition(".")[0] in forms}


def _facts(base: Mapping[str, Value], deal: Mapping[str, Side]) -> dict[str, Value]:
    unset = {path for path, value in deal.items() if value is None}
    return {
        **{path: value for path, value in base.items() if path not in unset},
        **{path: value for path, value in deal.items() if value is not None},
    }


def _rows(
    solver: Solver, base: Mapping[str, Value], texts: Sequence[str], deals: Sequence[Assigned],
    made: Sequence[Plan], shown: Sequence[set[str]],
) -> Iterator[Scenario]:  # fmt: skip
    usual = _facts(base, solver.known(solver.ordinary))
    names: list[str] = []
    for i, (deal, course) in enumerate(zip(deals, made, strict=True)):
        elsewhere = set().union(*(each for j, each in enumerate(shown) if j != i))
        every = [branch for branch in texts if branch in shown[i]]
        only = tuple(branch for branch in every if branch not in elsewhere)
        facts = _facts(base, solver.known(deal))
        differs = _differs(usual, facts, solver.writers)
        names.append(_name(differs, only, names))
        yield Scenario(
            name=names[-1], facts=facts, differs=differs,
            covers=tuple(every), only=only,
            path=tuple(_path(course)), ending=course.ending,
        )  # fmt: skip


def _differs(usual: Mapping[str, Value], facts: Mapping[str, Value], written: Iterable[str]) -> dict[str, str]:
    """Return what is not ordinary; a fact nobody writes because its step is skipped is not told twice."""
    changed = {path: str(value) for path, value in facts.items() if usual.get(path) != value}
    return {**changed, **{path: "not known" for path in usual if path not in facts and path not in written}}


def _path(course: Plan) -> Iterator[str]:
    turns: dict[int, list[str]] = {}
    for step in course.steps:
        if step.turn is not None and step.state not in ("open", "skipped"):
            turns.setdefault(step.turn, []).append(step.title)
    yield from (" + ".join(titles) for _, titles in sorted(turns.items()))


def _name(differs: Mapping[str, str], only: Sequence[str], taken: Sequence[str]) -> str:
    """Return a name from what only this scenario shows."""
    told = [_said(text) for text in only if not text.startswith("not: ")] or [_said(text) for text in only]
    if not differs:
        told = ["the ordinary deal"]
    whole = ", ".join(told[:2]) + (f" and {len(told) - 2} more" if len(told) > 2 else "")
    return whole if whole and whole not in taken else f"{whole or 'another deal'} ({len(taken) + 1})"


def _said(branch: str) -> str:
    return branch.removesuffix(" due").removeprefix("approval ")
