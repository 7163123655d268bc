"""A flow as a picture: as it is, with what waits where, with a deal's progress, and beside another version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.flow import FlowDef, StepId
from models.graph import Graph, Station, graph, joined
from models.path import PathItem
from workflows.difference import Change, difference
from workflows.drawing import merged, mermaid, progress
from workflows.drawing.layout import SMALL, Mark
from workflows.drawing.progress import SentBack
from workflows.drawing.rows import laid_out
from workflows.drawing.svg import svg
from workflows.drawing.words import Aside, asides, clock, who

TOLD = 60
"""How many steps a description for screen readers goes through one by one."""


class Diagram(NamedTuple):
    """A picture before it is drawn: `svg` and `mermaid` draw the same."""

    graph: Graph
    title: str
    says: str
    marks: Mapping[StepId, Mark]
    asides: tuple[Aside, ...]
    lanes: Mapping[str, str]
    """Stage -> added, removed or changed."""

    def svg(self, *, ident: str = "flow", page: bool = False) -> str:
        """Return it as SVG; on its own it brings its colours, light and dark, in a `page` it takes the page's."""
        picture = laid_out(self.graph, self.marks, self.asides, lanes=self.lanes)
        return svg(picture, self.title, self.says, ident=ident, page=page)

    def mermaid(self) -> str:
        """Return it as a Mermaid flowchart."""
        return mermaid.text(self.graph, self.title, self.says, self.asides, self.marks)


class Count(NamedTuple):
    """What happens at one step: deals waiting there now, and how long it takes in words."""

    waiting: int = 0
    late: int = 0
    failed: int = 0
    takes: str = ""


def diagram(flow: FlowDef) -> Diagram:
    """Return the picture of a flow as it is."""
    drawn = graph(flow)
    return Diagram(drawn, f"Flow {flow.name}, version {flow.version}", described(drawn), {}, tuple(asides(drawn)), {})


def counted(flow: FlowDef, counts: Mapping[StepId, Count]) -> Diagram:
    """Return the picture of a flow with what waits where."""
    drawn = graph(flow)
    marks = {step: _count(station, counts.get(step, Count())) for step, station in drawn.stations.items()}
    busy = [
        f"{counts[s].waiting} at {drawn.stations[s].title}" for s in drawn.stations if s in counts and counts[s].waiting
    ]
    says = f"Waiting: {'; '.join(busy) or 'nothing'}. {described(drawn)}"
    return Diagram(drawn, f"Where the deals of {flow.name} are", says, marks, tuple(asides(drawn)), {})


def progressed(flow: FlowDef, items: Iterable[PathItem], sent: Iterable[SentBack] = (), deal: str = "") -> Diagram:
    """Return how far a deal is on its flow, with the ways back it took."""
    drawn, items = graph(flow), list(items)
    title = f"Path of {deal or 'a deal'} through {flow.name} version {flow.version}"
    back = tuple(progress.taken(drawn, sent))
    return Diagram(drawn, title, _went(items, back), progress.marks(drawn, items), back, {})


def compared(old: FlowDef, new: FlowDef) -> Diagram:
    """Return what a new version changes: added, removed and changed by colour and by sign."""
    changes = difference(old, new)
    before, after = graph(old), graph(new)
    gone = {change.step for change in changes if change.kind == "removed" and change.step in before.stations}
    both = merged.merged(before, after, gone - set(after.stations))
    told = [(change.kind, change.step, change.words) for change in changes]
    lanes = {change.stage: _lane_state(change) for change in changes if change.stage and not change.step}
    title = f"What version {new.version} of {new.name} changes against {old.name} version {old.version}"
    says = " ".join(f"{change.words}." for change in changes[:TOLD]) or "Nothing is different."
    marks = merged.marks(before, both, told)
    return Diagram(both, title, says, marks, tuple(merged.compared(before, after, both)), lanes)


def small_svg(flow: FlowDef, *, ident: str) -> str:
    """Return the shape of a flow without words, for a page that says the words beside it."""
    drawn = graph(flow)
    says = f"{_many(len(flow.stages), 'stage')} and {_many(len(drawn.stations), 'step')}."
    return svg(laid_out(drawn, {}, [], SMALL), f"Shape of flow {flow.name}", says, ident=ident, page=True)


def described(drawn: Graph) -> str:
    """Return a flow in sentences: its stages and steps, and the ways back and out."""
    said = [f"{_many(len(drawn.lanes), 'stage')}, {_many(len(drawn.stations), 'step')}."]
    told = list(drawn.stations.values())[:TOLD]
    for lane in drawn.lanes:
        steps = [_told(station) for station in told if station.stage == lane.name]
        if steps:
            skip = f", skipped if {lane.skip}" if lane.skip else ""
            said.append(f"Stage {lane.name}{skip}: {'; '.join(steps)}.")
    if len(drawn.stations) > TOLD:
        said.append(f"And {_many(len(drawn.stations) - TOLD, 'step')} more.")
    said += [f"From {aside.senders[0].stage}: {aside.says}." for aside in list(asides(drawn))[:TOLD]]
    return " ".join([*said, f"In the end the deal is {drawn.completes}."])


def _told(station: Station) -> str:
    asked, limit = who(station.step, station.where), clock(station.step)
    parts = [station.title]
    parts += [f"({', '.join(filter(None, (asked, limit)))})"] if asked or limit else []
    parts += ["in parallel"] if station.parallel else []
    parts += [f"if {joined(station.own)}"] if station.own else []
    return " ".join(parts)


def _count(station: Station, count: Count) -> Mark:
    pills = [(str(count.waiting), "hot" if count.waiting else "zero")] if count.waiting or not count.failed else []
    pills += [(f"{count.late} late", "late")] if count.late else []
    pills += [(f"{count.failed} stuck", "late")] if count.failed else []
    rule = [(f"if {joined(station.own)}", "rule")] if station.own else []
    return Mark("", (*(((count.takes, ""),) if count.takes else ()), *rule), tuple(pills))


def _went(items: list[PathItem], back: tuple[Aside, ...]) -> str:
    parts = []
    for word, states in (
        ("Done", {"done"}), ("Now", {"now", "incident", "late"}), ("Skipped", {"skipped"}), ("Next", {"next"}),
    ):  # fmt: skip
        named = [
            f"{item.title}, because {item.rule}" if item.state == "skipped" and item.rule else item.title
            for item in items
            if item.state in states
        ]
        if named:
            more = f" and {len(named) - TOLD} more" if len(named) > TOLD else ""
            parts.append(f"{word}: {'; '.join(named[:TOLD])}{more}.")
    return " ".join([*parts, *(f"{aside.says}." for aside in back)])


def _lane_state(change: Change) -> str:
    return change.kind if change.kind in ("added", "removed") else "changed"


def _many(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}"
