"""The database schema: applies the migrations of deploy/migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.local.places import CLONE

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(dsn: str, revision: str = "head") -> None:
    """Bring the database to a revision; two at once wait for each other."""
    from alembic import command

    command.upgrade(configuration(dsn), revision)


def configuration(dsn: str) -> Config:
    """Return Alembic's configuration for one database, given as SQLAlchemy wants it (postgresql+psycopg://)."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(CLONE / "deploy" / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    return config
