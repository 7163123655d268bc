"""`throughline deal`: look at deals and hold, release or cancel them, beside a running demo or on any installation."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from api.gateway import Gateway
    from api.parts import Parts
    from api.shapes import DealWhole
    from connectors.database import Database
    from models import acts

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at deals; hold, release or cancel them.")
T = TypeVar("T")
Id = Annotated[str, typer.Argument(metavar="ID", help="The deal, as hubspot/5012345 or deal/hubspot/5012345.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
As = Annotated[str, typer.Option("--as", metavar="PERSON", help="In whose name: the id of a person, such as dana.")]
Reason = Annotated[str, typer.Option(help="Why; it is shown on the deal and kept in its journal.")]


@app.callback()
def deal() -> None:
    """Look at deals; hold, release or cancel them."""


@app.command("list")
def list_deals(
    status: Annotated[str | None, typer.Option(help="running, hold, won, lost, cancelled or merged.")] = None,
    owner: Annotated[str | None, typer.Option(help="The owner's person id.")] = None,
    waiting_on: Annotated[str | None, typer.Option(help="A person the deal waits for.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List deals, the newest change first."""
    from api import queries
    from api.shapes import DealLine

    async def read(database: Database) -> list[DealLine]:
        want = queries.DealFilter(status=status, owner=owner, waiting_on=waiting_on)
        async with database.read() as session:
            rows, _ = await queries.deals(session, want, None, limit)
        return [DealLine.model_validate(row, from_attributes=True) for row in rows]

    found = _reading(read)
    if as_json:
        _print_json(found)
        return
    for each in found:
        amount = f"{each.amount:,.0f} {each.currency}" if each.amount is not None else "not priced"
        waits = f"waits for {', '.join(each.waiting_on)}" if each.waiting_on else ""
        facts = (each.status, each.stage, each.account, amount, waits)
        typer.echo(f"{_short(each.id)}  " + " · ".join(part for part in facts if part))
    if not found:
        typer.echo("No deal fits. A deal appears here when its CRM reports it.")


@app.command("show")
def show_deal(deal_id: Id, *, as_json: AsJson = False) -> None:
    """Show one deal: its facts, its path, and what it waits for."""
    whole = _reading(lambda database: _deal(database, deal_id))
    if as_json:
        _print_json(whole)
        return
    typer.echo(f"{whole.title} ({_short(whole.id)})")
    typer.echo(f"{whole.status} in stage {whole.stage}, {whole.flow} version {whole.flow_version}, owner {whole.owner}")
    for name, value in sorted(whole.facts.items()):
        typer.echo(f"  {name.replace('_', ' ')}: {_value(value)}")
    typer.echo("Path:")
    for item in whole.path:
        because = f" ({item['rule']})" if item.get("rule") else ""
        typer.echo(f"  {item['state']:8} {item['stage']}: {item['title']}{because}")
    _print_waits(whole.waits)


@app.command("explain")
def explain_deal(deal_id: Id, *, as_json: AsJson = False) -> None:
    """Say why a deal stands where it stands, whom it waits for, and what moves it."""
    from api.shapes import Explained

    row = _reading(lambda database: _deal(database, deal_id))
    told = Explained(deal=row.id, stage=row.stage, status=row.status, waits=row.waits)
    if as_json:
        _print_json(told)
        return
    typer.echo(f"{row.title}: {row.status} in stage {row.stage}")
    _print_waits(row.waits)
    if not row.waits:
        typer.echo("It waits for nothing: it has ended." if row.ended_at else "It waits for nothing.")


@app.command("journal")
def show_journal(
    deal_id: Id,
    after: Annotated[int, typer.Option(min=0, help="Only entries behind this position.")] = 0,
    *,
    as_json: AsJson = False,
) -> None:
    """Print everything that happened to a deal, oldest first, and say whether the chain of hashes is whole."""
    from activities import journal
    from api import queries
    from api.shapes import JournalLine

    async def read(database: Database) -> tuple[list[JournalLine], int | None]:
        row = await _deal(database, deal_id)
        async with database.read() as session:
            entries = await queries.journal(session, row.id, after, limit=100_000)
            broken = await journal.first_broken(session, row.id)
        return [JournalLine.model_validate(each, from_attributes=True) for each in entries], broken

    entries, broken = _reading(read)
    if as_json:
        _print_json(entries)
    else:
        for each in entries:
            typer.echo(f"{each.position:4} {_moment(each.at)} {each.who}: {each.text}")
        if not entries:
            typer.echo("Nothing behind that position.")
    if broken is not None:
        raise _Cannot(f"the journal of {_short(_full(deal_id))} was changed: position {broken} breaks its chain")


