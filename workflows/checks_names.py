"""Names a flow uses and nobody offers, names used twice, inputs of another type, and routes that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.asking import Back
from models.flow import (
    ApprovalDef,
    CallDef,
    FlowDef,
    HandoffDef,
    RenderDef,
    SignatureDef,
    StageDef,
    Step,
    SubflowDef,
    WaitDef,
    route,
)
from workflows.binding import alternatives
from workflows.checks_codes import Finding, Menu, called, found, nearest
from workflows.checks_tree import Place

_FITS = {"number": {"number", "whole"}}


def names(flow: FlowDef, menu: Menu, placed: list[Place]) -> Iterator[Finding]:
    """Yield what is wrong with the names in a flow."""
    yield from _twice(flow, placed)
    yield from _renamed(flow, placed)
    for place in placed:
        yield from _unknown(flow, menu, place.step)
        if isinstance(place.step, CallDef | SubflowDef):
            yield from _inputs(flow, menu, place.step)


def routes(flow: FlowDef, placed: list[Place]) -> Iterator[Finding]:
    """Yield routes that lead nowhere, and outcomes without a route."""
    for stage in flow.stages:
        yield from _routes(flow, stage, stage, f"stage {stage.name}")
        if stage.max_rework > 20:
            what = f"stage {stage.name} sends a deal back {stage.max_rework} times before anybody is told"
            remedy = "leave max_rework at 3, or say a number below 20 and on_exhausted=lost(...)"
            yield found(flow, "rework_without_bound", stage.line, what, remedy)
    for place in placed:
        yield from _routes(flow, place.stage, place.step, called(place.step))
        yield from _unrouted(flow, place.stage, place.step)


def _twice(flow: FlowDef, placed: list[Place]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for step, _, _ in placed:
        if step.id in seen:
            what = f"{called(step)} has the same name as the step in line {seen[step.id]}"
            yield found(flow, "duplicate_step", step.line, what, "give one of them another name, with name=")
        seen.setdefault(step.id, step.line)
    stages: set[str] = set()
    for stage in flow.stages:
        if stage.name in stages:
            yield found(flow, "duplicate_step", stage.line, f"two stages are called {stage.name!r}", "rename one")
        stages.add(stage.name)


def _renamed(flow: FlowDef, placed: list[Place]) -> Iterator[Finding]:
    """Yield former names that somebody has: the record of one step would go to another."""
    now = {place.step.id: place.step.line for place in placed}
    formerly: dict[str, int] = {}
    for step, _, _ in placed:
        if not step.was:
            continue
        old = step.was if ":" in step.was else f"{step.kind}:{step.was}"
        yield from _clash(flow, called(step), step.was, step.line, {**formerly, **now}.get(old))
        formerly.setdefault(old, step.line)
    stages = {stage.name: stage.line for stage in flow.stages}
    for stage in flow.stages:
        if stage.was:
            yield from _clash(flow, f"stage {stage.name!r}", stage.was, stage.line, stages.get(stage.was))
            stages.setdefault(stage.was, stage.line)


def _clash(flow: FlowDef, name: str, was: str, line: int, taken: int | None) -> Iterator[Finding]:
    if taken is None:
        return
    whose = "its own name" if taken == line else f"the name of what stands in line {taken}"
    remedy = "take was= away, or say the name it really had before"
    yield found(flow, "rename_clash", line, f"{name}: was={was!r} is {whose}", remedy)


def _unknown(flow: FlowDef, menu: Menu, step: Step) -> Iterator[Finding]:
    match step:
        case CallDef() if step.action not in flow.actions:
            what = f"{called(step)}: no action {step.action!r} in activities/catalog.py"
            yield found(flow, "unknown_action", step.line, what, nearest(step.action, menu.actions))
        case RenderDef():
            for name in alternatives(step.template):
                if name not in flow.templates:
                    what = f"{called(step)}: no template {name!r} under templates/documents"
                    yield found(flow, "unknown_template", step.line, what, nearest(name, menu.templates))
        case HandoffDef() if step.packet not in flow.packets:
            what = f"{called(step)}: no packet {step.packet!r} in packets.py"
            yield found(flow, "unknown_packet", step.line, what, nearest(step.packet, menu.packets))
        case SubflowDef() if step.flow_digest and step.what not in flow.children:
            what = f"{called(step)}: the flow {step.what!r} is in no file beside this one"
            remedy = "put its file into this folder and import the flow from there"
            yield found(flow, "unknown_subflow", step.line, what, remedy)
        case ApprovalDef():
            for other in step.not_same_as:
                if other not in flow.steps:
                    what = f"{called(step)}: not_same_as names {other!r}, which is no step of this flow"
                    yield found(flow, "unknown_step", step.line, what, nearest(other, flow.steps))


def _inputs(flow: FlowDef, menu: Menu, step: CallDef | SubflowDef) -> Iterator[Finding]:
    if step.each is not None and (spec := flow.facts.get(step.each)) is not None and spec.type != "items":
        what = f"{called(step)}: each={step.each!r} is one {spec.type}, not a list"
        remedy = "name a list of things with keys, such as each=deal.lines, or take each= away"
        yield found(flow, "each_is_no_list", step.line, what, remedy)
    takes = menu.inputs.get(step.action, {}) if isinstance(step, CallDef) else {}
    for name, path in step.inputs.items():
        given, wanted = flow.facts.get(path), takes.get(name)
        if given is not None and wanted is not None and given.type not in _FITS.get(wanted, {wanted}):
            what = f"{called(step)}: input {name} takes a {wanted}, and {path!r} holds a {given.type}"
            remedy = f"declare {path!r} as what the action takes, or name another fact with inputs={{{name!r}: ...}}"
            yield found(flow, "wrong_type", step.line, what, remedy)


def _routes(flow: FlowDef, stage: StageDef, where: Any, name: str) -> Iterator[Finding]:
    for word in ("on_reject", "on_expire", "on_decline"):
        to = getattr(where, word, None)
        if not isinstance(to, Back):
            continue
        if to.stage not in flow.stage_names:
            what = f"{name}: {word} names {to.stage!r}, which is no stage of this flow"
            yield found(flow, "unknown_stage", where.line, what, nearest(to.stage, flow.stage_names))
        elif flow.stage_names.index(to.stage) > flow.stage_names.index(stage.name):
            what = f"{name}: {word} names the later stage {to.stage!r}"
            remedy = f"name {stage.name!r}, an earlier stage or an ending: a deal is only ever sent back"
            yield found(flow, "later_stage", where.line, what, remedy)


def _made_in(flow: FlowDef, step: SignatureDef) -> str | None:
    makes = (each for each in flow.steps.values() if isinstance(each.step, RenderDef))
    return next((each.stage.name for each in makes if getattr(each.step, "document", "") == step.document), None)


def _unrouted(flow: FlowDef, stage: StageDef, step: Step) -> Iterator[Finding]:
    back = f'"{flow.stages[0].name}"'
    if isinstance(step, ApprovalDef) and not step.advisory and route(step, stage, "rejected") is None:
        what = f"{called(step)}: nothing says what follows a no"
        remedy = f'add on_reject={back} or on_reject=lost("...") to it or to stage {stage.name!r}'
        yield found(flow, "unrouted_rejection", step.line, what, remedy)
    if isinstance(step, SignatureDef) and route(step, stage, "declined") is None:
        what = f"{called(step)}: nothing says what follows when the customer declines"
        made = _made_in(flow, step) or flow.stages[0].name  # where the document can be changed
        remedy = f'add on_decline="{made}" or on_decline=lost("...") to it or to stage {stage.name!r}'
        yield found(flow, "unrouted_decline", step.line, what, remedy)
    if isinstance(step, WaitDef) and step.patience.within and route(step, stage, "expired") is None:
        what = f"{called(step)}: it ends after a time, and nothing says what follows then"
        yield found(flow, "unrouted_expiry", step.line, what, f"add on_expire={back} or on_expire=CONTINUE")
