"""`throughline flow check`: what is wrong with flows, for people and for other programs."""

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


def check_flows(
    path: Annotated[
        Path | None, typer.Argument(help="A flow file or a folder of them; without it, all on offer.")
    ] = None,
    people: Annotated[Path | None, typer.Option(help="A TOML file of people whose roles flows may name.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Find the mistakes in flows. The exit code is 0 without any, 1 with some, 2 for a path that cannot be read."""
    from cli.flow import loaded, on_offer, short
    from workflows.checks import ROLES

    if path is not None and not path.exists():
        raise typer.BadParameter(f"there is no {path}")
    if path is not None and path.is_file() and path.suffix != ".py":
        raise typer.BadParameter(f"{path} is no flow file; a flow is a .py file")
    library = on_offer() if path is None else loaded([path], shipped=False)
    found = library.check(ROLES if people is None else _roles(people))
    if as_json:
        typer.echo(json.dumps([each._asdict() for each in found], indent=2))
    else:
        for each in found:
            typer.echo(f"{short(each.file)}:{each.line}: {each.what} [{each.code}]\n  {each.remedy}")
        typer.echo(_summary(library, found))
    raise typer.Exit(1 if found else 0)


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
