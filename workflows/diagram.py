"""A flow as a picture: as it is, with what waits where, with a deal's progress, and beside another version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.flow import FlowDef, StepId
from models.graph import Graph, Station, graph, joined
from workflows.drawing.layout import LARGE, SMALL, Mark
from workflows.drawing.rows import laid_out
from workflows.drawing.svg import svg
from workflows.drawing.words import asides, clock, who

TOLD = 60
"""How many steps a description for screen readers goes through one by one."""


def flow_svg(flow: FlowDef, *, ident: str = "flow", page: bool = False) -> str:
    """Return the picture of a flow; by default one that is read on its own, with colours for light and dark."""
    drawn = graph(flow)
    picture = laid_out(drawn, {}, list(asides(drawn)))
    return svg(picture, f"Flow {flow.name}, version {flow.version}", described(drawn), ident=ident, page=page)


def small_svg(flow: FlowDef, *, ident: str) -> str:
    """Return the shape of a flow without words, for a page that says the words beside it."""
    drawn = graph(flow)
    picture = laid_out(drawn, {}, [], SMALL)
    says = f"{_counted(len(flow.stages), 'stage')} and {_counted(len(drawn.stations), 'step')}."
    return svg(picture, f"Shape of flow {flow.name}", says, ident=ident, page=True)


def described(drawn: Graph) -> str:
    """Return a flow in sentences: its stages and steps, and the ways back and out."""
    said = [f"{_counted(len(drawn.lanes), 'stage')}, {_counted(len(drawn.stations), 'step')}."]
    told = list(drawn.stations.values())[:TOLD]
    for lane in drawn.lanes:
        steps = [_told(station) for station in told if station.stage == lane.name]
        if steps:
            skip = f", skipped if {lane.skip}" if lane.skip else ""
            said.append(f"Stage {lane.name}{skip}: {'; '.join(steps)}.")
    if len(drawn.stations) > TOLD:
        said.append(f"And {_counted(len(drawn.stations) - TOLD, 'step')} more.")
    said += [f"From {aside.senders[0].stage}: {aside.says}." for aside in asides(drawn)][:TOLD]
    return " ".join([*said, f"In the end the deal is {drawn.completes}."])


def _told(station: Station) -> str:
    parts = [station.title]
    asked, limit = who(station.step, station.where), clock(station.step)
    parts += [f"({', '.join(filter(None, (asked, limit)))})"] if asked or limit else []
    parts += ["in parallel"] if station.parallel else []
    parts += [f"if {joined(station.own)}"] if station.own else []
    return " ".join(parts)


def _counted(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}"
