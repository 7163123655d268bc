"""A flow as checks walk it: every step with the rules around it, and where its groups stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from models.asking import Patience
from models.flow import (
    FlowDef,
    Node,
    ParallelDef,
    SequenceDef,
    StageDef,
    Step,
    WhenDef,
    own_rules,
    stage_rules,
)
from models.rules import Rule


class Place(NamedTuple):
    """A step and what encloses it; two steps of one name are two places."""

    step: Step
    stage: StageDef
    outer: tuple[Rule, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its own rule and all enclosing ones."""
        return (*self.outer, *own_rules(self.step))


class Inside(NamedTuple):
    """A node and the rules around it; `where` is the stage's nodes, a sequence, a When side or Parallel branches."""

    node: Node
    stage: StageDef
    outer: tuple[Rule, ...]
    where: str


def places(flow: FlowDef) -> list[Place]:
    """Return every step, in flow order."""
    return [
        Place(inside.node, inside.stage, inside.outer)
        for inside in nodes(flow)
        if not isinstance(inside.node, SequenceDef | ParallelDef | WhenDef)
    ]


def nodes(flow: FlowDef) -> Iterator[Inside]:
    """Yield every node, those of groups after the group."""
    for stage in flow.stages:
        for node in stage.nodes:
            yield from _under(Inside(node, stage, stage_rules(stage), "stage"))


def line_of(node: Node, stage: StageDef) -> int:
    """Return the line a node is written in; steps in order, which are no word of their own, have that of the first."""
    if isinstance(node, SequenceDef):
        return line_of(node.nodes[0], stage) if node.nodes else stage.line
    return node.line or stage.line


def patience_of(step: Step) -> Patience:
    """Return how long a step waits and what follows; kinds that do not wait have none."""
    patience = getattr(step, "patience", None)
    return patience if isinstance(patience, Patience) else Patience()


def _under(inside: Inside) -> Iterator[Inside]:
    yield inside
    _, stage, outer, _ = inside
    match inside.node:
        case SequenceDef(nodes=inner):
            for child in inner:
                yield from _under(Inside(child, stage, outer, "sequence"))
        case ParallelDef(branches=inner):
            for child in inner:
                yield from _under(Inside(child, stage, outer, "parallel"))
        case WhenDef() as when:
            for child in when.nodes:
                yield from _under(Inside(child, stage, (*outer, when.rule), "when"))
            for child in when.otherwise:
                yield from _under(Inside(child, stage, (*outer, ~when.rule), "when"))
