"""`throughline deal`: look at deals and hold, release or cancel them, beside a running demo or on any installation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cli.installation import (
    CHANNEL,
    Cannot,
    full_id,
    hand_over,
    moment,
    new_key,
    parts_of,
    person_named,
    print_json,
    reading,
    refused,
    short_id,
)

if TYPE_CHECKING:
    from api.shapes import DealWhole
    from connectors.database import Database
    from models import acts

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at deals; hold, release or cancel them.")
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

    found = reading(read)
    if as_json:
        print_json(found)
        return
    for each in found:
        amount = f"{each.amount:,.0f} {each.currency}" if each.amount is not None else "not priced"
        waits = f"waits for {', '.join(each.waiting_on)}" if each.waiting_on else ""
        facts = (each.status, each.stage, each.account, amount, waits)
        typer.echo(f"{short_id(each.id)}  " + " · ".join(part for part in facts if part))
    if not found:
        typer.echo("No deal fits. A deal appears here when its CRM reports it.")


@app.command("show")
def show_deal(deal_id: Id, *, as_json: AsJson = False) -> None:
    """Show one deal: its facts, its path, and what it waits for."""
    whole = reading(lambda database: _deal(database, deal_id))
    if as_json:
        print_json(whole)
        return
    typer.echo(f"{whole.title} ({short_id(whole.id)})")
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

    row = reading(lambda database: _deal(database, deal_id))
    told = Explained(deal=row.id, stage=row.stage, status=row.status, waits=row.waits)
    if as_json:
        print_json(told)
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

    entries, broken = reading(read)
    if as_json:
        print_json(entries)
    else:
        for each in entries:
            typer.echo(f"{each.position:4} {moment(each.at)} {each.who}: {each.text}")
        if not entries:
            typer.echo("Nothing behind that position.")
    if broken is not None:
        raise Cannot(f"the journal of {short_id(full_id(deal_id))} was changed: position {broken} breaks its chain")


@app.command("hold")
def hold(deal_id: Id, reason: Reason, by: As) -> None:
    """Let a deal stand still; its clocks stop."""
    from models.acts import HoldDeal

    _act(deal_id, by, lambda key: HoldDeal(key=key, by=by, reason=reason, channel=CHANNEL))


@app.command("release")
def release(deal_id: Id, by: As) -> None:
    """Let a deal on hold go on."""
    from models.acts import Release

    _act(deal_id, by, lambda key: Release(key=key, by=by, channel=CHANNEL))


@app.command("cancel")
def cancel(deal_id: Id, reason: Reason, by: As) -> None:
    """Cancel a deal; nothing more starts for it."""
    from models.acts import Cancel

    _act(deal_id, by, lambda key: Cancel(key=key, by=by, reason=reason, channel=CHANNEL))


def _act(deal_id: str, by: str, make: Callable[[str], acts.HoldDeal | acts.Release | acts.Cancel]) -> None:
    """Hand an act to the deal as the API would: today's rights, then the workflow, refusals in the journal."""
    from api.problems import Problem

    async def act(database: Database) -> str:
        caller = await person_named(database, by)
        return (await hand_over(parts_of(database), caller, full_id(deal_id), make(new_key(by)))).message

    try:
        typer.echo(f"{short_id(full_id(deal_id))}: {reading(act)}")
    except Problem as no:
        raise refused(no) from None


async def _deal(database: Database, deal_id: str) -> DealWhole:
    from api import queries
    from api.shapes import DealWhole

    async with database.read() as session:
        row = await queries.deal(session, full_id(deal_id))
    if row is None:
        raise Cannot(f"there is no deal {short_id(full_id(deal_id))}; `throughline deal list` shows which there are")
    return DealWhole.model_validate(row, from_attributes=True)


def _print_waits(waits: Sequence[dict[str, Any]]) -> None:
    for wait in waits:
        who = ", ".join(wait["waiting_on"]) or wait["who"]
        late = " (late)" if wait.get("late") else ""
        typer.echo(f"Waits for {who}{late}: {wait['title']}, since {moment(wait['since'])}")
        typer.echo(f"  why: {wait['reason']}")
        if wait.get("due"):
            typer.echo(f"  due: {moment(wait['due'])}")
        if wait.get("next"):
            typer.echo(f"  then: {wait['next']['what']}, {moment(wait['next']['at'])}")
        if wait["acts"]:
            typer.echo(f"  moves on with: {', '.join(act['label'].lower() for act in wait['acts'])}")


def _value(given: Any) -> str:
    from pydantic import TypeAdapter

    from models.values import Value

    return str(TypeAdapter[Any](cast("Any", Value)).validate_python(given))
