"""Team load: how much waits for each colleague, by the day it is due, and who is away meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from activities.calendars import UnknownCalendar, working
from api import queries, teams
from api.auth import Caller
from api.pages.frame import show, words_of
from api.pages.words import Words
from api.parts import Asking, With
from api.policy import OPERATORS
from api.teams import Load
from models.calendar import CalendarSpec
from models.tables.people import AbsenceRow, Person

router = APIRouter()
DAYS = 5
"""How many working days ahead are shown."""
LEVELS = ((7, "l3"), (4, "l2"), (1, "l1"))


@dataclass(frozen=True)
class Cell:
    """One day of one person: how much is due, how much that is, and whether they are away."""

    due: int
    level: str
    away: bool


@dataclass(frozen=True)
class Line:
    """One colleague."""

    id: str
    name: str
    title: str
    link: str
    load: Load
    worth: str
    oldest: str
    days: Sequence[Cell]
    later: int
    away: str


@router.get("/team")
async def team(
    request: Request,
    parts: With,
    me: Asking,
    of: Literal["team", "all"] = "team",
    role: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show how much waits for whom: for my team, or for everybody where I run the company's sales."""
    operator = bool(me.roles & set(OPERATORS))
    words = words_of(request)
    days = _days(words)
    ends = [datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(words.zone)) for day in days]
    async with parts.database.read() as session:
        people = await queries.people(session)
        near = [me.id, *teams.colleagues(me.id, me.roles, people)]
        shown = [p.id for p in people.values() if p.active] if operator and of == "all" else near
        roles = sorted({held for name in shown for held in people[name].roles})
        shown = [name for name in shown if not role or role in people[name].roles]
        loads = await teams.loads(session, shown, words.now, ends)
        away = await teams.absences(session, shown, words.now, ends[-1])
    lines = [
        _line(words, people[name], loads.get(name, Load()), away, ends, people, me, name in near) for name in shown
    ]
    lines.sort(key=lambda each: (-each.load.late, -each.load.open, each.name))
    if operator and of == "all":
        lines = [each for each in lines if each.load.open or each.away]
    context = {
        "of": of if operator else "team",
        "operator": operator,
        "role": role,
        "roles": roles,
        "days": [(day, _called(day, words)) for day in days],
        "lines": lines,
        "busiest": max(lines, key=lambda each: each.load.open, default=None),
    }
    return await show(request, "team.html", context)


def _days(words: Words) -> list[date]:
    """Return the working days ahead in the reader's calendar, today first even when it is none."""
    today = words.local(words.now).date()
    try:
        ahead = working(CalendarSpec(zone=words.zone, country=words.country or None), words.now, 30).dates
    except UnknownCalendar:
        ahead = tuple(today + timedelta(days=n) for n in range(DAYS))
    return [today, *sorted({day for day in ahead if day > today})][:DAYS]


def _called(day: date, words: Words) -> str:
    away = (day - words.local(words.now).date()).days
    return {0: "Today", 1: "Tomorrow"}.get(away, f"{day:%a} {day.day} {day:%b}")


def _line(
    words: Words, person: Person, load: Load, away: Sequence[AbsenceRow], ends: Sequence[datetime],
    people: Mapping[str, Person], me: Caller, near: bool,
) -> Line:  # fmt: skip
    own = [each for each in away if each.person == person.id]
    counts = load.due or (0,) * len(ends)
    link = "/inbox" if person.id == me.id else f"/inbox?tab=team&person={person.id}" if near else ""
    return Line(
        id=person.id, name=person.name, title=person.title, link=link if load.open else "", load=load,
        worth=" and ".join(words.money(amount, currency) for currency, amount in sorted(load.worth.items())),
        oldest=words.since(load.oldest),
        days=[
            Cell(count, _level(count), any(each.starts < end and each.ends > end - timedelta(hours=12) for each in own))
            for count, end in zip(counts, ends, strict=True)
        ],
        later=load.open - load.late - load.stopped - load.undated - sum(counts),
        away=_away(words, own[0], people) if own else "",
    )  # fmt: skip


def _level(count: int) -> str:
    return next((level for least, level in LEVELS if count >= least), "")


def _away(words: Words, absence: AbsenceRow, people: Mapping[str, Person]) -> str:
    delegate = people.get(absence.delegate or "")
    begins = (
        f"away until {words.moment(absence.ends)}"
        if absence.starts <= words.now
        else (f"away from {words.moment(absence.starts)} to {words.moment(absence.ends)}")
    )
    return f"{begins}, {delegate.name} answers" if delegate is not None else f"{begins}; requests wait"
