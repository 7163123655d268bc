"""The embedded Temporal: a dev server with its data in the state folder, on loopback only."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.local.places import Places, StartFailed, is_free
from cli.local.processes import Program
from connectors.settings import environment

_PORT = 7233
_UI_PORT = 8233
_START = 60.0  # seconds
NAMESPACE = "default"
_HERMETIC = ["--disable-config-file", "--disable-config-env"]  # ours, not what the user configured for others


@dataclass
class EmbeddedTemporal:
    """One dev server in a state folder. Starting it again, also after kill -9, continues with the same data."""

    places: Places
    binary: Path
    search_attributes: Mapping[str, str] = field(default_factory=dict)
    dynamic_config: Mapping[str, str] = field(default_factory=dict)
    preferred_port: int = _PORT
    preferred_ui_port: int = _UI_PORT
    ui: bool = True
    name: str = "temporal"
    _port: int = field(default=0, init=False)
    _ui_port: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._program = Program(self.places, self.name)

    def start(self) -> None:
        """Run it and wait until it serves; a server left by an earlier start is replaced. Raises StartFailed."""
        self.stop()
        # Started again, it keeps its ports: everybody else already has the address.
        self._port = self._port or self.places.port(self.name, self.preferred_port)
        if self.ui:
            self._ui_port = self._ui_port or self.places.port(f"{self.name}-ui", self.preferred_ui_port)
        self._program.spawn(self._command(), environment())
        deadline = time.monotonic() + _START
        while not self._serves():
            if not self._program.is_running():
                raise self._program.why_stopped()
            if time.monotonic() > deadline:
                self._program.stop()
                raise StartFailed(f"Temporal did not serve within {_START:.0f} s; its log is {self.log}")
            time.sleep(0.1)

    def is_running(self) -> bool:
        return self._program.is_running()

    def stop(self) -> None:
        """Stop it in order."""
        if self._program.is_running() or self._program.find():
            # Its orderly end waits for long polls; its data needs no orderly end.
            self._program.stop(signal.SIGINT, patience=4)

    @property
    def pid(self) -> int | None:
        return self._program.pid

    @property
    def log(self) -> Path:
        return self._program.log

    @property
    def address(self) -> str:
        """Where it serves, as TEMPORAL_ADDRESS wants it."""
        return f"127.0.0.1:{self._port}"

    @property
    def ui_address(self) -> str | None:
        """Where its own web pages are."""
        return f"http://127.0.0.1:{self._ui_port}" if self.ui else None

    def _command(self) -> list[str]:
        config = {"limit.maxIDLength": "255", **self.dynamic_config}
        listen = ["--ip", "127.0.0.1", "--port", str(self._port)]
        pages = ["--ui-port", str(self._ui_port), "--ui-disable-news-fetch"] if self.ui else ["--headless"]
        return [
            *[str(self.binary), "server", "start-dev", *listen, *pages],
            *["--db-filename", str(self.places.folder("temporal", 0o700) / "temporal.db")],
            # About three times as fast as the default; a power cut may cost the last moment, a kill -9 nothing.
            *["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"],
            *[word for key, value in config.items() for word in ("--dynamic-config-value", f"{key}={value}")],
            *[word for key, kind in self.search_attributes.items() for word in ("--search-attribute", f"{key}={kind}")],
            *["--log-level", "warn", *_HERMETIC],
        ]

    def _serves(self) -> bool:
        """Ask for the namespace: the port is open some time before the server can work."""
        if is_free(self._port):
            return False
        describe = [
            "operator",
            "namespace",
            "describe",
            NAMESPACE,
            "--address",
            self.address,
            "--command-timeout",
            "3s",
        ]
        asked = subprocess.run(  # noqa: S603 - the resolved binary
            [str(self.binary), *describe, *_HERMETIC], check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
        return asked.returncode == 0
