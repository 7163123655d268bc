"""One command runs everything; whatever is killed comes back, and the next start continues."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cli.local.places import CLONE, Places
from connectors.settings import environment
from tests.conftest import remove_state

PROCESSES = ("postgres", "temporal", "sandboxes", "worker", "api")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Places]:
    places = Places(tmp_path / "a state")
    # The usual ports belong to whoever runs a demo on this machine.
    for name in ("postgres", "temporal", "temporal-ui", "api"):
        places.port(name, 0)
    yield places
    remove_state(places)


@pytest.fixture
def start(home: Places) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        started.append(_demo(home))
        return started[-1]

    yield begin
    for each in started:
        each.kill()
        each.wait()


def _demo(home: Places) -> subprocess.Popen[bytes]:
    env = environment(THROUGHLINE_STATE=str(home.state))
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS"):
        env.pop(name, None)
    with (home.state / "console.txt").open("ab") as console:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "demo"], cwd=CLONE, env=env, stdout=console, stderr=console
        )


def pids(home: Places) -> dict[str, int]:
    files = [(name, home.state / "run" / f"{name}.pid") for name in PROCESSES]
    return {name: int(file.read_text()) for name, file in files if file.exists()}


def is_ready(home: Places) -> bool:
    if not (home.state / "ports.json").exists() or len(pids(home)) < len(PROCESSES):
        return False
    connection = http.client.HTTPConnection("127.0.0.1", ports(home).get("api", 9), timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ports(home: Places) -> dict[str, int]:
    known: dict[str, int] = json.loads((home.state / "ports.json").read_text())
    return known


def eventually(home: Places, fact: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, (home.state / "console.txt").read_text()
        time.sleep(0.2)


@pytest.mark.timeout(900)
def test_everything_heals_after_kill_9_and_the_next_start_continues(
    home: Places, start: Callable[[], subprocess.Popen[bytes]], temporal_program: Path
) -> None:
    assert temporal_program.exists(), "built before the clock runs"
    demo = start()
    eventually(home, lambda: is_ready(home))
    first, where = pids(home), ports(home)
    for name in PROCESSES:
        os.kill(first[name], signal.SIGKILL)
    eventually(home, lambda: is_ready(home) and not set(pids(home).values()) & set(first.values()))
    assert ports(home) == where

    demo.kill()
    demo.wait()
    left = pids(home)
    assert all(psutil.pid_exists(pid) for pid in left.values())
    demo = start()
    eventually(home, lambda: is_ready(home) and pids(home)["api"] != left["api"])
    assert ports(home) == where
    assert pids(home)["postgres"] == left["postgres"], "a database that runs is taken over"

    last = pids(home)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=60) in {0, 130}, "130 when it was interrupted at work"
    assert not [name for name, pid in last.items() if psutil.pid_exists(pid)]
    assert pids(home) == {}
