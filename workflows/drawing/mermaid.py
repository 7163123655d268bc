"""A flow as Mermaid text: a flowchart that wikis and code hosts draw by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.flow import StepId
from models.graph import DONE, START, Graph, Station, joined, stations
from workflows.drawing.layout import Mark
from workflows.drawing.svg import sign_of
from workflows.drawing.words import Aside, clock, who

_SHAPES = {
    "person": ("([", "])"), "work": ("[", "]"), "out": ("[[", "]]"), "document": ("[/", "/]"), "pen": ("[[", "]]"),
    "clock": ("{{", "}}"), "over": ("[[", "]]"), "flow": ("[[", "]]"), "stop": ("((", "))"),
}  # fmt: skip
_SIGNS = {"added": "+ ", "removed": "− ", "changed": "△ "}
_SAID = (
    ("<=", "at most"), (">=", "at least"), ("<", "less than"), (">", "more than"), ("#", ""), (";", ","), ("{", "("),
    ("}", ")"), ("%%", "%"),
)  # fmt: skip
_CLASSES = {
    "added": "fill:#e5f3ea,stroke:#22844f,color:#14181f",
    "removed": "fill:#fcebe9,stroke:#cb342b,color:#14181f,stroke-dasharray:4 3",
    "changed": "fill:#fcf0da,stroke:#b26a00,color:#14181f",
}


def text(graph: Graph, title: str, says: str, asides: Sequence[Aside], marks: Mapping[StepId, Mark]) -> str:
    """Return the flowchart."""
    names = {step: f"s{n}" for n, step in enumerate(graph.stations, 1)}
    lines = ["flowchart LR", f"  accTitle: {_plain(title)}", f"  accDescr: {_plain(says)}"]
    lines += ["  start((start))"]
    for n, lane in enumerate(graph.lanes, 1):
        lines.append(f"  subgraph stage{n}[{_quoted(_stage(lane.name, lane.skip))}]")
        lines += [f"    {names[s.id]}{_node(s, marks.get(s.id, Mark()))}" for s in stations(lane.line)]
        lines.append("  end")
    lines.append(f"  done(({_quoted(graph.completes)}))")
    lines += [f"  {line}" for line in _links(graph, names)]
    lines += [f"  {line}" for line in _back(graph, asides, names)]
    for state, look in _CLASSES.items():
        marked = [names[step] for step, mark in marks.items() if mark.state == state and step in names]
        if marked:
            lines += [f"  classDef {state} {look}", f"  class {','.join(marked)} {state}"]
    return "\n".join(lines) + "\n"


def _stage(name: str, skip: str) -> str:
    return f"{name}, skipped if {skip}" if skip else name


def _node(station: Station, mark: Mark) -> str:
    before, after = _SHAPES[sign_of(station)]
    said = [_SIGNS.get(mark.state, "") + station.title]
    if mark.lines is not None:
        said += [line for line, _ in mark.lines]
    else:
        said += [who(station.step, station.where), clock(station.step)]
        said += [f"if {joined(station.own)}"] if station.own else []
    return f"{before}{_quoted(*filter(None, said))}{after}"


def _links(graph: Graph, names: Mapping[str, str]) -> Iterator[str]:
    ends = {START: "start", DONE: "done", **names}
    shown = {way.target for way in graph.ways}
    for way in graph.ways:
        if way.kind == "next" and way.origin in ends and way.target in ends:
            link = "-.->" if way.target in graph.stations and graph.stations[way.target].advisory else "-->"
            yield f"{ends[way.origin]} {link} {ends[way.target]}"
    yield from (f"{names[step]} ~~~ done" for step in names if step not in shown)


def _back(graph: Graph, asides: Sequence[Aside], names: Mapping[str, str]) -> Iterator[str]:
    first: dict[str, str] = {}
    for station in graph.stations.values():
        first.setdefault(station.stage, names[station.id])
    ends: dict[str, str] = {}
    for aside in asides:
        said = _quoted(_SIGNS.get(aside.state, "") + aside.says)
        if aside.kind == "back" and aside.target in first:
            targets = first[aside.target]
        elif aside.kind == "ends":
            targets = ends.setdefault(aside.target, f"e{len(ends) + 1}(({_quoted(aside.target)}))")
        else:
            continue
        for i, sender in enumerate(aside.senders):
            yield f"{names[sender.id]} -. {said} .-> {targets}" if i == 0 else f"{names[sender.id]} -.-> {targets}"


def _quoted(*lines: str) -> str:
    """Return a label: in quotes, what Mermaid would read as its own written as character codes."""
    return '"' + "<br/>".join(_coded(line) for line in lines) + '"'


def _coded(line: str) -> str:
    flat = " ".join(line.split())
    return "".join(f"#{ord(c)};" if c in '#"<>&;`\\{}|' or not c.isprintable() else c for c in flat)


def _plain(said: str) -> str:
    """Return a text for the lines that take no quotes: one line, nothing that begins something else."""
    for sign, words in _SAID:
        said = said.replace(sign, words)
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())
