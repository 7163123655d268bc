"""`throughline flow release` and `diff`: lock a version, and say in words what changed between two."""

from __future__ import annotations

import json
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
    from workflows.versions import NotReleased, Releases, release

    library = _library(flows)
    wanted = [each for each in library.every if flow in {None, each.name}]
    if not wanted:
        names = ", ".join(dict.fromkeys(each.name for each in library.every)) or "none"
        raise typer.BadParameter(f"there is no flow {flow!r}; there are {names}" if flow else _empty(library, flows))
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
        str, typer.Argument(metavar="A", help="flow.py, flow.py::name, a released name@1, or a definition in JSON.")
    ],
    new: Annotated[str, typer.Argument(metavar="B", help="The same; what is said is what B does differently.")],
    flows: Annotated[Path | None, typer.Option(help="The folder in which released versions are looked up.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say in words what flow B does differently from flow A. The exit code is 0, whether they differ or not."""
    from workflows.difference import difference

    before, after = _meant(old, flows, Path(new)), _meant(new, flows, Path(old))
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


def _library(folder: Path | None) -> Library:
    from cli.flow import loaded, on_offer
    from workflows.versions import SHIPPED

    if folder is None:
        return on_offer()
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder of flows")
    if folder.resolve() == SHIPPED.resolve():
        return loaded([], shipped=True)
    return loaded([folder], shipped=False)


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


def _empty(library: Library, folder: Path | None) -> str:
    where = f" in {folder}" if folder else ""
    broken = " that can be loaded; see `throughline flow check`" if library.findings else ""
    return f"there is no flow{where}{broken}"


def _said(flow: FlowDef, *, news: bool, on: str, file: Path) -> str:
    from cli.flow import short

    if news:
        return f"{flow.name} version {flow.version} is released; commit {short(str(file))} and the fingerprints beside"
    return f"{flow.name} version {flow.version} was released on {on} and still says the same"


def _meant(text: str, folder: Path | None, other: Path) -> FlowDef:
    """Return the definition that an argument names."""
    path, _, name = text.partition("::")
    if path.endswith(".json"):
        return _from_json(Path(path))
    if path.endswith(".py"):
        return _from_file(Path(path), name)
    named, at, number = text.rpartition("@")
    if at and number.isdigit():
        return _from_release(named, int(number), folder, other)
    raise typer.BadParameter(
        f"{text!r} names no definition: give a flow file (flow.py or flow.py::name), a released name@1, "
        "or a definition in a .json file"
    )


def _from_json(file: Path) -> FlowDef:
    from pydantic import ValidationError

    from models.flow import FlowDef

    try:
        return FlowDef.model_validate_json(file.read_bytes())
    except OSError as wrong:
        raise typer.BadParameter(f"{file} cannot be read: {wrong.strerror}") from wrong
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(f"{file} is no definition of a flow: {where}: {first['msg']}") from wrong


def _from_file(file: Path, name: str) -> FlowDef:
    from cli.flow import loaded, short
    from workflows.versions import SHIPPED

    if not file.is_file():
        raise typer.BadParameter(f"there is no {file}")
    shipped = file.resolve().parent == SHIPPED.resolve()
    library = loaded([] if shipped else [file], shipped=shipped)
    here = [each for each in library.every if Path(each.file).resolve() == file.resolve()]
    found = [each for each in here if name in {"", each.name, f"{each.name}@{each.version}"}]
    if not here:
        first = next(iter(library.findings), None)
        why = f": {short(first.file)}:{first.line}: {first.what}" if first else ""
        raise typer.BadParameter(f"there is no flow in {file}{why}")
    if len({each.name for each in found}) != 1:
        names = ", ".join(dict.fromkeys(each.name for each in here))
        raise typer.BadParameter(f"say which flow of {file}: {file}::name, where name is one of {names}")
    return max(found, key=lambda each: each.version)


def _from_release(name: str, number: int, folder: Path | None, other: Path) -> FlowDef:
    """Return a released version: of the folder given, else of the folder of the other file, else of all on offer."""
    beside = Path(str(other).partition("::")[0])
    near = beside.parent if folder is None and beside.suffix == ".py" and beside.is_file() else folder
    found = dict(_library(near).released)
    if near is not None and folder is None:
        found = {**_library(None).released, **found}
    if (name, number) in found:
        return found[name, number]
    known = ", ".join(f"{each}@{n}" for each, n in sorted(found)) or "none"
    raise typer.BadParameter(f"{name}@{number} is not released; released are {known}")
