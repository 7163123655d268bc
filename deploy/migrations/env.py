"""Runs migrations: on the connection it is handed, else on the database the environment names."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from connectors.settings import DatabaseSettings
from models.tables.schema import metadata


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, compare_type=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
elif given is not None:
    migrate(given)
else:
    engine = create_engine(DatabaseSettings.read().dsn)
    with engine.connect() as connection:
        migrate(connection)
    engine.dispose()
