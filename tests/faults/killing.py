"""What kills the processes of a running demo, at the moments its journal shows."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from cli.local.places import Places
from tests.api.conftest import free_port

_LOOK_EVERY = 0.03
_NEW = "select deal_id, kind, step from journal where at >= %s and deal_id like 'deal/%%' order by id"


@dataclass(frozen=True)
class Point:
    """A journal entry, and what is killed as soon as it is there."""

    kind: str
    step: str | None
    victim: str


@dataclass
class Killer:
    """Watches the journal of a demo and kills at every point once; `done` says at which it did."""

    places: Places
    points: Sequence[Point]
    done: list[Point] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Kill while the block runs."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(10)

    def _run(self) -> None:
        since = datetime.now(UTC)
        while len(self.done) < len(self.points) and not self._over.wait(_LOOK_EVERY):
            try:
                with self._database() as connection:
                    self._watch(connection, since)
            except (OSError, ValueError, psycopg.Error):
                continue  # it is just starting, or we killed it

    def _watch(self, connection: psycopg.Connection, since: datetime) -> None:
        while len(self.done) < len(self.points) and not self._over.wait(_LOOK_EVERY):
            seen = {(kind, step) for _, kind, step in connection.execute(_NEW, (since,))}
            for point in self.points:
                if point not in self.done and (point.kind, point.step) in seen and kill(self.places, point.victim):
                    self.done.append(point)

    def _database(self) -> psycopg.Connection:
        url = json.loads((self.places.state / "secrets" / "environment.json").read_text())["DATABASE_URL"]
        return psycopg.connect(url, connect_timeout=2, autocommit=True)


def kill(places: Places, victim: str) -> bool:
    """Kill what runs now and wait until the supervisor runs another one; False when nothing ran."""
    pid = pid_of(places, victim)
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    return eventually(lambda: pid_of(places, victim) not in (None, pid), 30) or True


def pid_of(places: Places, name: str) -> int | None:
    """Return the process id of one of the demo's processes, if it runs."""
    with suppress(OSError, ValueError):
        pid = int((places.state / "run" / f"{name}.pid").read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return None if state in "ZX" else pid
    return None


def eventually(fact: Callable[[], bool], seconds: float) -> bool:
    """Say whether something comes true in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def with_ports_of_its_own(places: Places) -> Places:
    """Let a demo use ports that no other one on this machine is after."""
    names = ("postgres", "temporal", "temporal-ui", "api")
    places.state.mkdir(parents=True, exist_ok=True)
    (places.state / "ports.json").write_text(json.dumps({name: free_port() for name in names}))
    return places
