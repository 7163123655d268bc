"""One change of the organisation against a thousand open requests: how long until every one asks somebody else.

The floor is as many updates of bare workflows, sent by the same number at once to a worker of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from api import staff, sweep
from api.auth import Caller
from benchmarks.__main__ import Floor, at_work
from benchmarks.bare import BareDeal
from benchmarks.servers import servers
from connectors.database import Database
from connectors.settings import DatabaseSettings
from models.tables.people import Person
from tests.workflows.doors import doors
from tests.workflows.worlds import Company, Outside, connect, employ
from workflows.plugin import plugin

_OPENING = 6
"""Deals that arrive at once while the stage is set."""
_ASKED = text("select count(*) from request where state = 'open' and people @> array[cast(:person as text)]")
_ORPHANS = text(
    "select count(*) from request r where state = 'open' and kind <> 'incident' "
    "and not exists (select from person p where p.active and p.id = any(r.people))"
)


async def measure(address: str, url: str, deals: int) -> Table:
    """Open the requests, let somebody go, and return the figures."""
    database = Database.at(DatabaseSettings(database_url=SecretStr(url)))
    await employ(database)
    async with database.write() as session:
        session.add(Person(id="kim", name="Kim", email="kim@halden.example", roles=["deal_desk"]))
        session.add(Person(id="ada", name="Ada", email="ada@halden.example", roles=["admin"]))
    company = Company(await connect(address), database, Outside())
    floor = Floor(await Client.connect(address, plugins=[plugin(workflows=())]))
    with at_work("ours", address, url), at_work("bare", address, url):
        await _together(_OPENING, (lambda: _arrived(company) for _ in range(deals)))
        await _until(database, "joel", deals)
        handles: list[WorkflowHandle] = []
        await _together(_OPENING, (_begun(floor, handles) for _ in range(deals)))
        began = time.perf_counter()
        await _together(sweep.AT_ONCE, (_answered(handle) for handle in handles))
        bare = time.perf_counter() - began

        parts = doors(database, lambda: connect(address))
        await parts.gateway.ready()
        async with database.read() as session:
            admin = Caller.of(await session.get_one(Person, "ada"), "token")
        began = time.perf_counter()
        changed = await staff.change(parts, admin, "joel", {"active": False})
        entered = time.perf_counter() - began
        swept = await sweep.sweep_due(parts)
        told = time.perf_counter() - began
        sweeping = asyncio.create_task(sweep.run(parts))  # whoever was silent is told again, as in the doors
        await _until(database, "joel", 0)
        seen = time.perf_counter() - began
        sweeping.cancel()
    async with database.read() as session:
        orphans = (await session.execute(_ORPHANS)).scalar_one()
        asked = (await session.execute(_ASKED, {"person": "kim"})).scalar_one()
    await database.close()
    table = Table(title=f"Somebody leaves who is asked by {deals:,} open requests")
    for name in ("", "figure"):
        table.add_column(name, justify="left" if not name else "right")
    for name, figure in (
        ("entering the change", f"{entered * 1e3:.0f} ms"),
        ("deals found to be affected", f"{changed.deals:,}"),
        ("passes of the sweep", f"{swept}"),
        ("until every deal was told", f"{told:.1f} s"),
        ("until no request asks them any more", f"{seen:.1f} s"),
        ("requests that ask the colleague now", f"{asked:,}"),
        ("requests nobody can answer", f"{orphans:,}"),
        (f"floor: {deals:,} updates of bare workflows", f"{bare:.1f} s"),
        ("told / floor", f"{told / bare:.2f}"),
    ):
        table.add_row(name, figure)
    return table


async def _arrived(company: Company) -> None:
    """Let a deal arrive; a machine with other work may be too slow for the first attempt."""
    for _ in range(5):
        with suppress(RPCError):
            await company.arrive()
            return
    raise RuntimeError("no deal can arrive here; is this machine busy?")


async def _begun(floor: Floor, handles: list[WorkflowHandle]) -> None:
    handles.append(await floor.begin())


async def _answered(handle: WorkflowHandle) -> None:
    await handle.execute_update(BareDeal.answer, "yes")


async def _together(most: int, doing: Iterable[Awaitable[object] | Callable[[], Awaitable[object]]]) -> None:
    """Do all of it, so many at once."""
    left = iter(doing)

    async def go_on() -> None:
        for each in left:
            await (each() if callable(each) else each)

    await asyncio.gather(*(go_on() for _ in range(most)))


async def _until(database: Database, person: str, count: int) -> None:
    """Return once so many open requests ask a person."""
    while True:
        async with database.read() as session:
            found = (await session.execute(_ASKED, {"person": person})).scalar_one()
        if found >= count > 0 or found == count:
            return
        await asyncio.sleep(0.05)


def main() -> None:
    """Start a server and a database of this run's own, measure, print."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--deals", type=int, default=1000)
    given = wanted.parse_args()
    console = Console()
    with servers() as (address, url):
        table = asyncio.run(measure(address, url, given.deals))
    console.print(table)
    console.print(
        f"{sweep.AT_ONCE} updates at once, one worker process; Temporal dev server on a file, embedded PostgreSQL with "
        f"fsync, all on {platform.machine()} Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
