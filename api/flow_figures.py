"""What the read side knows of a flow's steps: who waits where, how long each takes, which versions deals run on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from connectors.database import ReadSession
from models.flow import StepId
from models.tables.deals import Deal
from models.tables.journal import JournalRow
from models.tables.requests import Request

RECENT = 500
"""How many of a flow's deals, newest change first, a median is taken from."""
ENOUGH = 5
"""How often a step must have been done before its median says anything."""
LIVE = ("running", "hold")
ANSWERED = ("approval", "task", "handoff", "signature", "wait")


class Waiting(NamedTuple):
    """The deals at one step now."""

    deals: int = 0
    late: int = 0
    stuck: int = 0


class Took(NamedTuple):
    """How long a step took: half of the times are shorter."""

    times: int
    median: timedelta


class Using(NamedTuple):
    """How many deals were given a definition."""

    running: int
    all: int


async def stages(session: ReadSession) -> dict[str, dict[str, int]]:
    """Return how many running deals are in each stage, by flow."""
    query = select(col(Deal.flow), col(Deal.stage), func.count()).where(col(Deal.status).in_(LIVE))
    found: dict[str, dict[str, int]] = {}
    for flow, stage, count in await session.execute(query.group_by(col(Deal.flow), col(Deal.stage))):
        found.setdefault(str(flow), {})[str(stage)] = int(count)
    return found


async def waiting(session: ReadSession, flow: str, now: datetime) -> dict[StepId, Waiting]:
    """Return where the running deals of a flow wait, by step."""
    step = _step(col(Request.step))
    stuck = col(Request.kind) == "incident"
    deals = func.count(func.distinct(case((~stuck, col(Request.deal_id)))))
    late = func.count(func.distinct(case((~stuck & (col(Request.due_at) < now), col(Request.deal_id)))))
    failed = func.count(func.distinct(case((stuck, col(Request.deal_id)))))
    query = (
        select(step, deals, late, failed)
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(col(Request.state) == "open", col(Deal.flow) == flow, col(Deal.status).in_(LIVE))
        .group_by(step)
    )
    return {str(at): Waiting(int(a), int(b), int(c)) for at, a, b, c in await session.execute(query)}


async def took(session: ReadSession, flow: str) -> dict[StepId, Took]:
    """Return how long each step of a flow took, from its most recent deals; steps done too seldom are left out."""
    machine = await _medians(session, _runs(flow))
    people = await _medians(session, _answers(flow))
    return {**machine, **people}


async def using(session: ReadSession, flow: str) -> dict[str, Using]:
    """Return how many deals run on each definition of a flow, and how many ever did."""
    live = func.count(case((col(Deal.status).in_(LIVE), 1)))
    query = select(col(Deal.flow_digest), live, func.count()).where(col(Deal.flow) == flow)
    rows = await session.execute(query.group_by(col(Deal.flow_digest)))
    return {str(digest): Using(int(running), int(every)) for digest, running, every in rows}


def slowest(times: Mapping[StepId, Took]) -> StepId | None:
    """Return the step that takes longest."""
    return max(times, key=lambda step: times[step].median, default=None)


def _answers(flow: str) -> Select[Any, Any]:
    step = _step(col(Request.step)).label("step")
    length = func.extract("epoch", col(Request.closed_at) - col(Request.opened_at)).label("seconds")
    return select(step, length).where(
        col(Request.deal_id).in_(_recent(flow)),
        col(Request.state) == "closed",
        col(Request.kind).in_(ANSWERED),
        col(Request.answered_by).is_not(None),
    )


def _runs(flow: str) -> Select[Any, Any]:
    """Select how long actions ran: from the start of a revision of an effect to its result."""
    entry = aliased(JournalRow)
    revision = col(entry.body)["effect_revision"].astext
    began = func.min(case((col(entry.kind) == "started", col(entry.at))))
    done = func.max(case((col(entry.kind) == "done", col(entry.at))))
    step = _step(func.min(entry.step)).label("step")
    return (
        select(step, func.extract("epoch", done - began).label("seconds"))
        .where(col(entry.deal_id).in_(_recent(flow)), col(entry.kind).in_(("started", "done")))
        .group_by(col(entry.deal_id), col(entry.step), revision)
        .having(began.is_not(None) & done.is_not(None))
    )


async def _medians(session: ReadSession, lengths: Select[Any, Any]) -> dict[StepId, Took]:
    each = lengths.subquery()
    median = func.percentile_cont(0.5).within_group(each.c.seconds)
    query: Any = select(each.c.step, func.count(), median).group_by(each.c.step).having(func.count() >= ENOUGH)
    rows: Any = await session.execute(query)
    return {str(step): Took(times, timedelta(seconds=float(seconds))) for step, times, seconds in rows}


def _recent(flow: str) -> Select[Any]:
    newest = select(col(Deal.id)).where(col(Deal.flow) == flow)
    return newest.order_by(col(Deal.changed_at).desc(), col(Deal.id).desc()).limit(RECENT)


def _step(column: Any) -> ColumnElement[str]:
    """Return the step an instance belongs to: what stands before the item in brackets."""
    return func.split_part(column, "[", 1)
