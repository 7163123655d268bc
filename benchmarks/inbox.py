"""The inbox over HTTP beside its SQL alone: 10,000 open requests, the same statements sent by a bare connection."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import psycopg
import uvicorn
from pydantic import SecretStr
from sqlalchemy import event, insert
from temporalio.client import Client

from api.app import create
from api.auth import hashed
from cli.local.places import CLONE, Places
from cli.local.postgres import EmbeddedPostgres
from cli.schema import migrate
from connectors.database import Database
from connectors.settings import ApiSettings, DatabaseSettings
from models.tables.deals import Deal
from models.tables.people import AbsenceRow, Person
from models.tables.requests import Request

READERS = {
    "nora": ("/inbox", "all of them the reader's"),
    "one00": ("/inbox", "1 % of them the reader's"),
    "sam": ("/inbox?tab=delegated", "half of them delegated to the reader"),
}
"""Who opens which page of it."""
BODY: dict[str, Any] = {
    "question": "Approve the finance review?", "asked_by": "owner", "why": "finance: margin 24.6 % < 28 %",
    "facts": [{"label": f"fact {n}", "value": f"{n}.0 %", "note": "over 28 %", "tone": "due"} for n in range(12)],
    "rule": {"text": "margin 24.6 % < 28 % or payment days 60 > 45", "joined_by": "or",
             "terms": [{"text": text, "holds": True} for text in ("margin 24.6 % < 28 %", "payment days 60 > 45")]},
    "follows": {"yes": "the deal goes on to signature", "no": "it goes back to quote", "silence": "the CFO is asked"},
    "answers": [{"person": f"person{n}", "what": "approved", "state": "approved", "tone": "ok"} for n in range(6)],
    "documents": [{"name": "sow", "sha256": "ab" * 32}], "stages": ["quote", "review"],
}  # fmt: skip
_ROWS = 2_000


class Sent(NamedTuple):
    """One statement of the page, as the driver got it."""

    statement: str
    values: Any


def rows(requests: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a company of 200 and its open requests: each waits for one reader, and some for another."""
    now = datetime.now(UTC)
    staff = [*READERS, "owner", "away", *(f"person{n}" for n in range(195))]
    role = {"nora": ["finance"], "one00": ["legal"], "sam": ["security"]}
    people = [{"id": p, "name": p.capitalize(), "email": f"{p}@a.example", "roles": role.get(p, [])} for p in staff]
    deals, asked = [], []
    for n in range(requests):
        name = f"deal/bench/{n}"
        deals.append({
            "id": name, "source": "bench", "source_id": str(n), "title": f"Deal {n}", "account": f"Account {n}",
            "owner": "owner", "flow": "bench", "flow_version": 1, "flow_digest": "d" * 64, "stage": "review",
            "amount": Decimal(1_000 + (n * 7_919) % 900_000), "margin": Decimal("24.6"), "discount": Decimal(18),
            "facts": {f"fact{i}": {"t": "text", "v": "x" * 20} for i in range(30)}, "opened_at": now,
            "changed_at": now, "stage_since": now,
        })  # fmt: skip
        waits = ["nora", *(["one00"] if n % 100 == 0 else []), *(["sam"] if n % 2 else [])]
        asked.append({
            "id": f"{name}|approval:finance|1", "deal_id": name, "step": "approval:finance", "kind": "approval",
            "title": f"Review {n % 5}", "reason": "margin 24.6 % < 28 %", "people": waits, "who": "finance",
            "opened_at": now - timedelta(minutes=30 + (n * 37) % 9_000), "due_at": now + timedelta(minutes=n - 500),
            "body": {**BODY, "stands_in": {"sam": "away"} if n % 2 else {}},
        })  # fmt: skip
    return people, deals, asked


