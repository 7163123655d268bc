"""What `throughline flow check` costs beside importing the same files with Python: whole processes, taken by turns."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cli.local.places import CLONE
from workflows.flows import FLOWS

_IMPORT_ALL = """
import importlib, pathlib, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    importlib.import_module(file.stem)
"""


def measure(*, flows: int = 50, rounds: int = 5) -> dict[str, Any]:
    """Return median seconds of both, and their ratio; the files are copies of the shipped flows under other names."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), flows)
        checking = [sys.executable, "-m", "cli", "flow", "check", folder]
        importing = [sys.executable, "-c", _IMPORT_ALL, folder]
        for command in (checking, importing):
            _seconds(command)  # warm the disk
        pairs = [(_seconds(checking), _seconds(importing)) for _ in range(rounds)]
    check, imports = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "name": f"flow check of {flows} flows / importing them",
        "ours": check,
        "floor": imports,
        "ratio": statistics.median(ours / floor for ours, floor in pairs),
        "goal": 3.0,
        "flows": flows,
        "rounds": rounds,
    }


def write(folder: Path, flows: int) -> None:
    """Write so many flow files: the shipped ones in turn, each with a name of its own."""
    for i in range(flows):
        flow = FLOWS[i % len(FLOWS)]
        text = Path(flow.file).read_text("utf-8")
        (folder / f"flow_{i:03}.py").write_text(text.replace(f'"{flow.name}",', f'"{flow.name}-{i}",', 1), "utf-8")


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command[1:4]} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return took


def main() -> None:
    """Measure and print one line."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--flows", type=int, default=50)
    wanted.add_argument("--rounds", type=int, default=5)
    given = wanted.parse_args()
    found = measure(flows=given.flows, rounds=given.rounds)
    print(
        f"{found['name']}: {found['ours']:.2f} s / {found['floor']:.2f} s = {found['ratio']:.2f} "
        f"(goal <= {found['goal']:.0f}; medians of {given.rounds} pairs)"
    )


if __name__ == "__main__":
    main()