@app.command("hold")
def hold(deal_id: Id, reason: Reason, by: As) -> None:
    """Let a deal stand still; its clocks stop."""
    from models.acts import HoldDeal

    _act(deal_id, by, lambda key: HoldDeal(key=key, by=by, reason=reason, channel="command line"))


@app.command("release")
def release(deal_id: Id, by: As) -> None:
    """Let a deal on hold go on."""
    from models.acts import Release

    _act(deal_id, by, lambda key: Release(key=key, by=by, channel="command line"))


@app.command("cancel")
def cancel(deal_id: Id, reason: Reason, by: As) -> None:
    """Cancel a deal; nothing more starts for it."""
    from models.acts import Cancel

    _act(deal_id, by, lambda key: Cancel(key=key, by=by, reason=reason, channel="command line"))


class _Cannot(typer.TyperException):
    """An expected refusal: one line for a person, exit code 2."""


def _reading(read: Callable[[Database], Awaitable[T]]) -> T:
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


def _act(deal_id: str, by: str, make: Callable[[str], acts.HoldDeal | acts.Release | acts.Cancel]) -> None:
    """Hand an act to the deal as the API would: today's rights, then the workflow, refusals in the journal."""
    from api import queries
    from api.acting import carry_out, update_id
    from api.auth import Caller
    from api.problems import Problem

    made = make(update_id(by, secrets.token_hex(8)))

    async def hand_over(database: Database) -> str:
        async with database.read() as session:
            person = (await queries.people(session)).get(by)
        if person is None or not person.active:
            raise _Cannot(f"there is no active person {by!r}; say --as with the id of somebody, such as dana")
        caller = Caller.of(person, "token")
        receipt = await carry_out(_parts(database), caller, _full(deal_id), made, made.do, None)
        return receipt.message

    try:
        typer.echo(f"{_short(_full(deal_id))}: {_reading(hand_over)}")
    except Problem as no:
        raise _Cannot(f"{no.detail.rstrip('.')}. {no.kind.next}") from None


@dataclass(frozen=True)
class _Needed:
    """What handing over an act needs of everything the doors work with."""

    database: Database
    gateway: Gateway
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def _parts(database: Database) -> Parts:
    from api.gateway import TemporalGateway
    from connectors.temporal import connect
    from workflows.plugin import plugin

    return cast("Parts", _Needed(database, TemporalGateway(lambda: connect([plugin()]))))


async def _deal(database: Database, deal_id: str) -> DealWhole:
    from api import queries
    from api.shapes import DealWhole

    async with database.read() as session:
        row = await queries.deal(session, _full(deal_id))
    if row is None:
        raise _Cannot(f"there is no deal {_short(_full(deal_id))}; `throughline deal list` shows which there are")
    return DealWhole.model_validate(row, from_attributes=True)


def _full(deal_id: str) -> str:
    return deal_id if deal_id.startswith("deal/") else f"deal/{deal_id}"


def _short(deal_id: str) -> str:
    return deal_id.removeprefix("deal/")


def _print_waits(waits: Sequence[dict[str, Any]]) -> None:
    for wait in waits:
        who = ", ".join(wait["waiting_on"]) or wait["who"]
        late = " (late)" if wait.get("late") else ""
        typer.echo(f"Waits for {who}{late}: {wait['title']}, since {_moment(wait['since'])}")
        typer.echo(f"  why: {wait['reason']}")
        if wait.get("due"):
            typer.echo(f"  due: {_moment(wait['due'])}")
        if wait.get("next"):
            typer.echo(f"  then: {wait['next']['what']}, {_moment(wait['next']['at'])}")
        if wait["acts"]:
            typer.echo(f"  moves on with: {', '.join(act['label'].lower() for act in wait['acts'])}")


def _value(given: Any) -> str:
    from pydantic import TypeAdapter

    from models.values import Value

    return str(TypeAdapter[Any](cast("Any", Value)).validate_python(given))


def _moment(given: datetime | str) -> str:
    at = datetime.fromisoformat(given) if isinstance(given, str) else given
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _print_json(given: BaseModel | Sequence[BaseModel]) -> None:
    if isinstance(given, Sequence):
        plain: Any = [each.model_dump(mode="json") for each in given]
    else:
        plain = given.model_dump(mode="json")
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))
