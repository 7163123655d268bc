"""Reading and writing are different powers."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from connectors.database import Database


async def test_a_read_session_cannot_change_anything(database: Database) -> None:
    with pytest.raises(InternalError, match="read-only transaction"):
        async with database.read() as session:
            await session.execute(text("create table sneaked_in (n int)"))


async def test_a_write_session_commits_at_its_end_and_not_after_an_exception(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("create table kept (n int)"))
    with pytest.raises(ZeroDivisionError):
        await write_and_fail(database)
    async with database.read() as session:
        assert (await session.execute(text("select count(*) from kept"))).scalar_one() == 0


async def write_and_fail(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("insert into kept values (1)"))
        raise ZeroDivisionError


async def test_a_connection_that_died_is_replaced(database: Database, database_url: str) -> None:
    async with database.write() as session:
        mine: int = (await session.execute(text("select pg_backend_pid()"))).scalar_one()
    with psycopg.connect(database_url) as other:
        other.execute("select pg_terminate_backend(%s)", [mine])
    async with database.read() as session:
        assert (await session.execute(text("select pg_backend_pid()"))).scalar_one() != mine
