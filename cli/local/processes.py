"""Child processes that are found again after their parent was killed."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from cli.local.places import Killed, Places, StartFailed


@dataclass
class Program:
    """One process of a state folder, known by name; it may have been started by an earlier run of ours."""

    places: Places
    name: str
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _process: psutil.Process | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.places.log / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process id, None while it does not run."""
        return self._process.pid if self._process and self.is_running() else None

    def spawn(
        self, command: Sequence[str], env: dict[str, str], cwd: Path | None = None, user: str | None = None
    ) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches only us and we stop it in order."""
        with self.log.open("ab") as log:
            try:
                self._child = _popen(command, env, cwd, user, log)
            except OSError as wrong:
                raise StartFailed(f"{self.name}: {command[0]} cannot be run ({wrong})") from None
        self._write_down(psutil.Process(self._child.pid))

    def adopt(self, process: psutil.Process) -> None:
        """Adopt a process that runs already."""
        if self._process is None or self._process.pid != process.pid or not self.is_running():
            self._child = None
            self._write_down(process)

    def find(self) -> bool:
        """Look for a process left by an earlier start. A reused process id is told apart by time and command."""
        if self.is_running():
            return True
        try:
            pid = int((self.places.run / f"{self.name}.pid").read_text())
            known = json.loads((self.places.run / f"{self.name}.json").read_text())
            process = psutil.Process(pid)
            same = abs(process.create_time() - known["created"]) < 1.5 and process.cmdline() == known["command"]
        except (OSError, ValueError, KeyError, psutil.Error):
            return False
        self._child, self._process = None, process if same and alive(process) else None
        return self._process is not None

    def is_running(self) -> bool:
        """Say whether it runs; a zombie does not."""
        if self._child is not None:
            # A child of ours may look like a zombie while its last threads still hold its files and ports.
            return self._child.poll() is None
        return self._process is not None and alive(self._process)

    def stop(self, ask: signal.Signals = signal.SIGTERM, patience: float = 15) -> None:
        """Ask it to stop and insist after `patience` seconds, its children included."""
        if self.is_running() and self._process is not None:
            family = [self._process]
            with suppress(psutil.Error):
                family += self._process.children(recursive=True)
                self._process.send_signal(ask)
                self._wait(patience)
            for each in family:
                with suppress(psutil.Error):
                    each.kill()
            self._wait(5)
        for suffix in ("pid", "json"):
            (self.places.run / f"{self.name}.{suffix}").unlink(missing_ok=True)

    def why_stopped(self, lines: int = 3) -> StartFailed:
        """Return what to raise when it stopped while starting."""
        code = None if self._child is None else self._child.poll()
        kind = Killed if code is not None and code < 0 else StartFailed
        return kind(f"{self.name} stopped at once: {self.last_words(lines) or f'exit {code}'} (log: {self.log})")

    def last_words(self, lines: int = 3) -> str:
        """Return the end of its log, for a message."""
        try:
            written = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        except OSError:
            return ""
        return " / ".join(written[-lines:])

    def _write_down(self, process: psutil.Process) -> None:
        """Note which process it is, so that a later start recognises it; only then is it ours to speak of."""
        with suppress(psutil.Error):
            known = {"created": process.create_time(), "command": process.cmdline()}
            (self.places.run / f"{self.name}.json").write_text(json.dumps(known))
            (self.places.run / f"{self.name}.pid").write_text(f"{process.pid}\n")
        self._process = process

    def _wait(self, patience: float) -> None:
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(patience)
        elif self._process is not None:
            psutil.wait_procs([self._process], timeout=patience)


def alive(process: psutil.Process) -> bool:
    """Say whether a process runs; psutil counts a zombie as running, we do not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _popen(
    command: Sequence[str], env: dict[str, str], cwd: Path | None, user: str | None, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the commands are our own
        list(command),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=user,
        group=None if user is None else _group_of(user),
        extra_groups=None if user is None else [],
    )


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
