"""Carries changes of people to the deals they affect: one update per change and deal, repeated until it arrived."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from api.gateway import NotRunning, Refused, Unreachable
from api.parts import Parts
from api.people_changes import affected
from models.acts import PeopleChanged
from models.tables.people import PeopleChange

log = logging.getLogger(__name__)
BY = "throughline"
IDLE = 0.5
AT_ONCE = 16
LEASE = timedelta(minutes=2)
SETTLED = timedelta(seconds=5)
"""When a change is looked at again: whoever was recorded meanwhile may have been found in the people of before."""
LOOKS = 2
LATER, LATEST = timedelta(seconds=5), timedelta(minutes=5)


@dataclass
class Told:
    """Which deals have heard of a change, how many could not be reached, and why."""

    deals: list[str] = field(default_factory=list)
    silent: int = 0
    error: str | None = None


async def run(parts: Parts) -> None:
    """Sweep until cancelled. Whatever is down only delays."""
    while True:
        try:
            busy = await sweep_due(parts)
        except (SQLAlchemyError, OSError):
            log.warning("the database does not answer; changes of people wait", exc_info=True)
            busy = 0
            await asyncio.sleep(2)
        if not busy:
            await asyncio.sleep(IDLE)


async def sweep_due(parts: Parts) -> int:
    """Carry the changes that are due, in order; return how many there were."""
    changes = await _claim(parts)
    for change in changes:
        try:
            await _carry(parts, change)
        except Exception:  # a bug must not stop the changes behind it; the lease brings this one back
            log.exception("the change %s of people could not be carried on", change.id)
    return len(changes)


async def _claim(parts: Parts) -> list[PeopleChange]:
    """Take the changes whose turn it is; another process leaves them alone while the lease lasts."""
    now = parts.now()
    due = (
        select(col(PeopleChange.id))
        .where(col(PeopleChange.done_at).is_(None), col(PeopleChange.not_before) <= now)
        .order_by(col(PeopleChange.due_at), col(PeopleChange.id))
        .limit(8)
        .with_for_update(skip_locked=True)
    )
    async with parts.database.write() as session:
        names = list((await session.execute(due)).scalars())
        if not names:
            return []
        mine = col(PeopleChange.id).in_(names)
        await session.execute(update(PeopleChange).where(mine).values(not_before=now + LEASE))
        rows = select(PeopleChange).where(mine).order_by(col(PeopleChange.due_at), col(PeopleChange.id))
        return list((await session.execute(rows)).scalars())


async def _carry(parts: Parts, change: PeopleChange) -> None:
    async with parts.database.read() as session:
        deals = await affected(session, change.people, change.keys)
    known = set(change.told)
    told = await _tell(parts, change, [deal for deal in deals if deal not in known])
    now, looks = parts.now(), change.looks + (told.error is None)
    done = told.error is None and looks >= LOOKS
    wait = SETTLED if told.error is None else min(max(LATER, (now - change.due_at) / 10), LATEST)
    row = update(PeopleChange).where(col(PeopleChange.id) == change.id)
    values = {
        "told": func.array_cat(col(PeopleChange.told), told.deals), "looks": looks, "error": told.error,
        "done_at": now if done else None, "not_before": now + wait,
    }  # fmt: skip
    async with parts.database.write() as session:
        await session.execute(row.values(values))


async def _tell(parts: Parts, change: PeopleChange, deals: list[str]) -> Told:
    """Hand the change to each deal. When nobody answers any more it stops: the rest would wait as long, one by one."""
    told, left = Told(), iter(deals)

    async def go_on() -> None:
        for deal in left:
            if told.silent >= AT_ONCE:
                return
            act = PeopleChanged(key=f"people:{change.id}", by=BY, reason=change.reason)
            try:
                await parts.gateway.act(deal, act)
            except (NotRunning, Refused) as over:  # ended meanwhile, or heard of it already
                log.info("%s needs no change of people: %s", deal, over)
            except Unreachable as silent:
                told.silent, told.error = told.silent + 1, f"{deal}: {silent}"[:500]
                continue
            told.deals.append(deal)

    await asyncio.gather(*(go_on() for _ in range(min(AT_ONCE, len(deals)))))
    return told
