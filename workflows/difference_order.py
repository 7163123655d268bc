"""How the order of steps in a stage changed: earlier, later, side by side, one or the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal, NamedTuple

from models.flow import FlowDef, Node, ParallelDef, SequenceDef, StageDef, Step, StepId, WhenDef
from models.rules import Rule
from workflows.difference_steps import name_words
from workflows.difference_words import listed

Relation = Literal["before", "after", "beside", "either"]
_WORDS: Mapping[Relation, str] = {
    "before": "now comes before", "after": "now comes after", "beside": "now runs beside",
    "either": "is now the alternative to",
}  # fmt: skip


class Placement(NamedTuple):
    """Where a step stands: its stage, the rules around it and its own, and the way down to it."""

    step: Step
    stage: str
    rules: tuple[Rule, ...]
    way: tuple[tuple[str, int], ...]
    waits: tuple[bool, ...]
    """Of each Parallel around it, whether all branches are awaited."""


def placements(flow: FlowDef) -> dict[str, Placement]:
    """Return where every step stands, by id; of two that share an id the later ones have a number added."""
    found: dict[str, Placement] = {}
    for stage in flow.stages:
        for i, node in enumerate(stage.nodes):
            for placed in _below(node, stage.name, (), (("sequence", i),), ()):
                key, n = placed.step.id, 1
                while key in found:
                    n += 1
                    key = f"{placed.step.id}#{n}"
                found[key] = placed
    return found


def order_words(old: Mapping[str, Placement], new: Mapping[str, Placement]) -> Iterator[tuple[str, str]]:
    """Yield, with the step it is about, every change of order among the steps of one stage that stayed in it."""
    changed: dict[Relation, list[tuple[str, str]]] = {}
    for one, other in combinations(new, 2):
        before, after = _relation(old[one].way, old[other].way), _relation(new[one].way, new[other].way)
        if before != after:
            changed.setdefault(after, []).append((one, other))
    for relation, pairs in changed.items():
        left = pairs
        while left:
            mover = _mover(left)
            others = [pair[pair[0] == mover] for pair in left if mover in pair]
            left = [pair for pair in left if mover not in pair]
            yield mover, _sentence(relation, mover, others, new)
    for keys, waits in _waiting(old, new).items():
        names = listed(name_words(new[key].step) for key in keys)
        instead = "the last answer instead of the first no" if waits else "the first no instead of the last answer"
        yield keys[0], f"{names} together now go on with {instead}"


def step_ids(stage: StageDef) -> set[StepId]:
    """Return the ids of all steps of a stage."""
    return {placed.step.id for node in stage.nodes for placed in _below(node, stage.name, (), (), ())}


def shape(stage: StageDef, names: Mapping[StepId, StepId]) -> Any:
    """Return how these steps of a stage, under the names given, are grouped; groups of one or none do not count."""

    def group(kind: str, nodes: Sequence[Node], *more: Any) -> Any:
        inside = [found for node in nodes if (found := go(node))]
        return inside[0] if len(inside) == 1 else [kind, *more, *inside] if inside else None

    def go(node: Node) -> Any:
        match node:
            case SequenceDef():
                return group("sequence", node.nodes)
            case ParallelDef():
                return group("parallel", node.branches, node.wait_all)
            case WhenDef():
                branches = group("sequence", node.nodes), group("sequence", node.otherwise)
                return ["when", *branches] if any(branches) else None
        return names.get(node.id)

    return group("sequence", stage.nodes)


def _below(
    node: Node, stage: str, rules: tuple[Rule, ...], way: tuple[tuple[str, int], ...], waits: tuple[bool, ...]
) -> Iterator[Placement]:
    match node:
        case SequenceDef():
            for i, child in enumerate(node.nodes):
                yield from _below(child, stage, rules, (*way, ("sequence", i)), waits)
        case ParallelDef():
            for i, child in enumerate(node.branches):
                yield from _below(child, stage, rules, (*way, ("beside", i)), (*waits, node.wait_all))
        case WhenDef():
            for i, child in enumerate(node.nodes):
                inside = (*way, ("either", 0), ("sequence", i))
                yield from _below(child, stage, (*rules, node.rule), inside, waits)
            for i, child in enumerate(node.otherwise):
                inside = (*way, ("either", 1), ("sequence", i))
                yield from _below(child, stage, (*rules, ~node.rule), inside, waits)
        case _:
            own = () if node.when is None else (node.when,)
            yield Placement(node, stage, (*rules, *own), way, waits)


def _relation(one: tuple[tuple[str, int], ...], other: tuple[tuple[str, int], ...]) -> Relation:
    """Return how the first of two steps stands to the second."""
    for here, there in zip(one, other, strict=False):
        if here != there:
            if here[0] == there[0] and here[0] != "sequence":
                return "beside" if here[0] == "beside" else "either"
            return "before" if here[1] < there[1] else "after"
    return "beside"


def _mover(pairs: list[tuple[str, str]]) -> str:
    """Return the step that most of the changed pairs have in common."""
    counts: dict[str, int] = {}
    for pair in pairs:
        for key in pair:
            counts[key] = counts.get(key, 0) + 1
    return max(counts, key=lambda key: counts[key])


def _sentence(relation: Relation, mover: str, others: list[str], new: Mapping[str, Placement]) -> str:
    """Say a relation, which is that of the pair as listed, as seen from the step that moved."""
    places = list(new)
    first = [other for other in others if places.index(mover) < places.index(other)]
    turned: Mapping[Relation, Relation] = {"before": "after", "after": "before"}
    clauses = []
    for group, way in ((first, relation), ([o for o in others if o not in first], turned.get(relation, relation))):
        if group:
            clauses.append(f"{_WORDS[way]} {listed(name_words(new[other].step) for other in group)}")
    return f"{name_words(new[mover].step)} {' and '.join(clauses)}"


def _waiting(old: Mapping[str, Placement], new: Mapping[str, Placement]) -> dict[tuple[str, ...], bool]:
    """Return the steps whose Parallel now awaits all branches, or no longer does."""
    found: dict[tuple[tuple[tuple[str, int], ...], bool], list[str]] = {}
    for key, placed in new.items():
        waits = old[key].waits
        if waits == placed.waits or len(waits) != len(placed.waits):
            continue
        depth = next(i for i, (a, b) in enumerate(zip(waits, placed.waits, strict=True)) if a != b)
        parallels = [i for i, (kind, _) in enumerate(placed.way) if kind == "beside"]
        found.setdefault((placed.way[: parallels[depth]], placed.waits[depth]), []).append(key)
    return {tuple(keys): waits for (_, waits), keys in found.items()}
