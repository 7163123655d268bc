"""The supervisor keeps its processes running, and finds what an earlier, killed one left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cli.local.places import CLONE, Places, StartFailed
from cli.local.progress import Quiet
from cli.local.supervisor import Child, Supervisor, is_held
from connectors.settings import environment

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
OWNER = """
import sys, time
from pathlib import Path
from cli.local.places import Places
from cli.local.progress import Quiet
from cli.local.supervisor import Child, Supervisor
from connectors.settings import environment
places = Places(Path(sys.argv[1]))
with Supervisor(places, Quiet()) as supervisor:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    supervisor.start(Child(places, "sleeper", command, environment()), "")
    print("up", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Places:
    return Places(tmp_path / "state")


def eventually(fact: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def child(home: Places, name: str = "sleeper", command: list[str] = SLEEP) -> Child:
    return Child(home, name, command, environment())


def pid_in(home: Places, name: str = "sleeper") -> int | None:
    try:
        return int((home.state / "run" / f"{name}.pid").read_text())
    except (OSError, ValueError):
        return None


def test_a_killed_child_runs_again_within_two_seconds(home: Places) -> None:
    with Supervisor(home, Quiet()) as supervisor:
        sleeper = child(home)
        supervisor.start(sleeper, "")
        first = sleeper.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        eventually(lambda: sleeper.pid not in {None, first}, seconds=2)
        assert pid_in(home) == sleeper.pid
    assert not sleeper.is_running()
    assert pid_in(home) is None


def test_children_stop_in_reverse_order_even_when_one_will_not_listen(home: Places) -> None:
    stopped: list[str] = []

    class Noted(Child):
        def stop(self) -> None:
            if self.is_running():
                stopped.append(self.name)
                self._program.stop(patience=0.5)

    with Supervisor(home, Quiet()) as supervisor:
        supervisor.start(Noted(home, "first", SLEEP, environment()), "")
        stubborn = Noted(home, "second", STUBBORN, environment(), settle=0.3)
        supervisor.start(stubborn, "")
    assert stopped == ["second", "first"]
    assert not stubborn.is_running()


def test_a_child_that_dies_at_once_is_reported_with_its_last_words(home: Places) -> None:
    broken = Child(home, "broken", [sys.executable, "-c", "raise SystemExit('no luck today')"], environment(), settle=9)
    with (
        Supervisor(home, Quiet()) as supervisor,
        pytest.raises(StartFailed, match=r"broken stopped at once: no luck today \(log: "),
    ):
        supervisor.start(broken, "")


def test_a_second_start_in_the_same_folder_is_refused_with_the_process_to_stop(home: Places) -> None:
    with Supervisor(home, Quiet()):
        assert is_held(home)
        with (
            pytest.raises(StartFailed, match=f"already runs here \\(process {os.getpid()}\\)"),
            Supervisor(home, Quiet()),
        ):
            pass
    assert not is_held(home)


def test_after_kill_9_of_the_supervisor_the_next_start_replaces_what_it_left(home: Places) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home.state)], cwd=CLONE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    left = pid_in(home)
    assert left is not None
    os.killpg(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert psutil.pid_exists(left)
    with Supervisor(home, Quiet()) as supervisor:
        sleeper = child(home)
        supervisor.start(sleeper, "")
        assert sleeper.pid != left
        assert not psutil.pid_exists(left)


def test_a_stranger_with_the_old_process_id_is_left_alone(home: Places) -> None:
    stranger = subprocess.Popen(SLEEP)
    try:
        (home.run / "sleeper.pid").write_text(f"{stranger.pid}\n")
        (home.run / "sleeper.json").write_text('{"created": 1.0, "command": ["throughline", "worker"]}')
        with Supervisor(home, Quiet()) as supervisor:
            supervisor.start(child(home), "")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
