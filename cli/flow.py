"""`throughline flow`: the flows on offer, and what is wrong with them, before a deal runs one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workflows.library import Library

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at flows and check them.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


@app.callback()
def flow() -> None:
    """Look at flows and check them."""


@app.command("list")
def list_flows(*, as_json: AsJson = False) -> None:
    """List the flows a new deal can get, in the order in which they are tried."""
    from models.rules import text

    library = on_offer()
    if as_json:
        typer.echo(json.dumps([
            {
                "name": each.name, "version": each.version, "stages": list(each.stage_names), "digest": each.digest,
                "takes": text(each.takes) if each.takes is not None else None, "file": each.file, "line": each.line,
            }
            for each in library.flows
        ], indent=2))  # fmt: skip
        return
    for each in library.flows:
        takes = f"takes deals with {text(each.takes)}" if each.takes is not None else "takes every deal"
        typer.echo(f"{each.name} version {each.version}: {' > '.join(each.stage_names)}; {takes}")
        typer.echo(f"  {short(each.file)}:{each.line}")
    if library.findings:
        typer.echo(
            f"{len(library.findings)} files or flows could not be loaded; see `throughline flow check`", err=True
        )


def on_offer() -> Library:
    """Return the flows of THROUGHLINE_FLOWS and the shipped ones."""
    from connectors.settings import FlowSettings

    folders = FlowSettings.read().throughline_flows
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise typer.BadParameter(f"THROUGHLINE_FLOWS names {', '.join(missing)}, which is no folder")
    return loaded(folders, shipped=True)


def loaded(places: Sequence[Path], *, shipped: bool) -> Library:
    """Return the flows of folders or single files, with the templates beside them."""
    from activities.documents import load_templates
    from activities.template_specs import template_specs
    from models.document import TemplateBroken
    from workflows.library import load

    folders = [(place.parent if place.is_file() else place) / "templates" / "documents" for place in places]
    try:
        templates = load_templates(folders)
    except TemplateBroken as broken:
        raise typer.BadParameter(str(broken)) from broken
    return load(places, templates=template_specs(templates), shipped=shipped)


def short(file: str) -> str:
    """Return a file's name as seen from here."""
    here = Path.cwd()
    return str(Path(file).relative_to(here)) if Path(file).is_relative_to(here) else file


# Commands in modules of their own

from cli.flow_check import check_flows  # noqa: E402 (they use what stands above)

app.command("check")(check_flows)
from cli.flow_new import new_flow  # noqa: E402

app.command("new")(new_flow)
from cli.flow_release import diff_flows, release_flows  # noqa: E402

app.command("release")(release_flows)
app.command("diff")(diff_flows)
from cli.flow_plan import plan_flow  # noqa: E402

app.command("plan")(plan_flow)
from cli.flow_diagram import draw_flow  # noqa: E402

app.command("diagram")(draw_flow)
from cli.flow_scenarios import scenarios_of_flow  # noqa: E402

app.command("scenarios")(scenarios_of_flow)
