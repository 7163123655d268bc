"""The delivery manager's pages: the board of onboardings, and one onboarding with its tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import ValidationError
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import queries
from api.acting import ONBOARDING_ACT, onboard, update_id
from api.auth import Caller
from api.onboarding import onboarding_id_of
from api.pages import addresses
from api.pages.frame import show
from api.pages.requests import SHOWN_AGAIN, names
from api.parts import Asking, Parts, With
from api.policy import onboarding_refusal
from api.problems import Problem
from models.tables.deals import Deal
from models.tables.onboarding import Onboarding, OnboardingTask
from models.tables.requests import Request as Asked

router = APIRouter()
Source = Annotated[str, Path(max_length=40)]
Part = Annotated[str, Path(max_length=120)]
Show = Literal["all", "risk", "mine"]
HANDOFF, DONE = "Handoff", "Done"


@dataclass(frozen=True)
class Card:
    """One onboarding, or a handoff that waits for its answer, as the board shows it."""

    path: str
    account: str
    deal: Deal | None
    phase: str
    promised: date | None
    forecast: date | None
    slip: int
    risk: str
    blocked: int
    done: int
    total: int
    manager: str
    waits_for: str
    side: str


@router.get("/onboarding")
async def board(
    request: Request, parts: With, me: Asking, only: Annotated[Show, Query(alias="show")] = "all"
) -> Response:
    """Show the onboardings by phase, the ones that miss a promise first."""
    async with parts.database.read() as session:
        rows = await queries.onboardings(session)
        tasks = await queries.tasks(session, [onboarding.id for onboarding, _ in rows])
        handoffs = await queries.inbox(session, col(Asked.kind) == "handoff", "due")
        people = names(await queries.people(session))
    by_onboarding: dict[str, list[OnboardingTask]] = {}
    for task in tasks:
        by_onboarding.setdefault(task.onboarding_id, []).append(task)
    cards = [_handoff(asked, people) for asked in handoffs]
    cards += [_card(onboarding, deal, by_onboarding.get(onboarding.id, []), people) for onboarding, deal in rows]
    running = [card for card in cards if card.phase not in {HANDOFF, DONE}]
    shown = [
        c for c in cards if only == "all" or (only == "risk" and c.risk) or (only == "mine" and c.manager == me.id)
    ]
    phases: dict[str, list[Card]] = {}
    for card in sorted(shown, key=lambda c: -c.slip):
        phases.setdefault(card.phase, []).append(card)
    order = [HANDOFF, *_phases(tasks), *phases]
    context = {
        "phases": [(phase, phases[phase]) for phase in dict.fromkeys(order) if phase in phases and phase != DONE]
        + ([(DONE, phases[DONE])] if DONE in phases else []),
        "cards": cards,
        "running": running,
        "at_risk": [card for card in running if card.risk],
        "late": [card for card in running if card.slip > 0],
        "handoffs": len(handoffs),
        "sold": sum((c.deal.amount for c in running if c.deal and c.deal.amount), 0),
        "show": only,
        "names": people,
    }
    return await show(request, "board.html", context)


@router.get("/onboarding/{source}/{source_id}")
async def onboarding(request: Request, source: Source, source_id: Part, parts: With, me: Asking) -> Response:
    """Show one onboarding: promised, forecast, the cause, and its tasks."""
    return await _page(request, parts, me, onboarding_id_of(source, source_id))


@router.post("/onboarding/{source}/{source_id}/acts")
async def act(request: Request, source: Source, source_id: Part, parts: With, me: Asking) -> Response:
    """Start, complete, block or unblock a task."""
    name = onboarding_id_of(source, source_id)
    form = await request.form()
    given = {name: form.get(name) for name in ("task", "reason", "side") if form.get(name)}
    signed = {"by": me.id, "key": update_id(me.id, str(form.get("key") or "-")), "channel": "page"}
    try:
        made = ONBOARDING_ACT.validate_python({**given, **signed, "do": form.get("act")})
    except ValidationError as wrong:
        raise Problem("unreadable", wrong.errors()[0]["msg"]) from wrong
    if made.do == "block" and not made.reason.strip():
        problem = Problem("reason_needed", "Say what blocks the task and whom it waits for.")
        return await _page(request, parts, me, name, problem, made.task, 422)
    try:
        await onboard(parts, me, name, made.task, made, made.do)
    except Problem as problem:
        if problem.code not in SHOWN_AGAIN:
            raise
        return await _page(request, parts, me, name, problem, made.task, problem.kind.status)
    return RedirectResponse(addresses.onboarding_path(name), 303)


async def _page(
    request: Request,
    parts: Parts,
    me: Caller,
    name: str,
    problem: Problem | None = None,
    tried: str = "",
    status: int = 200,
) -> Response:
    async with parts.database.read() as session:
        found = await queries.onboarding(session, name)
        if found is None:
            raise Problem("unknown_onboarding")
        tasks = await queries.tasks(session, [name])
        deal = await queries.deal(session, found.deal_id)
        people = names(await queries.people(session))
    context = {
        "onboarding": found,
        "deal": deal,
        "deal_path": addresses.deal_path(found.deal_id),
        "tasks": tasks,
        "may": {task.task: onboarding_refusal(me, found.manager, task.owner) is None for task in tasks},
        "titles": {task.task: task.name for task in tasks},
        "slip": _slip(found.promised_go_live, found.forecast_go_live),
        "names": people,
        "address": addresses.onboarding_path(name),
        "problem": problem,
        "tried": tried,
    }
    return await show(request, "onboarding.html", context, status)


def _card(onboarding: Onboarding, deal: Deal | None, tasks: list[OnboardingTask], people: dict[str, str]) -> Card:
    open_now = [task for task in tasks if task.state != "done"]
    blocked = next((task for task in open_now if task.state == "blocked"), None)
    current = blocked or next((task for task in open_now if task.state in {"started", "ready"}), None)
    slip = _slip(onboarding.promised_go_live, onboarding.forecast_go_live)
    side = (blocked.blocked_side or blocked.side) if blocked else current.side if current else ""
    return Card(
        path=addresses.onboarding_path(onboarding.id),
        account=onboarding.account or onboarding.title,
        deal=deal,
        phase=DONE if onboarding.state == "done" else onboarding.phase or "Plan",
        promised=onboarding.promised_go_live,
        forecast=onboarding.forecast_go_live,
        slip=slip,
        risk=onboarding.risk or "",
        blocked=onboarding.blocked,
        done=onboarding.tasks_done,
        total=onboarding.tasks_total,
        manager=onboarding.manager,
        waits_for=f"{current.name}{': ' + people.get(current.owner, current.owner) if current.owner else ''}"
        if current
        else "",
        side=side,
    )


def _handoff(asked: queries.Asked, people: dict[str, str]) -> Card:
    request = asked.request
    return Card(
        path=addresses.request_path(request.id),
        account=asked.deal.account or asked.deal.title,
        deal=asked.deal,
        phase=HANDOFF,
        promised=None,
        forecast=None,
        slip=0,
        risk="",
        blocked=0,
        done=0,
        total=0,
        manager=request.people[0] if request.people else "",
        waits_for="Answer: " + (", ".join(people.get(p, p) for p in request.people) or request.who),
        side="us",
    )


def _phases(tasks: list[OnboardingTask]) -> list[str]:
    return list(dict.fromkeys(task.phase for task in tasks if task.phase))


def _slip(promised: date | None, forecast: date | None) -> int:
    return (forecast - promised).days if promised and forecast else 0
