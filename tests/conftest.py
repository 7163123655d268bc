"""Shared fixtures: a real PostgreSQL and a real Temporal server of this test session's own."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from cli.local.places import CLONE, Places
from cli.local.postgres import EmbeddedPostgres
from cli.local.processes import Program
from cli.local.progress import Terminal
from cli.local.quarters import remove_quarters
from cli.local.temporal import EmbeddedTemporal
from cli.local.temporal_binary import find_temporal
from cli.schema import migrate
from connectors.database import Database
from connectors.settings import DatabaseSettings

_SEED = "SIMULATION_SEED"
_TESTS = CLONE / ".throughline" / "test"
_TEMPLATE = "migrated"
# Data of a test session need not survive a power cut.
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "300"}


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seeds of this session's simulations once, for every process of it."""
    os.environ.setdefault(_SEED, str(secrets.randbelow(10**9)))


def pytest_report_header() -> str:
    """Say which seeds are flown, so that a failure can be flown again."""
    return f"simulated deals from seed {os.environ[_SEED]}; {_SEED}={os.environ[_SEED]} flies the same again"


@pytest.fixture(scope="session")
def places() -> Iterator[Places]:
    """A state folder for this session; what killed sessions left behind is removed first."""
    for left in _TESTS.glob("*-*"):
        if not psutil.pid_exists(int(left.name.partition("-")[0])):
            remove_state(Places(left))
    mine = Places(_TESTS / f"{os.getpid()}-{secrets.token_hex(3)}")
    yield mine
    remove_state(mine)


def remove_state(places: Places) -> None:
    """Stop what still runs in a state folder and remove it."""
    for record in places.run.glob("*.pid"):
        program = Program(places, record.stem)
        if program.find():
            program.stop()
    remove_quarters(places)
    shutil.rmtree(places.state, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(places: Places) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL with a migrated database to copy from."""
    server = EmbeddedPostgres(places, settings=_FAST, preferred_port=0)
    server.start()
    server.command("create database {}", _TEMPLATE)
    migrate(settings_for(server.url(_TEMPLATE)).dsn)
    yield server
    server.stop()


@contextmanager
def fresh_database(server: EmbeddedPostgres, template: str | None = _TEMPLATE) -> Iterator[str]:
    """Give the address of a new database, migrated unless there is no template; it is dropped afterwards."""
    name = f"test_{secrets.token_hex(4)}"
    server.command("create database {} template {} strategy file_copy", name, template or "template0")
    try:
        yield server.url(name)
    finally:
        server.command("drop database {} with (force)", name)


@pytest.fixture(scope="module")
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The address of a migrated, empty database of this test module's own."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The address of a database without any table."""
    with fresh_database(postgres_server, template=None) as url:
        yield url


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """This module's database, with sessions for reading and for writing."""
    opened = Database.at(settings_for(database_url))
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def temporal_program() -> Path:
    """The Temporal program that every start on this machine uses."""
    return find_temporal(Places(CLONE / ".throughline"), Terminal())


@pytest.fixture(scope="session")
def temporal_server(places: Places, temporal_program: Path) -> Iterator[EmbeddedTemporal]:
    """A running Temporal dev server; `.address` is where."""
    server = EmbeddedTemporal(places, temporal_program, preferred_port=0, ui=False)
    server.start()
    yield server
    server.stop()


def settings_for(url: str) -> DatabaseSettings:
    """Return the settings that a process with this DATABASE_URL would read."""
    return DatabaseSettings(database_url=SecretStr(url))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set apart what runs or kills whole demos or crowds of deals: it takes minutes and has a command of its own."""
    demos = {"test_demo.py", "test_company_at_work.py", "test_two_versions.py"}
    for item in items:
        if item.path.is_relative_to(CLONE / "tests" / "faults") or item.path.name in demos:
            item.add_marker(pytest.mark.faults)
