"""Pinning into a flow what the outside gives: facts, actions, templates and packets, so that it travels whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel

from models.asking import Choice
from models.facts import Answers, DealFacts, FactSpec, Source, specs
from models.flow import (
    ApprovalDef,
    CallDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    RenderDef,
    SequenceDef,
    Step,
    StepId,
    WhenDef,
    parameter_rules,
    rule_facts,
    way,
    writes,
)
from models.pinned import ActionSpec, PacketSpec, TemplateSpec
from models.reading import DOCUMENT
from models.rules import Direction, Rule


class Known(NamedTuple):
    """What can be read at a step: facts that were written outside or before, documents rendered before."""

    facts: frozenset[str]
    documents: tuple[str, ...]


def bind(
    flow: FlowDef,
    facts: DealFacts,
    *,
    actions: Mapping[str, ActionSpec],
    templates: Mapping[str, TemplateSpec],
    packets: Mapping[str, PacketSpec],
    flows: Mapping[str, FlowDef] | None = None,
) -> FlowDef:
    """Return the flow with everything it uses pinned. What it uses and nobody offers stays out; checks report it."""
    every = specs(facts)
    steps = [placed.step for placed in flow.steps.values()]
    used_templates = {name for step in steps if isinstance(step, RenderDef) for name in alternatives(step.template)}
    forms = {form: _schema(facts, form) for step in steps if (form := _form(step, facts)) is not None}
    pinned = flow.model_copy(
        update={
            "facts": every,
            "actions": {s.action: actions[s.action] for s in steps if isinstance(s, CallDef) and s.action in actions},
            "templates": {name: templates[name] for name in sorted(used_templates) if name in templates},
            "packets": {
                s.packet: packets[s.packet] for s in steps if isinstance(s, HandoffDef) and s.packet in packets
            },
            "forms": forms,
            "children": dict(flows or {}),
        }
    )
    return FlowDef.model_validate(_covered(FlowDef.model_validate(dict(pinned))))


def alternatives(value: Any) -> list[Any]:
    """Return every value a parameter can take."""
    return [*(v for _, v in value.picks), value.otherwise] if isinstance(value, Choice) else [value]


def known_at(flow: FlowDef) -> dict[StepId, Known]:
    """Return what each step may read: facts from outside or from steps before it, never of a sibling branch."""
    outside = frozenset(path for path, spec in flow.facts.items() if spec.source is not Source.STEP)
    written = {path for placed in flow.steps.values() for path in writes(placed.step, flow)}
    found: dict[StepId, Known] = {}

    def go(node: Node, before: Known) -> Known:
        match node:
            case SequenceDef():
                for child in node.nodes:
                    before = go(child, before)
                return before
            case ParallelDef():
                return _joined(before, [go(child, before) for child in node.branches])
            case WhenDef():
                after = before
                for child in node.nodes:
                    after = go(child, after)
                for child in node.otherwise:
                    after = go(child, after)
                return after
        found[node.id] = before
        documents = (*before.documents, node.document) if isinstance(node, RenderDef) else before.documents
        return Known(before.facts | set(writes(node, flow)), documents)

    before = Known(outside - written, ())
    for stage in flow.stages:
        for node in stage.nodes:
            before = go(node, before)
    return found


def _joined(before: Known, ends: list[Known]) -> Known:
    facts = frozenset().union(before.facts, *(end.facts for end in ends))
    documents = dict.fromkeys([*before.documents, *(d for end in ends for d in end.documents)])
    return Known(facts, tuple(documents))


def _covered(flow: FlowDef) -> dict[str, Any]:
    known = known_at(flow)
    rules = {placed.step.id: placed.rules for placed in flow.steps.values()}

    def go(node: Node) -> Node:
        match node:
            case SequenceDef():
                return node.model_copy(update={"nodes": tuple(go(child) for child in node.nodes)})
            case ParallelDef():
                return node.model_copy(update={"branches": tuple(go(child) for child in node.branches)})
            case WhenDef():
                update = {"nodes": tuple(map(go, node.nodes)), "otherwise": tuple(map(go, node.otherwise))}
                return node.model_copy(update=update)
            case ApprovalDef():
                return node.model_copy(update={"covered": covers(node, rules[node.id], known[node.id], flow.facts)})
        return node

    stages = tuple(stage.model_copy(update={"nodes": tuple(map(go, stage.nodes))}) for stage in flow.stages)
    return dict(flow) | {"stages": stages}


def covers(
    step: ApprovalDef, rules: tuple[Rule, ...], known: Known, facts: Mapping[str, FactSpec]
) -> dict[str, Direction]:
    """Return what an approval signs, each with the way it gets worse (semantics 32, 33).

    By default: the facts of its rules, the guardrail facts, the quote's scope, and documents rendered before it.
    Which way is read off the rules that call for it; a rule that only picks who is asked says nothing about it.
    """
    every = (*rules, *parameter_rules(step))
    if step.covers is not None:
        names = list(step.covers)
    else:
        guardrails = [path for path, spec in facts.items() if spec.guardrail]
        candidates = [*rule_facts(every), *guardrails, "scope"]
        names = [path for path in dict.fromkeys(candidates) if path in known.facts and _tracked(facts, path)]
        names += [DOCUMENT + document for document in known.documents]
    return {name: way(name, facts, rules) for name in names}


def _tracked(facts: Mapping[str, FactSpec], path: str) -> bool:
    spec = facts.get(path)
    return spec is not None and spec.tracked


def _form(step: Step, facts: DealFacts) -> str | None:
    form: str | None = getattr(step, "form", None)
    return form if form is not None and isinstance(getattr(facts, form, None), Answers) else None


def _schema(facts: DealFacts, path: str) -> dict[str, Any]:
    return _schema_of(getattr(facts, path).holds_type)


@cache
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()
