"""What changing people, entering absences and the sweep need of the doors, without the doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from temporalio.client import Client

from api.gateway import TemporalGateway
from api.parts import Parts
from connectors.database import Database


@dataclass(frozen=True)
class _Doors:
    database: Database
    gateway: TemporalGateway

    def now(self) -> datetime:
        return datetime.now(UTC)


def doors(database: Database, connect: Callable[[], Awaitable[Client]]) -> Parts:
    """Return the parts there are; any other is missing."""
    return cast("Parts", _Doors(database, TemporalGateway(connect)))
