"""What no deal reaches, groups that group nothing, advice nobody could give, and rework that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from models.asking import Back
from models.flow import (
    ApprovalDef,
    CallDef,
    EndDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    RenderDef,
    SequenceDef,
    SignatureDef,
    StageDef,
    Step,
    TaskDef,
    WhenDef,
    route,
)
from models.reading import DOCUMENT
from models.reasoning import always
from models.rules import text
from workflows.checks_codes import Finding, called, found
from workflows.checks_facts import Reads
from workflows.checks_tree import Place, line_of, nodes

_OUTSIDE = {"crm", "erp", "person"}


def order(reads: Reads) -> Iterator[Finding]:
    """Yield what is wrong with the order of things."""
    flow = reads.flow
    if not reads.placed:
        remedy = 'give it stages with steps, such as Stage("quote", Call(price_quote))'
        yield found(flow, "empty_flow", flow.line, f"flow {flow.name!r} has no steps", remedy)
        return
    yield from _groups(flow)
    yield from _unreached(flow)
    for stage in flow.stages:
        yield from _advice(flow, stage)
    yield from _rework(reads)


def _groups(flow: FlowDef) -> Iterator[Finding]:
    for stage in flow.stages:
        if not stage.nodes:
            what = f"stage {stage.name} has no steps"
            yield found(flow, "empty_stage", stage.line, what, "give it steps, or take it away")
    for node, stage, _, where in nodes(flow):
        if isinstance(node, ParallelDef):
            if not node.branches:
                yield found(flow, "empty_stage", stage.line, f"stage {stage.name}: Parallel() holds nothing", "fill it")
            if where == "parallel":
                what = f"stage {stage.name}: a Parallel stands directly in a Parallel"
                remedy = "put its branches into the outer one, or make it a branch of several steps with a tuple"
                yield found(flow, "parallel_in_parallel", line_of(node, stage), what, remedy)
        if isinstance(node, WhenDef) and not (node.nodes or node.otherwise):
            what = f"stage {stage.name}: When({text(node.rule)}) holds nothing"
            yield found(flow, "empty_stage", stage.line, what, "fill it, or take it away")


def _unreached(flow: FlowDef) -> Iterator[Finding]:
    """Yield stages that are always skipped, and whatever stands behind an ending that every deal reaches."""
    ended = ""
    for stage in flow.stages:
        if ended:
            what = f"stage {stage.name} stands behind {ended}, which every deal reaches first"
            yield found(
                flow, "unreachable_stage", stage.line, what, "take it away, or give the ending a rule with When"
            )
            continue
        if stage.skip_when is not None and always([stage.skip_when], flow.facts):
            what = f"stage {stage.name} is always skipped: {text(stage.skip_when)} is always true"
            yield found(flow, "unreachable_stage", stage.line, what, "correct skip_when=, or take the stage away")
            continue
        behind: list[Finding] = []
        ending = _through(flow, stage, stage.nodes, behind)
        ended = "" if stage.skip_when is not None else ending
        yield from behind


def _through(flow: FlowDef, stage: StageDef, inner: tuple[Node, ...], behind: list[Finding]) -> str:
    """Return the ending that every deal reaches in `inner`, if any; collect what stands behind one."""
    ended = ""
    for node in inner:
        if ended:
            what = f"what stands here is never reached: {ended} comes first, for every deal"
            remedy = "take it away, or give the ending a rule with When"
            behind.append(found(flow, "unreachable_step", line_of(node, stage), what, remedy))
            break
        ended = _ending(flow, stage, node, behind)
    return ended


def _ending(flow: FlowDef, stage: StageDef, node: Node, behind: list[Finding]) -> str:
    match node:
        case EndDef():
            return f"the ending {node.ending}"
        case SequenceDef():
            return _through(flow, stage, node.nodes, behind)
        case ParallelDef():
            ends = [_ending(flow, stage, branch, behind) for branch in node.branches]
            return next((end for end in ends if end), "")
        case WhenDef():
            yes, no = (_through(flow, stage, side, behind) for side in (node.nodes, node.otherwise))
            return yes if no or (yes and always([node.rule], flow.facts)) else ""
    return ""


def _advice(flow: FlowDef, stage: StageDef) -> Iterator[Finding]:
    """Yield advisory steps that are passed by at once: nobody else is asked beside or after them (semantics 19)."""
    ways = [
        (step, way) for node_way in enumerate(stage.nodes) for step, way in _ways(node_way[1], (("in", node_way[0]),))
    ]
    for step, way in ways:
        if not getattr(step, "advisory", False):
            continue
        others = [(other, its) for other, its in ways if other is not step and _holds_up(other)]
        if not any(_beside_or_after(way, its) for _, its in others):
            what = f"{called(step)}: it is advisory, and nobody else is asked beside or after it in stage {stage.name}"
            remedy = "put it into a Parallel with what it advises on, or take advisory=True away"
            yield found(flow, "advisory_alone", step.line, what, remedy)


_Way = tuple[tuple[str, int], ...]


def _ways(node: Node, way: _Way) -> Iterator[tuple[Step, _Way]]:
    """Yield every step with its place, group by group."""
    match node:
        case SequenceDef():
            inner, kind = node.nodes, "in"
        case ParallelDef():
            inner, kind = node.branches, "beside"
        case WhenDef():
            inner, kind = (*node.nodes, *node.otherwise), "in"
        case _:
            yield node, way
            return
    for i, child in enumerate(inner):
        yield from _ways(child, (*way, (kind, i)))


def _beside_or_after(mine: _Way, other: _Way) -> bool:
    (kind, here), (_, there) = next((a, b) for a, b in zip(mine, other, strict=False) if a != b)
    return kind == "beside" or there > here


def _holds_up(step: Step) -> bool:
    """Whether people are given time at a step; actions and documents take seconds."""
    return not isinstance(step, CallDef | RenderDef | EndDef) and not getattr(step, "advisory", False)


def _rework(reads: Reads) -> Iterator[Finding]:
    """Yield send-backs after which the same is asked again: nothing that is asked about can have changed."""
    flow, placed = reads.flow, reads.placed
    if not any(_sent_back(place) for place in placed):
        return
    comes_from = reads.sources
    fresh = {p.step.id for p in placed if isinstance(p.step, ApprovalDef | TaskDef) and p.step.every_round}
    for place in placed:
        names = _asked_about(flow, place.step)
        if names is None or not _sent_back(place) or not all(name in comes_from for name in names):
            continue
        origins = {origin for name in names for origin in comes_from.get(name, ())}
        if not origins & (_OUTSIDE | fresh):
            about = ", ".join(name.removeprefix(DOCUMENT) for name in names) or "nothing"
            what = f"{called(place.step)}: a no sends the deal back, and what it is about ({about}) cannot change there"
            remedy = "let it cover facts that the owner can change, or let a no end the deal with lost(...)"
            yield found(flow, "rework_changes_nothing", place.step.line, what, remedy)


def _sent_back(place: Place) -> bool:
    outcome = "declined" if isinstance(place.step, SignatureDef) else "rejected"
    return isinstance(route(place.step, place.stage, outcome), Back)


def _asked_about(flow: FlowDef, step: Step) -> list[str] | None:
    match step:
        case ApprovalDef() if not step.advisory and not step.every_round:
            return list(step.covered) or (None if step.covers is None else [])
        case SignatureDef():
            return [DOCUMENT + step.document]
        case HandoffDef():
            fields = flow.packets[step.packet].fields if step.packet in flow.packets else ()
            return [field.fact or f"{DOCUMENT}{field.document}" for field in fields] or None
    return None
