"""Approval figures: time per approver, answers that did not stand, and rules that always say yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from activities.people import everybody
from api import approval_figures, flow_figures, queries, teams
from api.approval_figures import ENOUGH, Habit, Overridden, Pace
from api.flows_on_offer import offer_of
from api.pages.addresses import deal_path
from api.pages.frame import show, words_of
from api.pages.requests import names
from api.pages.words import length, readable, worked_length
from api.parts import Asking, Parts, With
from api.policy import OPERATORS
from models.calendar import Working
from models.flow import ApprovalDef, FlowDef
from models.people import Directory
from models.rules import text
from models.tables.people import Person

router = APIRouter()
DAYS = ("30", "90", "365")
_ASKED_BEFORE = timedelta(days=60)
"""How long before its answer a request is asked as a rule; calendars are laid out once for all of those."""


class RuleLine(NamedTuple):
    """One rule with what its requests came to."""

    habit: Habit
    title: str
    rule: str
    path: str
    share: int


class PaceLine(NamedTuple):
    """One approver's answers, their median in working time, and its share of the longest in percent."""

    pace: Pace
    worked: timedelta
    share: int


class OverrideLine(NamedTuple):
    """One decision in place of those asked, with its deal's address."""

    told: Overridden
    path: str


@router.get("/approvals")
async def approvals(
    request: Request,
    parts: With,
    me: Asking,
    days: Literal["30", "90", "365"] = "90",
    flow: Annotated[str, Query(max_length=120)] = "",
) -> Response:
    """Show how approvals went: the rules to everybody, times to operators, to who leads somebody, and one's own."""
    now = parts.now()
    since = now - timedelta(days=int(days))
    operator = bool(me.roles & set(OPERATORS))
    offer = {each.name: each for each in offer_of(parts.intake).library.flows}
    async with parts.database.read() as session:
        people = await queries.people(session)
        shown = None if operator else {me.id, *teams.below(me.id, people)}
        together, paces = await approval_figures.paces(session, since, flow, shown)
        worked = await approval_figures.worked(session, since, flow, _hours(await everybody(session), parts, since))
        habits = await approval_figures.habits(session, since, flow)
        overrides = await approval_figures.overrides(session, since, flow)
        used = await flow_figures.stages(session)
    longest = max((worked[pace.person] for pace in paces), default=timedelta()) or timedelta(seconds=1)
    context = {
        "days": days,
        "choices": DAYS,
        "flow": flow,
        "flows": sorted({*offer, *used}),
        "together": together,
        "paces": [PaceLine(pace, took := worked[pace.person], max(2, round(100 * (took / longest)))) for pace in paces],
        "operator": operator,
        "rules": [_rule(habit, offer) for habit in habits],
        "overrides": [OverrideLine(each, deal_path(each.deal_id)) for each in overrides],
        "names": names(people),
        "length": length,
        "worked_words": worked_length,
        "enough": ENOUGH,
        "w": words_of(request),
    }
    return await show(request, "approvals.html", context)


def _hours(directory: Directory[Person], parts: Parts, since: datetime) -> Callable[[str, datetime], Working]:
    """Return a look-up of somebody's working hours without their leave, from an instant on until now."""
    clock, now = parts.company, parts.now()

    @cache
    def of(person: str, start: datetime) -> Working:
        own = clock.at(start, days=(now - start).days + 3, calendar=directory.calendars.get(person))
        return own.without(directory.leave(person))

    early = since - _ASKED_BEFORE
    return lambda person, begin: of(person, min(early, begin))


def _rule(habit: Habit, offer: Mapping[str, FlowDef]) -> RuleLine:
    here = offer[habit.flow].steps.get(habit.step) if habit.flow in offer else None
    step = here.step if here is not None else None
    rule = text(step.when) if isinstance(step, ApprovalDef) and step.when is not None else ""
    said = "every deal that comes there" if step is not None and not rule else rule
    path = f"/policies?flow={quote(habit.flow)}#{habit.flow}.{habit.step.partition(':')[2]}" if step is not None else ""
    title = readable(habit.step.partition(":")[2])
    return RuleLine(habit, title, said, path, round(100 * habit.yes / habit.requests))
