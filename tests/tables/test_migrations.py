"""The migrations make exactly the tables the code knows, and leave nothing when taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Engine, NullPool, create_engine, exc, inspect, text

from cli.schema import configuration
from models.tables.schema import metadata
from tests.conftest import settings_for


def migrate(engine: Engine, to: str) -> None:
    config = configuration(engine.url.render_as_string(hide_password=False))
    (command.downgrade if to == "base" else command.upgrade)(config, to)


@pytest.fixture
def empty_database(empty_database_url: str) -> Iterator[Engine]:
    engine = create_engine(settings_for(empty_database_url).dsn, poolclass=NullPool)
    yield engine
    engine.dispose()


def differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_head_is_what_the_tables_say_and_base_is_nothing_both_times(empty_database: Engine) -> None:
    for _ in range(2):
        migrate(empty_database, "head")
        with empty_database.connect() as connection:
            assert differences(connection) == []
        migrate(empty_database, "base")
        with empty_database.connect() as connection:
            assert inspect(connection).get_table_names() == ["alembic_version"]
            left = text("select count(*) from pg_proc where pronamespace = 'public'::regnamespace")
            assert connection.scalar(left) == 0


def test_a_column_that_no_migration_made_is_noticed(empty_database: Engine) -> None:
    migrate(empty_database, "head")
    with empty_database.begin() as connection:
        connection.execute(text("alter table deal drop column margin"))
        connection.execute(text("alter table deal alter column amount type bigint"))
        assert {str(each[0] if isinstance(each, tuple) else each[0][0]) for each in differences(connection)} == {
            "add_column",
            "modify_type",
        }


def test_every_closed_set_of_words_is_the_same_in_code_and_database(empty_database: Engine) -> None:
    migrate(empty_database, "head")
    query = text(
        "select c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid) from pg_constraint c "
        "where c.contype = 'c' and c.connamespace = 'public'::regnamespace"
    )
    with empty_database.connect() as connection:
        found = {(table, name): _words(rule) for table, name, rule in connection.execute(query)}
    declared = {
        (table.name, str(each.name)): _words(str(each.sqltext))
        for table in metadata.sorted_tables
        for each in table.constraints
        if isinstance(each, CheckConstraint)
    }
    assert found == declared


def test_moments_know_their_zone_and_texts_have_no_length(empty_database: Engine) -> None:
    migrate(empty_database, "head")
    query = text(
        "select distinct data_type from information_schema.columns "
        "where table_schema = 'public' and table_name <> 'alembic_version'"
    )
    with empty_database.connect() as connection:
        kinds = set(connection.scalars(query))
    assert not {kind for kind in kinds if "varying" in kind or "without time zone" in kind or "double" in kind}


@pytest.mark.parametrize("attack", ["update journal set who = 'nobody'", "delete from journal", "truncate journal"])
def test_the_journal_cannot_be_rewritten(empty_database: Engine, attack: str) -> None:
    migrate(empty_database, "head")
    with empty_database.begin() as connection:
        connection.execute(
            text(
                "insert into journal (deal_id, position, at, who, kind, text, prev_hash, hash) "
                "values ('deal/x/1', 1, now(), 'dana', 'opened', 'Opened', '', 'h')"
            )
        )
    with (
        pytest.raises(exc.DBAPIError, match=r"The journal is append-only: (UPDATE|DELETE|TRUNCATE) is refused"),
        empty_database.begin() as connection,
    ):
        connection.execute(text(attack))
    with empty_database.connect() as connection:
        assert connection.scalar(text("select who from journal")) == "dana"


def _words(rule: str) -> frozenset[str]:
    return frozenset(re.findall(r"'([^']*)'", rule))
