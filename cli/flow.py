"""`throughline flow`: the flows on offer, and what is wrong with them, before a deal runs one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workflows.checks import Finding
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

    library = _on_offer()
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
        typer.echo(f"  {_short(each.file)}:{each.line}")
    if library.findings:
        typer.echo(
            f"{len(library.findings)} files or flows could not be loaded; see `throughline flow check`", err=True
        )


@app.command("check")
def check_flows(
    path: Annotated[
        Path | None, typer.Argument(help="A flow file or a folder of them; without it, all on offer.")
    ] = None,
    people: Annotated[Path | None, typer.Option(help="A TOML file of people whose roles flows may name.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Find the mistakes in flows. The exit code is 0 without any, 1 with some, 2 for a path that cannot be read."""
    from workflows.checks import ROLES

    if path is not None and not path.exists():
        raise typer.BadParameter(f"there is no {path}")
    if path is not None and path.is_file() and path.suffix != ".py":
        raise typer.BadParameter(f"{path} is no flow file; a flow is a .py file")
    library = _on_offer() if path is None else _loaded([path], shipped=False)
    found = library.check(ROLES if people is None else _roles(people))
    if as_json:
        typer.echo(json.dumps([each._asdict() for each in found], indent=2))
    else:
        for each in found:
            typer.echo(f"{_short(each.file)}:{each.line}: {each.what} [{each.code}]\n  {each.remedy}")
        typer.echo(_summary(library, found))
    raise typer.Exit(1 if found else 0)


def _on_offer() -> Library:
    from connectors.settings import FlowSettings

    folders = FlowSettings.read().throughline_flows
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise typer.BadParameter(f"THROUGHLINE_FLOWS names {', '.join(missing)}, which is no folder")
    return _loaded(folders, shipped=True)


def _loaded(places: Sequence[Path], *, shipped: bool) -> Library:
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


def _roles(people: Path) -> set[str]:
    """Return the roles of a people file: every `roles = [...]` of its `[[people]]`."""
    try:
        listed = tomllib.loads(people.read_text("utf-8")).get("people", [])
        return {str(role) for person in listed for role in person.get("roles", [])}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError) as wrong:
        raise typer.BadParameter(f"{people} cannot be read: {wrong}") from wrong


def _summary(library: Library, found: Sequence[Finding]) -> str:
    flows = f"{len(library.every)} flow{'s' * (len(library.every) != 1)}"
    return f"{flows} checked, {len(found) or 'no'} mistake{'s' * (len(found) != 1)}"


def _short(file: str) -> str:
    here = Path.cwd()
    return str(Path(file).relative_to(here)) if Path(file).is_relative_to(here) else file
