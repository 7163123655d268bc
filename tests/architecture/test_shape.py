"""How the code is shaped: small files and functions, one sentence on top, nothing left for later."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("activities", "api", "cli", "connectors", "models", "workflows")
SHIPPED = [*(f for folder in FOLDERS for f in sorted((ROOT / folder).rglob("*.py"))), ROOT / "worker.py"]
VAGUE = {"utils", "helpers", "common", "base", "manager", "handler", "misc"}
LATER = "|".join(["raise Not" + "ImplementedError", r"\b" + "TO" + r"DO\b", r"\bFIX" + r"ME\b"])


@pytest.fixture(scope="module")
def sources():
    return {file.relative_to(ROOT): file.read_text() for file in SHIPPED}


def test_no_file_is_longer_than_400_lines(sources):
    assert {str(name): n for name, text in sources.items() if (n := text.count("\n")) > 400} == {}


def test_no_function_is_longer_than_60_lines(sources):
    long = {}
    for name, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno > 60:
                long[f"{name}:{node.name}"] = (node.end_lineno or 0) - node.lineno
    assert long == {}


def test_every_module_says_in_one_sentence_what_it_is_for(sources):
    silent = [str(n) for n, text in sources.items() if text.strip() and not ast.get_docstring(ast.parse(text))]
    assert silent == []


def test_no_module_has_a_vague_name(sources):
    assert [str(name) for name in sources if name.stem in VAGUE] == []


def test_nothing_is_left_for_later(sources):
    assert [str(name) for name, text in sources.items() if re.search(LATER, text)] == []


def test_nothing_names_a_machine():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if not tracked:
        pytest.skip("not a git checkout")
    named = []
    for name in tracked:
        file = ROOT / name
        read = file.suffix in {".py", ".md", ".toml", ".sh", ".html", ".json", ".css", ""} and file.is_file()
        if read and re.search(r"(?<![\w.])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me)/\w", file.read_text(errors="replace")):
            named.append(name)
    assert named == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("deal.discuont > percent(15)", 'has no attribute "discuont"'),
        ("deal.amount > percent(15)", "Unsupported operand types"),
        ('deal.amount.is_("a lot")', "incompatible type"),
        ('Approval("a", by="legal")', 'Missing named argument "within"'),
        ('Approval("a", by="legal", withn=days(2), within=days(2))', 'Unexpected keyword argument "withn"'),
    ],
)
def test_a_mistake_in_a_flow_fails_in_mypy(tmp_path, line, complaint):
    flow = tmp_path / "flow.py"
    flow.write_text(
        "from workflows.flows.facts import deal\nfrom workflows.language import Approval, days, percent\n\n"
        f"written = {line}\n"
    )
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--follow-imports=silent", str(flow)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert complaint in said
