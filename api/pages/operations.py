"""The pages of whoever keeps it running: incidents, inbound events and sandboxes."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response

from api import queries
from api.bodies import read_body
from api.pages.addresses import deal_path, request_path
from api.pages.frame import show
from api.pages.requests import names
from api.parts import With
from models.tables.health import ConnectorHealth

router = APIRouter()
State = Literal["stored", "relayed", "ignored", "failed", "rejected"]
SHOWN = 600


@router.get("/incidents")
async def incidents(request: Request, parts: With) -> Response:
    """Show what is stuck and the acts that free it."""
    async with parts.database.read() as session:
        rows = await queries.incidents(session)
        people = names(await queries.people(session))
        health = list(await session.scalars(select(ConnectorHealth).order_by(col(ConnectorHealth.connector))))
    shown = [
        (each, read_body(each.request.body), request_path(each.request.id), deal_path(each.deal.id)) for each in rows
    ]
    return await show(request, "incidents.html", {"rows": shown, "names": people, "health": health})


@router.get("/inbound")
async def inbound(request: Request, parts: With, state: State | None = None) -> Response:
    """Show what other systems sent, the rejected with the reason, and what was turned away."""
    async with parts.database.read() as session:
        events, counters = await queries.inbound(session, state)
    shown = [(event, event.raw[:SHOWN].decode("utf-8", "replace"), len(event.raw) > SHOWN) for event in events]
    context = {
        "rows": shown,
        "counters": {(c.source, c.what): c.count for c in counters},
        "state": state,
        "deal_path": deal_path,
    }
    return await show(request, "inbound.html", context)


@router.get("/sandboxes")
async def sandboxes(request: Request, parts: With) -> Response:
    """Link to the pages of the sandbox vendors, each listing everything that arrived there."""
    return await show(request, "sandboxes.html", {"sandboxes": sorted(parts.sandboxes.items())})
