"""What a rehearsal is made from: flow, people, outages and facts, read from files with one clear line when wrong."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

if TYPE_CHECKING:
    from models.calendar import CalendarSpec
    from models.flow import FlowDef
    from models.values import Value
    from workflows.rehearsal.people import Company
    from workflows.rehearsal.story import Story
    from workflows.rehearsal.world import Setting

MOST_MONTHS = 36
FIRST_YEAR, LAST_YEAR = 1990, 2090
T = TypeVar("T")
MOST_STEPS = 2000


def rehearsed(
    flow: str, *, facts: dict[str, Any], start: str, zone: str, country: str | None, people: Path | None = None,
    outages: Path | None = None, months: float = 12, seed: int = 0,
) -> Story:  # fmt: skip
    """Return the timeline of one deal: what a saved rehearsal compares. Raises BadParameter for what cannot be read."""
    from models.calendar import CalendarSpec
    from models.given import GivenWrong, given
    from workflows.rehearsal.fly import fly

    calendar = CalendarSpec(zone=zone, country=country)
    setting = setting_of(flow, calendar=calendar, people=people, outages=outages, start=start, months=months, seed=seed)
    try:
        return fly(setting, given(setting.flow, facts))[1]
    except GivenWrong as wrong:
        raise typer.BadParameter(str(wrong)) from wrong


def setting_of(
    flow: str, *, calendar: CalendarSpec | None = None, people: Path | None = None, outages: Path | None = None,
    start: str | None = None, months: float = 12, seed: int = 0,
) -> Setting:  # fmt: skip
    """Return what a rehearsal takes place in. Raises BadParameter."""
    from activities.calendars import working
    from workflows.rehearsal.outages import systems
    from workflows.rehearsal.people import manned
    from workflows.rehearsal.reading_people import read_outages
    from workflows.rehearsal.world import Setting

    if not 0 < months <= MOST_MONTHS:
        raise typer.BadParameter(f"--months is more than 0 and at most {MOST_MONTHS}, not {months:g}")
    chosen = flow_meant(flow)
    usual = calendar or company_calendar()
    broken = () if outages is None else _taken(
        lambda: read_outages(_text(outages), str(outages), usual.zone, systems(chosen))
    )  # fmt: skip
    company = company_in(people, usual)
    return Setting(
        flow=chosen,
        company=company if people is not None else manned(company, chosen, usual),
        calendar=usual,
        expand=working,
        start=begin(start, usual.zone),
        months=months,
        seed=seed,
        outages=broken,
    )


def flow_meant(name: str) -> FlowDef:
    """Return a flow on offer, or one of a file: flow.py or flow.py::name. Raises BadParameter."""
    from cli.flow_meant import meant

    found = meant(name)
    if len(found.steps) > MOST_STEPS:
        raise typer.BadParameter(f"{found.name} has {len(found.steps)} steps; a rehearsal takes {MOST_STEPS} at most")
    return found


def company_calendar() -> CalendarSpec:
    """Return the calendar of the company's settings. Raises BadParameter."""
    from cli.flow_plan import company_time

    return company_time().calendar


def company_in(people: Path | None, usual: CalendarSpec) -> Company:
    """Return the people of a file, or of the demo's company. Raises BadParameter."""
    from activities.calendars import working
    from workflows.rehearsal.people import USUAL, Person, company_of
    from workflows.rehearsal.reading_people import read_company

    if people is not None:
        return _taken(
            lambda: read_company(_text(people), str(people), usual, lambda spec: working(spec, datetime.now(UTC), 7))
        )
    from cli.playing.company import PEOPLE

    return company_of([Person(p.id, p.name, usual, p.roles, p.manager, USUAL) for p in PEOPLE], usual)


def facts_in(flow: FlowDef, file: Path) -> list[dict[str, Value]]:
    """Return the deals of a facts file: one object, or a list of them. Raises BadParameter."""
    from models.given import GivenWrong, given, parsed

    text = _text(file)
    try:
        if not text.lstrip().startswith("["):
            return [given(flow, parsed(text, str(file)))]
        listed = json.loads(text, parse_float=Decimal)
    except GivenWrong as wrong:
        raise typer.BadParameter(str(wrong)) from wrong
    except (ValueError, RecursionError) as wrong:
        raise typer.BadParameter(f"{file} is not JSON: {wrong}") from wrong
    if not listed:
        raise typer.BadParameter(f"{file} lists no deal; write one object of facts for each")
    found = []
    for i, each in enumerate(listed, start=1):
        try:
            found.append(given(flow, parsed(json.dumps(each, default=str), f"deal {i} of {file}")))
        except GivenWrong as wrong:
            said = str(wrong)
            raise typer.BadParameter(said if "deal " in said else f"deal {i} of {file}: {said}") from wrong
    return found


def begin(written: str | None, zone: str) -> datetime:
    """Return when a rehearsal begins: the coming Monday at nine when nobody says."""
    here = ZoneInfo(zone)
    if written is None:
        today = datetime.now(here).date()
        monday = today + timedelta(days=-today.weekday() % 7)
        return datetime.combine(monday, time(9), here).astimezone(UTC)
    return moment(written, zone)


def moment(written: str, zone: str) -> datetime:
    """Return a --start as written: without a zone it is the company's, a day alone is its morning at nine.

    Calendars are counted within these years only. Raises BadParameter.
    """
    try:
        at = datetime.fromisoformat(written)
        at = at.replace(hour=9) if len(written) <= len("2026-11-23") else at
        found = (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        found = None
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise typer.BadParameter(
            f"--start is a day or a time from {FIRST_YEAR} to {LAST_YEAR}, such as 2026-11-23T09:00, not {written!r}"
        )
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        raise typer.BadParameter(f"there is no {file}") from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise typer.BadParameter(f"{file} cannot be read: {getattr(wrong, 'strerror', None) or wrong}") from wrong


def _taken(read: Callable[[], T]) -> T:
    from workflows.rehearsal.reading_people import FileWrong

    try:
        return read()
    except (FileWrong, tomllib.TOMLDecodeError) as wrong:
        raise typer.BadParameter(str(wrong)) from wrong
