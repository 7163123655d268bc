"""`throughline flow new`: a flow to start from, with its facts, its document, its deal to try and its test."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

_TEXTS = Path(__file__).parents[1] / "templates" / "company"
_RESERVED = frozenset({"facts", "tests", "templates", "conftest"})


def new_flow(
    name: Annotated[str, typer.Argument(help="What the flow is called, such as enterprise-deals.")],
    into: Annotated[
        Path | None,
        typer.Option(help="The folder of your flows; without it the first of THROUGHLINE_FLOWS, else ./flows."),
    ] = None,
) -> None:
    """Write a commented flow with its facts, its document, a deal to try it on, and its test. Overwrites nothing."""
    from cli.flow import short

    python = _python_name(name)
    folder = _folder(into)
    files = _files(name, python)
    if (folder / "facts.py").exists():
        files.pop(Path("facts.py"))
    there = [path for path in files if (folder / path).exists()]
    if there:
        raise typer.BadParameter(
            f"{short(str(folder / there[0]))} exists already and is not overwritten; choose another name"
        )
    _refuse_known(name, folder)
    _try_out(folder, files, python)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
        typer.echo(f"wrote {short(str(folder / path))}")
    here = short(str(folder))
    typer.echo(
        f"\nNext: throughline flow check {quote(here)}\n"
        f"      throughline flow plan {quote(f'{here}/{python}.py')} --facts {quote(f'{here}/{python}.facts.json')}\n"
        f"      pytest {quote(here)}"
    )
    if folder not in _named_folders():
        typer.echo(f"Deals get it where THROUGHLINE_FLOWS names the folder: export THROUGHLINE_FLOWS={quote(here)}")


def _python_name(name: str) -> str:
    """Return the name of the flow's file and variable. Refuses what Python or the loader would refuse."""
    python = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+|_[a-z0-9]+)*", name) or keyword.iskeyword(python):
        raise typer.BadParameter(
            f"{name!r} is no name for a flow; use small letters, digits and hyphens, as in enterprise-deals"
        )
    if python in _RESERVED or python in sys.stdlib_module_names or importlib.util.find_spec(python) is not None:
        raise typer.BadParameter(
            f"{python}.py would hide what Python knows by that name; choose another, as in our-{name}"
        )
    return python


def _folder(into: Path | None) -> Path:
    if into is None:
        into = next(iter(_named_folders()), Path("flows"))
    if into.exists() and not into.is_dir():
        raise typer.BadParameter(f"{into} is a file; name a folder with --into")
    return into.resolve()


def _named_folders() -> list[Path]:
    from connectors.settings import FlowSettings

    return [folder.resolve() for folder in FlowSettings.read().throughline_flows]


def _files(name: str, python: str) -> dict[Path, str]:
    """Return everything that is written, by its place in the folder."""
    document = Path("templates", "documents", "sow", python)
    texts = {
        Path(f"{python}.py"): "flow.py.txt",
        Path("facts.py"): "facts.py.txt",
        Path(f"{python}.facts.json"): "facts.json.txt",
        Path("tests", f"test_{python}.py"): "test.py.txt",
        document / "manifest.toml": "sow/manifest.toml",
        document / "template.typ.j2": "sow/template.typ.j2",
    }
    words = {"new_deals": python, "new-deals": name, "New deals": _title(name), "new deals": _title(name).lower()}
    return {path: _named((_TEXTS / text).read_text("utf-8"), words) for path, text in texts.items()}


def _named(text: str, words: Mapping[str, str]) -> str:
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)


def _title(name: str) -> str:
    return name.replace("-", " ").replace("_", " ").capitalize()


def _refuse_known(name: str, folder: Path) -> None:
    """Refuse the name of a flow on offer, or of one that another file of the folder has."""
    from cli.flow import loaded

    # A folder may be named before it is there: this command makes it.
    places = [place for place in dict.fromkeys([*_named_folders(), folder]) if place.is_dir()]
    if any(each.name == name for each in loaded(places, shipped=True).every):
        raise typer.BadParameter(f"there is a flow {name} already; choose another name")


def _try_out(folder: Path, files: Mapping[Path, str], python: str) -> None:
    """Load the new flow beside what is in the folder, elsewhere, so that nothing is written that could not work."""
    from cli.flow import loaded

    with tempfile.TemporaryDirectory(prefix="throughline-") as made:
        trial = Path(made).resolve()
        for path in folder.glob("*.py"):
            shutil.copy(path, trial)
        for path, text in files.items():
            (trial / path).parent.mkdir(parents=True, exist_ok=True)
            (trial / path).write_text(text, "utf-8")
        found = loaded([trial], shipped=True).check()
    wrong = [each for each in found if Path(each.file).stem in (python, "facts")]
    if wrong:
        place = folder / Path(wrong[0].file).name
        known = "" if place.exists() else ", which the new flow needs,"
        raise typer.BadParameter(
            f"a new flow would not work with what is in {folder}{known}: {wrong[0].what}; "
            "add it to facts.py there, or name another folder with --into"
        )
