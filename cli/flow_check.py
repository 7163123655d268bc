"""`throughline flow check`: what is wrong with flows, for people and for other programs."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.checks import Finding


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def check_flows(
    path: Annotated[
        Path | None, typer.Argument(help="A flow file or a folder of them; without it, all on offer.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="A TOML file of people: then gates are tried with who has which role.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="How to print: GitHub shows annotations, SARIF is for code scanners.")
    ] = Format.TEXT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings count as mistakes.")] = False,
) -> None:
    """Find the mistakes in flows; docs/checks.md explains each code.

    The exit code is 0 without mistakes, 1 with some, 2 for what cannot be read. Warnings alone leave it at 0.
    """
    from cli.flow import loaded, on_offer

    if path is not None and not path.exists():
        raise typer.BadParameter(_no_such(path))
    if path is not None and path.is_file() and path.suffix != ".py":
        raise typer.BadParameter(f"{path} is no flow file; a flow is a .py file")
    who = None if people is None else people_in(people)
    library = on_offer() if path is None else loaded([path], shipped=False)
    found = library.check(people=who)
    if path is not None and not library.every and not found:
        raise typer.BadParameter(f"there is no flow in {path}; a flow is a .py file that says Flow(...)")
    _print(found, len(library.every), Format.JSON if as_json else form)
    raise typer.Exit(1 if any(strict or each.severity == "error" for each in found) else 0)


def _no_such(path: Path) -> str:
    from cli.flow import on_offer

    # What is not there may be the name of a flow, which every other command takes.
    if any(each.name == str(path) for each in on_offer().every):
        return (
            f"there is no file or folder {path}; a flow on offer is checked without a path, with all the others: "
            "throughline flow check"
        )
    return f"there is no file or folder {path}; give a flow file or a folder of them, or nothing to check all on offer"


def _print(found: Sequence[Finding], flows: int, form: Format) -> None:
    from cli.flow_formats import as_github, as_json, as_sarif, as_text

    match form:
        case Format.TEXT:
            typer.echo(as_text(found, flows))
        case Format.JSON:
            typer.echo(as_json(found))
        case Format.SARIF:
            typer.echo(as_sarif(found))
        case Format.GITHUB if found:
            typer.echo(as_github(found))


def people_in(file: Path) -> dict[str, frozenset[str]]:
    """Return who has each role in a people file: every `roles = [...]` of its `[[people]]`."""
    found: dict[str, set[str]] = {}
    try:
        listed = tomllib.loads(file.read_text("utf-8")).get("people", [])
        for i, person in enumerate(listed):
            name = str(person.get("id") or person.get("email") or person.get("name") or f"person {i + 1}")
            roles = person.get("roles", [])
            if not isinstance(roles, list):
                raise typer.BadParameter(f'{file}: {name} needs roles = ["..."], a list of names')
            for role in roles:
                found.setdefault(str(role), set()).add(name)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError) as wrong:
        raise typer.BadParameter(f"{file} cannot be read: {wrong}") from wrong
    if not found:
        raise typer.BadParameter(f'{file} names nobody; write [[people]] with id = "..." and roles = ["..."]')
    return {role: frozenset(names) for role, names in found.items()}
