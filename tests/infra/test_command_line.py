"""Whatever is typed, an expected mistake is one line that says what to do, and exit code 2."""

from pathlib import Path

import psycopg
import pytest

from cli.main import run
from cli.schema import current
from connectors.settings import DatabaseSettings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THROUGHLINE_STATE", str(tmp_path / "state"))
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS", "THROUGHLINE_SESSION_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["admin", "migrate", "--nonsense"], "No such option: --nonsense"),
        (["admin", "migrate"], "DATABASE_URL is not set"),
        (["serve"], "THROUGHLINE_SESSION_KEY is not set"),
        (["serve", "--port", "many"], "Invalid value for '--port'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("throughline: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_database_that_does_not_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/x")
    assert run(["admin", "migrate"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("throughline: the database does not answer")
    assert err.count("\n") == 1
    assert "hunter2" not in err


def test_migrate_goes_up_and_down_and_can_be_repeated(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    dsn = DatabaseSettings.of(empty_database_url).dsn
    assert run(["admin", "migrate"]) == 0
    head = current(dsn)
    assert head is not None
    assert capsys.readouterr().out == f"The database is at revision {head}.\n"
    assert run(["admin", "migrate"]) == 0
    assert current(dsn) == head
    assert run(["admin", "migrate", "--revision", "base"]) == 0
    with psycopg.connect(empty_database_url) as connection:
        left = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    assert left == [("alembic_version",)]
    assert run(["admin", "migrate", "--revision", "nonsense"]) == 2


def test_a_database_of_a_newer_version_is_left_alone(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert run(["admin", "migrate"]) == 0
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    assert run(["admin", "migrate"]) == 2
    assert "revision 9999, which this version does not know" in capsys.readouterr().err


def test_reset_removes_the_data_and_keeps_what_tests_and_builds_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    for name in ("bin", "temporal", "sandboxes", "log"):
        (state / name).mkdir(parents=True)
    (state / "ports.json").write_text("{}")
    assert run(["admin", "reset"]) == 0
    assert {each.name for each in state.iterdir()} == {"bin", "run"}
    assert "holds no data any more" in capsys.readouterr().out
