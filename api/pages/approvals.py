"""Approval figures: time per approver, answers that did not stand, and rules that always say yes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api import approval_figures, flow_figures, queries, teams
from api.approval_figures import ENOUGH, Habit, Overridden
from api.flows_on_offer import offer_of
from api.pages.addresses import deal_path
from api.pages.frame import show, words_of
from api.pages.requests import names
from api.pages.words import length, readable
from api.parts import Asking, With
from api.policy import OPERATORS
from models.flow import ApprovalDef, FlowDef
from models.rules import text

router = APIRouter()
DAYS = ("30", "90", "365")


class RuleLine(NamedTuple):
    """One rule with what its requests came to."""

    habit: Habit
    title: str
    rule: str
    path: str
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
        habits = await approval_figures.habits(session, since, flow)
        overrides = await approval_figures.overrides(session, since, flow)
        used = await flow_figures.stages(session)
    longest = max((pace.median for pace in paces), default=timedelta()) or timedelta(seconds=1)
    context = {
        "days": days,
        "choices": DAYS,
        "flow": flow,
        "flows": sorted({*offer, *used}),
        "together": together,
        "paces": [(pace, max(2, round(100 * (pace.median / longest)))) for pace in paces],
        "operator": operator,
        "rules": [_rule(habit, offer) for habit in habits],
        "overrides": [OverrideLine(each, deal_path(each.deal_id)) for each in overrides],
        "names": names(people),
        "length": length,
        "enough": ENOUGH,
        "w": words_of(request),
    }
    return await show(request, "approvals.html", context)


def _rule(habit: Habit, offer: Mapping[str, FlowDef]) -> RuleLine:
    here = offer[habit.flow].steps.get(habit.step) if habit.flow in offer else None
    step = here.step if here is not None else None
    rule = text(step.when) if isinstance(step, ApprovalDef) and step.when is not None else ""
    said = "every deal that comes there" if step is not None and not rule else rule
    path = f"/policies?flow={quote(habit.flow)}#{habit.flow}.{habit.step.partition(':')[2]}" if step is not None else ""
    title = readable(habit.step.partition(":")[2])
    return RuleLine(habit, title, said, path, round(100 * habit.yes / habit.requests))
