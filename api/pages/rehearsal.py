"""The rehearsal of a flow on a page: how many deals, how long, which outage; its plots, tables and timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from threading import Lock
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from api import queries
from api.flows_on_offer import offer_of
from api.pages.addresses import flow_path
from api.pages.frame import show
from api.parts import Parts, With
from api.problems import Problem
from models.calendar import CalendarSpec
from models.flow import FlowDef
from models.tables.people import Person as Employee
from workflows.rehearsal.figures import Figures
from workflows.rehearsal.fly import fly, fly_many
from workflows.rehearsal.outages import Outage, systems
from workflows.rehearsal.people import USUAL, Company, Person, company_of, manned
from workflows.rehearsal.plots import deal_svg, season_svg
from workflows.rehearsal.story import Story, days_words, work_words
from workflows.rehearsal.world import CannotFly, Setting

router = APIRouter()
MOST_DEALS, MOST_MONTHS, MOST_DAYS, MOST_SEED = 50, 12, 365, 1_000_000
"""What one page may cost; the command line takes more."""
MOST_STEPS = 200
_PATIENCE = 30.0
_LOOK_AGAIN = 0.1
"""Seconds."""
_ONE_AT_A_TIME = Lock()


class Asked(NamedTuple):
    """The form as written, with what is wrong with it."""

    written: Mapping[str, str]
    wrong: Mapping[str, str]
    numbers: Mapping[str, int]


class Rehearsed(NamedTuple):
    """What came of it: the figures of many, or the timeline of one."""

    picture: Markup
    figures: Figures | None = None
    story: Story | None = None


_FIELDS: Mapping[str, tuple[str, int, int, int]] = {
    "deals": ("Deals", 1, MOST_DEALS, 10),
    "months": ("Months", 1, MOST_MONTHS, 3),
    "seed": ("Seed", 0, MOST_SEED, 0),
    "outage_from": ("Outage begins after, in days", 0, MOST_DAYS, 7),
    "outage_days": ("Outage lasts, in days", 0, MOST_DAYS, 2),
}
"""Name -> label, least, most, usual."""


@router.get("/flows/{name}/rehearsal")
async def rehearsal(request: Request, parts: With, name: Annotated[str, Path(max_length=120)]) -> Response:
    """Show the form and, once sent, what the rehearsal came to. What is rehearsed stands in the address."""
    flow = next((each for each in offer_of(parts.intake).library.flows if each.name == name), None)
    if flow is None:
        raise Problem("not_found", f"There is no flow {name} on offer.")
    asked = _asked(request.query_params, flow)
    made: Rehearsed | None = None
    wrong = ""
    if "deals" in request.query_params and not asked.wrong:
        async with parts.database.read() as session:
            people = await queries.people(session)
        setting = _setting(flow, people, asked, parts)
        try:
            await _turn()
            made = await asyncio.to_thread(_rehearsed, setting, asked.numbers["deals"])
        except (CannotFly, TimeoutError) as no:
            wrong = str(no)
    context = {
        "name": name, "address": flow_path(name), "flow": flow, "fields": _FIELDS, "asked": asked, "made": made,
        "wrong": wrong, "systems": systems(flow), "days": days_words, "work": work_words,
    }  # fmt: skip
    return await show(request, "rehearsal.html", context)


def _asked(query: Mapping[str, str], flow: FlowDef) -> Asked:
    written = {key: query.get(key, str(usual)).strip() for key, (_, _, _, usual) in _FIELDS.items()}
    wrong: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for key, (label, least, most, _) in _FIELDS.items():
        text = written[key]
        if len(text) <= 9 and text.isascii() and text.isdigit() and least <= int(text) <= most:
            numbers[key] = int(text)
        else:
            wrong[key] = f"{label}: a whole number from {least} to {most}"
    written["outage"] = query.get("outage", "")
    if written["outage"] and written["outage"] not in systems(flow):
        wrong["outage"] = "this flow does not use that system"
    if len(flow.steps) > MOST_STEPS:
        wrong["deals"] = f"a flow of {len(flow.steps)} steps is rehearsed on the command line: throughline rehearse"
    return Asked(written, wrong, numbers)


def _setting(flow: FlowDef, people: Mapping[str, Employee], asked: Asked, parts: Parts) -> Setting:
    calendar = parts.company.calendar
    numbers = asked.numbers
    start = _monday(parts.now(), calendar.zone)
    outages: tuple[Outage, ...] = ()
    if asked.written["outage"]:
        since = start + timedelta(days=numbers["outage_from"])
        lasting = timedelta(days=numbers["outage_days"]) if numbers["outage_days"] else None
        outages = (Outage(asked.written["outage"], since, lasting),)
    return Setting(
        flow=flow,
        company=manned(_company(people, calendar), flow, calendar),
        calendar=calendar,
        expand=parts.company.expand,
        start=start,
        months=12 if numbers["deals"] == 1 else numbers["months"],
        seed=numbers["seed"],
        outages=outages,
    )


async def _turn() -> None:
    """Wait for one's turn: one rehearsal at a time, and those who wait keep no thread from other pages."""
    for _ in range(round(_PATIENCE / _LOOK_AGAIN)):
        if _ONE_AT_A_TIME.acquire(blocking=False):
            return
        await asyncio.sleep(_LOOK_AGAIN)
    raise TimeoutError("another rehearsal is under way; try again in a moment")


def _rehearsed(setting: Setting, number: int) -> Rehearsed:
    """Fly in a worker thread whose turn it is."""
    try:
        if number > 1:
            figures = fly_many(setting, number)
            return Rehearsed(Markup(season_svg(figures, page=True)), figures)  # noqa: S704 (escapes every text)
        flight, story = fly(setting)
        working = setting.expand(setting.calendar, flight.arrived, (flight.until - flight.arrived).days + 2)
        return Rehearsed(Markup(deal_svg(flight, setting.company, working, page=True)), story=story)  # noqa: S704
    finally:
        _ONE_AT_A_TIME.release()


def _company(people: Mapping[str, Employee], usual: CalendarSpec) -> Company:
    """Return the people of the company, each by the hours of their own zone and country."""
    return company_of(
        [
            Person(
                p.id, p.name, usual.model_copy(update={"zone": p.zone or usual.zone, "country": p.country or None}),
                tuple(p.roles), p.manager, USUAL, p.active,
            )
            for p in people.values()
        ],
        usual,
    )  # fmt: skip


def _monday(now: datetime, zone: str) -> datetime:
    """Return the coming Monday at nine, where every rehearsal of a page begins: a link shows the same all week."""
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    monday = today + timedelta(days=-today.weekday() % 7)
    return datetime.combine(monday, time(9), here).astimezone(now.tzinfo)
