"""The sandbox vendors beside the demo: one process that says itself where it listens and which keys it wants."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from cli.local.places import Places
from cli.local.supervisor import Child
from connectors.settings import environment


@dataclass
class Vendors:
    """HubSpot, ERPNext, Redmine, Slack and a mail server, on loopback; what they hold survives a stop.

    `doors` is where the API is, whose webhooks they call.
    """

    places: Places
    doors: str
    name: str = "sandboxes"

    def __post_init__(self) -> None:
        self._says = self.places.folder("secrets", 0o700) / "sandboxes.json"
        command = [sys.executable, "-m", "connectors.sandbox", "--data", str(self.places.state / "sandboxes")]
        command += ["--ports-file", str(self._says), "--webhook-url", f"{self.doors}/webhooks/hubspot"]
        command += ["--interactions-url", f"{self.doors}/webhooks/slack"]
        self._child = Child(self.places, self.name, command, environment(), ready=self._says.exists)

    def start(self) -> None:
        self._says.unlink(missing_ok=True)
        self._child.start()

    def is_running(self) -> bool:
        return self._child.is_running()

    def stop(self) -> None:
        self._child.stop()

    def env(self) -> dict[str, str]:
        """Return what the settings of the connectors need to reach them, and where their pages are."""
        said: dict[str, str] = json.loads(self._says.read_text())
        return {**said, "SMTP_FROM": "throughline@halden.example"}
