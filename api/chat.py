"""The door of the chat: signed clicks and forms come in once, are answered in time, and decide as every door does."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from activities import inbound
from api.parts import Parts, With
from api.pressing import Heard, Said, Talk
from api.problems import Problem, responses
from connectors.chat import Chat, Click, Filled, Unmeant
from connectors.contract import ConnectorFailure, Forged, Stale, Unavailable, Unreadable
from models.tables.doors import Idempotency

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
log = logging.getLogger(__name__)
SLACK = "slack"
ROUTE = "/webhooks/slack"
IN_TIME = 2.0
"""Seconds until Slack is answered whatever happens; it waits three and shows a failure then."""
REMEMBERED = timedelta(minutes=15)
"""How long a signature is known: longer than it is accepted."""
_LATE = "Your answer is on its way, but takes longer than usual. What became of it is said beside the message."
_running: set[asyncio.Task[Any]] = set()


@router.post(
    "/slack",
    response_class=JSONResponse,
    responses=responses(
        *("bad_signature", "stale_signature", "replayed", "unreadable", "misconfigured", "too_large", "database_down")
    ),
)
async def slack(request: Request, parts: With) -> Response:
    """Take what somebody pressed or filled in in Slack. What became of it is said to them there."""
    raw, chat = await request.body(), parts.chat
    if chat is None:
        raise Problem("misconfigured", "No chat is configured; set SLACK_TOKEN and SLACK_SIGNING_SECRET.")
    heard = await _heard(parts, chat, request, raw)
    if isinstance(heard, Unmeant):
        return Response()
    if not await _first_time(parts, heard.delivery, raw):
        await _count(parts, "replayed")
        raise Problem("replayed")
    work = _start(Talk(parts, chat, heard).answer())
    if isinstance(heard, Click):
        await asyncio.wait({_start(_tell(chat, heard, work))}, timeout=IN_TIME)
        return Response()
    await asyncio.wait({work}, timeout=IN_TIME)
    return _over(chat, heard, work)


def _over(chat: Chat, heard: Filled, work: asyncio.Task[Said]) -> Response:
    """Return what becomes of the form: closed, kept open with what is wrong, or a word in its place."""
    if not work.done():
        _start(_tell(chat, heard, work))
        return JSONResponse(chat.form_over("Please wait", _LATE))
    said = work.result()
    if said.field:
        return JSONResponse(chat.field_wrong(said.field, said.text))
    if not said.done:
        return JSONResponse(chat.form_over(said.title, said.text))
    _start(_tell(chat, heard, work))
    return Response()


async def _heard(parts: Parts, chat: Chat, request: Request, raw: bytes) -> Heard | Unmeant:
    try:
        return chat.hear(dict(request.headers), raw, parts.now())
    except Forged as wrong:
        await _count(parts, "forged")
        raise Problem("bad_signature", str(wrong)) from wrong
    except Stale as late:
        await _count(parts, "stale")
        raise Problem("stale_signature", str(late)) from late
    except Unavailable as ours:
        raise Problem("misconfigured", str(ours)) from ours
    except Unreadable as broken:
        await _count(parts, "unreadable")
        raise Problem("unreadable", str(broken)) from broken


async def _first_time(parts: Parts, delivery: str, raw: bytes) -> bool:
    """Remember a signed request; return whether it was new. Every process of the doors asks the same table."""
    now = parts.now()
    seen = insert(Idempotency).values(
        key=hashlib.sha256(f"{ROUTE}|{delivery}".encode()).hexdigest(), route=ROUTE, person="", status=200, at=now,
        body_hash=hashlib.sha256(raw).hexdigest(),
    )  # fmt: skip
    async with parts.database.write() as session:
        past = (col(Idempotency.route) == ROUTE) & (col(Idempotency.at) < now - REMEMBERED)
        await session.execute(delete(Idempotency).where(past))
        kept = await session.execute(seen.on_conflict_do_nothing().returning(col(Idempotency.key)))
        return kept.first() is not None


async def _count(parts: Parts, what: Literal["forged", "stale", "unreadable", "replayed"]) -> None:
    async with parts.database.write() as session:
        await inbound.count(session, SLACK, what)


async def _tell(chat: Chat, heard: Heard, work: asyncio.Task[Said]) -> None:
    """Say beside the message what became of it, to whoever pressed."""
    said = await work
    if not said.text:
        return
    try:
        await chat.tell(heard.place, heard.who, said.text, said.buttons)
    except ConnectorFailure as failure:
        log.warning("somebody in chat could not be told what became of their answer: %s", type(failure).__name__)


def _start(work: Any) -> asyncio.Task[Any]:
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task
