"""Everything on one machine: which processes there are, in which order, and what each is told."""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cli.local.places import Places
from cli.local.postgres import EmbeddedPostgres
from cli.local.processes import Program
from cli.local.progress import Reporter
from cli.local.quarters import remove_quarters
from cli.local.supervisor import Child, Supervisor, environment_file, is_held, write_environment
from cli.local.temporal import EmbeddedTemporal
from cli.local.temporal_binary import find_temporal
from cli.local.vendors import Vendors
from cli.schema import migrate
from connectors.settings import DatabaseSettings, LocalSettings, SandboxSettings, adopt, environment

_API_PORT = 8080
_KEPT_BY_RESET = ("bin", "go", "run", "test")  # programs, the lock we hold, and other people's test sessions


@dataclass(frozen=True)
class Stack:
    """What runs, and how to reach it."""

    places: Places
    pages: str
    temporal_pages: str | None
    vendors: dict[str, str]
    env: dict[str, str]


@contextmanager
def running(places: Places, report: Reporter, *, reset: bool = False) -> Iterator[Stack]:
    """Run everything inside the block. Raises StartFailed, SettingsError or what an unreachable database raises."""
    with Supervisor(places, report) as supervisor:
        # First of all, so that the ports of what a killed start left behind are free again.
        stop_leftovers(places, report, but=() if reset else ("postgres",))
        if reset:
            forget(places)
            report.say("Starting over with empty data")
        given = LocalSettings.read()
        env = {"THROUGHLINE_STATE": str(places.state)}
        env |= _database(supervisor, given)
        temporal_env, temporal_pages = _temporal(supervisor, given)
        port = places.port("api", _API_PORT)
        pages = f"http://127.0.0.1:{port}"
        vendors = Vendors(places, pages)
        supervisor.start(vendors, "Starting the sandboxes of HubSpot, ERPNext, Redmine, Slack and mail")
        env |= temporal_env | vendors.env() | _doors(places, port)
        write_environment(places, env)
        for name, title, ready in (
            ("worker", "Starting the worker", lambda: True),
            ("api", "Starting the API and the pages", lambda: _answers(port)),
        ):
            command = [sys.executable, "-m", "cli", "serve" if name == "api" else name]
            settle = 1.5 if name == "worker" else 0.0
            supervisor.start(Child(places, name, command, environment(**env), ready, settle=settle), title)
        yield Stack(places, pages, temporal_pages, SandboxSettings.of(env).pages, env)


def stop_leftovers(places: Places, report: Reporter, but: tuple[str, ...] = ()) -> None:
    """Stop what an earlier start, killed, left running. The caller holds the state folder."""
    left = [Program(places, record.stem) for record in sorted(places.run.glob("*.pid")) if record.stem not in but]
    found = [program for program in left if program.find()]
    if found:
        with report.step("Stopping what an earlier start left running") as step:
            for program in found:
                step(program.name)
                program.stop()


def forget(places: Places) -> None:
    """Remove all data; nothing runs any more. The caller holds the state folder."""
    remove_quarters(places)
    for each in places.state.iterdir():
        if each.name not in _KEPT_BY_RESET:
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def adopt_running_demo(places: Places) -> None:
    """Let a command typed beside a running demo reach what it runs, unless the environment says otherwise."""
    file = environment_file(places)
    if not file.exists() or not is_held(places):
        return
    with suppress(OSError, ValueError):
        adopt(json.loads(file.read_text()))


def _database(supervisor: Supervisor, given: LocalSettings) -> dict[str, str]:
    if given.database_url is None:
        server = EmbeddedPostgres(supervisor.places)
        first = "" if (supervisor.places.state / "secrets" / "postgres").exists() else " for the first time"
        supervisor.start(server, f"Starting PostgreSQL{first}")
        url = server.url()
    else:
        url = given.database_url.get_secret_value()
    with supervisor.report.step("Bringing the database to this version's tables"):
        migrate(DatabaseSettings.of(url).dsn)
    return {"DATABASE_URL": url}


def _temporal(supervisor: Supervisor, given: LocalSettings) -> tuple[dict[str, str], str | None]:
    if given.temporal_address is not None:
        from connectors.temporal import connect

        with supervisor.report.step(f"Connecting to Temporal at {given.temporal_address}"):
            asyncio.run(connect())
        return {}, None
    server = EmbeddedTemporal(supervisor.places, find_temporal(supervisor.places, supervisor.report))
    supervisor.start(server, "Starting Temporal")
    return {"TEMPORAL_ADDRESS": server.address, "TEMPORAL_NAMESPACE": "default"}, server.ui_address


def _doors(places: Places, port: int) -> dict[str, str]:
    return {
        "THROUGHLINE_HOST": "127.0.0.1",
        "THROUGHLINE_PORT": str(port),
        "THROUGHLINE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "THROUGHLINE_SESSION_KEY": places.secret("session-key", secrets.token_urlsafe(48)),
        "THROUGHLINE_DEMO_SIGN_IN": "true",
    }


def _answers(port: int) -> bool:
    """Ask the API whether it lives; asked without urllib, which would go through a proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
