"""Rules that can never be true, always are, or say nothing beside the others; and flows that never get a deal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from models.asking import Choice, Patience
from models.facts import Source
from models.flow import FlowDef, HandoffDef, Step, WaitDef, WhenDef, rule_facts
from models.reasoning import NO, UNDECIDED, YES, always, idle_parts, implies, impossible_parts, possible, satisfiable
from models.rules import Every, Rule, text
from workflows.checks_codes import Finding, called, found
from workflows.checks_tree import Inside, Place, line_of, nodes


def rules(flow: FlowDef, placed: list[Place]) -> Iterator[Finding]:
    """Yield what is wrong with the rules in a flow."""
    if flow.takes is not None:
        yield from alone(flow, flow.line, f"flow {flow.name!r}: takes", flow.takes)
        yield from _takes(flow, flow.takes)
    for stage in flow.stages:
        if stage.skip_when is not None:
            # One that always holds makes the stage unreachable, which is told of there.
            yield from alone(flow, stage.line, f"stage {stage.name}: skip_when", stage.skip_when, may_always=True)
    for inside in nodes(flow):
        if isinstance(inside.node, WhenDef):
            yield from _when(flow, inside, inside.node)
    for place in placed:
        step = place.step
        if step.when is not None:
            yield from _own(flow, step.line, f"{called(step)}: its rule", step.when, place.outer)
        yield from _picks(flow, place)
        if isinstance(step, WaitDef) and step.until is not None and satisfiable([step.until], flow.facts):
            yield from alone(flow, step.line, f"{called(step)}: until", step.until)
        if isinstance(step, HandoffDef) and step.accept_when is not None:
            yield from alone(flow, step.line, f"{called(step)}: accept_when", step.accept_when)


def never_chosen(flows: Sequence[FlowDef]) -> Iterator[Finding]:
    """Yield the flows on offer that no deal can get, since those before them take whatever they would take."""
    used = {child for flow in flows for child in flow.children}
    for i, flow in enumerate(flows):
        before = flows[:i]
        takes = flow.takes if flow.takes is not None else Every(rules=())
        if not before or flow.name in used or not satisfiable([takes], flow.facts):
            continue
        all_takers = [each for each in before if each.takes is None]
        passed = [(each.takes, NO | UNDECIDED) for each in before if each.takes is not None]
        if all_takers or not possible([(takes, YES), *passed], flow.facts):
            named = all_takers or [each for each in before if each.takes is not None]
            told = ", ".join(
                f"{each.name} ({text(each.takes) if each.takes is not None else 'every deal'})" for each in named
            )
            what = f"flow {flow.name!r}: no deal can get it, since {told} is tried before it"
            remedy = "let the ones before it take less with takes=, or let it be tried before them"
            yield found(flow, "never_chosen", flow.line, what, remedy)


def alone(flow: FlowDef, line: int, where: str, rule: Rule, *, may_always: bool = False) -> Iterator[Finding]:
    """Yield what is wrong with a rule by itself."""
    if not satisfiable([rule], flow.facts):
        what = f"{where} {text(rule)} can never be true"
        yield found(flow, "never_true", line, what, "correct the values, or take it away with what it stands for")
        return
    if always([rule], flow.facts):
        if not may_always and rule_facts((rule,)):
            what = f"{where} {text(rule)} is always true"
            yield found(flow, "always_true", line, what, "correct the values, or take the rule away")
        return
    parts = impossible_parts(rule, flow.facts)
    for part in parts:
        what = f"{where}: {text(part)} can never be true"
        yield found(flow, "never_true", line, what, "correct its values, or take this part away")
    for part, rest in [] if parts else idle_parts(rule, flow.facts):
        what = f"{where}: {text(part)} changes nothing beside {text(rest)}"
        yield found(flow, "idle_part", line, what, "correct its values, or take this part away")


def _own(flow: FlowDef, line: int, where: str, rule: Rule, outer: tuple[Rule, ...]) -> Iterator[Finding]:
    """Yield what is wrong with a rule by itself or with those around it."""
    told = list(alone(flow, line, where, rule))
    yield from told
    if told or not outer or not satisfiable(outer, flow.facts):
        return
    around = text(Every(rules=outer))
    if not satisfiable([*outer, rule], flow.facts):
        what = f"{where} {text(rule)} can never be true where {around}"
        yield found(flow, "contradicts_enclosing", line, what, "correct one of the two, or take the step out of there")
    elif implies(outer, rule, flow.facts):
        what = f"{where} {text(rule)} is always true where {around}"
        yield found(flow, "always_true", line, what, "take the rule away; what is around it says it already")


def _when(flow: FlowDef, inside: Inside, when: WhenDef) -> Iterator[Finding]:
    yield from _own(flow, line_of(when, inside.stage), "When", when.rule, inside.outer)


def _picks(flow: FlowDef, place: Place) -> Iterator[Finding]:
    """Yield the alternatives of a pick that are never the first to hold."""
    step = place.step
    for choice in _choices(step):
        before: list[Rule] = []
        for rule, _ in choice.picks:
            told = list(alone(flow, step.line, f"{called(step)}: pick", rule))
            yield from told
            earlier = [(other, NO) for other in before]
            if not told and not possible([*((r, YES) for r in place.rules), (rule, YES), *earlier], flow.facts):
                what = f"{called(step)}: pick {text(rule)} can never be the first that holds here"
                yield found(flow, "never_true", step.line, what, "put it before the others, or take it away")
            before.append(rule)


def _choices(step: Step) -> list[Choice[Any]]:
    patience = getattr(step, "patience", None) or Patience()
    values = (getattr(step, "by", None), getattr(step, "template", None))
    every: tuple[Any, ...] = (*values, patience.within, patience.escalate_to, patience.on_silence)
    return [value for value in every if isinstance(value, Choice)]


def _takes(flow: FlowDef, takes: Rule) -> Iterator[Finding]:
    """Yield a `takes` that needs what only a step finds out."""
    later = [
        path
        for path in rule_facts((takes,))
        if (spec := flow.facts.get(path)) is not None and spec.source is Source.STEP
    ]
    unknown = [path for path in rule_facts((takes,)) if path not in flow.facts]
    for path in unknown:
        what = f"flow {flow.name!r}: takes names {path!r}, which is no fact of this flow"
        yield found(flow, "unknown_fact", flow.line, what, "declare it in facts.py")
    unset = frozenset(later)
    if later and satisfiable([takes], flow.facts) and not possible([(takes, YES)], flow.facts, unset=unset):
        what = f"flow {flow.name!r}: takes reads {', '.join(map(repr, later))}, which only a step writes"
        remedy = "choose by what the CRM says of a deal, and put this rule on a stage or step"
        yield found(flow, "takes_too_early", flow.line, what, remedy)
