"""The door for other systems' events: verify the raw bytes, store, acknowledge. Temporal is not asked here."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from activities import inbound
from activities.inbound import Kept
from api.parts import With
from api.problems import Problem, responses
from connectors.contract import Forged, Stale, Unavailable, Unreadable

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
        async with parts.database.write() as session:
            await inbound.count(session, HUBSPOT, "forged")
        raise Problem("bad_signature", str(wrong)) from wrong
    except Stale as late:
        async with parts.database.write() as session:
            await inbound.count(session, HUBSPOT, "stale")
        raise Problem("stale_signature", str(late)) from late
    except Unavailable as ours:
        raise Problem("misconfigured", str(ours)) from ours
    except Unreadable as broken:
        key = "unreadable:" + hashlib.sha256(raw).hexdigest()
        async with parts.database.write() as session:
            await inbound.reject(session, HUBSPOT, key, occurred_at=now, raw=raw, reason=str(broken)[:500])
            await inbound.count(session, HUBSPOT, "unreadable")
        return Stored(stored=0, known=0)
    async with parts.database.write() as session:
        kept = [
            await inbound.store(
                session,
                HUBSPOT,
                event.event_key,
                kind=event.kind.value,
                object_id=event.object_id,
                occurred_at=event.occurred_at,
                raw=raw,
            )
            for event in events
        ]
    return Stored(stored=kept.count(Kept.STORED), known=kept.count(Kept.DUPLICATE))
