"""The doors on real PostgreSQL and real Temporal, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from api.app import create
from connectors.database import Database
from connectors.settings import ApiSettings
from tests.api.company import TOKENS, Company, company, load
from tests.api.standin import Given, Notes, StandIn
from tests.conftest import settings_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings(port: int, **more: Any) -> ApiSettings:
    known = {
        "port": port,
        "public_url": f"http://127.0.0.1:{port}",
        "session_key": SecretStr("k" * 40),
        "demo_sign_in": True,
        "max_body": 64_000,
    }
    return ApiSettings(**{**known, **more})


@pytest.fixture(scope="module")
async def rows(database: Database) -> Company:
    """The company, loaded."""
    made = company()
    await load(database, made)
    return company()


@contextlib.contextmanager
def serving(app: FastAPI, port: int) -> Iterator[str]:
    """Serve the application from a thread of its own, as `throughline serve` would from a process."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


Work = Callable[[threading.Event, threading.Event], Coroutine[Any, Any, None]]
"""Something that says when it is ready and goes on until it is stopped."""


@contextlib.contextmanager
def beside(work: Work) -> Iterator[None]:
    """Let something run in a thread with a loop of its own while the block does."""
    ready, stop = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work(ready, stop))
        except BaseException as broken:  # noqa: BLE001 (raised where it was started)
            failed.append(broken)
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(60)
    if failed:
        raise failed[0]
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


@contextlib.contextmanager
def working(address: str, url: str, deals: Company) -> Iterator[None]:
    """A worker of the stand-in, in a thread with a loop and a database of its own, and a workflow per running deal."""

    async def work(ready: threading.Event, stop: threading.Event) -> None:
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        opened = Database.at(settings_for(url))
        worker = Worker(client, task_queue="deals", workflows=[StandIn], activities=[Notes(opened).note])
        async with worker:
            for deal in deals.deals:
                if deal.status != "won":
                    asked = {r.step: list(r.people) for r in deals.requests if r.deal_id == deal.id}
                    given = Given(deal=deal.id, edition=2 if deal.source_id == "5012346" else 1, asked=asked)
                    await client.start_workflow("DealLifecycle", given, id=deal.id, task_queue="deals")
            ready.set()
            while not stop.is_set():  # noqa: ASYNC110 (set from another thread)
                await asyncio.sleep(0.05)
            for deal in deals.deals:
                with contextlib.suppress(Exception):
                    await client.get_workflow_handle(deal.id).terminate()
        await opened.close()

    with beside(work):
        yield


@pytest.fixture(scope="module")
def doors(rows: Company, database_url: str, temporal_server: Any) -> Iterator[str]:
    """The running doors; the answer is their address."""
    port = free_port()

    async def connect() -> Client:
        return await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)

    app = create(settings(port), database=Database.at(settings_for(database_url)), connect=connect, tokens=TOKENS)
    with working(temporal_server.address, database_url, rows), serving(app, port) as url:
        yield url


@pytest.fixture
async def anyone(doors: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody without a session."""
    async with httpx2.AsyncClient(base_url=doors, follow_redirects=False, timeout=30) as client:
        yield client


def as_token(url: str, person: str) -> httpx2.AsyncClient:
    """A program that acts as this person."""
    return httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer token-of-{person}"}, timeout=30)
