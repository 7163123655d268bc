"""What the doors read: the tables of the read side, page by page. Nothing here writes."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, func, select, tuple_
from sqlmodel import col

from connectors.database import ReadSession
from models.flow import FlowDef
from models.tables.deals import Deal
from models.tables.documents import Document
from models.tables.effects import EffectRow
from models.tables.flows import FlowVersion
from models.tables.inbound import InboundCounter, InboundEvent
from models.tables.journal import JournalRow
from models.tables.onboarding import Onboarding, OnboardingTask
from models.tables.people import Person
from models.tables.requests import Request

PAGE = 50


@dataclass(frozen=True)
class DealFilter:
    """Which deals: every part that is set must fit."""

    status: str | None = None
    stage: str | None = None
    owner: str | None = None
    flow: str | None = None
    waiting_on: str | None = None
    incidents: bool = False
    text: str | None = None


@dataclass(frozen=True)
class Asked:
    """A request with what its list shows of the deal."""

    request: Request
    deal: Deal


@dataclass(frozen=True)
class Answered:
    """A request somebody answered: when, and what they said where somebody else had the last word."""

    request: Request
    deal: Deal
    at: datetime
    verdict: str


async def deal(session: ReadSession, deal_id: str) -> Deal | None:
    """Return one deal."""
    return await session.get(Deal, deal_id)


async def deals(session: ReadSession, want: DealFilter, after: str | None, limit: int) -> tuple[list[Deal], str | None]:
    """Return a page of deals, newest change first, and the cursor of the next. Raises ValueError for a bad cursor."""
    query = select(Deal).where(*_wanted(want)).order_by(col(Deal.changed_at).desc(), col(Deal.id).desc())
    if after:
        at, deal_id = read_cursor(after)
        query = query.where(tuple_(col(Deal.changed_at), col(Deal.id)) < (datetime.fromisoformat(at), deal_id))
    rows = list(await session.scalars(query.limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, cursor(rows[-1].changed_at.isoformat(), rows[-1].id) if more else None


async def deal_counts(session: ReadSession) -> dict[str, int]:
    """Return how many deals there are by status."""
    rows = await session.execute(select(col(Deal.status), func.count()).group_by(col(Deal.status)))
    return {str(status): int(count) for status, count in rows}


def _wanted(want: DealFilter) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    for column, value in (
        (Deal.status, want.status),
        (Deal.stage, want.stage),
        (Deal.owner, want.owner),
        (Deal.flow, want.flow),
    ):
        if value:
            rules.append(col(column) == value)
    if want.waiting_on:
        rules.append(col(Deal.waiting_on).contains([want.waiting_on]))
    if want.incidents:
        rules.append(col(Deal.incidents) > 0)
    if want.text:
        pattern = "%" + want.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rules.append(col(Deal.account).ilike(pattern) | col(Deal.title).ilike(pattern))
    return rules


async def inbox(session: ReadSession, whose: ColumnElement[bool], order: str = "weight") -> list[Asked]:
    """Return open requests with their deals: weightiest, earliest due or most valuable first."""
    amount = func.coalesce(col(Deal.amount), 0)
    orders: dict[str, Any] = {
        "weight": (amount * func.extract("epoch", func.now() - col(Request.opened_at))).desc(),
        "due": col(Request.due_at).asc().nulls_last(),
        "value": amount.desc(),
    }
    query = (
        select(Request, Deal)
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(col(Request.state) == "open", whose)
        .order_by(orders[order], col(Request.id))
        .limit(200)
    )
    return [Asked(request, deal) for request, deal in await session.execute(query)]


def mine(person: str) -> ColumnElement[bool]:
    """Requests that wait for this person."""
    return col(Request.people).contains([person])


def my_teams(person: str, colleagues: Iterable[str]) -> ColumnElement[bool]:
    """Requests that wait for somebody who shares a role with this person, not for the person."""
    theirs = col(Request.people).op("&&", is_comparison=True, return_type=Boolean())(list(colleagues))
    return theirs & ~mine(person)


async def waiting_for(session: ReadSession, person: str) -> int:
    """Return how many open requests wait for this person."""
    query = select(func.count()).select_from(Request).where(col(Request.state) == "open", mine(person))
    return (await session.scalars(query)).one()


async def decided(session: ReadSession, person: str) -> list[Answered]:
    """Return the last requests this person answered, newest first: those they closed, and those others go on with."""
    closed = (
        select(Request, Deal)
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(col(Request.state) == "closed", col(Request.answered_by) == person)
        .order_by(col(Request.closed_at).desc())
        .limit(PAGE)
    )
    found: dict[str, Answered] = {}
    for request, deal in await session.execute(closed):
        found[request.id] = Answered(request, deal, request.closed_at or request.opened_at, "")
    body: Any = col(JournalRow.body)
    given = (
        select(
            col(JournalRow.deal_id), col(JournalRow.step), col(JournalRow.round), col(JournalRow.at),
            body["verdict"].astext.label("verdict"),
        )
        .where(col(JournalRow.who) == person, col(JournalRow.kind) == "decided")
        .order_by(col(JournalRow.at).desc())
        .limit(PAGE)
        .subquery()
    )  # fmt: skip
    theirs = (
        select(Request, Deal, given.c.at, given.c.verdict)
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .join(
            given,
            (given.c.deal_id == col(Request.deal_id))
            & (given.c.step == col(Request.step))
            & (given.c.round == col(Request.round)),
        )
        .order_by(given.c.at.desc())
    )
    answers: Any = await session.execute(theirs)
    for request, deal, at, verdict in answers:
        if person not in request.people or request.state == "closed":  # else they are asked again
            found.setdefault(request.id, Answered(request, deal, at, verdict or ""))
    return sorted(found.values(), key=lambda each: each.at, reverse=True)[:PAGE]


async def request(session: ReadSession, request_id: str) -> Request | None:
    """Return one request."""
    return await session.get(Request, request_id)


async def requests_of(session: ReadSession, deal_id: str, *, open_only: bool = True) -> list[Request]:
    """Return the requests of a deal, oldest first."""
    query = select(Request).where(col(Request.deal_id) == deal_id).order_by(col(Request.opened_at))
    if open_only:
        query = query.where(col(Request.state) == "open")
    return list(await session.scalars(query))


async def incidents(session: ReadSession) -> list[Asked]:
    """Return everything that is stuck, oldest first."""
    return await inbox(session, col(Request.kind) == "incident", "due")


async def journal(
    session: ReadSession, deal_id: str, after: int | None = None, limit: int = PAGE, *, newest_first: bool = False
) -> list[JournalRow]:
    """Return a stretch of a deal's journal; `after` is the last position already seen."""
    order = col(JournalRow.position).desc() if newest_first else col(JournalRow.position)
    query = select(JournalRow).where(col(JournalRow.deal_id) == deal_id).order_by(order).limit(limit)
    if after is not None:
        seen = col(JournalRow.position) < after if newest_first else col(JournalRow.position) > after
        query = query.where(seen)
    return list(await session.scalars(query))


