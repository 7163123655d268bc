"""`throughline demo --once` ends with exactly one of each thing, whatever is killed while it plays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.places import CLONE, Places
from connectors.settings import environment
from tests.conftest import remove_state
from tests.faults.killing import Killer, Point, with_ports_of_its_own

WORKER = [
    Point("opened", "approval:discount", "worker"),
    Point("opened", "approval:legal", "worker"),
    Point("signed", "signature:sow", "worker"),
]
TEMPORAL = [Point("decided", "approval:discount", "temporal"), Point("opened", "handoff:managed-services", "temporal")]
POSTGRES = [Point("opened", "approval:legal", "postgres"), Point("signed", "signature:sow", "postgres")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, temporal_program: Path) -> Iterator[Places]:
    """A state folder that all runs share, as a person's runs do."""
    places = with_ports_of_its_own(Places(tmp_path_factory.mktemp("a demo") / "state"))
    yield places
    remove_state(places)


@pytest.mark.timeout(420)
@pytest.mark.parametrize("points", [WORKER, TEMPORAL, POSTGRES], ids=["worker", "temporal", "postgres"])
def test_a_deal_played_through_kills_leaves_one_of_each(home: Places, points: list[Point]) -> None:
    killer = Killer(home, points)
    env = environment(THROUGHLINE_STATE=str(home.state))
    command = [sys.executable, "-m", "cli", "demo", "--once"]
    with killer.at_work():
        ended = subprocess.run(command, cwd=CLONE, env=env, capture_output=True, text=True, timeout=380, check=False)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-3000:]
    assert killer.done == points
    assert "running onboarding" in ended.stdout
