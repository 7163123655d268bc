"""Which flow an argument of a command means: one on offer, of a file, released, or a definition in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pydantic import ValidationError

    from models.flow import FlowDef
    from workflows.library import Library


def meant(text: str, *, folder: Path | None = None, other: str | None = None) -> FlowDef:
    """Return the flow that an argument names; `other` is the flow it is compared with. Raises BadParameter."""
    path, _, name = text.partition("::")
    if path.endswith(".json"):
        return _from_json(Path(path))
    if path.endswith(".py"):
        return _from_file(Path(path), name)
    named, at, number = text.rpartition("@")
    if at and number.isdigit():
        return _from_release(named, int(number), folder, Path(other or ""))
    return named_on_offer(text, folder)


def named_on_offer(name: str, folder: Path | None = None) -> FlowDef:
    """Return a flow on offer, or one of the folder, by its name. Raises BadParameter."""
    from workflows.library import NoFlow

    library = library_of(folder)
    try:
        return library.choose({}, name=name)
    except NoFlow as none:
        known = ", ".join(each.name for each in library.flows) or "none"
        said = str(none) if folder is None else f"there is no flow {name!r} in {folder}; there are {known}"
        raise typer.BadParameter(
            f"{said}; a flow that is not on offer is given as its file, such as flows/renewals.py"
        ) from none


def library_of(folder: Path | None) -> Library:
    """Return the flows of a folder; without one, those on offer. Raises BadParameter."""
    from cli.flow import loaded, on_offer
    from workflows.versions import SHIPPED

    if folder is None:
        return on_offer()
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder of flows")
    if folder.resolve() == SHIPPED.resolve():
        return loaded([], shipped=True)
    return loaded([folder], shipped=False)


def _from_json(file: Path) -> FlowDef:
    from pydantic import ValidationError

    from models.flow import FlowDef

    try:
        return FlowDef.model_validate_json(file.read_bytes())
    except OSError as wrong:
        raise typer.BadParameter(f"{file} cannot be read: {wrong.strerror}") from wrong
    except ValidationError as wrong:
        raise typer.BadParameter(f"{file} is no definition of a flow: {_first_said(wrong)}") from wrong


def _first_said(wrong: ValidationError) -> str:
    first = wrong.errors()[0]
    if first["type"] == "json_invalid":
        return f"it is not JSON ({first['msg'].removeprefix('Invalid JSON: ')})"
    if not first["loc"]:
        return "it is no JSON object"
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


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
        why = f": {short(first.file)}:{first.line}: {first.what}; {first.remedy}" if first else ""
        raise typer.BadParameter(f"there is no flow in {file}{why}")
    if len({each.name for each in found}) != 1:
        names = ", ".join(dict.fromkeys(each.name for each in here))
        raise typer.BadParameter(f"say which flow of {file}: {file}::name, where name is one of {names}")
    return max(found, key=lambda each: each.version)


def _from_release(name: str, number: int, folder: Path | None, other: Path) -> FlowDef:
    """Return a released version: of the folder given, else of the folder of the other file, else of all on offer."""
    beside = Path(str(other).partition("::")[0])
    near = beside.parent if folder is None and beside.suffix == ".py" and beside.is_file() else folder
    found = dict(library_of(near).released)
    if near is not None and folder is None:
        found = {**library_of(None).released, **found}
    if (name, number) in found:
        return found[name, number]
    known = ", ".join(f"{each}@{n}" for each, n in sorted(found)) or "none"
    raise typer.BadParameter(f"{name}@{number} is not released; released are {known}")
