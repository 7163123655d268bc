"""Keeps a set of processes running: starts them in order, starts again what dies, stops them in reverse."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from cli.local.places import Killed, Places, StartFailed
from cli.local.processes import Program
from cli.local.progress import Reporter

_LOOK_EVERY = 0.25  # seconds
_LONGEST_PAUSE = 10.0  # seconds between attempts at something that will not stay up


class Service(Protocol):
    """Something that runs beside us."""

    @property
    def name(self) -> str:
        """What its log and pid file are called."""

    def start(self) -> None:
        """Run it and return when it works. Raises StartFailed."""

    def is_running(self) -> bool:
        """Say whether it runs."""

    def stop(self) -> None:
        """Stop it, also when an earlier start of ours left it running."""


@dataclass
class Child:
    """A program of ours: its command, its environment and how to see that it is ready."""

    places: Places
    name: str
    command: Sequence[str]
    env: dict[str, str]
    ready: Callable[[], bool] = lambda: True
    patience: float = 60.0
    settle: float = 0.0

    def __post_init__(self) -> None:
        self._program = Program(self.places, self.name)

    @property
    def pid(self) -> int | None:
        return self._program.pid

    def start(self) -> None:
        self.stop()
        self._program.spawn(self.command, self.env)
        began = time.monotonic()
        while time.monotonic() < began + self.settle or not self.ready():
            if not self._program.is_running():
                raise self._program.why_stopped(1)
            if time.monotonic() > began + self.patience:
                log = self._program.log
                raise StartFailed(f"{self.name} was not ready within {self.patience:.0f} s; its log is {log}")
            time.sleep(0.05)

    def is_running(self) -> bool:
        return self._program.is_running()

    def stop(self) -> None:
        if self._program.find():
            self._program.stop()


@dataclass
class Supervisor:
    """The processes of one state folder. Use it in a `with` block: leaving it stops everything in order."""

    places: Places
    report: Reporter
    _known: list[Service] = field(default_factory=list, init=False)
    _running: list[Service] = field(default_factory=list, init=False)
    _pauses: dict[str, float] = field(default_factory=dict, init=False)
    _next_try: dict[str, float] = field(default_factory=dict, init=False)
    _ending: threading.Event = field(default_factory=threading.Event, init=False)
    _lock: IO[str] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._lock = _only_one(self.places)
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        with _undisturbed():
            self._watcher.join()
            with self.report.step("Stopping") as step:
                for service in reversed(self._known):
                    step(service.name)
                    service.stop()
            environment_file(self.places).unlink(missing_ok=True)
            assert self._lock is not None
            self._lock.truncate(0)
            self._lock.close()

    def start(self, service: Service, title: str) -> None:
        """Start one process and keep it running from now on. Raises StartFailed."""
        # Known before it runs: what was interrupted half-way is stopped too.
        self._known.append(service)
        with self.report.step(title):
            for again in (True, True, False):
                try:
                    service.start()
                    break
                except Killed:
                    if not again:
                        raise
        self._running.append(service)

    def _watch(self) -> None:
        while not self._ending.wait(_LOOK_EVERY):
            for service in tuple(self._running):
                if not service.is_running() and not self._ending.is_set():
                    self._heal(service)
                elif time.monotonic() > self._next_try.get(service.name, 0) + _LONGEST_PAUSE:
                    self._pauses.pop(service.name, None)

    def _heal(self, service: Service) -> None:
        now = time.monotonic()
        if now < self._next_try.get(service.name, 0):
            return
        self._pauses[service.name] = min(self._pauses.get(service.name, 0.25) * 2, _LONGEST_PAUSE)
        self._next_try[service.name] = now + self._pauses[service.name]
        self.report.say(f"{service.name} stopped; starting it again")
        try:
            service.start()
        except StartFailed as wrong:
            self.report.say(f"{wrong}; trying again")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore an impatient second Ctrl-C, which would leave half of it running; stopping takes seconds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _only_one(places: Places) -> IO[str]:
    """Hold the state folder for this process; the system lets go of it however we end."""
    lock = (places.run / "throughline.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "?"
        lock.close()
        raise StartFailed(
            f"Throughline already runs here (process {holder}); stop it with Ctrl-C there, or kill {holder}"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def is_held(places: Places) -> bool:
    """Say whether a supervisor runs in this state folder."""
    file = places.state / "run" / "throughline.lock"
    with suppress(OSError), file.open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def environment_file(places: Places) -> Path:
    """Where a running supervisor says how to reach what it runs."""
    return places.environment


def write_environment(places: Places, values: dict[str, str]) -> None:
    """Say how to reach what runs here."""
    places.folder("secrets", 0o700)
    file = environment_file(places)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(values, out, indent=1)
