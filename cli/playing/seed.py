"""Fills the company's own systems before anybody works: people here, members, items and properties at the vendors."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from activities.pricing import shipped_book
from cli.playing.company import COUNTRY, PEOPLE, ZONE
from cli.playing.vendors import Vendors
from connectors.settings import DatabaseSettings

# A person whom somebody changed by hand stays changed; only who is not there yet is added.
_HIRE = """
insert into person (id, name, email, title, roles, manager, zone, country, slack, active)
values (%(id)s, %(name)s, %(mail)s, %(title)s, %(roles)s, %(manager)s, %(zone)s, %(country)s, %(slack)s, true)
on conflict (id) do nothing
"""
_PLAYED = "select 1 from idempotency where key = %(key)s"
_PLAY = """
insert into idempotency (key, route, body_hash, response, status, at, person)
values (%(key)s, 'throughline demo', '', '{}', 200, now(), 'throughline') on conflict (key) do nothing
"""
_HISTORY = {"key": "demo:history"}


def seed(env: Mapping[str, str], vendors: Vendors) -> None:
    """Add what is missing; every start may do it."""
    with _database(env) as connection:
        for person in PEOPLE:
            connection.execute(
                _HIRE,
                {
                    "id": person.id, "name": person.name, "mail": person.mail, "title": person.title,
                    "roles": list(person.roles), "manager": person.manager, "zone": ZONE, "country": COUNTRY,
                    "slack": person.slack,
                },
            )  # fmt: skip
    vendors.prepare({product.sku: product.name for product in shipped_book().products})


def history_is_played(env: Mapping[str, str]) -> bool:
    """Say whether the company's deals have been entered and moved already."""
    with _database(env) as connection:
        return connection.execute(_PLAYED, _HISTORY).fetchone() is not None


def remember_history(env: Mapping[str, str]) -> None:
    """Note that they have, so that no later start does it again."""
    with _database(env) as connection:
        connection.execute(_PLAY, _HISTORY)


def _database(env: Mapping[str, str]) -> psycopg.Connection:
    dsn = DatabaseSettings.of(env["DATABASE_URL"]).dsn.replace("postgresql+psycopg://", "postgresql://", 1)
    return psycopg.connect(dsn, connect_timeout=10)
