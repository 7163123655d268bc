"""Ctrl-C ends a demo with the demo's own exit code, wherever it was at work."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.local.places import CLONE
from connectors.settings import environment

INTERRUPTED = """
import signal, sys
from cli.demo import stopped_by_signals

stopped_by_signals()
try:
    {work}
except KeyboardInterrupt:
    sys.exit(7)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("generated", [False, True])
def test_a_stop_is_seen_to_also_within_generated_code(tmp_path: Path, name: str, generated: bool) -> None:
    work = f"signal.raise_signal(signal.{name})"
    work = f"exec({work!r})" if generated else work  # as dataclasses do while a module is imported
    (tmp_path / "interrupted.py").write_text(INTERRUPTED.format(work=work))
    env = environment(PYTHONPATH=str(CLONE))
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (7, "")