async def documents(session: ReadSession, deal_id: str) -> list[Document]:
    """Return the documents of a deal, newest first."""
    query = select(Document).where(col(Document.deal_id) == deal_id).order_by(col(Document.at).desc())
    return list(await session.scalars(query))


async def effects(session: ReadSession, deal_id: str) -> list[EffectRow]:
    """Return what was done for a deal in other systems, newest first."""
    query = select(EffectRow).where(col(EffectRow.deal_id) == deal_id).order_by(col(EffectRow.intended_at).desc())
    return list(await session.scalars(query))


async def flows(session: ReadSession) -> list[FlowVersion]:
    """Return every definition ever used, newest version first."""
    query = select(FlowVersion).order_by(col(FlowVersion.name), col(FlowVersion.version).desc())
    return list(await session.scalars(query))


async def definition(session: ReadSession, digest: str) -> FlowDef:
    """Return what deals of this digest live by. Raises LookupError; a deal and its definition are written together."""
    row = await session.get(FlowVersion, digest)
    if row is None:
        raise LookupError(f"the definition {digest[:12]} that the deal lives by is not in the database")
    return FlowDef.model_validate(row.definition)


async def flow(session: ReadSession, digest: str) -> FlowVersion | None:
    """Return one definition."""
    return await session.get(FlowVersion, digest)


async def sent_back(session: ReadSession, deal_id: str) -> list[JournalRow]:
    """Return each time a deal was sent back, oldest first."""
    mine = (col(JournalRow.deal_id) == deal_id) & (col(JournalRow.kind) == "rework")
    return list(await session.scalars(select(JournalRow).where(mine).order_by(col(JournalRow.position)).limit(100)))


async def running_by_digest(session: ReadSession) -> dict[str, int]:
    """Return how many running deals follow each definition."""
    query = select(col(Deal.flow_digest), func.count()).where(col(Deal.status).in_(("running", "hold")))
    rows = await session.execute(query.group_by(col(Deal.flow_digest)))
    return {str(digest): int(count) for digest, count in rows}


async def onboardings(session: ReadSession) -> list[tuple[Onboarding, Deal | None]]:
    """Return all onboardings, the least float first."""
    query = (
        select(Onboarding, Deal)
        .join(Deal, col(Deal.id) == col(Onboarding.deal_id), isouter=True)
        .order_by(col(Onboarding.state).desc(), col(Onboarding.forecast_go_live) - col(Onboarding.promised_go_live))
        .limit(500)
    )
    return [(onboarding, deal) for onboarding, deal in await session.execute(query)]


async def onboarding(session: ReadSession, onboarding_id: str) -> Onboarding | None:
    """Return one onboarding."""
    return await session.get(Onboarding, onboarding_id)


async def tasks(session: ReadSession, onboarding_ids: Sequence[str]) -> list[OnboardingTask]:
    """Return the tasks of these onboardings in the order of their dates."""
    query = select(OnboardingTask).where(col(OnboardingTask.onboarding_id).in_(onboarding_ids))
    query = query.order_by(
        col(OnboardingTask.start).asc().nulls_last(), col(OnboardingTask.due), col(OnboardingTask.task)
    )
    return list(await session.scalars(query))


async def inbound(session: ReadSession, state: str | None) -> tuple[list[InboundEvent], list[InboundCounter]]:
    """Return the newest events, and what was turned away at the door."""
    query = select(InboundEvent).order_by(col(InboundEvent.received_at).desc(), col(InboundEvent.id).desc())
    if state:
        query = query.where(col(InboundEvent.state) == state)
    events = list(await session.scalars(query.limit(100)))
    return events, list(await session.scalars(select(InboundCounter)))


async def people(session: ReadSession) -> dict[str, Person]:
    """Return everybody by id."""
    return {p.id: p for p in await session.scalars(select(Person).order_by(col(Person.name)))}


def cursor(*parts: str) -> str:
    """Return an opaque text that names a place in a list."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


def read_cursor(text: str) -> tuple[str, str]:
    """Return the two parts of a cursor. Raises ValueError for anything else."""
    try:
        first, second = json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
        datetime.fromisoformat(first)
    except (ValueError, TypeError, binascii.Error, RecursionError) as wrong:
        raise ValueError("the cursor is not one of ours") from wrong
    if not isinstance(second, str) or "\x00" in second or datetime.fromisoformat(first).tzinfo is None:
        raise ValueError("the cursor is not one of ours")
    return first, second