async def fill(database: Database, requests: int) -> None:
    """Write the company; `sam` stands in for somebody away."""
    people, deals, asked = rows(requests)
    now = datetime.now(UTC)
    away = {"id": "away", "person": "away", "delegate": "sam", "starts": now - timedelta(days=1),
            "ends": now + timedelta(days=5), "created_by": "away"}  # fmt: skip
    async with database.write() as session:
        for table, written in ((Person, people), (Deal, deals), (Request, asked), (AbsenceRow, [away])):
            for first in range(0, len(written), _ROWS):
                await session.execute(insert(table), written[first : first + _ROWS])
    async with database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.exec_driver_sql("vacuum analyze")


@contextmanager
def serving(database: Database) -> Iterator[str]:
    """Serve the doors from a thread; the inbox needs no workflow."""

    async def connect() -> Client:
        raise ConnectionError("no deal is asked anything here")

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = ApiSettings(port=port, public_url=f"http://127.0.0.1:{port}", session_key=SecretStr("k" * 40))
    tokens = {hashed(f"token-of-{person}"): person for person in READERS}
    app = create(known, database=database, connect=connect, tokens=tokens, relaying=False)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def heard(database: Database) -> Iterator[list[Sent]]:
    """Give the list that every statement sent inside the block is added to."""
    sent: list[Sent] = []

    def hear(_c: Any, _u: Any, statement: str, values: Any, _x: Any, _m: Any) -> None:
        sent.append(Sent(statement, values))

    event.listen(database.engine.sync_engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", hear)


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Open a connection with nothing around it; it prepares what it sends more than once."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=1) as connection:
        yield connection


async def alone(connection: psycopg.AsyncConnection[Any], sent: list[Sent]) -> float:
    """Return the seconds that the page's statements take by themselves, every row fetched."""
    began = time.perf_counter()
    for statement, values in sent:
        await (await connection.execute(statement, values)).fetchall()
    return time.perf_counter() - began


async def measure(url: str, requests: int, samples: int) -> list[str]:
    """Return a line per reader: the page, its SQL alone, and their ratio, taken by turns."""
    settings = DatabaseSettings(database_url=SecretStr(url))
    database, lines = Database.at(settings), list[str]()
    filling = Database.at(settings)
    await fill(filling, requests)
    await filling.close()
    with serving(database) as address:
        async with bare(url) as connection:
            for person, (here, about) in READERS.items():
                headers = {"Authorization": f"Bearer token-of-{person}"}
                async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
                    with heard(database) as sent:
                        page = await client.get(here)
                    page.raise_for_status()
                    pairs = [await _pair(client, here, connection, sent) for _ in range(samples + 3)][3:]
                ours, floor = (statistics.median(times) for times in zip(*pairs, strict=True))
                ratio = statistics.median(a / b for a, b in pairs)
                lines.append(
                    f"inbox of {requests} open requests, {about} / its SQL alone: {ours * 1e3:.1f} ms / "
                    f"{floor * 1e3:.1f} ms = {ratio:.1f} (goal <= 6; {len(sent)} statements, {len(page.text)} bytes)"
                )
    return lines


async def _pair(
    client: httpx2.AsyncClient, page: str, connection: psycopg.AsyncConnection[Any], sent: list[Sent]
) -> tuple[float, float]:
    began = time.perf_counter()
    (await client.get(page)).raise_for_status()
    took = time.perf_counter() - began
    return took, await alone(connection, sent)


def main() -> None:
    """Start a database of this run's own, measure, print."""
    wanted = argparse.ArgumentParser(prog="python -m benchmarks.inbox", description=__doc__)
    wanted.add_argument("--requests", type=int, default=10_000)
    wanted.add_argument("--samples", type=int, default=30)
    given = wanted.parse_args()
    state = CLONE / ".throughline"
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as folder, contextlib.ExitStack() as stack:
        postgres = EmbeddedPostgres(Places(Path(folder)), preferred_port=0)
        postgres.start()
        stack.callback(postgres.stop)
        migrate(DatabaseSettings(database_url=SecretStr(postgres.url())).dsn)
        for line in asyncio.run(measure(postgres.url(), given.requests, given.samples)):
            print(line)


if __name__ == "__main__":
    sys.exit(main())
