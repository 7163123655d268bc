"""Carries stored events on to the deals: reads the record again in the CRM, then starts or revises the deal."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from activities.crm import store_lines
from api.gateway import NotRunning, Refused, Unreachable
from api.intake import Unclaimed
from api.parts import Parts
from api.refusals import journal_refusal
from connectors.contract import ConnectorFailure, EventKind, NotFound
from models.tables.deals import Deal
from models.tables.inbound import InboundEvent
from models.tables.people import Person

log = logging.getLogger(__name__)
IDLE = 0.5
LEASE = timedelta(seconds=60)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=5)

# One object's events go one after the other: an event is free only when no earlier one of its object is waiting.
_CLAIM = text("""
update inbound_event set lease_until = :until, lease_token = :token, tries = tries + 1
where id = (
  select e.id from inbound_event e
  where e.state = 'stored' and e.not_before <= :now and (e.lease_until is null or e.lease_until < :now)
    and not exists (
      select 1 from inbound_event b where b.source = e.source and b.object_id = e.object_id and b.state = 'stored'
        and (b.occurred_at, b.id) < (e.occurred_at, e.id))
  order by e.not_before, e.id limit 1 for update skip locked)
returning id
""")


@dataclass(frozen=True)
class Outcome:
    """What became of an event."""

    state: str
    reason: str | None = None
    deal: str | None = None


class Later(Exception):
    """Something we need is down; the event is tried again."""


async def run(parts: Parts) -> None:
    """Relay until cancelled. Whatever is down only delays."""
    while True:
        try:
            busy = await relay_one(parts)
        except (SQLAlchemyError, OSError):
            log.warning("the database does not answer; stored events wait", exc_info=True)
            busy = False
            await asyncio.sleep(2)
        if not busy:
            await asyncio.sleep(IDLE)


async def relay_one(parts: Parts) -> bool:
    """Work off one event; False when none is due."""
    event = await _claim(parts)
    if event is None:
        return False
    try:
        outcome = await _carry(parts, event)
    except Later as down:
        await _postpone(parts, event, str(down))
        return True
    except Exception as broken:  # a bug must not stop the events behind it
        log.exception("event %s could not be relayed", event.id)
        outcome = Outcome("failed", f"{type(broken).__name__}: {broken}"[:500])
    await _settle(parts, event, outcome)
    return True


async def _carry(parts: Parts, event: InboundEvent) -> Outcome:
    deal_id = f"deal/{event.source}/{event.object_id}"
    if event.kind in {EventKind.OTHER, EventKind.DELETED, EventKind.MERGED}:
        return await _note(parts, event, deal_id)
    if parts.crm is None:
        raise Later("no CRM is configured")
    try:
        record = await parts.crm.read_deal(event.object_id)
    except NotFound:
        return Outcome("ignored", "the CRM has no such deal any more", deal_id)
    except ConnectorFailure as down:
        raise Later(str(down)) from down
    async with parts.database.read() as session:
        running = await session.get(Deal, deal_id)
        people = await session.execute(select(col(Person.email), col(Person.id)))
        owners = {email.lower(): person for email, person in people}
    if running is not None and running.ended_at is not None:
        await journal_refusal(parts, deal_id, event.source, "revise", None, "ended", "The deal has ended")
        return Outcome("ignored", "the deal has ended", deal_id)
    try:
        begin = parts.intake.begin(parts.intake.from_crm(record, owners, f"{event.source}:{event.event_key}"))
        async with parts.database.write() as lines:
            await store_lines(lines, record)
        receipt = await parts.gateway.start(deal_id, begin.given, begin.first)
    except Unclaimed as nobody:
        return Outcome("failed", str(nobody), deal_id)
    except NotRunning:
        return Outcome("ignored", "the deal has ended", deal_id)
    except Refused as no:
        return Outcome("ignored", f"{no.code}: {no.message}", deal_id)
    except Unreachable as silent:
        raise Later(str(silent)) from silent
    return Outcome("relayed", receipt.message[:500] or None, deal_id)


async def _note(parts: Parts, event: InboundEvent, deal_id: str) -> Outcome:
    if event.kind == EventKind.OTHER:
        return Outcome("ignored", "not about a deal")
    async with parts.database.read() as session:
        known = await session.get(Deal, deal_id)
    if known is None:
        return Outcome("ignored", f"{event.kind} in the CRM, not known here")
    await journal_refusal(parts, deal_id, event.source, "event", None, event.kind, f"The CRM says: {event.kind}")
    return Outcome("ignored", f"{event.kind} in the CRM; the deal's owner decides", deal_id)


async def _claim(parts: Parts) -> InboundEvent | None:
    now = parts.now()
    given = {"now": now, "until": now + LEASE, "token": secrets.token_hex(8)}
    async with parts.database.write() as session:
        claimed = (await (await session.connection()).execute(_CLAIM, given)).scalar()
        return await session.get(InboundEvent, claimed) if claimed is not None else None


async def _settle(parts: Parts, event: InboundEvent, outcome: Outcome) -> None:
    await _write(parts, event, state=outcome.state, reason=outcome.reason, deal_id=outcome.deal)


async def _postpone(parts: Parts, event: InboundEvent, reason: str) -> None:
    wait = min(FIRST_WAIT * 2 ** min(event.tries - 1, 12), LONGEST_WAIT)
    not_before: datetime = parts.now() + wait
    await _write(parts, event, reason=reason[:500], not_before=not_before)


async def _write(parts: Parts, event: InboundEvent, **values: object) -> None:
    """Write the outcome if the event is still ours; a lease that ran out belongs to somebody else."""
    ours = (col(InboundEvent.id) == event.id, col(InboundEvent.lease_token) == event.lease_token)
    async with parts.database.write() as session:
        await session.execute(update(InboundEvent).where(*ours).values(lease_until=None, lease_token=None, **values))
