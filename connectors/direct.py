"""A few connections kept ready for statements that must be quick: no session, no mapping, one way there and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncRawCursor, OperationalError
from psycopg.pq import TransactionStatus

Connection = AsyncConnection[Any]
# Planning such a statement costs ten times as much as running it, so it is planned once for all values.
_OPTIONS = "-c timezone=UTC -c plan_cache_mode=force_generic_plan -c jit=off"


class Direct:
    """Runs SQL whose parameters are written $1, $2; every statement is prepared once per connection."""

    def __init__(self, dsn: str, *, most: int = 8) -> None:
        self._dsn = dsn
        self._gate = asyncio.Semaphore(most)
        self._idle: list[Connection] = []

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        """Run one statement as a transaction of its own.

        It may run twice, when a connection turns out to be lost: it has to be one that writes the same again.
        """
        while True:
            async with self._connection() as (connection, is_new):
                try:
                    return await _rows(connection, statement, values)
                except OperationalError:
                    if is_new or not connection.broken:
                        raise
            await self.close()  # after a restart of the database all others are lost too

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction of several statements; it commits at the end of the block, or rolls back."""
        async with self._connection() as (connection, _), connection.transaction():
            yield Transaction(connection)

    async def close(self) -> None:
        """Close what is not in use; it may be used again."""
        while self._idle:
            await self._idle.pop().close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[Connection, bool]]:
        async with self._gate:
            kept = self._idle.pop() if self._idle else None
            connection = kept or await self._connect()
            try:
                yield connection, kept is None
            finally:
                # What was cancelled in the middle of something is not lent again.
                if not connection.closed and connection.info.transaction_status is TransactionStatus.IDLE:
                    self._idle.append(connection)
                else:
                    await connection.close()

    async def _connect(self) -> Connection:
        return await AsyncConnection.connect(
            self._dsn, autocommit=True, prepare_threshold=0, cursor_factory=AsyncRawCursor,
            connect_timeout=5, application_name="throughline", options=_OPTIONS,
        )  # fmt: skip


class Transaction:
    """One transaction that is under way."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        """Run one statement."""
        return await _rows(self._connection, statement, values)


async def _rows(connection: Connection, statement: str, values: Sequence[Any]) -> list[Any]:
    cursor = await connection.execute(statement.encode(), values)
    return await cursor.fetchall() if cursor.description is not None else []
