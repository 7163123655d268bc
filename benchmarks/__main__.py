"""Ratios measured side by side in one run: our deals against a bare Temporal workflow with the same calls and waits.

B1 is state transitions and worker CPU per deal; B3 the time from posting a decision until the next read shows it;
then deals per second with many in flight. Both sides use the same Temporal server, worker process and machine.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlmodel import col, select
from temporalio.client import Client, WorkflowHandle

from benchmarks.bare import BareDeal
from benchmarks.servers import servers
from cli.local.places import CLONE
from connectors.database import Database
from connectors.settings import DatabaseSettings
from models import acts
from models.tables.requests import Request
from tests.workflows.worlds import Company, Outside, connect, employ
from workflows.plugin import plugin

_GLANCE = 0.02
"""Seconds between two looks at the inbox."""
_ANSWERS = (("joel", "discount"), ("daniel", "deep-discount"), ("hanna", "legal"), ("noor", "finance"),
            ("hiro", "security"), ("sofia", "security"))  # fmt: skip


class Floor:
    """The bare deals."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def live(self) -> WorkflowHandle:
        """Let one bare deal live from start to end."""
        handle = await self.begin()
        for _ in range(8):
            await handle.execute_update(BareDeal.answer, "yes")
        await handle.result()
        return handle

    async def begin(self) -> WorkflowHandle:
        """Start one as ours arrive: with a first update."""
        deal = secrets.token_hex(6)
        handle = await self.client.start_workflow(BareDeal.run, deal, id=f"bare/{deal}", task_queue="bare")
        await handle.execute_update(BareDeal.answer, "first")
        return handle


class Ours:
    """Our deals, with journal and read side; people see what they are asked on the read side."""

    def __init__(self, company: Company) -> None:
        self.company = company

    async def live(self) -> WorkflowHandle:
        """Let one deal live from its arrival to a running onboarding."""
        handle = await self.company.arrive()
        for person, step in _ANSWERS:
            await self.decide(handle, person, f"approval:{step}", "approve")
        await self.sign(handle)
        await self.decide(handle, "marco", "handoff:managed-services", "accept")
        await handle.result()
        return handle

    async def decide(self, handle: WorkflowHandle, person: str, step: str, verdict: Any) -> None:
        """Answer once the inbox shows it."""
        await self.asked(handle, step)
        await self.company.act(handle, decision(person, step, verdict))

    async def sign(self, handle: WorkflowHandle) -> None:
        body = await self.asked(handle, "signature:sow")
        await self.company.act(handle, acts.Sign(
            key=secrets.token_hex(8), by="customer", step="signature:sow", round=1, signer="Ada",
            document=body["documents"][0]["sha256"],
        ))  # fmt: skip

    async def asked(self, handle: WorkflowHandle, step: str) -> dict[str, Any]:
        """Return the body of a request once it is open on the read side."""
        wanted = select(col(Request.body)).where(
            col(Request.id) == f"{handle.id}|{step}|1", col(Request.state) == "open"
        )
        while True:
            async with self.company.database.read() as session:
                found = (await session.execute(wanted)).scalar_one_or_none()
            if found is not None:
                return dict(found)
            await asyncio.sleep(_GLANCE)

    async def answered(self, handle: WorkflowHandle, step: str) -> None:
        """Return once the read side shows the answer."""
        wanted = select(col(Request.state)).where(col(Request.id) == f"{handle.id}|{step}|1")
        while True:
            async with self.company.database.read() as session:
                if (await session.execute(wanted)).scalar_one_or_none() == "closed":
                    return
            await asyncio.sleep(0.002)


def decision(person: str, step: str, verdict: Any) -> acts.Decide:
    """Return an answer to the first asking of a step."""
    return acts.Decide(key=secrets.token_hex(8), by=person, step=step, round=1, edition=1, verdict=verdict)


async def transitions(handle: WorkflowHandle) -> int:
    """Return the server's own count of state transitions."""
    return int((await handle.describe()).raw_description.workflow_execution_info.state_transition_count)


