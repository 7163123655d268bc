"""`throughline people`: see who works here, let somebody go or come back, and change roles, leaders and hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import Cannot, moment, parts_of, person_named, print_json, reading, refused

if TYPE_CHECKING:
    from api.people import PersonChanged, PersonLine
    from connectors.database import Database

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See and change the people of the company.")
Who = Annotated[str, typer.Argument(metavar="PERSON", help="A person's id, such as noor.")]
As = Annotated[str, typer.Option("--as", metavar="PERSON", help="In whose name: the id of an admin, such as iris.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


@app.callback()
def people() -> None:
    """See and change the people of the company."""


@app.command("list")
def list_people(*, as_json: AsJson = False) -> None:
    """List everybody, those who left too."""
    found = list(reading(_everybody).values())
    if as_json:
        print_json(found)
        return
    for each in found:
        gone = "" if each.active else "left"
        led = f"led by {each.manager}" if each.manager else ""
        facts = (each.name, each.title, ", ".join(each.roles) or "no role", led, gone)
        typer.echo(f"{each.id}  " + " · ".join(part for part in facts if part))
    if not found:
        typer.echo("Nobody works here yet. `make demo` loads a company.")


@app.command("show")
def show_person(person: Who, *, as_json: AsJson = False) -> None:
    """Show one person: roles, place, hours, and how they are told."""
    each = reading(_everybody).get(person)
    if each is None:
        raise Cannot(f"there is no person {person!r}; `throughline people list` shows who there is")
    if as_json:
        print_json(each)
        return
    from api.working_week import DAYS, written

    own, notify = dict(each.calendar or {}), each.notify
    typer.echo(f"{each.name} ({each.id}), {each.title or 'no title'}{'' if each.active else ', left'}")
    typer.echo(f"  roles: {', '.join(each.roles) or 'none'}")
    typer.echo(f"  led by: {each.manager or 'nobody'}")
    typer.echo(f"  zone {each.zone}, holidays of {each.country} {own.get('region') or ''}".rstrip())
    week: Any = own.get("week")
    worked = [f"{day[:3]} {hours}" for day, hours in zip(DAYS, written(week), strict=True) if hours]
    typer.echo(f"  works: {'; '.join(worked)}")
    typer.echo(f"  told by: {', '.join(_texts(notify.get('channels')) or ['mail', 'slack'])}")


@app.command("deactivate")
def deactivate(person: Who, by: As, *, as_json: AsJson = False) -> None:
    """Let somebody go: open requests move by their rules, what has happened stays as it was written."""
    _change(person, by, {"active": False}, as_json=as_json)


@app.command("reactivate")
def reactivate(person: Who, by: As, *, as_json: AsJson = False) -> None:
    """Let somebody come back."""
    _change(person, by, {"active": True}, as_json=as_json)


@app.command("roles")
def roles(
    person: Who,
    by: As,
    add: Annotated[list[str] | None, typer.Option(help="A role to give; may be repeated.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A role to take away; may be repeated.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give roles to somebody, or take them away."""
    if not add and not remove:
        raise Cannot("say --add ROLE or --remove ROLE")
    known = reading(_everybody).get(person)
    held = list(known.roles) if known is not None else []
    strange = [role for role in remove or [] if role not in held]
    if known is not None and strange:
        raise Cannot(f"{person} does not hold {strange[0]}; they hold {', '.join(held) or 'no role'}")
    wanted = [role for role in dict.fromkeys([*held, *(add or [])]) if role not in (remove or [])]
    _change(person, by, {"roles": wanted}, as_json=as_json)


@app.command("manager")
def manager(
    person: Who,
    leader: Annotated[str, typer.Argument(metavar="LEADER", help="Who leads them, or `nobody`.")],
    by: As,
    *,
    as_json: AsJson = False,
) -> None:
    """Say who leads somebody."""
    _change(person, by, {"manager": None if leader == "nobody" else leader}, as_json=as_json)


@app.command("hours")
def hours(
    person: Who,
    by: As,
    zone: Annotated[str, typer.Option(help="Their time zone, such as Europe/Berlin.")] = "",
    country: Annotated[str, typer.Option(help="Whose public holidays they have, such as DE.")] = "",
    region: Annotated[str, typer.Option(help="A region of it with holidays of its own, such as BY.")] = "",
    day: Annotated[
        list[str] | None,
        typer.Option(metavar="DAY=HOURS", help="Such as friday=09:00-13:00, or friday= for none; may be repeated."),
    ] = None,
    day_off: Annotated[list[str] | None, typer.Option(metavar="DATE", help="A day off; may be repeated.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say when somebody works: what is left out stays as it is."""
    from api.problems import Problem
    from api.working_week import DAYS, shifts, written

    known = reading(_everybody).get(person)
    own: dict[str, Any] = dict((known.calendar if known is not None else None) or {})
    week = dict(zip(DAYS, written(own.get("week")), strict=True))
    for each in day or []:
        name, _, said = each.partition("=")
        if name not in DAYS:
            raise Cannot(f"there is no day {name!r}; say --day as friday=09:00-13:00")
        week[name] = said
    try:
        own |= {"week": shifts(list(week.values()))}
    except Problem as no:
        raise refused(no) from None
    own |= {"region": region or own.get("region"), "days_off": day_off or own.get("days_off") or []}
    place = {name: said for name, said in (("zone", zone), ("country", country.upper())) if said}
    _change(person, by, {**place, "calendar": own}, as_json=as_json)


@app.command("changes")
def changes(limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20) -> None:
    """List the last changes of people, and how many deals each has been carried to."""
    from api.people_changes import last

    async def read(database: Database) -> list[str]:
        async with database.read() as session:
            return [
                f"{moment(each.due_at)}  {each.reason} · {len(each.told)} deals told · "
                + ("done" if each.done_at else each.error or "on its way")
                for each in await last(session, parts_of(database).now(), limit)
            ]

    typer.echo("\n".join(reading(read)) or "Nothing has changed yet.")


def _change(person: str, by: str, wanted: dict[str, Any], *, as_json: bool) -> None:
    """Change a person as the API would: today's rights, every field checked, the deals affected told."""
    from pydantic import ValidationError

    from api import staff
    from api.people import ChangePerson, PersonChanged, line
    from api.problems import Problem

    async def change(database: Database) -> PersonChanged:
        caller = await person_named(database, by)
        given = ChangePerson.model_validate(wanted).model_dump(mode="json", exclude_unset=True)
        changed = await staff.change(parts_of(database), caller, person, given)
        return PersonChanged(person=line(changed.person), notes=changed.notes, deals=changed.deals)

    try:
        changed = reading(change)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        raise Cannot(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except Problem as no:
        raise refused(no) from None
    if as_json:
        print_json(changed)
        return
    deals = "no open deal is affected" if not changed.deals else f"{changed.deals} deals find out anew whom to ask"
    typer.echo(f"{changed.person.name}: saved; {deals}.")
    for note in changed.notes:
        typer.echo(note)


async def _everybody(database: Database) -> dict[str, PersonLine]:
    from api import queries
    from api.people import line

    async with database.read() as session:
        return {name: line(each) for name, each in (await queries.people(session)).items()}


def _texts(given: object) -> list[str]:
    return [str(each) for each in given] if isinstance(given, list) else []
