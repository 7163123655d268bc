"""The inbox: what waits for me, for my team, and what I decided."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api import queries
from api.auth import Caller
from api.bodies import read_body
from api.pages.addresses import request_path
from api.pages.frame import show, words_of
from api.pages.words import Due
from api.parts import Asking, With
from models.tables.people import Person

router = APIRouter()
Tab = Literal["all", "mine", "team", "decided"]
Order = Literal["weight", "due", "value"]


@dataclass(frozen=True)
class Row:
    """One request as the list shows it."""

    path: str
    account: str
    title: str
    round: int
    asked_by: str
    why: str
    amount: str
    beside: str
    age: str
    weight: int
    due: Due | None
    stopped: bool
    kind: str
    outcome: str


@router.get("/inbox")
async def inbox(
    request: Request,
    parts: With,
    me: Asking,
    tab: Tab = "mine",
    order: Order = "weight",
    ask: Annotated[str, Query(max_length=200)] = "",
    answered: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """Show the requests: mine first, then my team's."""
    async with parts.database.read() as session:
        people = await queries.people(session)
        colleagues = _colleagues(me, people)
        mine = await queries.inbox(session, queries.mine(me.id), order)
        team = await queries.inbox(session, queries.my_teams(me.id, colleagues), order) if colleagues else []
        decided = await queries.decided(session, me.id) if tab == "decided" else []
        done = await queries.request(session, answered) if answered else None
        done_deal = await queries.deal(session, done.deal_id) if done else None
    total = sum((a.deal.amount or Decimal(0) for a in mine), Decimal(0))
    context = {
        "tab": tab,
        "order": order,
        "ask": ask,
        "asks": sorted({a.request.title for a in mine}),
        "mine": _rows(request, [a for a in mine if not ask or a.request.title == ask], people),
        "team": _rows(request, team, people),
        "decided": _rows(request, decided, people),
        "counts": {"mine": len(mine), "team": len(team)},
        "total": total,
        "late": sum(1 for a in mine if a.request.due_at and a.request.due_at <= parts.now()),
        "done": done,
        "done_deal": done_deal,
    }
    return await show(request, "inbox.html", context)


def _colleagues(me: Caller, people: dict[str, Person]) -> list[str]:
    return [p.id for p in people.values() if p.id != me.id and p.active and me.roles & set(p.roles)]


def _rows(request: Request, asked: list[queries.Asked], people: dict[str, Person]) -> list[Row]:
    words = words_of(request)
    now = words.now
    weights = [float(a.deal.amount or 0) * (now - a.request.opened_at).total_seconds() for a in asked]
    most = max(weights, default=0) or 1
    rows = []
    for each, weight in zip(asked, weights, strict=True):
        body = read_body(each.request.body)
        owner = people.get(each.deal.owner)
        discount = each.deal.discount
        rows.append(
            Row(
                path=request_path(each.request.id),
                account=each.deal.account or each.deal.title,
                title=each.request.title,
                round=each.request.round,
                asked_by=people[body.asked_by].name
                if body.asked_by in people
                else body.asked_by or (owner.name if owner else ""),
                why=body.rule.text or each.request.reason,
                amount=words.money(each.deal.amount, each.deal.currency),
                beside=f"discount {words.percent(discount)}" if discount else "",
                age=words.since(each.request.opened_at),
                weight=max(2, round(100 * weight / most)),
                due=words.due(each.request.due_at),
                stopped=each.request.stopped,
                kind=each.request.kind,
                outcome=(each.request.outcome or "").replace("_", " "),
            )
        )
    return rows
