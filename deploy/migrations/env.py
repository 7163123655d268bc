"""Runs the migrations in one transaction, against the database given by the caller or by DATABASE_URL."""

import importlib
import pkgutil

from alembic import context
from sqlalchemy import create_engine, pool, text
from sqlmodel import SQLModel

import models.tables
from connectors.settings import DatabaseSettings

# An arbitrary number that only migrations lock: two starts at once apply them one after the other.
LOCK = 7_402_118


def tables() -> None:
    """Import every module of tables, so that the metadata is whole."""
    for module in pkgutil.iter_modules(models.tables.__path__):
        importlib.import_module(f"models.tables.{module.name}")


def run() -> None:
    """Migrate online; there is no offline mode because migrations may read what they change."""
    tables()
    dsn = context.config.attributes.get("dsn") or DatabaseSettings.read().dsn
    engine = create_engine(dsn, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            context.run_migrations()
    engine.dispose()


run()
