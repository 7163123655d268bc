"""Where everything that runs on this machine keeps its files."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from connectors.settings import LocalSettings

CLONE = Path(__file__).resolve().parents[2]
PROGRAMS = CLONE / ".throughline" / "bin"  # built once for every state folder


class StartFailed(Exception):
    """Something cannot start; the text says what was tried and what to do next."""


class Killed(StartFailed):
    """It was killed while it started; trying again may well work."""


@dataclass(frozen=True)
class Places:
    """The state folder of one installation, by default `.throughline` in the clone."""

    state: Path

    @classmethod
    def of_this_clone(cls) -> Places:
        """Return THROUGHLINE_STATE if set, else the clone's own state folder."""
        chosen = LocalSettings.read().throughline_state
        return cls((chosen or CLONE / ".throughline").absolute())

    def folder(self, name: str, mode: int = 0o755) -> Path:
        """Return a folder below the state folder, made if it is not there."""
        made = self.state / name
        made.mkdir(parents=True, exist_ok=True, mode=mode)
        return made

    @property
    def environment(self) -> Path:
        """Where a running supervisor says how to reach what it runs; readable by its owner only."""
        return self.state / "secrets" / "environment.json"

    @property
    def run(self) -> Path:
        return self.folder("run")

    @property
    def log(self) -> Path:
        return self.folder("log")

    def secret(self, name: str, fresh: str) -> str:
        """Return the secret kept under this name; the first time it is `fresh`, readable by its owner only."""
        file = self.folder("secrets", 0o700) / name
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(fresh)
        except FileExistsError:
            pass
        return file.read_text()

    def port(self, name: str, preferred: int) -> int:
        """Return a port that is free now, the one of the last start if possible; preferred 0 means any."""
        file = self.state / "ports.json"
        known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        wishes = [known[name]] if name in known else []
        others = {number for other, number in known.items() if other != name}
        port = next((each for each in [*wishes, preferred] if each and each not in others and is_free(each)), None)
        while port is None or port in others:
            port = _any_free_port()
        _write_whole(file, json.dumps({**known, name: port}, indent=1))
        return port


def is_free(port: int) -> bool:
    """Say whether a loopback port can be listened on now."""
    with socket.socket() as probe:
        # As servers do: a port that only waits for old connections to die counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _write_whole(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(file)
