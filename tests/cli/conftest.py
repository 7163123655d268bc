"""Commands typed beside a running installation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from connectors.database import Database
from tests.workflows.worlds import Company, Outside, connect, employ

NOWHERE = "127.0.0.1:9"


@dataclass
class Typed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def refused(self) -> bool:
        """Whether it said no as it should: in one line, with exit code 2."""
        return (self.code, self.err.count("\n")) == (2, 1)


class Shell:
    """Types commands of one kind."""

    def __init__(self, capsys: pytest.CaptureFixture[str], kind: str) -> None:
        self._capsys, self._kind = capsys, kind

    async def __call__(self, *words: str) -> Typed:
        self._capsys.readouterr()
        code = await asyncio.to_thread(run, [self._kind, *words])
        printed = self._capsys.readouterr()
        return Typed(code, printed.out, printed.err)


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, database_url: str, temporal_server: Any, tmp_path: Path) -> None:
    """Let commands reach this test's database and Temporal."""
    monkeypatch.setenv("THROUGHLINE_STATE", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)


@pytest.fixture
async def company(database: Database, temporal_server: Any) -> Company:
    await employ(database)
    return Company(await connect(temporal_server.address), database, Outside())
