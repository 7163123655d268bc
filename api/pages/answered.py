"""What the reader answered a moment ago, as the next page tells it: what was said, and until when it can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from api import queries
from api.pages.addresses import request_path
from connectors.database import ReadSession
from models.approval import UNDO_WINDOW
from models.tables.journal import JournalRow
from models.tables.requests import Request

_SAID = ("decided", "undone answer")


@dataclass(frozen=True)
class Answered:
    """One's own last answer to a request."""

    path: str
    account: str
    title: str
    outcome: str
    at: datetime
    undo_until: datetime | None


async def just_answered(session: ReadSession, request_id: str | None, person: str, now: datetime) -> Answered | None:
    """Return what this person answered to a request; None if they did not, or took it back."""
    asked = await queries.request(session, request_id) if request_id else None
    deal = await queries.deal(session, asked.deal_id) if asked else None
    if asked is None or deal is None:
        return None
    at, outcome = await _said(session, asked, person)
    if at is None:
        return None
    until = at + UNDO_WINDOW if asked.kind == "approval" else None
    return Answered(
        path=request_path(asked.id),
        account=deal.account or deal.title,
        title=asked.title,
        outcome=outcome,
        at=at,
        undo_until=until if until and until > now else None,
    )


async def _said(session: ReadSession, asked: Request, person: str) -> tuple[datetime | None, str]:
    """Return when and what; the journal knows it of everybody, the request's row of whoever closed it."""
    mine = (col(JournalRow.deal_id) == asked.deal_id) & (col(JournalRow.who) == person)
    here = (col(JournalRow.step) == asked.step) & col(JournalRow.kind).in_(_SAID)
    query = select(JournalRow).where(mine, here).order_by(col(JournalRow.position).desc()).limit(1)
    last = (await session.scalars(query)).first()
    if last is not None and last.round in (asked.round, None):
        given = str(last.body.get("verdict", "")) or asked.outcome or ""
        return (last.at, given) if last.kind == "decided" else (None, "")
    return (asked.closed_at, asked.outcome or "") if asked.answered_by == person else (None, "")
