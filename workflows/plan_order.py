"""Whether what happened to a deal is what was planned: the same things, in an order the flow calls the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from models.deal import base
from models.flow import FlowDef, Node, ParallelDef, SequenceDef, StepId, WhenDef

Happened = tuple[str, str]
"""What happened and the step it happened to, as `Plan.happens` has it."""


def disagreements(flow: FlowDef, planned: Sequence[Happened], happened: Sequence[Happened]) -> list[str]:
    """Return in words where two courses of a deal differ; branches of a parallel group may interleave in any way."""
    one, other = (Counter(e for e in course if not _advice(flow, *e)) for course in (planned, happened))
    found = [f"{what} {step} was planned and did not happen" for what, step in (one - other).elements()]
    found += [f"{what} {step} happened and was not planned" for what, step in (other - one).elements()]
    return [*found, *_out_of_order(flow, happened)]


def _advice(flow: FlowDef, what: str, step: str) -> bool:
    """Whether it is advice: whether it is asked and comes before its stage is over depends on who is quicker."""
    placed = flow.steps.get(base(step))
    return what != "skipped" and placed is not None and bool(getattr(placed.step, "advisory", False))


def _out_of_order(flow: FlowDef, happened: Sequence[Happened]) -> Iterator[str]:
    first: dict[StepId, int] = {}
    over: dict[StepId, int] = {}
    for i, (what, step) in enumerate(happened):
        if what in ("asked", "done"):  # what was so already was never begun
            first.setdefault(base(step), i)
        if what in ("done", "answered"):
            over[base(step)] = i
    again = {step for step, n in Counter(happened).items() if n > 1}
    for earlier, later in _in_order(flow):
        asked_again = any(step in (earlier, later) for _, step in again)
        if not asked_again and earlier in over and later in first and first[later] < over[earlier]:
            yield f"{later} began before {earlier} was over"


def _in_order(flow: FlowDef) -> Iterator[tuple[StepId, StepId]]:
    """Yield pairs of steps of which the second may not begin before the first is over."""
    before: list[StepId] = []

    def go(node: Node, before: list[StepId]) -> Iterator[tuple[StepId, StepId]]:
        match node:
            case SequenceDef():
                for child in node.nodes:
                    yield from go(child, before)
            case WhenDef():
                for child in (*node.nodes, *node.otherwise):
                    yield from go(child, before)
            case ParallelDef():
                branches = [list(before) for _ in node.branches]
                for branch, known in zip(node.branches, branches, strict=True):
                    yield from go(branch, known)
                before += [step for known in branches for step in known[len(before) :]]
            case _:
                yield from ((step, node.id) for step in before)
                if not getattr(node, "advisory", False):
                    before.append(node.id)

    for stage in flow.stages:
        for node in stage.nodes:
            yield from go(node, before)
