"""PostgreSQL: one engine per process; reading and writing are different powers with different types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from connectors.direct import Direct
from connectors.settings import DatabaseSettings


class ReadSession(AsyncSession):
    """A transaction in which PostgreSQL refuses to change anything."""


class WriteSession(AsyncSession):
    """A transaction that commits when its block ends without an exception."""


class Database:
    """The sessions of one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.direct = Direct(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
        reading = engine.execution_options(postgresql_readonly=True)
        self._read = async_sessionmaker(reading, class_=ReadSession, expire_on_commit=False)
        self._write = async_sessionmaker(engine, class_=WriteSession, expire_on_commit=False)

    @classmethod
    def at(cls, settings: DatabaseSettings) -> Self:
        """Return the database of the settings; nothing is connected yet."""
        engine = create_async_engine(
            settings.dsn,
            pool_size=settings.database_pool,
            max_overflow=settings.database_pool,
            pool_timeout=5,
            # A restarted PostgreSQL leaves dead connections in the pool; asking first heals that.
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "application_name": "throughline", "options": "-c timezone=UTC"},
        )
        return cls(engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """Open a transaction for reading."""
        async with self._read() as session, session.begin():
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """Open a transaction for writing; it commits at the end of the block and rolls back on an exception."""
        async with self._write() as session, session.begin():
            yield session

    async def close(self) -> None:
        """Give all connections back."""
        await self.direct.close()
        await self.engine.dispose()
