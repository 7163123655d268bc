"""What an approver compares with: similar past deals, how long answers take, what was said, the quote's lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import ValidationError
from sqlalchemy import Float, func, select
from sqlmodel import col

from connectors.database import ReadSession
from models.quote import Quote
from models.tables.content import Content
from models.tables.deals import Deal
from models.tables.documents import Document
from models.tables.journal import JournalRow
from models.tables.requests import Request

YEAR = timedelta(days=365)
LIKE = (Decimal("0.6"), Decimal("1.6"))
"""How much smaller or larger a similar deal may be."""
SHOWN = 3
TALK = (
    *("comment", "information asked", "information given", "reassigned", "approver added", "nudged"),
    *("override proposed", "overridden", "undone answer", "people", "taken over", "decided"),
)
ANSWERED = ("approved", "rejected", "changes asked", "ask changes", "approve", "reject", "accepted")


@dataclass(frozen=True)
class Past:
    """One similar deal, and how the same question was answered there."""

    deal: Deal
    outcome: str
    opened_at: datetime
    closed_at: datetime | None
    margin_then: str


@dataclass(frozen=True)
class Similar:
    """How often the same was asked of similar deals, how often it was approved, and the nearest of them."""

    asked: int = 0
    approved: int = 0
    nearest: tuple[Past, ...] = ()


@dataclass(frozen=True)
class Usual:
    """How long a step's answers take: half of them, and four of five, in hours."""

    hours: float
    slow: float
    answers: int


async def similar(session: ReadSession, asked: Request, deal: Deal, now: datetime) -> Similar:
    """Return how the same step was answered for deals of about this amount in the last year."""
    if deal.amount is None or deal.amount <= 0:
        return Similar()
    low, high = LIKE
    mine = (
        (col(Request.step) == asked.step)
        & (col(Request.state) == "closed")
        & (col(Request.closed_at) > now - YEAR)
        & col(Request.answered_by).is_not(None)
        & (col(Request.deal_id) != asked.deal_id)
        & (col(Deal.flow) == deal.flow)
        & (col(Deal.currency) == deal.currency)
        & col(Deal.amount).between(deal.amount * low, deal.amount * high)
    )
    counted = (
        select(col(Request.id), func.count().over(), func.count().filter(col(Request.outcome) == "approved").over())
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(mine)
        .order_by(func.abs(col(Deal.amount) - deal.amount), col(Request.id))
        .limit(SHOWN)
    )
    found = (await session.execute(counted)).all()
    if not found:
        return Similar()
    names = [row[0] for row in found]
    nearest = select(Request, Deal).join(Deal, col(Deal.id) == col(Request.deal_id)).where(col(Request.id).in_(names))
    past = {each.id: _past(each, its) for each, its in (await session.execute(nearest)).all()}
    return Similar(found[0][1], found[0][2], tuple(past[name] for name in names if name in past))


def _past(request: Request, deal: Deal) -> Past:
    facts = request.body.get("facts") if isinstance(request.body.get("facts"), list) else []
    then = next(
        (str(f.get("value", "")) for f in facts or [] if isinstance(f, dict) and f.get("label") == "margin"), ""
    )
    return Past(deal, request.outcome or "closed", request.opened_at, request.closed_at, then)


async def usual(session: ReadSession, flow: str, now: datetime) -> dict[str, Usual]:
    """Return, by step, how long people took to answer in deals of this flow in the last year."""
    hours = func.extract("epoch", col(Request.closed_at) - col(Request.opened_at)).cast(Float) / 3600
    wanted = (
        select(
            col(Request.step),
            func.percentile_cont(0.5).within_group(hours),
            func.percentile_cont(0.8).within_group(hours),
            func.count(),
        )
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(col(Deal.flow) == flow, col(Request.state) == "closed", col(Request.closed_at) > now - YEAR)
        .where(col(Request.answered_by).is_not(None))
        .group_by(col(Request.step))
    )
    return {row[0]: Usual(float(row[1]), float(row[2]), int(row[3])) for row in (await session.execute(wanted)).all()}


async def said(session: ReadSession, asked: Request) -> list[JournalRow]:
    """Return what people said and did around a request, the newest first, over all its rounds."""
    here = (col(JournalRow.deal_id) == asked.deal_id) & (col(JournalRow.step) == asked.step)
    wanted = select(JournalRow).where(here, col(JournalRow.kind).in_(TALK))
    return list(await session.scalars(wanted.order_by(col(JournalRow.position).desc()).limit(40)))


async def entry(session: ReadSession, deal_id: str, seq: int) -> JournalRow | None:
    """Return one entry of a deal's journal by its number."""
    wanted = select(JournalRow).where(col(JournalRow.deal_id) == deal_id, col(JournalRow.seq) == seq)
    return (await session.scalars(wanted)).first()


async def attached(session: ReadSession, deal_id: str, sha256: str) -> Mapping[str, str] | None:
    """Return what a comment on this deal says of a file, None if none attached it."""
    wanted = select(col(JournalRow.body)).where(
        col(JournalRow.deal_id) == deal_id,
        col(JournalRow.kind) == "comment",
        col(JournalRow.body).contains({"attachments": [{"sha256": sha256}]}),
    )
    body = (await session.scalars(wanted.limit(1))).first()
    files: list[dict[str, str]] = body.get("attachments", []) if body else []
    return next((each for each in files if each.get("sha256") == sha256), None)


async def quote_of(session: ReadSession, deal: Deal) -> Quote | None:
    """Return the quote a deal stands on, None where it has none that can be read."""
    fact = deal.facts.get("quote")
    sha256 = fact.get("sha256") if isinstance(fact, dict) else None
    content = await session.get(Content, sha256) if isinstance(sha256, str) else None
    try:
        return Quote.model_validate_json(content.bytes) if content else None
    except ValidationError:
        return None


async def papers(session: ReadSession, deal_id: str, hashes: set[str]) -> dict[str, tuple[Document, str]]:
    """Return documents of a deal with their text as HTML, by the hash of what is signed."""
    wanted = (
        select(Document, col(Content.bytes))
        .join(Content, col(Content.sha256) == col(Document.sha256_html))
        .where(col(Document.deal_id) == deal_id, col(Document.sha256_pdf).in_(hashes))
    )
    rows = (await session.execute(wanted)).all()
    return {document.sha256_pdf: (document, data.decode(errors="replace")) for document, data in rows}
