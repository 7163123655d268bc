"""The branches of a flow: every step due and skipped, every rule both ways, every pick and row; what leads there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Literal

from models.asking import Choice, Patience, Table
from models.boundaries import atoms
from models.flow import (
    CallDef,
    EndDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    Placed,
    SequenceDef,
    StageDef,
    Step,
    StepId,
    SubflowDef,
    WaitDef,
    WhenDef,
    writes,
)
from models.parties import tables_of
from models.rules import Every, IsSet, Not, Rates, Rule, Some, all_hold, facts_of, text
from models.turn import title
from workflows.plan import Plan

Verdicts = frozenset[bool]
YES, NO, EITHER = frozenset({True}), frozenset({False}), frozenset({True, False})


@dataclass(frozen=True, eq=False)  # told apart by identity: comparing whole rules would take longer than solving them
class Term:
    """Rules whose conjunction must come to one of these verdicts."""

    rules: tuple[Rule, ...]
    verdicts: Verdicts

    @cached_property
    def facts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for rule in self.rules for path in facts_of(rule)))

    @cached_property
    def asks_whether_set(self) -> bool:
        """Whether it depends on what is known, so that it cannot be judged before every fact has its value."""
        return any(isinstance(atom, IsSet) for rule in self.rules for atom in atoms(rule))


@dataclass(frozen=True, eq=False)
class Branch:
    """One way a flow can go: `terms` say which facts lead there, `step` and `state` how a plan shows that it did."""

    text: str
    step: StepId
    state: Literal["due", "skipped", "met", "waits", "either"]
    terms: tuple[Term, ...]
    before: tuple[Term, ...] = field(default=())
    """What must be so for the deal to come this far."""

    @property
    def all_terms(self) -> tuple[Term, ...]:
        return (*self.before, *self.terms)


def branches(flow: FlowDef, on: date) -> tuple[Branch, ...]:
    """Return every branch of a flow, in flow order, with the rows of its tables that are in force `on` a day."""
    takes = (Term((flow.takes,), YES),) if flow.takes is not None else ()
    reached = dict(_reached(flow, takes))
    found: list[Branch] = []
    for stage in flow.stages:
        inside = _of_stage(stage)
        first = next((step_id for step_id, placed in flow.steps.items() if placed.stage is stage), None)
        if stage.skip_when is not None and first is not None:
            found += _rule(f"stage {stage.name} is skipped", stage.skip_when, (), first, reached[first])
        for node in stage.nodes:
            found += _inside(node, inside, flow, on, reached)
    return tuple(_told_apart(found))


def _told_apart(found: list[Branch]) -> Iterator[Branch]:
    """Yield the branches, with a number where two would be called the same."""
    names: dict[str, int] = {}
    for branch in found:
        names[branch.text] = names.get(branch.text, 0) + 1
        again = names[branch.text]
        yield branch if again == 1 else replace(branch, text=f"{branch.text} ({again})")


def seen(branch: Branch, plan: Plan, rates: Rates) -> bool:
    """Return whether a plan went this way."""
    step = plan.step(branch.step)
    if step.state in ("open", "stops") or not _came(branch, plan, rates):
        return False
    right = {
        "due": step.state != "skipped", "skipped": step.state == "skipped", "met": step.state == "done",
        "waits": step.state == "waits", "either": True,
    }[branch.state]  # fmt: skip
    waited = branch.state in ("met", "waits")  # what is waited for has come when the plan is over
    terms = branch.terms[:-1] if waited else branch.terms
    return right and all(all_hold(term.rules, plan.facts, rates) in term.verdicts for term in terms)


def _came(branch: Branch, plan: Plan, rates: Rates) -> bool:
    """Return whether the deal came as far as this step: a skip behind an ending or a stop shows nothing."""
    for step in plan.steps:
        if step.step == branch.step:
            break
        if step.state == "stops":
            return False
    return all(all_hold(term.rules, plan.facts, rates) in term.verdicts for term in branch.before)


def _of_stage(stage: StageDef) -> tuple[Term, ...]:
    return (Term((stage.skip_when,), NO),) if stage.skip_when is not None else ()


def _inside(
    node: Node, around: tuple[Term, ...], flow: FlowDef, on: date, reached: dict[StepId, tuple[Term, ...]]
) -> Iterator[Branch]:
    match node:
        case SequenceDef():
            for child in node.nodes:
                yield from _inside(child, around, flow, on, reached)
        case ParallelDef():
            for child in node.branches:
                yield from _inside(child, around, flow, on, reached)
        case WhenDef():
            first = _first(node)
            if first is not None:
                yield from _rule(f"when {text(node.rule)}", node.rule, around, first, reached[first])
            yes, no = Term((node.rule,), YES), Term((node.rule,), NO)
            for child in node.nodes:
                yield from _inside(child, (*around, yes), flow, on, reached)
            for child in node.otherwise:
                yield from _inside(child, (*around, no), flow, on, reached)
        case _:
            yield from _of_step(node, around, on, reached[node.id])


def _of_step(step: Step, around: tuple[Term, ...], on: date, before: tuple[Term, ...]) -> Iterator[Branch]:
    name = f"{step.kind} {title(step.id)}" if step.kind in ("approval", "task", "wait", "ending") else title(step.id)
    own = (Term((step.when,), YES),) if step.when is not None else ()
    due = (*around, *own)
    yield Branch(f"{name} due", step.id, "due", due, before)
    if step.when is not None:
        yield Branch(f"{name} skipped", step.id, "skipped", (*around, Term((step.when,), NO)), before)
    for label, choice in _choices(step):
        rules = tuple(rule for rule, _ in choice.picks)
        yield from _one_of(f"{name}: {label}", rules, step.id, due, before, otherwise=True)
    for table in tables_of(step):
        yield from _of_table(f"{name}: table {table.name}", table, step.id, due, on, before)
    if isinstance(step, WaitDef) and step.until is not None and not step.advisory:
        yield Branch(f"{name}: so already", step.id, "met", (*due, Term((step.until,), YES)), before)
        yield Branch(f"{name}: is waited for", step.id, "waits", (*due, Term((step.until,), NO)), before)
    if isinstance(step, HandoffDef) and step.accept_when is not None:
        for word, verdict in (("accepted by rule", YES), ("asked of people", NO)):
            yield Branch(f"{name} {word}", step.id, "due", (*due, Term((step.accept_when,), verdict)), before)


def _of_table(
    label: str, table: Table, step: StepId, due: tuple[Term, ...], on: date, before: tuple[Term, ...]
) -> Iterator[Branch]:
    rows = [row for row in table.rows if row.in_force(on)]
    rules = tuple(row.when for row in rows if row.when is not None)
    last = any(row.when is None for row in rows)
    if table.match == "first":
        yield from _one_of(label, rules, step, due, before, otherwise=last)
        return
    for rule in rules:
        yield Branch(f"{label} because {text(rule)}", step, "due", (*due, Term((rule,), YES)), before)
    if last:
        yield Branch(f"{label} otherwise", step, "due", (*due, *(Term((rule,), NO) for rule in rules)), before)


def _one_of(
    label: str,
    rules: tuple[Rule, ...],
    step: StepId,
    due: tuple[Term, ...],
    before: tuple[Term, ...],
    *,
    otherwise: bool,
) -> Iterator[Branch]:
    """Yield a branch for each rule that is the first to hold, and one for none of them."""
    refused: tuple[Term, ...] = ()
    for rule in rules:
        yield Branch(f"{label} because {text(rule)}", step, "due", (*due, *refused, Term((rule,), YES)), before)
        refused = (*refused, Term((rule,), NO))
    if otherwise:
        yield Branch(f"{label} otherwise", step, "due", (*due, *refused), before)


def _rule(
    label: str, rule: Rule, around: tuple[Term, ...], first: StepId, before: tuple[Term, ...]
) -> Iterator[Branch]:
    yield Branch(label, first, "either", (*around, Term((rule,), YES)), before)
    yield Branch(f"not: {label}", first, "either", (*around, Term((rule,), NO)), before)


def _choices(step: Step) -> Iterator[tuple[str, Choice]]:  # type: ignore[type-arg]
    patience = getattr(step, "patience", None) or Patience()
    values = {
        "who": getattr(step, "by", None), "template": getattr(step, "template", None), "time": patience.within,
        "escalation": patience.escalate_to, "silence": patience.on_silence,
    }  # fmt: skip
    for label, value in values.items():
        if isinstance(value, Choice):
            yield label, value


def _first(node: Node) -> StepId | None:
    match node:
        case SequenceDef():
            children = node.nodes
        case ParallelDef():
            children = node.branches
        case WhenDef():
            children = (*node.nodes, *node.otherwise)
        case _:
            return node.id
    return next((found for child in children if (found := _first(child)) is not None), None)


def _reached(flow: FlowDef, takes: tuple[Term, ...]) -> Iterator[tuple[StepId, tuple[Term, ...]]]:
    """Yield what must be so before a deal comes to each step.

    No ending before it, every rule before it decided, and whatever the steps up to it need is known.
    """
    before = list(takes)
    for step_id, placed in flow.steps.items():
        supplied = _supplied(flow, placed)
        yield step_id, (*before, *supplied)
        before += supplied
        if isinstance(placed.step, EndDef):
            before.append(Term(placed.rules, NO))
        elif placed.rules:
            before.append(Term(placed.rules, EITHER))


def _supplied(flow: FlowDef, placed: Placed) -> list[Term]:
    """Return that what an action needs, or a packet must hold, is written by a step that is due if the step is."""
    step = placed.step
    match step:
        case CallDef() if step.action in flow.actions:
            needed = [step.inputs.get(name, name) for name, must in flow.actions[step.action].inputs.items() if must]
        case SubflowDef():
            needed = list(step.inputs.values())
        case HandoffDef() if step.packet in flow.packets:
            needed = [field.fact for field in flow.packets[step.packet].fields if field.fact]
        case _:
            needed = []
    found: list[Term] = []
    for path in needed:
        writers = [p.rules for p in flow.steps.values() if path in writes(p.step, flow)]
        if writers and all(writers):
            written = Some(rules=tuple(Every(rules=rules) for rules in writers))
            known = Some(rules=(Not(rule=Every(rules=placed.rules)), written)) if placed.rules else written
            found.append(Term((known,), YES))
    return found
