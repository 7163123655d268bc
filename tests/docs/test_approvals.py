"""What docs/approvals.md shows is so: its policy loads, its commands are taken, and every test it names is there."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import typer

from cli.approval import app
from tests.docs.following import ROOT, blocks
from tests.docs.recipes import IMPORTS, Recipe, cooked

DOC = (ROOT / "docs" / "approvals.md").read_text("utf-8")
ROWS = re.findall(r"(?m)^\| (C\d+) \| (.+?) \| (.+?) \|$", DOC)
NAMED = [(row, named) for row, _, tests in ROWS for named in re.findall(r"`([^`]+)`", tests)]


def test_every_rule_from_c1_to_c28_stands_in_the_table_once_with_a_test() -> None:
    assert [row for row, _, _ in ROWS] == [f"C{number}" for number in range(1, 29)]
    assert [row for row, rule, _ in ROWS if not rule.strip()] == []
    assert {row for row, _ in NAMED} == {row for row, _, _ in ROWS}


@pytest.mark.parametrize(("row", "named"), NAMED, ids=[f"{row} {named.partition('::')[2]}" for row, named in NAMED])
def test_a_test_that_the_table_names_is_there(row: str, named: str) -> None:
    file, _, test = named.partition("::")
    assert test.startswith("test_")
    assert test in defined_in(file), f"{row} names a test that is not in {file}"


@cache
def defined_in(file: str) -> frozenset[str]:
    """Return the functions of a file."""
    assert (ROOT / file).is_file(), f"there is no {file}"
    written = ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
    return frozenset(each.name for each in written if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def commands() -> list[str]:
    """Return every command of our own that the page shows."""
    shown = [block.text for block in blocks(DOC) if block.about == "commands"]
    return [line for text in shown for line in text.splitlines()]


@pytest.mark.parametrize("line", commands())
def test_a_command_that_is_shown_is_taken(line: str) -> None:
    ours, kind, name, *words = shlex.split(line)
    assert (ours, kind) == ("throughline", "approval")
    group = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), name)  # type: ignore[attr-defined]
    assert command is not None
    command.make_context(name, words)


def test_every_command_is_shown() -> None:
    group = typer.main.get_command(app)
    shown = {shlex.split(line)[2] for line in commands()}
    assert set(group.list_commands(typer.Context(group))) == shown  # type: ignore[attr-defined]


def test_the_journal_has_every_kind_of_entry_that_is_explained() -> None:
    _, _, table = DOC.partition("| kind | what it says |")
    kinds = {kind for first in re.findall(r"(?m)^\| (`.+?) \|", table.partition("##")[0])
             for kind in re.findall(r"`([^`]+)`", first)}  # fmt: skip
    written = "".join(file.read_text("utf-8") for file in (ROOT / "models").glob("*.py"))
    assert len(kinds) >= 12
    assert {kind for kind in kinds if f'"{kind}"' not in written} == set()


def test_the_policy_has_no_mistake(tmp_path: Path) -> None:
    [policy] = [block.text for block in blocks(DOC) if block.about == "policy"]
    code = f'from datetime import date\n{IMPORTS}policy = Flow("policy", {policy.strip()}, version=1)\n'
    library = cooked(Recipe(0, "policy", "policy.py", code, ""), tmp_path)
    assert library.check() == []
    assert library.flows
