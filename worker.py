"""One worker: settings, connectors, activities and workflows, put together and run until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.calendars import expand_calendar
from activities.crm import WriteBack
from activities.effects import Ledger
from activities.erp import Orders
from activities.heartbeats import Heartbeats
from activities.messages import Messages
from activities.onboarding import Onboardings
from activities.outbound import Sender
from activities.people import business_time
from activities.pricing import shipped_book
from activities.projects import Projects
from activities.quoting import Quoting
from activities.records import Recorder
from activities.rendering import Rendering
from activities.supply import Supply
from connectors.database import Database
from connectors.registry import Connectors, ConnectorSettings, build
from connectors.settings import ApiSettings, CompanySettings, DatabaseSettings, FlowSettings
from connectors.temporal import connect
from models.calendar import CalendarSpec
from workflows.flows.plans import PLANS
from workflows.onboarding import PROJECTS_QUEUE
from workflows.plugin import DEALS_QUEUE, plugin

ERP_QUEUE = "connector.erp"
_STICKY = timedelta(seconds=3)
"""How long a deal waits for the worker that knows it before another one takes it over."""


def main() -> None:
    """Run a worker until SIGTERM or Ctrl-C; what is under way gets half a minute to finish."""
    asyncio.run(_run())


async def _run() -> None:
    database = Database.at(DatabaseSettings.read())
    connectors = build(ConnectorSettings.read())
    deals, outside = await connect([plugin()]), await connect([plugin(workflows=())])
    stopped = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    async with AsyncExitStack() as running:
        for worker in workers(deals, outside, database, connectors):
            await running.enter_async_context(worker)
        for sender in senders(database, connectors):
            await running.enter_async_context(sender.running())
        await stopped.wait()
    await connectors.aclose()
    await database.close()


def workers(deals: Client, outside: Client, database: Database, connectors: Connectors) -> list[Worker]:
    """Return the worker of the deals and one per connector, each with its own queue and rate."""
    company = CompanySettings.read()
    calendar = CalendarSpec(zone=company.zone, country=company.country)
    ledger = Ledger(database.write)
    recorder = Recorder(database, business_time(calendar), _key())
    onboardings = Onboardings(database, calendar, PLANS)
    folders = [folder / "templates" / "documents" for folder in FlowSettings.read().throughline_flows]
    quoting = Quoting(database, shipped_book())
    pure: list[Callable[..., Any]] = [
        recorder.record, onboardings.prepare, onboardings.record, expand_calendar,
        quoting.price_quote, quoting.sum_up_lines, Rendering(database, folders).render,
    ]  # fmt: skip
    projects = Projects(ledger, connectors.projects)
    orders, supply = Orders(connectors.erp, ledger, database), Supply(connectors.erp)
    erp, tool = connectors.erp.manifest, connectors.projects.manifest
    drain, beats = timedelta(seconds=30), [Heartbeats()]
    return [
        Worker(deals, task_queue=DEALS_QUEUE, activities=pure, graceful_shutdown_timeout=drain, interceptors=beats,
               sticky_queue_schedule_to_start_timeout=_STICKY),
        Worker(outside, task_queue=ERP_QUEUE,
               activities=[orders.create_sales_order, supply.read_material_price, supply.read_machine_hours],
               max_task_queue_activities_per_second=erp.rate, max_concurrent_activities=erp.concurrency,
               graceful_shutdown_timeout=drain, interceptors=beats),
        Worker(outside, task_queue=PROJECTS_QUEUE, activities=[projects.create_project, projects.sync_plan],
               max_task_queue_activities_per_second=tool.rate, max_concurrent_activities=tool.concurrency,
               graceful_shutdown_timeout=drain, interceptors=beats),
    ]  # fmt: skip


def senders(database: Database, connectors: Connectors) -> list[Sender]:
    """Return one sender per kind of message, so that a slow system holds up only its own."""
    ledger, url, key = Ledger(database.write), ApiSettings.read().public_url, _key()
    deliveries = {
        "mail": Messages(database, connectors.mail, public_url=url, signing_key=key).delivery(),
        "slack": Messages(database, connectors.chat, public_url=url, signing_key=key).delivery(),
        "crm": WriteBack(connectors.crm).delivery(),
    }
    return [Sender(database.write, ledger, {kind: delivery}) for kind, delivery in deliveries.items()]


def _key() -> bytes:
    """The key signing links are made with: the one that signs sessions, set apart by its use."""
    return b"signing links|" + ApiSettings.read().session_key.get_secret_value().encode()


if __name__ == "__main__":
    main()
