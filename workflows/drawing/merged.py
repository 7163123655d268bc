"""Two versions of a flow as one graph: the new one, with what is gone from the old where it stood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from models.flow import StepId
from models.graph import Graph, Lane, Line, Only, Part, Station, Together, joined, stations
from workflows.drawing.layout import Mark
from workflows.drawing.words import Aside, asides, clock, who


def merged(old: Graph, new: Graph, gone: AbstractSet[StepId]) -> Graph:
    """Return the new graph with the steps that are gone put back where the old one had them."""
    lanes = list(new.lanes)
    last = ""
    for lane in old.lanes:
        at = next((i for i, each in enumerate(lanes) if each.name == lane.name), None)
        if at is None:
            kept = _only(lane.line, gone)
            after = next((i for i, each in enumerate(lanes) if each.name == last), -1) + 1
            if kept is not None:
                lanes.insert(after, lane.model_copy(update={"line": _line(kept)}))
                last = lane.name
            continue
        lanes[at] = _with(lanes[at], lane, gone)
        last = lane.name
    return Graph(**{**dict(new), "lanes": tuple(lanes)})


def marks(old: Graph, both: Graph, changes: Iterable[tuple[str, StepId, str]]) -> dict[StepId, Mark]:
    """Return how each step is marked; a change is its kind, its step and its words."""
    told: dict[StepId, list[tuple[str, str]]] = {}
    for kind, step, words in changes:
        if step in both.stations:
            told.setdefault(step, []).append((kind, words))
    return {step: _mark(old.stations.get(step), both.stations[step], found) for step, found in told.items()}


def compared(old: Graph, new: Graph, both: Graph) -> Iterator[Aside]:
    """Yield the ways back and out of both, those only one has and those that lead there otherwise marked."""
    before, after = _by_place(old), _by_place(new)
    for place, aside in after.items():
        same = place in before and before[place].says == aside.says
        yield _marked(aside, "" if same else "changed" if place in before else "added")
    for place, aside in before.items():
        senders = tuple(both.stations[s.id] for s in aside.senders if s.id in both.stations)
        known = aside.kind == "ends" or any(s.stage == aside.target for s in both.stations.values())
        if place not in after and senders and known:
            yield Aside(aside.kind, senders, aside.target, aside.says, "removed")


def _mark(before: Station | None, now: Station, found: list[tuple[str, str]]) -> Mark:
    kinds = {kind for kind, _ in found}
    if "removed" in kinds:
        return Mark("removed", (("removed", "del"), *((said, "rule") for said in _lines(now))))
    if "added" in kinds or before is None:
        return Mark(
            "added", (("new", "add"), *((said, "rule" if i == 2 else "") for i, said in enumerate(_lines(now))))
        )
    lines: list[tuple[str, str]] = []
    for was, said, tone in zip(_facets(before), _facets(now), ("", "", "rule"), strict=True):
        if was == said:
            lines += [(said, tone)] if said else []
        else:
            lines += [(said or "always", "chg"), (f"was: {was or 'always'}", "rule")]
    if all(tone != "chg" for _, tone in lines):
        kind, words = found[0]
        lines.insert(0, (kind if kind in ("moved", "renamed") else words, "chg"))
    return Mark("changed", tuple(lines))


def _facets(station: Station) -> tuple[str, str, str]:
    rule = f"if {joined(station.own)}" if station.own else ""
    return who(station.step, station.where), clock(station.step), rule


def _lines(station: Station) -> list[str]:
    return [said for said in _facets(station) if said]


def _by_place(graph: Graph) -> dict[tuple[str, str, str], Aside]:
    return {(aside.senders[0].stage, aside.kind, aside.target): aside for aside in asides(graph)}


def _marked(aside: Aside, state: str) -> Aside:
    return Aside(aside.kind, aside.senders, aside.target, aside.says, state)


def _with(lane: Lane, old: Lane, gone: AbstractSet[StepId]) -> Lane:
    """Return a lane with the steps that are gone from it back in their places."""
    parts = list(lane.line.parts)
    at = 0
    for part in old.line.parts:
        here = [s.id for s in stations(part)]
        found = next((i for i, each in enumerate(parts) if any(s.id in here for s in stations(each))), None)
        if found is not None:
            at = found + 1
        kept = _only(part, gone)
        if kept is None:
            continue
        beside = parts[found] if found is not None else None
        if isinstance(beside, Together) and isinstance(part, Together):
            extra = tuple(branch for each in part.branches if (branch := _only(each, gone)) is not None)
            parts[at - 1] = Together(branches=(*beside.branches, *extra))
        else:
            parts.insert(at, kept)
            at += 1
    return lane.model_copy(update={"line": Line(parts=tuple(parts))})


def _only(part: Part, wanted: AbstractSet[StepId]) -> Part | None:
    """Return a part with these steps alone; None when none of them is in it."""
    match part:
        case Station():
            return part if part.id in wanted else None
        case Only():
            inner = _only(part.part, wanted)
            return None if inner is None else Only(rule=part.rule, part=inner)
        case Line():
            children = [kept for child in part.parts if (kept := _only(child, wanted)) is not None]
            return Line(parts=tuple(children)) if children else None
        case Together():
            branches = [kept for child in part.branches if (kept := _only(child, wanted)) is not None]
            return None if not branches else branches[0] if len(branches) == 1 else Together(branches=tuple(branches))


def _line(part: Part) -> Line:
    return part if isinstance(part, Line) else Line(parts=(part,))
