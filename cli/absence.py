"""`throughline absence`: see who is away and who stands in, enter time away, and end it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Cannot, moment, parts_of, person_named, print_json, reading, refused

if TYPE_CHECKING:
    from api.delegations import AbsenceEntered, AbsenceLine
    from connectors.database import Database

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See who is away; enter time away and end it.")
As = Annotated[str, typer.Option("--as", metavar="PERSON", help="In whose name: the id of a person, such as noor.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Day = Annotated[str, typer.Option(metavar="WHEN", help="A day such as 2026-12-21, or a time such as 2026-12-21T13:00.")]


@app.callback()
def absence() -> None:
    """See who is away; enter time away and end it."""


@app.command("list")
def list_absences(
    by: As,
    over: Annotated[bool, typer.Option("--over", help="Past ones too.")] = False,
    *,
    as_json: AsJson = False,
) -> None:
    """List the absences this person may see: their own, those of the people they lead, those they stand in for."""
    from api import absences
    from api.delegations import line

    async def read(database: Database) -> list[AbsenceLine]:
        caller, now = await person_named(database, by), parts_of(database).now()
        async with database.read() as session:
            return [line(row, now) for row in await absences.visible(session, caller, now, over=over)]

    found = reading(read)
    if as_json:
        print_json(found)
        return
    for each in found:
        typer.echo(_said(each))
    if not found:
        typer.echo("Nobody is away. `throughline absence add` enters time away.")


@app.command("add")
def add(
    by: As,
    starts: Annotated[str, typer.Option("--from", metavar="WHEN", help="The first day, or a time on it.")],
    ends: Annotated[str, typer.Option("--until", metavar="WHEN", help="The last day, or the time it ends.")],
    person: Annotated[
        str, typer.Option("--for", metavar="PERSON", help="Who is away; without it whoever says so.")
    ] = "",
    delegate: Annotated[str, typer.Option(metavar="PERSON", help="Who stands in; without it requests wait.")] = "",
    zone: Annotated[str, typer.Option(help="The zone of days and times; by default the person's own.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="Only requests to this role; may be repeated.")] = None,
    fact: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Only deals that read so; may be repeated.")
    ] = None,
    below: Annotated[
        str, typer.Option(metavar="AMOUNT", help="Only deals of less than this, as 50000 or 50000EUR.")
    ] = "",
    note: Annotated[str, typer.Option(help="Seen by whoever stands in and whoever leads them.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Enter time away. What is open already moves to whoever stands in when it begins, and comes back at its end."""
    from api import absences
    from api.delegations import AbsenceEntered, line
    from api.problems import Problem

    amount, currency = _amount(below)
    wanted = absences.Wanted(
        person=person or by, starts=starts, ends=ends, zone=zone, delegate=delegate, roles=role or [],
        facts=_facts(fact or []), below=amount, currency=currency, note=note[:500],
    )  # fmt: skip

    async def enter(database: Database) -> AbsenceEntered:
        parts = parts_of(database)
        entered = await absences.enter(parts, await person_named(database, by), wanted)
        return AbsenceEntered(absence=line(entered.row, parts.now()), notes=entered.notes, requests=entered.waiting)

    try:
        entered = reading(enter)
    except Problem as no:
        raise refused(no) from None
    if as_json:
        print_json(entered)
        return
    typer.echo(_said(entered.absence))
    for each in entered.notes:
        typer.echo(each)
    if entered.requests:
        typer.echo(f"{entered.requests} open requests ask {entered.absence.person} now.")


@app.command("end")
def end(absence_id: Annotated[str, typer.Argument(metavar="ID", help="As `absence list` shows it.")], by: As) -> None:
    """End an absence now, or take it back before it begins: requests not answered yet come back."""
    from api import absences
    from api.delegations import line
    from api.problems import Problem

    async def stop(database: Database) -> AbsenceLine:
        parts = parts_of(database)
        return line(await absences.end(parts, await person_named(database, by), absence_id), parts.now())

    try:
        typer.echo(_said(reading(stop)))
    except Problem as no:
        raise refused(no) from None


def _said(each: AbsenceLine) -> str:
    stands_in = f"{each.delegate} stands in" if each.delegate else "requests wait"
    until = each.ended_at or each.ends
    said = f"{each.id}  {each.person} · {moment(each.starts)} to {moment(until)} · {each.state} · {stands_in}"
    only = [f"only {name}: {_plain(value)}" for name, value in each.scope.items()]
    return " · ".join([said, *only, *([each.note] if each.note else [])])


def _plain(value: object) -> str:
    if isinstance(value, dict) and "amount" in value:
        return f"{value['amount']} {value['currency']}"
    if isinstance(value, dict):
        return ", ".join(f"{name}={said}" for name, said in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _facts(given: list[str]) -> dict[str, str]:
    found = dict(each.partition("=")[::2] for each in given)
    for name, value in found.items():
        if not name or not value:
            raise Cannot("say --fact as NAME=VALUE, such as region=west")
    return found


def _amount(given: str) -> tuple[Decimal | None, str]:
    if not given:
        return None, "USD"
    number, currency = given.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), given.lstrip("0123456789.,_ ")
    try:
        amount = Decimal(number.replace(",", "").replace("_", "").strip())
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0 or len(currency) not in {0, 3}:
        raise Cannot(f"{given!r} is no amount; say --below as 50000 or 50000EUR")
    return amount, currency or "USD"
