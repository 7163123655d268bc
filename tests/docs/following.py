"""Follows a tutorial to the letter: runs its commands in one shell, makes its edits, compares what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Block(NamedTuple):
    """One code block: its line in the document, its language, what stands behind the language, its text."""

    line: int
    kind: str
    about: str
    text: str


def blocks(document: str) -> list[Block]:
    """Return every code block in order."""
    found = []
    for match in re.finditer(r"(?m)^```(\w+)?(?: (.*))?\n((?s:.*?))^```$", document):
        line = document.count("\n", 0, match.start()) + 1
        found.append(Block(line, match[1] or "", match[2] or "", match[3]))
    return found


class Reader:
    """Somebody who does what the tutorial says, in an empty folder, and looks whether it comes out as shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.said = ""
        self.commands: list[str] = []

    def follow(self, block: Block) -> None:
        """Do what one block says. Raises AssertionError naming the block's line."""
        match block.kind:
            case "sh":
                self._run(block)
            case "text":
                assert shows(self.said, block.text), f"line {block.line}: it says instead\n{self.said}"
            case "python" | "json" | "toml" if block.about.startswith("in "):
                held = (self.folder / block.about.removeprefix("in ")).read_text("utf-8")
                assert shows(held, block.text), f"line {block.line}: {block.about} does not hold this"
            case "python" | "json" | "toml":
                self._write(block)
            case "diff":
                self._edit(block)
            case _:
                raise AssertionError(f"line {block.line}: nobody knows what to do with a block of {block.kind!r}")

    def _run(self, block: Block) -> None:
        wanted = int(re.sub(r"\D", "", block.about) or 0)
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("THROUGHLINE_", "PYTEST_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{plain.get('PATH', '')}"
        variables = {**plain, "PATH": path, "COLUMNS": "100", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **self.variables}
        done = subprocess.run(
            ["bash", "-e", "-c", block.text],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said = done.stdout + done.stderr
        self.commands += [line for line in block.text.splitlines() if line.strip()]
        assert done.returncode == wanted, f"line {block.line}: exit code {done.returncode}\n{self.said}"
        self.variables |= dict(re.findall(r"(?m)^export (\w+)=(\S+)", block.text))

    def _write(self, block: Block) -> None:
        assert block.about, f"line {block.line}: a file without a name"
        file = self.folder / block.about
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, "utf-8")

    def _edit(self, block: Block) -> None:
        """Change a file as the block shows: lines with - go, lines with + come, the others are where."""
        file = self.folder / block.about
        lines = [(line[:1], line[1:]) for line in block.text.splitlines()]
        before = "".join(f"{text}\n" for sign, text in lines if sign in {" ", "-", ""})
        after = "".join(f"{text}\n" for sign, text in lines if sign in {" ", "+", ""})
        held = file.read_text("utf-8")
        assert held.count(before) == 1, f"line {block.line}: {block.about} holds this {held.count(before)} times"
        file.write_text(held.replace(before, after), "utf-8")


def shows(said: str, shown: str) -> bool:
    """Whether what was said is what is shown: … stands for anything within a line, a line of … for any lines."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in shown.strip("\n").splitlines()]
    pattern = "".join(r"(?:.*\n)*?" if line == ".*" else rf"{line}[ \t]*\n" for line in lines)
    return re.search(rf"(?m)^{pattern}", f"{said.rstrip()}\n") is not None
