"""The door for other systems' events: verify the raw bytes, store, acknowledge. Temporal is not asked here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from starlette.requests import Request

from api.parts import Parts, With
from api.problems import Problem, responses
from connectors.contract import Forged, InboundEvent, Stale, Unavailable, Unreadable
from models.tables import inbound as tables

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
HUBSPOT = "hubspot"


class Stored(BaseModel):
    """How many events were new, and how many had been delivered before."""

    stored: int
    known: int


@router.post(
    "/hubspot", responses=responses("bad_signature", "stale_signature", "misconfigured", "too_large", "database_down")
)
async def hubspot(request: Request, parts: With) -> Stored:
    """Take a delivery of HubSpot. Repeating it changes nothing; what cannot be read is kept as rejected."""
    raw = await request.body()
    if parts.crm is None:
        raise Problem("misconfigured", "No CRM is configured; set HUBSPOT_TOKEN and HUBSPOT_CLIENT_SECRET.")
    now = parts.now()
    # The vendor signed the address it called, which behind a proxy is not the one that arrived here.
    address = parts.settings.public_url + request.url.path + (f"?{request.url.query}" if request.url.query else "")
    try:
        events = parts.crm.verify(request.method, address, dict(request.headers), raw, now)
    except Forged as wrong:
        await _count(parts, "forged")
        raise Problem("bad_signature", str(wrong)) from wrong
    except Stale as late:
        await _count(parts, "stale")
        raise Problem("stale_signature", str(late)) from late
    except Unavailable as ours:
        raise Problem("misconfigured", str(ours)) from ours
    except Unreadable as broken:
        await _reject(parts, raw, str(broken), now)
        return Stored(stored=0, known=0)
    stored = await _store(parts, events, raw, now)
    return Stored(stored=stored, known=len(events) - stored)


async def _store(parts: Parts, events: Sequence[InboundEvent], raw: bytes, now: datetime) -> int:
    rows: list[dict[str, Any]] = [
        {
            "source": HUBSPOT,
            "event_key": event.event_key,
            "kind": event.kind.value,
            "object_id": event.object_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "raw": raw,
            "not_before": now,
        }
        for event in {event.event_key: event for event in events}.values()
    ]
    return await _insert(parts, rows) if rows else 0


async def _reject(parts: Parts, raw: bytes, reason: str, now: datetime) -> None:
    row: dict[str, Any] = {
        "source": HUBSPOT,
        "event_key": "unreadable:" + hashlib.sha256(raw).hexdigest(),
        "kind": "unreadable",
        "object_id": "",
        "occurred_at": now,
        "received_at": now,
        "raw": raw,
        "state": "rejected",
        "reason": reason[:500],
        "not_before": now,
    }
    await _insert(parts, [row])
    await _count(parts, "unreadable")


async def _insert(parts: Parts, rows: list[dict[str, Any]]) -> int:
    new = insert(tables.InboundEvent).on_conflict_do_nothing(index_elements=["source", "event_key"])
    async with parts.database.write() as session:
        connection = await session.connection()
        stored = await connection.execute(new.values(rows).returning(col(tables.InboundEvent.id)))
        return len(stored.all())


async def _count(parts: Parts, what: str) -> None:
    one_more = insert(tables.InboundCounter).values(source=HUBSPOT, what=what, count=1)
    async with parts.database.write() as session:
        connection = await session.connection()
        await connection.execute(
            one_more.on_conflict_do_update(
                index_elements=["source", "what"], set_={"count": col(tables.InboundCounter.count) + 1}
            )
        )
