"""`throughline flow release` and `diff`: lock a version, and say in words what changed between two."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.flow import FlowDef
    from workflows.checks import Finding
    from workflows.library import Library

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


def release_flows(
    flow: Annotated[str | None, typer.Argument(help="The name of a flow; without it, every flow found.")] = None,
    flows: Annotated[
        Path | None, typer.Option(help="A folder of flows; without it, those of THROUGHLINE_FLOWS and the shipped.")
    ] = None,
    people: Annotated[Path | None, typer.Option(help="A TOML file of people whose roles flows may name.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Lock flows as they are now, beside their files: from then on a change needs a new version number."""
    from cli.flow_meant import library_of
    from workflows.versions import NotReleased, Releases, release

    if flow is not None and flow.partition("::")[0].endswith(".py"):
        raise typer.BadParameter(_by_name(Path(flow.partition("::")[0]), flow.partition("::")[2]))
    library = library_of(flows)
    wanted = [each for each in library.every if flow in {None, each.name}]
    if not wanted:
        raise typer.BadParameter(_empty(library, flows) if flow is None else _unknown(library, flow, flows))
    _refuse_mistakes(library, wanted, people)
    today, done = datetime.now(UTC).date(), []
    for each in wanted:
        releases = Releases(Path(each.file).parent)
        try:
            news = release(each, releases, today)
        except (NotReleased, OSError) as no:
            raise typer.BadParameter(str(no)) from no
        known = releases.prints[each.name][each.version]
        done.append({"name": each.name, "version": each.version, "released": str(known.released), "new": news,
                     "file": str(releases.file(each.name, each.version))})  # fmt: skip
        if not as_json:
            typer.echo(_said(each, news=news, on=str(known.released), file=releases.file(each.name, each.version)))
    if as_json:
        typer.echo(json.dumps(done, indent=2))


def diff_flows(
    old: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A flow on offer, flow.py, flow.py::name, a released name@1, or a definition in JSON."
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="B", help="The same; what is said is what B does differently.")],
    flows: Annotated[Path | None, typer.Option(help="The folder in which released versions are looked up.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say in words what flow B does differently from flow A. The exit code is 0, whether they differ or not."""
    from cli.flow_meant import meant
    from workflows.difference import difference

    before, after = meant(old, folder=flows, other=new), meant(new, folder=flows, other=old)
    changes = difference(before, after)
    if as_json:
        typer.echo(json.dumps({
            "from": {"name": before.name, "version": before.version, "digest": before.digest},
            "to": {"name": after.name, "version": after.version, "digest": after.digest},
            "changes": [each._asdict() for each in changes],
        }, indent=2, ensure_ascii=False))  # fmt: skip
        return
    names = [f"{each.name} version {each.version}" for each in (before, after)]
    typer.echo(f"{names[0]} -> {names[1]}: " + (f"{len(changes)} change{'s' * (len(changes) != 1)}" * bool(changes)
                                               or "they say the same"))  # fmt: skip
    for each in changes:
        typer.echo(f"  {_MARKS[each.kind]} {each.words}")


_MARKS = {"added": "+", "removed": "-", "changed": "~", "moved": ">", "renamed": "="}


def _refuse_mistakes(library: Library, wanted: list[FlowDef], people: Path | None) -> None:
    from cli.flow import short
    from cli.flow_check import people_in

    names = {f"{each.name} version {each.version}" for each in wanted} | {each.name for each in wanted}
    files = {each.file for each in wanted}
    found = library.check(people=None if people is None else people_in(people))
    told = {"released_changed", "release_damaged"}  # the release itself says these
    wrong = [f for f in found if f.code not in told and (f.flow in names or (not f.flow and f.file in files))]
    if wrong:
        first: Finding = wrong[0]
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise typer.BadParameter(
            f"nothing is released: {short(first.file)}:{first.line}: {first.what}{more}; "
            "see `throughline flow check`, correct it, then release"
        )


def _by_name(file: Path, name: str) -> str:
    """Say how the flow of a file is released, with its name where the file holds one flow."""
    from cli.flow import loaded

    names = {each.name for each in loaded([file], shipped=False).every} if file.is_file() and not name else {name}
    known = names.pop() if len(names) == 1 else ""
    return (
        f"a release takes the name of a flow: throughline flow release {known or 'NAME'} "
        f"--flows {shlex.quote(str(file.parent))}, or without --flows where THROUGHLINE_FLOWS names the folder"
    )


def _unknown(library: Library, name: str, folder: Path | None) -> str:
    names = ", ".join(dict.fromkeys(each.name for each in library.every)) or "none"
    if folder is not None:
        return f"there is no flow {name!r}; there are {names}"
    return (
        f"there is no flow {name!r} on offer; there are {names}; "
        "a flow that is not on offer is released from its folder, as with --flows flows"
    )


def _empty(library: Library, folder: Path | None) -> str:
    where = f" in {folder}" if folder else ""
    broken = " that can be loaded; see `throughline flow check`" if library.findings else ""
    return f"there is no flow{where}{broken}"


def _said(flow: FlowDef, *, news: bool, on: str, file: Path) -> str:
    from cli.flow import short

    if news:
        return f"{flow.name} version {flow.version} is released; commit {short(str(file))} and the fingerprints beside"
    return f"{flow.name} version {flow.version} was released on {on} and still says the same"
