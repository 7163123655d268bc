"""The database schema: applies the migrations of deploy/migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.local.places import CLONE, StartFailed

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(dsn: str, revision: str = "head") -> str | None:
    """Bring the database to a revision, up or down, and return the one reached; two at once wait for each other."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = configuration(dsn)
    try:
        known = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
        now = current(dsn)
        if now is not None and now not in known:
            raise StartFailed(f"the database is at revision {now}, which this version does not know; use a newer one")
        going_down = revision == "base" or (now in known and revision in known[known.index(now) + 1 :])
        (command.downgrade if going_down else command.upgrade)(config, revision)
    except CommandError as wrong:
        raise StartFailed(f"the migration to {revision} cannot be made: {wrong}") from None
    return current(dsn)


def current(dsn: str) -> str | None:
    """Return the revision the database is at, None when it has no tables yet."""
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine, pool

    engine = create_engine(dsn, poolclass=pool.NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def configuration(dsn: str) -> Config:
    """Return Alembic's configuration for one database, given as SQLAlchemy wants it (postgresql+psycopg://)."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(CLONE / "deploy" / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    return config
