"""How commands reach an installation: its tables to read, and acts handed over in a person's name as the API does."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from api.auth import Caller
    from api.gateway import Gateway
    from api.parts import Parts
    from api.problems import Problem
    from connectors.database import Database
    from models import acts
    from models.deal import Receipt

T = TypeVar("T")
CHANNEL = "command line"


class Cannot(typer.TyperException):
    """An expected refusal: one line for a person, exit code 2."""


@dataclass(frozen=True)
class _Needed:
    """What handing over an act needs of everything the doors work with."""

    database: Database
    gateway: Gateway
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def reading(read: Callable[[Database], Awaitable[T]]) -> T:
    """Run a reading with the database of the settings."""
    from connectors.database import Database as Opened
    from connectors.settings import DatabaseSettings

    async def run() -> T:
        database = Opened.at(DatabaseSettings.read())
        try:
            return await read(database)
        finally:
            await database.close()

    return asyncio.run(run())


def parts_of(database: Database) -> Parts:
    """Return what the API works with, as far as acts need it."""
    from api.gateway import TemporalGateway
    from connectors.temporal import connect
    from workflows.plugin import plugin

    return cast("Parts", _Needed(database, TemporalGateway(lambda: connect([plugin()]))))


async def person_named(database: Database, by: str) -> Caller:
    """Return an active person as the API sees them. Raises Cannot."""
    from api import queries
    from api.auth import Caller

    async with database.read() as session:
        person = (await queries.people(session)).get(by)
    if person is None or not person.active:
        raise Cannot(f"there is no active person {by!r}; say --as with the id of somebody, such as dana")
    return Caller.of(person, "token")


async def hand_over(parts: Parts, caller: Caller, deal_id: str, act: acts.Act) -> Receipt:
    """Hand an act to a deal: today's rights, then the workflow, refusals in the journal. Raises Problem."""
    from api.acting import carry_out

    return await carry_out(parts, caller, deal_id, act, act.do, getattr(act, "step", None))


def new_key(by: str) -> str:
    """Return a key under which this person's next act is done once."""
    from api.acting import update_id

    return update_id(by, secrets.token_hex(8))


def refused(no: Problem) -> Cannot:
    """Return a refusal as the one line a person reads."""
    return Cannot(f"{no.detail.rstrip('.')}. {no.kind.next}")


def full_id(deal_id: str) -> str:
    return deal_id if deal_id.startswith("deal/") else f"deal/{deal_id}"


def short_id(deal_id: str) -> str:
    return deal_id.removeprefix("deal/")


def moment(given: datetime | str) -> str:
    """Return an instant in the zone of this machine."""
    at = datetime.fromisoformat(given) if isinstance(given, str) else given
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def print_json(given: BaseModel | Sequence[BaseModel]) -> None:
    """Print for other programs."""
    if isinstance(given, Sequence):
        plain: Any = [each.model_dump(mode="json") for each in given]
    else:
        plain = given.model_dump(mode="json")
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))
