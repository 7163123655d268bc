"""Carries stored events on to the deals: reads the record again in the CRM, then starts or revises the deal."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from activities import inbound
from activities.crm import store_lines
from activities.inbound import Claimed
from api import queries
from api.gateway import NotRunning, Refused, Unreachable
from api.intake import Unclaimed
from api.parts import Parts
from api.refusals import journal_refusal
from connectors.contract import ConnectorFailure, EventKind, NotFound
from models.tables.deals import Deal
from models.tables.people import Person

log = logging.getLogger(__name__)
IDLE = 0.3
AT_ONCE = 8
LEASE = timedelta(seconds=60)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=5)


@dataclass(frozen=True)
class Outcome:
    """What became of an event."""

    state: Literal["relayed", "ignored", "failed"]
    reason: str | None = None
    deal: str | None = None


class Later(Exception):
    """Something we need is down; the event is tried again."""


async def run(parts: Parts) -> None:
    """Relay until cancelled. Whatever is down only delays."""
    while True:
        try:
            busy = await relay_due(parts)
        except (SQLAlchemyError, OSError):
            log.warning("the database does not answer; stored events wait", exc_info=True)
            busy = False
            await asyncio.sleep(2)
        if not busy:
            await asyncio.sleep(IDLE)


async def relay_due(parts: Parts) -> int:
    """Work off the events whose turn it is, at most one of each object; return how many there were."""
    async with parts.database.write() as session:
        events = await inbound.claim(session, most=AT_ONCE, lease=LEASE)
    await asyncio.gather(*(_relay(parts, event) for event in events))
    return len(events)


async def _relay(parts: Parts, event: Claimed) -> None:
    try:
        outcome = await _carry(parts, event)
    except Later as down:
        pause = min(FIRST_WAIT * 2 ** min(event.tries - 1, 12), LONGEST_WAIT)
        async with parts.database.write() as session:
            await inbound.try_again(session, event, str(down)[:500], pause)
        return
    except Exception as broken:  # a bug must not stop the events behind it
        log.exception("event %s could not be relayed", event.id)
        outcome = Outcome("failed", f"{type(broken).__name__}: {broken}"[:500])
    async with parts.database.write() as session:
        await inbound.finish(session, event, outcome.state, reason=outcome.reason, deal_id=outcome.deal)


async def _carry(parts: Parts, event: Claimed) -> Outcome:
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
        own = None if running is None or running.ended_at else await queries.definition(session, running.flow_digest)
        people = await session.execute(select(col(Person.email), col(Person.id)))
        owners = {email.lower(): person for email, person in people}
    if running is not None and running.ended_at is not None:
        await journal_refusal(parts, deal_id, event.source, "revise", None, "ended", "The deal has ended")
        return Outcome("ignored", "the deal has ended", deal_id)
    try:
        # A later change of facts never changes the flow (semantics 11): the deal lives by what it was given.
        begin = parts.intake.begin(parts.intake.from_crm(record, owners, f"{event.source}:{event.event_key}", own))
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


async def _note(parts: Parts, event: Claimed, deal_id: str) -> Outcome:
    if event.kind == EventKind.OTHER:
        return Outcome("ignored", "not about a deal")
    async with parts.database.read() as session:
        known = await session.get(Deal, deal_id)
    if known is None:
        return Outcome("ignored", f"{event.kind} in the CRM, not known here")
    await journal_refusal(parts, deal_id, event.source, "event", None, event.kind, f"The CRM says: {event.kind}")
    return Outcome("ignored", f"{event.kind} in the CRM; the deal's owner decides", deal_id)
