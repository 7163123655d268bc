"""The embedded servers keep their data whatever happens to them."""

import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from cli.local.places import Places, StartFailed
from cli.local.postgres import EmbeddedPostgres
from cli.local.processes import Program
from cli.local.temporal import EmbeddedTemporal
from tests.conftest import remove_state


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Places]:
    """A state folder with a space in its path that only its owner can reach."""
    places = Places(tmp_path / "a clone" / "state")
    yield places
    remove_state(places)


@pytest.fixture
def postgres(home: Places) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(home, settings={"fsync": "off"}, preferred_port=0)
    yield server
    server.stop()


def again(server: EmbeddedPostgres) -> EmbeddedPostgres:
    return EmbeddedPostgres(server.places, settings=server.settings, preferred_port=0)


def write(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("create table if not exists kept (n int)")
        connection.execute("insert into kept values (1)")


def rows(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
        assert row is not None
        return int(row[0])


def test_postgres_continues_with_its_data_after_stop_kill_and_kill_of_us(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    write(postgres)
    postgres.stop()
    assert not postgres.is_running()
    second = again(postgres)
    second.start()
    first_life = second.pid
    assert rows(second) == 1
    adopting = again(postgres)
    adopting.start()
    assert adopting.pid == first_life, "a server that still runs is taken over"
    assert first_life is not None
    psutil.Process(first_life).kill()
    third = again(postgres)
    third.start()
    assert not second.is_running()
    assert rows(third) == 1
    third.stop()


def test_postgres_listens_on_loopback_with_a_password_and_on_no_socket(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert postgres.pid is not None
    kinds = {each.laddr for each in psutil.Process(postgres.pid).net_connections(kind="tcp") if each.status == "LISTEN"}
    assert {address.ip for address in kinds} == {"127.0.0.1"}
    assert not psutil.Process(postgres.pid).net_connections(kind="unix")
    wrong = postgres.url().replace(":", ":x", 2).replace(":x//", "://", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    secret = postgres.places.state / "secrets" / "postgres"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_an_initialisation_that_was_killed_starts_over(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    postgres.data.rename(postgres.data.with_name("data.new"))
    second = again(postgres)
    second.start()
    assert second.is_running()
    second.stop()


def test_a_process_that_took_over_the_old_process_id_is_in_nobodys_way(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    write(postgres)
    assert postgres.pid is not None
    lines = (postgres.data / "postmaster.pid").read_text().splitlines()
    psutil.Process(postgres.pid).kill()
    while postgres.is_running():
        time.sleep(0.01)
    stranger = Program(postgres.places, "stranger")
    stranger.spawn(["sleep", "60"], {"PATH": "/usr/bin:/bin"})
    try:
        (postgres.data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        second = again(postgres)
        second.start()
        assert rows(second) == 1
        assert stranger.is_running()
        second.stop()
    finally:
        stranger.stop()


def test_a_taken_port_is_left_to_who_has_it(home: Places, postgres: EmbeddedPostgres) -> None:
    postgres.start()
    taken = int(postgres.url().rpartition(":")[2].partition("/")[0])
    assert home.port("other", taken) != taken


def test_temporal_continues_with_its_data_after_kill(home: Places, temporal_program: Path) -> None:
    server = EmbeddedTemporal(home, temporal_program, preferred_port=0, preferred_ui_port=0)
    server.start()
    begin = ["workflow", "start", "--type", "kept", "--task-queue", "none", "--workflow-id", "a deal"]
    ask(server, temporal_program, *begin)
    assert server.pid is not None
    psutil.Process(server.pid).send_signal(signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)
    again = EmbeddedTemporal(home, temporal_program, preferred_port=0, preferred_ui_port=0)
    again.start()
    assert "kept" in ask(again, temporal_program, "workflow", "describe", "--workflow-id", "a deal")
    again.stop()
    assert not again.is_running()


def test_temporal_listens_on_loopback_only(temporal_server: EmbeddedTemporal) -> None:
    assert temporal_server.pid is not None
    listening = psutil.Process(temporal_server.pid).net_connections(kind="tcp")
    assert {each.laddr.ip for each in listening if each.status == "LISTEN"} == {"127.0.0.1"}


def test_a_server_that_cannot_start_says_why_and_where_its_log_is(home: Places) -> None:
    with pytest.raises(StartFailed, match=r"temporal stopped at once: .*log: "):
        EmbeddedTemporal(home, Path("/bin/false"), preferred_port=0).start()


def ask(server: EmbeddedTemporal, program: Path, *words: str) -> str:
    command = [str(program), *words, "--address", server.address]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
