"""One request on one page: what is asked, why me, what follows, and the answer; whatever kind of request it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import queries
from api.acting import carry_out
from api.auth import Caller
from api.bodies import Body, Change, FactLine, read_body
from api.pages import addresses
from api.pages.answering import FIELD, Wrong, act_of
from api.pages.frame import show, words_of
from api.pages.words import readable
from api.parts import Asking, Parts, With
from api.policy import OPERATORS
from api.problems import Problem
from models.deal import Receipt
from models.tables.deals import Deal
from models.tables.people import Person
from models.tables.requests import Request as Asked

router = APIRouter()
Source = Annotated[str, Path(max_length=40)]
Part = Annotated[str, Path(max_length=300)]
VISIBLE_WITHIN = 1.0
SHOWN_AGAIN = frozenset({"stale", "not_yours", "not_allowed", "closed", "held", "ended", "reason_needed", "invalid"})


@dataclass(frozen=True)
class Shown:
    """What happened to an answer just given, when the page is shown again instead of left."""

    problem: Problem | None = None
    receipt: Receipt | None = None
    wrong: Wrong | None = None
    form: Mapping[str, Any] = field(default_factory=dict)


@router.get("/requests/{source}/{source_id}/{rest:path}")
async def read(
    request: Request,
    source: Source,
    source_id: Part,
    rest: Part,
    parts: With,
    me: Asking,
    seen: Annotated[int | None, Query(ge=0, le=10**6)] = None,
) -> Response:
    """Show the request. `seen` is the edition the reader's open form answers."""
    return await _page(request, parts, me, addresses.request_id(source, source_id, rest), Shown(), seen)


@router.post("/requests/{source}/{source_id}/{rest:path}")
async def answer(
    request: Request,
    source: Source,
    source_id: Part,
    rest: Part,
    parts: With,
    me: Asking,
) -> Response:
    """Take the answer; a late one is shown the recorded outcome, an outdated one what changed."""
    name = addresses.request_id(source, source_id, rest)
    form = await request.form()
    async with parts.database.read() as session:
        asked = await queries.request(session, name)
    if asked is None:
        raise Problem("unknown_request")
    try:
        act = act_of(form, me.id, request=asked)
        receipt = await carry_out(parts, me, asked.deal_id, act, act.do, asked.step)
    except Wrong as wrong:
        return await _page(request, parts, me, name, Shown(wrong=wrong, form=_kept(form)), status=422)
    except Problem as problem:
        if problem.code not in SHOWN_AGAIN:
            raise
        beside = problem.extra.get("field")
        if isinstance(beside, str):
            at_field = Wrong(FIELD + beside if asked.kind == "task" else beside, problem.detail)
            return await _page(request, parts, me, name, Shown(wrong=at_field, form=_kept(form)), status=422)
        shown = Shown(problem=problem, form=_kept(form))
        return await _page(request, parts, me, name, shown, status=problem.kind.status)
    if receipt.repeated:
        return await _page(request, parts, me, name, Shown(receipt=receipt))
    await visible(parts, asked.deal_id, receipt.seq)
    return RedirectResponse(f"/inbox?answered={quote(name)}", 303)


async def visible(parts: Parts, deal_id: str, seq: int) -> None:
    """Wait a moment until the pages show what was just recorded, so that people see their own answer."""
    try:
        async with asyncio.timeout(VISIBLE_WITHIN):
            while True:
                async with parts.database.read() as session:
                    deal = await queries.deal(session, deal_id)
                if deal is None or deal.seq >= seq:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        return


async def _page(
    request: Request, parts: Parts, me: Caller, name: str, shown: Shown, seen: int | None = None, status: int = 200
) -> Response:
    async with parts.database.read() as session:
        asked = await queries.request(session, name)
        deal = await queries.deal(session, asked.deal_id) if asked else None
        if asked is None or deal is None:
            raise Problem("unknown_request")
        people = await queries.people(session)
        mine = await queries.inbox(session, queries.mine(me.id))
        documents = await queries.documents(session, deal.id)
    body = read_body(asked.body)
    others = [a for a in mine if a.request.id != asked.id]
    open_now = asked.state == "open"
    context = {
        "asked": asked,
        "deal": deal,
        "body": body,
        "figs": body.facts or _figures(request, deal),
        "people": people,
        "names": names(people),
        "who_waits": [people[p].name if p in people else p for p in asked.people],
        "documents": [d for d in documents if not body.documents or d.name in {b.name for b in body.documents}][:3],
        "may": open_now and (me.id in asked.people or _may_help(me, asked, deal)),
        "named": me.id in asked.people,
        "shown": shown,
        "changes": _changes(shown, body, asked, seen),
        "moved_on": seen is not None and seen != asked.edition,
        "next": (others[0].deal.account, addresses.request_path(others[0].request.id)) if others else None,
        "place": next((i for i, a in enumerate(mine, 1) if a.request.id == asked.id), 0),
        "count": len(mine),
        "path": addresses.request_path(asked.id),
        "deal_path": addresses.deal_path(deal.id),
    }
    return await show(request, "request.html", context, status)


def _may_help(me: Caller, asked: Asked, deal: Deal) -> bool:
    repairs = asked.kind in {"incident", "question", "wait", "revise"}
    return repairs and (me.id == deal.owner or bool(me.roles & {*OPERATORS, "operations"}))


def _changes(shown: Shown, body: Body, asked: Asked, seen: int | None) -> list[Change]:
    """Return what moved since the edition the reader answered or has open."""
    told = shown.problem.extra.get("changed") if shown.problem else None
    if isinstance(told, dict):
        return [Change(label=readable(name), was=str(then), now=str(new)) for name, (then, new) in told.items()]
    moved = seen is not None and seen != asked.edition
    return body.difference.changes if body.difference and (moved or shown.problem) else []


def _figures(request: Request, deal: Deal) -> list[FactLine]:
    words = words_of(request)
    lines = [
        ("Amount", words.money(deal.amount, deal.currency)),
        ("Margin", words.percent(deal.margin)),
        ("Discount", words.percent(deal.discount)),
        ("Stage", deal.stage),
    ]
    return [FactLine(label=label, value=value) for label, value in lines if value]


def _kept(form: FormData) -> dict[str, Any]:
    return {name: value for name, value in form.multi_items() if isinstance(value, str) and name != "form_token"}


def names(people: dict[str, Person]) -> dict[str, str]:
    """Return how everybody is called."""
    return {person.id: person.name for person in people.values()}
