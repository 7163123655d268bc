"""`throughline flow scenarios`: the fewest deals that go every way of a flow, as a table, as JSON or as facts files."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.flow_plan import AsJson, FlowName, People, Start, colleagues, company_time, flow_named, given_facts, starting

if TYPE_CHECKING:
    from models.flow import FlowDef
    from workflows.scenarios import Scenario, Scenarios

_WIDTH = 98


def scenarios_of_flow(
    flow: FlowName,
    facts: Annotated[
        Path | None, typer.Option("--facts", help="A JSON file of an ordinary deal's facts, to differ from.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="A folder to write each scenario to, as a facts file for `flow plan`.")
    ] = None,
    people: People = None,
    start: Start = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Find the fewest deals that together go every way a flow can go: a table to read, and files to test with."""
    from models.people import Directory
    from workflows.scenarios import scenarios
    from workflows.stand_ins import with_stand_ins

    chosen, clock = flow_named(flow), company_time()
    usual = given_facts(chosen, facts) if facts is not None else None
    staff, _ = with_stand_ins(chosen, Directory(colleagues(people)))
    at = starting(start, clock.calendar.zone) if start else datetime.now(UTC).replace(microsecond=0)
    found = scenarios(chosen, people=staff, clock=clock, start=at, usual=usual)
    files = _save(chosen, found, save) if save is not None else {}
    if as_json:
        typer.echo(json.dumps(_plain(chosen, found), indent=2))
        return
    _print(found)
    if files:
        typer.echo(f"{len(files)} facts files are in {save}; try `{_next(flow, files[1])}`")


def _next(flow: str, facts: Path) -> str:
    return shlex.join(["throughline", "flow", "plan", flow, "--facts", str(facts)])


def _plain(flow: FlowDef, found: Scenarios) -> dict[str, object]:
    from models.given import written_down

    told = found.model_dump(mode="json")
    told["ordinary"] = written_down(flow, found.ordinary)
    for row, scenario in zip(told["scenarios"], found.scenarios, strict=True):
        row["facts"] = written_down(flow, scenario.facts)
    return told


def _save(flow: FlowDef, found: Scenarios, folder: Path) -> Mapping[int, Path]:
    from models.given import written_down

    files = {i: folder / f"{i:02}-{_slug(each)}.json" for i, each in enumerate(found.scenarios, 1)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for i, each in enumerate(found.scenarios, 1):
            files[i].write_text(json.dumps(written_down(flow, each.facts), indent=2) + "\n", "utf-8")
    except OSError as wrong:
        raise typer.BadParameter(f"{folder} cannot be written: {wrong.strerror or wrong}") from wrong
    return files


def _slug(scenario: Scenario) -> str:
    return re.sub(r"[^a-z0-9]+", "-", scenario.name.lower()).strip("-")[:60].rstrip("-")


def _print(found: Scenarios) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=_WIDTH, highlight=False, markup=False)
    console.print(_title(found))
    table = Table(box=box.SIMPLE_HEAD, width=_WIDTH, pad_edge=False, show_lines=False)
    table.add_column("", justify="right", width=2)
    table.add_column("Scenario", ratio=3)
    table.add_column("Facts that differ", ratio=3)
    table.add_column("Way it goes", ratio=4)
    for i, each in enumerate(found.scenarios, 1):
        differs = "\n".join(f"{_label(path)} {value}" for path, value in each.differs.items()) or "none"
        way = f"{' > '.join(each.path)}\n= {each.ending or 'it stops there'}\n"
        table.add_row(str(i), each.name, differs, way)
    console.print(table)
    if found.made_up:
        told = ", ".join(_label(path) for path in found.made_up)
        console.print(f"Made up for the ordinary deal, since the facts do not say: {told}.")
    for missed in found.unreached:
        console.print(f"not shown: {missed.branch} ({missed.why})")


def _title(found: Scenarios) -> str:
    count, ways = len(found.scenarios), len(found.branches) - len(found.unreached)
    name = f"{found.flow} version {found.version}"
    deals = "1 deal goes" if count == 1 else f"{count} deals go"
    every = f"every one of its {ways} ways" if not found.unreached else f"{ways} of its {len(found.branches)} ways"
    fewer = "; no fewer could" if count == found.at_least else ""
    return f"{name}: {deals} {every}{fewer}."


def _label(path: str) -> str:
    return path.replace("_", " ").replace(".", " ")
