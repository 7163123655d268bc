"""`throughline flow plan`: what a flow would do for a deal, and what a plan is made with: people, calendar, facts."""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from models.flow import FlowDef
    from models.people import BusinessTime, Directory
    from models.values import Value
    from workflows.stand_ins import StandIn

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
FlowName = Annotated[str, typer.Argument(metavar="FLOW", help="The name of a flow on offer, or a flow file.")]
People = Annotated[Path | None, typer.Option(help="A TOML file of [[people]]; without it, the company of the demo.")]
Start = Annotated[
    str | None, typer.Option(help="When the deal arrives, such as 2026-11-23 or 2026-11-23T09:00; now without it.")
]


@dataclass(frozen=True)
class Colleague:
    """Somebody who may be asked, as a people file or the demo's company has them."""

    id: str
    name: str
    roles: tuple[str, ...]
    manager: str | None = None
    active: bool = True


def plan_flow(
    flow: FlowName,
    facts: Annotated[Path, typer.Option("--facts", help="A JSON file of the deal's facts; - reads standard input.")],
    people: People = None,
    start: Start = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what a flow would do for a deal: who is asked, why, by when, and what is done outside. Asks nobody."""
    from cli.flow_plan_text import plan_text
    from workflows.plan import plan

    chosen, clock, staff = flow_named(flow), company_time(), colleagues(people)
    facts_given = given_facts(chosen, facts)
    directory, added = _staffed(chosen, staff, named=people is not None)
    made = plan(chosen, facts_given, people=directory, clock=clock, start=starting(start, clock.calendar.zone))
    if as_json:
        typer.echo(json.dumps(made.model_dump(mode="json"), indent=2))
        return
    names = {person.id: person.name for person in staff} | {person.id: person.name for person in added}
    typer.echo("\n".join(plan_text(made, names)))
    if added and any(person.id in party.people for person in added for step in made.steps for party in step.asked):
        roles = ", ".join(dict.fromkeys(role.replace("_", " ") for person in added for role in person.roles))
        typer.echo(
            f"Numbers stand in where too few of the demo's company have a role: {roles}. Name yours with --people."
        )


def flow_named(name: str) -> FlowDef:
    """Return a flow on offer by its name, or the only flow of a file. Raises BadParameter."""
    from cli.flow import loaded
    from cli.flow_meant import named_on_offer

    file = Path(name)
    if file.suffix != ".py":
        return named_on_offer(name)
    if not file.is_file():
        raise typer.BadParameter(f"there is no {file}")
    library = loaded([file], shipped=False)
    if len(library.flows) == 1:
        return library.flows[0]
    if library.flows:
        raise typer.BadParameter(
            f"{file} holds {', '.join(each.name for each in library.flows)}; a plan is of one flow"
        )
    raise typer.BadParameter(f"{file} holds no flow that can run; see `throughline flow check {shlex.quote(name)}`")


def colleagues(people: Path | None) -> tuple[Colleague, ...]:
    """Return the people of a file, or of the demo's company. Raises BadParameter."""
    if people is None:
        from cli.playing.company import PEOPLE

        return tuple(Colleague(each.id, each.name, each.roles, each.manager) for each in PEOPLE)
    try:
        listed = tomllib.loads(people.read_text("utf-8")).get("people", [])
        found = tuple(_colleague(each) for each in listed)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError, KeyError) as wrong:
        said = f"a person has no {wrong}" if isinstance(wrong, KeyError) else str(wrong)
        raise typer.BadParameter(f"{people} cannot be read: {said}") from wrong
    if not found:
        raise typer.BadParameter(f"{people} names nobody; write [[people]] with id, name and roles for each")
    return found


def company_time() -> BusinessTime:
    """Return the calendar of the company's settings. Raises BadParameter."""
    from activities.calendars import UnknownCalendar, working
    from connectors.settings import CompanySettings
    from models.calendar import CalendarSpec
    from models.people import BusinessTime

    company = CompanySettings.read()
    clock = BusinessTime(CalendarSpec(zone=company.zone, country=company.country), working)
    try:
        clock.at(datetime.now(UTC))
    except UnknownCalendar as unknown:
        raise typer.BadParameter(f"COMPANY_ZONE or COMPANY_COUNTRY: {unknown}") from unknown
    return clock


def _colleague(written: Mapping[str, Any]) -> Colleague:
    person = str(written["id"])
    roles = tuple(str(role) for role in written.get("roles", ()))
    return Colleague(
        person, str(written.get("name", person)), roles, written.get("manager"), bool(written.get("active", True))
    )


def _staffed(flow: FlowDef, staff: tuple[Colleague, ...], *, named: bool) -> tuple[Directory[Any], tuple[StandIn, ...]]:
    """Return who is asked; the demo's company is small, so there somebody stands in for each role it lacks."""
    from models.people import Directory
    from workflows.stand_ins import with_stand_ins

    company = Directory(staff)
    return (company, ()) if named else with_stand_ins(flow, company)


def given_facts(flow: FlowDef, facts: Path) -> dict[str, Value]:
    """Return the facts of a file, or of standard input for -. Raises BadParameter."""
    from models.given import GivenWrong, given, parsed, read_given

    try:
        return given(flow, parsed(sys.stdin.read(), "standard input")) if str(facts) == "-" else read_given(flow, facts)
    except GivenWrong as wrong:
        raise typer.BadParameter(str(wrong)) from wrong


def starting(written: str | None, zone: str) -> datetime:
    """Return when the deal arrives: now when nobody says. Raises BadParameter."""
    from cli.rehearsing import moment

    return datetime.now(UTC).replace(microsecond=0) if written is None else moment(written, zone)