async def many(
    live: Callable[[], Awaitable[WorkflowHandle]], worker: psutil.Process, deals: int, at_once: int
) -> tuple[float, float, float]:
    """Return CPU seconds of the worker process, wall seconds and transitions, each per deal."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> WorkflowHandle:
        async with gate:
            return await live()

    before, began = worker.cpu_times(), time.perf_counter()
    handles = await asyncio.gather(*(one() for _ in range(deals)))
    after, wall = worker.cpu_times(), time.perf_counter() - began
    cpu = after.user + after.system - before.user - before.system
    counts = [await transitions(handle) for handle in handles[:5]]
    return cpu / deals, wall / deals, statistics.mean(counts)


async def clicks(ours: Ours, floor: Floor, samples: int) -> tuple[float, float]:
    """Return median seconds from posting a decision until a read shows it, and of a bare update; taken by turns."""
    mine, theirs = [], []
    for _ in range(samples):
        handle = await ours.company.arrive()
        await ours.asked(handle, "approval:discount")
        act = decision("joel", "approval:discount", "approve")
        began = time.perf_counter()
        await ours.company.act(handle, act)
        await ours.answered(handle, "approval:discount")
        mine.append(time.perf_counter() - began)
        bare = await floor.begin()
        await bare.query(BareDeal.answered)
        began = time.perf_counter()
        await bare.execute_update(BareDeal.answer, "yes")
        theirs.append(time.perf_counter() - began)
    return statistics.median(mine), statistics.median(theirs)


@contextmanager
def at_work(side: str, address: str, url: str) -> Iterator[psutil.Process]:
    """Run one side's worker process inside the block."""
    command = [sys.executable, "-m", "benchmarks.worker", side, address, url]
    with subprocess.Popen(command, cwd=CLONE, stderr=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


async def measure(address: str, url: str, *, deals: int, samples: int) -> Table:
    """Run both sides and return the figures."""
    database = Database.at(DatabaseSettings(database_url=SecretStr(url)))
    await employ(database)
    company = Company(await connect(address), database, Outside())
    ours, floor = Ours(company), Floor(await Client.connect(address, plugins=[plugin(workflows=())]))
    rows: list[tuple[str, float, float, str]] = []
    with at_work("ours", address, url) as mine, at_work("bare", address, url) as theirs:
        for live in (ours.live, floor.live):
            await live()  # warm both sides
        a, b = await many(ours.live, mine, deals, 4), await many(floor.live, theirs, deals, 4)
        rows.append(("B1 state transitions per deal", a[2], b[2], "<= 1.10"))
        rows.append(("B1 worker CPU per deal, ms", a[0] * 1e3, b[0] * 1e3, "<= 1.25"))
        click, update = await clicks(ours, floor, samples)
        rows.append(("B3 decision until visible, median ms", click * 1e3, update * 1e3, "<= 1.5"))
        a, b = await many(ours.live, mine, deals * 2, 64), await many(floor.live, theirs, deals * 2, 64)
        rows.append(("deals per second, 64 in flight (bare / ours)", 1 / a[1], 1 / b[1], ""))
    await database.close()
    return _table(rows)


def _table(rows: list[tuple[str, float, float, str]]) -> Table:
    table = Table(title="Throughline against a bare Temporal workflow with the same queues, calls and waits")
    for name in ("", "ours", "bare", "ratio", "goal"):
        table.add_column(name, justify="left" if not name else "right")
    for name, ours, bare, goal in rows:
        ratio = bare / ours if "bare / ours" in name else ours / bare
        table.add_row(name, f"{ours:.1f}", f"{bare:.1f}", f"{ratio:.2f}", goal)
    return table


def main() -> None:
    """Start a server and a database of this run's own, measure, print."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--deals", type=int, default=60)
    wanted.add_argument("--samples", type=int, default=40)
    given = wanted.parse_args()
    console = Console()
    with servers() as (address, url):
        table = asyncio.run(measure(address, url, deals=given.deals, samples=given.samples))
    console.print(table)
    console.print(
        f"{given.deals} deals (4 in flight), {given.samples} clicks, {given.deals * 2} deals (64 in flight); "
        f"Temporal dev server on a file, embedded PostgreSQL with fsync, all on {platform.machine()} "
        f"Python {platform.python_version()}; each side's worker is a process of its own"
    )


if __name__ == "__main__":
    main()
