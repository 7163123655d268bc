"""The way a deal took through its flow, read off its journal, and whether the flow's graph has such a way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from models.deal import Entry, base
from models.flow import WaitDef
from models.graph import DONE, Graph, Station

Happened = Literal["begun", "retried", "passed", "skipped", "asked changes", "stuck", "closed", "sent back", "ended"]


class Stride(NamedTuple):
    """One thing that happened on the way."""

    what: Happened
    at: str
    """The step; for "sent back" the stage, for "ended" the ending."""
    by_hand: bool = False
    """Whether a person led the deal there with the right to leave the drawn ways: a question answered, a deal ended."""


_STEPS: dict[str, Happened] = {
    "opened": "begun", "completed": "passed", "signed": "passed",
    "done": "passed", "settled": "passed", "continued": "passed", "skipped": "skipped",
    "done by hand": "passed", "skipped by a person": "passed", "incident": "stuck", "undone": "closed",
    "lapsed": "closed", "retried": "closed",
}  # fmt: skip
_OWN_WAYS = ("no longer needed", "passed by")


def trace(entries: Iterable[Entry]) -> Iterator[Stride]:
    """Yield a deal's way from its journal, oldest entry first."""
    for entry in entries:
        kind, step = entry.kind, entry.step or ""
        if kind == "started":
            # A person's retry or undo, or the vendor's way back to a stuck action, is no step onward.
            onward = entry.who == "throughline" and entry.body.get("op") != "undo"
            yield Stride("begun" if onward else "retried", step)
        elif kind == "void":
            yield Stride("passed" if entry.body.get("why") in _OWN_WAYS else "closed", step)
        elif kind == "decided" and entry.body.get("verdict") == "ask_changes":
            yield Stride("asked changes", step)
        elif kind == "rework":
            yield Stride("sent back", str(entry.body["to_stage"]))
        elif kind == "answered" and entry.body.get("choice") in ("keep", "waive", "continue", "by_hand"):
            yield Stride("passed", step, by_hand=True)
        elif kind == "ending":
            ending = (
                f"{entry.body['outcome']}: {entry.body['reason']}" if entry.body["reason"] else entry.body["outcome"]
            )
            yield Stride("ended", str(ending), by_hand=entry.who != "throughline")
        elif kind in _STEPS:
            yield Stride(_STEPS[kind], step)


def is_path(graph: Graph, way: Iterable[Stride]) -> bool:
    """Return whether a deal that follows `graph` could have taken this way."""
    return stray(graph, way) is None


def stray(graph: Graph, way: Iterable[Stride]) -> Stride | None:
    """Return the first stride that no way of the graph allows; None for a path.

    A step begins only when everything from which a way leads to it has been passed. What was passed may be done again
    when facts change; then what comes after it waits once more, although what had begun may still be answered.
    """
    behind = _Behind(graph)
    for stride in way:
        if not behind.take(stride):
            return stride
    return None


class _Behind:
    """What a deal has behind it. Items of a step with `each` are told apart; such a step may have none."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.last: dict[str, dict[str, Happened]] = {}
        self.ended = False

    def take(self, stride: Stride) -> bool:
        """Go one stride; return whether a way leads there."""
        match stride.what:
            case "ended":
                return self._end(stride)
            case "sent back":
                return self._back(stride.at)
        step = base(stride.at)
        station = self.graph.stations.get(step)
        if station is None:
            return stride.by_hand
        if not (stride.by_hand or self._may(stride, station)):
            return False
        self.last.setdefault(step, {})[stride.at] = stride.what
        return True

    def _may(self, stride: Stride, station: Station) -> bool:
        known = self.last.get(station.id, {}).get(stride.at)
        match stride.what:
            case "begun":
                return not self.ended and (self._reached(station.id) or known == "stuck")
            case "skipped":
                return bool(station.rules) or station.each
            case "passed":  # a wait may be over before its turn has come
                return known is not None or isinstance(station.step, WaitDef)
            case "retried" | "closed" | "stuck":
                return known is not None
        return True

    def _back(self, stage: str) -> bool:
        """Whoever asks for changes may choose an earlier stage than the way back leads to (semantics 20)."""
        names = [lane.name for lane in self.graph.lanes]
        choosers = [s for s, items in self.last.items() if "asked changes" in items.values()]
        chosen = any(names.index(stage) <= names.index(self.graph.stations[step].stage) for step in choosers)
        ways = (way for way in self.graph.ways if way.kind == "back" and way.origin in self.last)
        return chosen or any(way.target == stage for way in ways)

    def _reached(self, at: str) -> bool:
        return all(self._passed(step) for step in self.graph.before[at])

    def _passed(self, step: str) -> bool:
        items, station = self.last.get(step, {}), self.graph.stations[step]
        if not items:
            return station.each
        # What was closed and has a rule need not be asked again: the rule may say no by now.
        optional = bool(station.rules) or station.each
        return all(what in ("passed", "skipped") or (what == "closed" and optional) for what in items.values())

    def _end(self, stride: Stride) -> bool:
        self.ended = True
        if stride.by_hand:
            return True
        if stride.at == self.graph.completes and self._reached(DONE):
            return True
        out = (way for way in self.graph.ways if way.kind == "ends" and way.target == stride.at)
        if any(way.origin in self.last or self._reached(way.origin) for way in out):
            return True
        return any(lane.exhausted == stride.at for lane in self.graph.lanes)
