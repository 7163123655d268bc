"""Links sent by mail: what a token opens, for whom, and why it may no longer do so. Opening one changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select, update
from sqlmodel import col

from api import queries
from api.auth import Caller, hashed
from api.parts import Parts
from api.problems import Problem
from models.tables.deals import Deal
from models.tables.doors import DoorLink
from models.tables.people import Person
from models.tables.requests import Request

Standing = Literal["sign in", "foreign", "answered", "closed", "used", "expired", "open"]
STATUS: dict[Standing, int] = {"sign in": 401, "foreign": 403, "closed": 410, "used": 410, "expired": 410}


@dataclass(frozen=True)
class Link:
    """What a token stands for: one person's part in one request, in one round."""

    row: DoorLink
    request: Request | None
    deal: Deal | None
    person: Person | None
    newer: Request | None
    """The same step as it is asked now, in a later round."""


async def link_of(parts: Parts, token: str) -> Link:
    """Return what a token opens. Raises Problem for one that nobody was sent."""
    async with parts.database.read() as session:
        row = await session.get(DoorLink, hashed(token))
        if row is None:
            raise Problem("unknown_link", "This link was never sent, or is not complete.")
        later = (
            select(Request)
            .where(col(Request.deal_id) == row.deal_id, col(Request.state) == "open", col(Request.step) == row.step)
            .where(col(Request.round) > row.round)
        )
        return Link(
            row=row,
            request=await queries.request(session, row.request_id),
            deal=await queries.deal(session, row.deal_id),
            person=await session.get(Person, row.person),
            newer=(await session.scalars(later.limit(1))).first(),
        )


def standing(link: Link, me: Caller | None, now: datetime) -> Standing:
    """Return what the link is worth to whoever opened it. Nothing of the deal is told to anybody else."""
    if me is None:
        return "sign in"
    if me.id != link.row.person:
        return "foreign"
    if link.request is None or link.deal is None:
        return "closed"
    if link.request.state == "closed":
        return "answered" if link.request.answered_by else "closed"
    if link.row.used_at is not None:
        return "used"
    if link.row.expires_at is not None and link.row.expires_at <= now:
        return "expired"
    return "open"


async def spend(parts: Parts, link: Link) -> None:
    """Use the link up. The deal's workflow holds the answer already, so this may be repeated."""
    row = col(DoorLink.token_hash) == link.row.token_hash
    async with parts.database.write() as session:
        await session.execute(update(DoorLink).where(row, col(DoorLink.used_at).is_(None)).values(used_at=parts.now()))
