"""docs/checks.md is what the checks do: every example in it is loaded, every code stands in it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from activities.documents import load_templates
from activities.template_specs import template_specs
from workflows.checks import CODES, Finding
from workflows.library import load
from workflows.versions import Releases, release

ROOT = Path(__file__).parents[2]
DOC = ROOT / "docs" / "checks.md"
HERE = "# <- here"


class Example(NamedTuple):
    """One code's part of the page."""

    code: str
    text: str

    def block(self, kind: str) -> str:
        [found] = re.findall(rf"^```python {kind}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        return found

    @property
    def people(self) -> dict[str, frozenset[str]] | None:
        found = re.findall(r"^```toml people\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        if not found:
            return None
        roles: dict[str, set[str]] = {}
        for person in tomllib.loads(found[0])["people"]:
            for role in person["roles"]:
                roles.setdefault(role, set()).add(person["id"])
        return {role: frozenset(names) for role, names in roles.items()}


def examples() -> dict[str, Example]:
    parts = re.split(r"^## (\w+)$", DOC.read_text("utf-8"), flags=re.MULTILINE)
    return {code: Example(code, text) for code, text in zip(parts[1::2], parts[2::2], strict=True)}


@cache
def templates():
    return template_specs(load_templates())


def files(block: str) -> Iterator[tuple[str, bool, str]]:
    """Yield the files of a block: name, whether it is released before the next is written, and text."""
    parts = re.split(r"^# file: ([\w.]+)(, as released)?", block, flags=re.MULTILINE)
    if len(parts) == 1:
        yield "small.py", False, block
    for name, released, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield name, bool(released), text


def written(block: str, folder: Path) -> tuple[str, int] | None:
    """Write the files of a block into a folder; return the file and line that is marked."""
    marked = None
    for name, released, text in files(block):
        (folder / name).write_text(text)
        if released:
            [flow] = load(folder, templates=templates(), shipped=False).every
            assert release(flow, Releases(folder), date(2026, 11, 2))
        lines = [i for i, line in enumerate(text.splitlines(), 1) if HERE in line]
        if lines:
            assert (marked, len(lines)) == (None, 1), "one line is marked"
            marked = (name, lines[0])
    return marked


def found_in(example: Example, folder: Path) -> list[Finding]:
    return load(folder, templates=templates(), shipped=False).check(people=example.people)


@pytest.mark.parametrize("code", examples())
def test_the_failing_example_has_exactly_that_mistake_at_the_marked_line(code: str, tmp_path: Path) -> None:
    example = examples()[code]
    marked = written(example.block("failing"), tmp_path)
    found = found_in(example, tmp_path)
    assert [(each.code, Path(each.file).name, each.line) for each in found] == [(code, *(marked or ()))], found
    assert found[0].what
    assert found[0].remedy
    assert (found[0].why, found[0].severity) == (CODES[code].why, CODES[code].severity)


@pytest.mark.parametrize("code", examples())
def test_the_passing_example_has_no_mistake(code: str, tmp_path: Path) -> None:
    example = examples()[code]
    assert written(example.block("passing"), tmp_path) is None
    assert found_in(example, tmp_path) == []
    assert load(tmp_path, templates=templates(), shipped=False).flows


def test_a_fatal_mistake_keeps_a_flow_off_the_menu_and_another_does_not(tmp_path: Path) -> None:
    offered = {}
    for code, example in examples().items():
        folder = tmp_path / code
        folder.mkdir()
        written(example.block("failing"), folder)
        library = load(folder, templates=templates(), shipped=False)
        offered[code] = len(library.flows) == len({flow.name for flow in library.every})
    in_flows = {code: known for code, known in CODES.items() if offered[code] is known.fatal}
    assert in_flows == {}


@pytest.mark.parametrize("code", CODES)
def test_the_page_says_of_every_code_what_the_check_says(code: str) -> None:
    known, told = CODES[code], examples()[code].text
    kind = "Fatal" if known.fatal else known.severity.capitalize()
    assert f"**{known.title}.** {kind}." in told
    assert f"*Why it matters.* {known.why}\n" in told
    assert re.search(r"^\*What to do\.\* \S", told, re.MULTILINE)


def test_every_code_that_the_source_reports_is_known_and_every_known_one_is_reported() -> None:
    reported = {code for file in sorted((ROOT / "workflows").glob("*.py")) for code in _codes(file)}
    assert reported == set(CODES)
    assert set(examples()) == set(CODES)


def _codes(file: Path) -> Iterator[str]:
    """Yield the codes that a module makes findings of: the first text given to Finding() or found()."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Finding", "found"):
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            yield from texts[:1]
