"""Mistakes in a flow, found before a deal runs it: each with its place and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from models.asking import Back, Group, Ladder, Owner, Patience, Role, Silence, Table
from models.flow import (
    ApprovalDef,
    CallDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    RenderDef,
    SequenceDef,
    SignatureDef,
    StageDef,
    Step,
    StepId,
    SubflowDef,
    TaskDef,
    WaitDef,
    WhenDef,
    choice_rules,
    route,
    rule_facts,
    writes,
)
from models.rules import Rule
from workflows.binding import Known, alternatives, known_at

ROLES = frozenset({
    "account_executive", "sales", "deal_desk", "vp_sales", "ceo", "general_counsel", "finance", "cfo", "delivery_head",
    "legal", "security", "ciso", "delivery_manager", "operations", "sales_ops", "admin",
    "application_engineer", "board", "compliance", "customer_success", "estimator", "internal_audit", "plant_manager",
    "privacy", "purchasing", "risk", "site_manager",
})  # fmt: skip
"""The roles of the demo company, and those which the shipped flows of its other lines of business name."""

FATAL = frozenset({"unknown_action", "unknown_template", "unknown_packet", "unknown_stage", "duplicate_step"})
"""What no deal could be walked with: such a flow is not on offer."""


class Finding(NamedTuple):
    """One mistake: where it is, what it is, what to do."""

    code: str
    file: str
    line: int
    what: str
    remedy: str
    flow: str = ""


class Menu(NamedTuple):
    """What a flow may use, by name."""

    actions: frozenset[str] = frozenset()
    templates: frozenset[str] = frozenset()
    packets: frozenset[str] = frozenset()
    roles: frozenset[str] = ROLES


def check(flow: FlowDef, menu: Menu | None = None) -> list[Finding]:
    """Return the mistakes in a bound flow, top to bottom."""
    menu = menu or Menu()
    placed = [(step, stage, rules) for stage in flow.stages for step, rules in _steps(stage)]
    found = list(_twice(flow, placed))
    known = known_at(flow)
    found += _people(flow, menu.roles, flow.line, flow.owner, "the flow's owner")
    for stage in flow.stages:
        found += _routes(flow, stage, stage, f"stage {stage.name}")
    for step, stage, rules in placed:
        found += _unknown(flow, menu, step)
        found += _routes(flow, stage, step, _name(step))
        found += _unrouted(flow, stage, step)
        found += _deadlines(flow, step)
        found += _asked(flow, menu.roles, step)
        found += _documents(flow, step, known[step.id])
        found += _facts(flow, step, rules, known[step.id])
    return sorted(dict.fromkeys(found), key=lambda each: each.line)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at what was probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"use one of {', '.join(names)}" if names else "there is none yet"


def _twice(flow: FlowDef, placed: list[tuple[Step, StageDef, tuple[Rule, ...]]]) -> Iterator[Finding]:
    seen: dict[StepId, int] = {}
    for step, _, _ in placed:
        if step.id in seen:
            what = f"{_name(step)} has the same name as the step in line {seen[step.id]}"
            yield _found(flow, "duplicate_step", step.line, what, "give one of them another name, with name=")
        seen.setdefault(step.id, step.line)
    stages: set[str] = set()
    for stage in flow.stages:
        if stage.name in stages:
            yield _found(flow, "duplicate_step", stage.line, f"two stages are called {stage.name!r}", "rename one")
        stages.add(stage.name)


def _unknown(flow: FlowDef, menu: Menu, step: Step) -> Iterator[Finding]:
    match step:
        case CallDef() if step.action not in flow.actions:
            what = f"{_name(step)}: no action {step.action!r} in activities/catalog.py"
            yield _found(flow, "unknown_action", step.line, what, nearest(step.action, menu.actions))
        case RenderDef():
            for name in alternatives(step.template):
                if name not in flow.templates:
                    what = f"{_name(step)}: no template {name!r} under templates/documents"
                    yield _found(flow, "unknown_template", step.line, what, nearest(name, menu.templates))
        case HandoffDef() if step.packet not in flow.packets:
            what = f"{_name(step)}: no packet {step.packet!r} in packets.py"
            yield _found(flow, "unknown_packet", step.line, what, nearest(step.packet, menu.packets))
        case ApprovalDef():
            for other in step.not_same_as:
                if other not in flow.steps:
                    what = f"{_name(step)}: not_same_as names {other!r}, which is no step of this flow"
                    yield _found(flow, "unknown_step", step.line, what, nearest(other, flow.steps))


def _routes(flow: FlowDef, stage: StageDef, where: Any, name: str) -> Iterator[Finding]:
    for word in ("on_reject", "on_expire", "on_decline"):
        to = getattr(where, word, None)
        if not isinstance(to, Back):
            continue
        if to.stage not in flow.stage_names:
            what = f"{name}: {word} names {to.stage!r}, which is no stage of this flow"
            yield _found(flow, "unknown_stage", where.line, what, nearest(to.stage, flow.stage_names))
        elif flow.stage_names.index(to.stage) > flow.stage_names.index(stage.name):
            what = f"{name}: {word} names the later stage {to.stage!r}"
            remedy = f"name {stage.name!r}, an earlier stage or an ending: a deal is only ever sent back"
            yield _found(flow, "later_stage", where.line, what, remedy)


def _unrouted(flow: FlowDef, stage: StageDef, step: Step) -> Iterator[Finding]:
    back = f'"{flow.stages[0].name}"'
    if isinstance(step, ApprovalDef) and not step.advisory and route(step, stage, "rejected") is None:
        what = f"{_name(step)}: nothing says what follows a no"
        remedy = f'add on_reject={back} or on_reject=lost("...") to it or to stage {stage.name!r}'
        yield _found(flow, "unrouted_rejection", step.line, what, remedy)
    if isinstance(step, SignatureDef) and route(step, stage, "declined") is None:
        what = f"{_name(step)}: nothing says what follows when the customer declines"
        remedy = f'add on_decline={back} or on_decline=lost("...") to it or to stage {stage.name!r}'
        yield _found(flow, "unrouted_decline", step.line, what, remedy)
    if isinstance(step, WaitDef) and step.patience.within and route(step, stage, "expired") is None:
        what = f"{_name(step)}: it ends after a time, and nothing says what follows then"
        yield _found(flow, "unrouted_expiry", step.line, what, f"add on_expire={back} or on_expire=CONTINUE")


def _deadlines(flow: FlowDef, step: Step) -> Iterator[Finding]:
    if not isinstance(step, ApprovalDef | TaskDef | HandoffDef | SignatureDef):
        return
    patience: Patience = step.patience
    if patience.within is None:
        what = f"{_name(step)}: it may stay open for ever"
        yield _found(flow, "no_deadline", step.line, what, "add within=business_days(2) or the like")
    if isinstance(step, SignatureDef):
        return
    ladders = [each for each in alternatives(patience.escalate_to) if isinstance(each, Ladder)]
    climbs = Silence.ESCALATE in alternatives(patience.on_silence)
    if climbs and any(not ladder.rungs and ladder.last is None for ladder in ladders):
        what = f"{_name(step)}: when it is late there is nobody to escalate to"
        remedy = 'add escalate_to="..." with a role, or say on_silence=EXPIRE, APPROVE or REJECT'
        yield _found(flow, "nobody_to_escalate_to", step.line, what, remedy)


def _asked(flow: FlowDef, roles: frozenset[str], step: Step) -> Iterator[Finding]:
    asked: list[Any] = []
    for value in (getattr(step, "by", ()), getattr(step, "to", ())):
        for each in alternatives(value):
            asked += each if isinstance(each, tuple) else [each]
    patience = getattr(step, "patience", None)
    if isinstance(patience, Patience):
        for ladder in alternatives(patience.escalate_to):
            asked += [who for rung in ladder.rungs for who in rung]
    yield from _people(flow, roles, step.line, asked, _name(step))


def _people(flow: FlowDef, roles: frozenset[str], line: int, asked: Iterable[Any], where: str) -> Iterator[Finding]:
    for who in asked:
        match who:
            case Role() | Group() if who.role not in roles:
                what = f"{where}: nobody has the role {who.role!r}"
                yield _found(flow, "unknown_role", line, what, nearest(who.role, roles))
            case Owner() if who.fact not in flow.facts:
                yield _fact(flow, line, where, who.fact)
            case Table():
                for path in who.facts:
                    if path not in flow.facts:
                        yield _fact(flow, line, where, path)


def _documents(flow: FlowDef, step: Step, known: Known) -> Iterator[Finding]:
    if isinstance(step, SignatureDef) and step.document not in known.documents:
        what = f"{_name(step)}: no step before it renders {step.document!r}"
        remedy = f'put Render("{step.document}", template="...") before it'
        yield _found(flow, "unrendered_signature", step.line, what, remedy)
    if isinstance(step, HandoffDef):
        packet = flow.packets.get(step.packet)
        for field in packet.fields if packet else ():
            if field.document and field.document not in known.documents:
                what = f"{_name(step)}: its packet wants the document {field.document!r}, which no step before renders"
                remedy = f'put Render("{field.document}", template="...") before it, or take it out of the packet'
                yield _found(flow, "unrendered_document", step.line, what, remedy)


def _facts(flow: FlowDef, step: Step, rules: tuple[Rule, ...], known: Known) -> Iterator[Finding]:
    written = {path: other for other in flow.steps.values() for path in writes(other.step, flow)}
    for path, how in _reads(flow, step, rules).items():
        where = f"{_name(step)}: {how}"
        if path not in flow.facts:
            yield _fact(flow, step.line, where, path)
        elif path not in known.facts and path in written:
            writer = written[path].step
            what = f"{where} reads {path!r}, which {_name(writer)} (line {writer.line}) writes only later or beside it"
            remedy = f"put it behind {_name(writer)}, in order, or let it read something else"
            yield _found(flow, "fact_too_early", step.line, what, remedy)
        elif path not in known.facts:
            what = f"{where} reads {path!r}, which no step of this flow writes"
            yield _found(flow, "fact_never_written", step.line, what, f"call the action that writes {path!r} before it")


def _reads(flow: FlowDef, step: Step, rules: tuple[Rule, ...]) -> dict[str, str]:
    """Return the facts a step reads, each with what in it reads the fact."""
    found = dict.fromkeys(rule_facts((*rules, *choice_rules(step))), "its rule")
    each = getattr(step, "each", None)
    match step:
        case ApprovalDef():
            found |= dict.fromkeys(step.covers or (), "covers")
        case CallDef():
            needed = flow.actions[step.action].inputs if step.action in flow.actions else {}
            found |= {path: f"input {name}" for name, path in step.inputs.items() if needed.get(name, True)}
        case SubflowDef():
            found |= {path: f"input {name}" for name, path in step.inputs.items()}
        case RenderDef():
            for name in alternatives(step.template):
                if name in flow.templates:
                    found |= dict.fromkeys(flow.templates[name].variables, f"template {name}")
        case WaitDef():
            found |= dict.fromkeys(rule_facts((step.until,) if step.until is not None else ()), "until")
            found |= {step.until_date: "until"} if step.until_date else {}
        case HandoffDef():
            packet = flow.packets.get(step.packet)
            found |= {
                field.fact: f"packet field {field.label!r}" for field in (packet.fields if packet else ()) if field.fact
            }
            found |= dict.fromkeys(
                rule_facts((step.accept_when,) if step.accept_when is not None else ()), "accept_when"
            )
    return found | ({each: "each"} if each else {})


def _fact(flow: FlowDef, line: int, where: str, path: str) -> Finding:
    what = f"{where} names {path!r}, which is no fact of this flow"
    return _found(flow, "unknown_fact", line, what, f"declare it in facts.py; {nearest(path, flow.facts)}")


def _steps(stage: StageDef) -> Iterator[tuple[Step, tuple[Rule, ...]]]:
    """Yield every step of a stage, two of one name too, each with its own rule and all enclosing ones."""

    def go(node: Node, rules: tuple[Rule, ...]) -> Iterator[tuple[Step, tuple[Rule, ...]]]:
        match node:
            case SequenceDef():
                inside = [(child, rules) for child in node.nodes]
            case ParallelDef():
                inside = [(child, rules) for child in node.branches]
            case WhenDef():
                both = (*node.nodes, *node.otherwise)
                inside = [(child, (*rules, node.rule)) for child in both]
            case _:
                yield node, rules if node.when is None else (*rules, node.when)
                return
        for child, its in inside:
            yield from go(child, its)

    skip = () if stage.skip_when is None else (stage.skip_when,)
    for node in stage.nodes:
        yield from go(node, skip)


def _name(step: Step) -> str:
    return f"{step.kind.capitalize()} {step.name!r}"


def _found(flow: FlowDef, code: str, line: int, what: str, remedy: str) -> Finding:
    return Finding(code, flow.file, line, what, remedy, f"{flow.name} version {flow.version}")
