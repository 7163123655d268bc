"""`throughline flow diagram`: a flow, or what a version changes, as a picture or as Mermaid text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.flow import FlowDef
    from workflows.diagram import Diagram

STANDARD_OUTPUT = "-"


def draw_flow(
    flow: Annotated[
        str,
        typer.Argument(
            metavar="FLOW", help="A flow on offer, flow.py, flow.py::name, a released name@1, or a definition in JSON."
        ),
    ],
    svg: Annotated[str | None, typer.Option("--svg", metavar="F", help="Write an SVG picture; - prints it.")] = None,
    mermaid: Annotated[
        str | None, typer.Option("--mermaid", metavar="F", help="Write a Mermaid flowchart; - prints it.")
    ] = None,
    diff: Annotated[
        str | None, typer.Option("--diff", metavar="OLD", help="Mark what FLOW does differently from this one.")
    ] = None,
) -> None:
    """Draw a flow: stages, parallel branches, deadlines, ways back. Without an option the picture is NAME.svg here."""
    from cli.flow_meant import meant
    from workflows.diagram import compared, diagram

    if svg == mermaid == STANDARD_OUTPUT:
        raise typer.BadParameter("only one of --svg and --mermaid can go to standard output; give the other a file")
    chosen = meant(flow, other=diff)
    made = diagram(chosen) if diff is None else compared(meant(diff, other=flow), chosen)
    wanted = [(svg, made.svg), (mermaid, made.mermaid)]
    if svg is None and mermaid is None:
        wanted = [(str(_beside(chosen, compared=diff is not None)), made.svg)]
    for place, draw in wanted:
        if place == STANDARD_OUTPUT:
            typer.echo(draw(), nl=False)
        elif place is not None:
            _write(Path(place), draw())
            typer.echo(f"{place} shows {_said(made)}", err=STANDARD_OUTPUT in (svg, mermaid))


def _beside(flow: FlowDef, *, compared: bool) -> Path:
    """Return where the picture goes without an option; never over a file that is none of our pictures."""
    file = Path(f"{flow.name}-changes.svg" if compared else f"{flow.name}.svg")
    try:
        ours = not file.exists() or 'class="flow"' in file.read_text("utf-8", errors="replace")
    except OSError as wrong:
        raise typer.BadParameter(f"{file} cannot be read: {wrong.strerror}") from wrong
    if not ours:
        raise typer.BadParameter(f"there is a {file} here already; say where the picture goes with --svg FILE")
    return file


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as wrong:
        raise typer.BadParameter(f"{file} cannot be written: {wrong.strerror}") from wrong


def _said(made: Diagram) -> str:
    marked = [mark.state for mark in made.marks.values()]
    if made.title.startswith("What"):
        counts = [f"{marked.count(state)} {state}" for state in ("added", "removed", "changed")]
        return f"{made.title[0].lower()}{made.title[1:]}: steps {', '.join(counts)}"
    return f"{made.title[0].lower()}{made.title[1:]}: {made.says.partition('.')[0]}"
