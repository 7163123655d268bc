"""A worker process of one side of a benchmark, so that its CPU is measured apart from the driver's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from pydantic import SecretStr
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.bare import BareChild, BareDeal
from connectors.database import Database
from connectors.settings import DatabaseSettings
from models.calls import ActionCall
from tests.workflows.worlds import Company, Outside, connect
from workflows.plugin import plugin


async def ours(address: str, url: str) -> None:
    """Work on our deals until killed."""
    database = Database.at(DatabaseSettings(database_url=SecretStr(url)))
    async with Company(await connect(address), database, Outside()).at_work():
        await asyncio.Event().wait()


async def bare(address: str, _url: str) -> None:
    """Work on bare deals until killed: the same three queues."""
    client = await Client.connect(address, plugins=[plugin(workflows=())])
    calls = _calls()
    async with (
        Worker(client, task_queue="bare", workflows=[BareDeal, BareChild], activities=calls),
        Worker(client, task_queue="bare.erp", activities=calls),
        Worker(client, task_queue="bare.projects", activities=calls),
    ):
        await asyncio.Event().wait()


def _calls() -> list[Callable[..., Awaitable[str]]]:
    """Activities that do nothing, under the names the floor calls."""

    def one(name: str) -> Callable[..., Awaitable[str]]:
        @activity.defn(name=f"bare_{name}")
        async def call(_call: ActionCall) -> str:
            return "done"

        return call

    return [one(name) for name in ("price_quote", "render", "create_sales_order", "create_project")]


if __name__ == "__main__":
    asyncio.run({"ours": ours, "bare": bare}[sys.argv[1]](sys.argv[2], sys.argv[3]))
