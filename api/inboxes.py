"""Inboxes: which open requests wait for whom, by value and age, page by page; only what a list shows is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from sqlalchemy import Boolean, ColumnElement, Subquery, case, func, literal, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from connectors.database import ReadSession
from models.tables.deals import Deal
from models.tables.people import AbsenceRow
from models.tables.requests import Request

Whose = Literal["mine", "delegated", "team"]
Order = Literal["weight", "due", "value", "age"]
PAGE = 50
HANDED_BACK = timedelta(days=1)
"""How long after an absence its requests are still looked for: until everything has gone back."""
_NOTHING = literal({}, JSONB)


@dataclass(frozen=True)
class Reader:
    """Who looks, with whom they share work, and whom they stand in for now."""

    id: str
    colleagues: Sequence[str] = ()
    away: Sequence[AbsenceRow] = ()


@dataclass(frozen=True)
class Narrowed:
    """Which of the requests: every part that is set must fit."""

    ask: str = ""
    person: str = ""
    late: bool = False


class Line(NamedTuple):
    """One request as a list shows it."""

    id: str
    deal_id: str
    round: int
    edition: int
    kind: str
    title: str
    why: str
    asked_by: str
    people: Sequence[str]
    stands_in: dict[str, str]
    has_form: bool
    stopped: bool
    opened_at: datetime
    due_at: datetime | None
    account: str
    deal_title: str
    owner: str
    amount: Decimal | None
    currency: str
    discount: Decimal | None
    margin: Decimal | None
    of: int
    """How many there are on all pages."""


@dataclass
class Heap:
    """What waits in one of the lists, whatever is filtered."""

    count: int = 0
    late: int = 0
    worth: dict[str, Decimal] = field(default_factory=dict)
    """By currency."""
    asks: dict[str, int] = field(default_factory=dict)
    """By title."""


async def reader(session: ReadSession, person: str, colleagues: Sequence[str], now: datetime) -> Reader:
    """Return somebody as their inbox needs to know them."""
    mine = (col(AbsenceRow.delegate) == person) & col(AbsenceRow.ended_at).is_(None)
    running = (col(AbsenceRow.starts) <= now) & (col(AbsenceRow.ends) > now - HANDED_BACK)
    away = await session.scalars(select(AbsenceRow).where(mine, running).order_by(col(AbsenceRow.ends)))
    return Reader(person, colleagues, list(away))


async def heaps(session: ReadSession, who: Reader, now: datetime) -> dict[Whose, Heap]:
    """Return how much waits in each list, in one pass over what concerns the reader."""
    whose = case((~_asks(who), "team"), (_delegated(who), "delegated"), else_="mine")
    each = (
        select(
            whose.label("whose"), col(Request.title), col(Deal.currency),
            func.coalesce(col(Deal.amount), 0).label("amount"), (col(Request.due_at) <= now).label("late"),
        )
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(col(Request.state) == "open", _waits_for([who.id, *who.colleagues]))
        .subquery()
    )  # fmt: skip
    query = select(
        each.c.whose, each.c.title, each.c.currency, func.count(), func.count(case((each.c.late, 1))),
        func.sum(each.c.amount),
    ).group_by(each.c.whose, each.c.title, each.c.currency)  # fmt: skip
    found: dict[Whose, Heap] = {"mine": Heap(), "delegated": Heap(), "team": Heap()}
    rows: Any = await session.execute(query)
    for name, title, currency, count, late, amount in rows:
        heap = found[name]
        heap.count += count
        heap.late += late
        heap.asks[title] = heap.asks.get(title, 0) + count
        if amount:
            heap.worth[currency] = heap.worth.get(currency, Decimal(0)) + amount
    return found


async def lines(
    session: ReadSession, who: Reader, whose: Whose, want: Narrowed, order: Order, now: datetime, page: int = 1,
    size: int = PAGE,
) -> list[Line]:  # fmt: skip
    """Return a page of a list: the weightiest, earliest due, most valuable or oldest first."""
    picked = (
        select(col(Request.id), func.count().over().label("of"))
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(col(Request.state) == "open", _in(who, whose), *_fitting(want, now))
        .order_by(_orders(now)[order], col(Request.id))
        .limit(size)
        .offset((page - 1) * size)
        .subquery()
    )
    rows = await session.execute(_listed(picked).order_by(_orders(now)[order], col(Request.id)))
    return [Line._make(row) for row in rows]


async def following(session: ReadSession, person: str, answered: str | None, now: datetime) -> str | None:
    """Return the request that somebody answers next: their weightiest but the one just answered."""
    query = select(col(Request.id)).join(Deal, col(Deal.id) == col(Request.deal_id))
    query = query.where(col(Request.state) == "open", _waits_for([person]))
    if answered:
        query = query.where(col(Request.id) != answered)
    return (await session.scalars(query.order_by(_orders(now)["weight"], col(Request.id)).limit(1))).first()


def _listed(picked: Subquery) -> Any:
    """Select what a list shows, of these requests only: a body is too big to open ten thousand of them."""
    body: Any = col(Request.body)
    rule = body["rule"]["text"].astext
    return (
        select(
            col(Request.id), col(Request.deal_id), col(Request.round), col(Request.edition), col(Request.kind),
            col(Request.title), func.coalesce(func.nullif(rule, ""), col(Request.reason)),
            func.coalesce(body["asked_by"].astext, ""), col(Request.people),
            func.coalesce(body["stands_in"], _NOTHING), func.coalesce(body["form"] != _NOTHING, False),
            col(Request.stopped), col(Request.opened_at), col(Request.due_at), col(Deal.account), col(Deal.title),
            col(Deal.owner), col(Deal.amount), col(Deal.currency), col(Deal.discount), col(Deal.margin), picked.c.of,
        )
        .join(picked, picked.c.id == col(Request.id))
        .join(Deal, col(Deal.id) == col(Request.deal_id))
    )  # fmt: skip


def _orders(now: datetime) -> dict[Order, Any]:
    amount = func.coalesce(col(Deal.amount), 0)
    return {
        "weight": (amount * func.extract("epoch", now - col(Request.opened_at))).desc(),
        "due": col(Request.due_at).asc().nulls_last(),
        "value": amount.desc(),
        "age": col(Request.opened_at).asc(),
    }


def _fitting(want: Narrowed, now: datetime) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    if want.ask:
        rules.append(col(Request.title) == want.ask)
    if want.person:
        rules.append(_waits_for([want.person]))
    if want.late:
        rules.append(col(Request.due_at) <= now)
    return rules


def _in(who: Reader, whose: Whose) -> ColumnElement[bool]:
    if whose == "team":
        return _waits_for(who.colleagues) & ~_asks(who)
    return _asks(who) & (_delegated(who) if whose == "delegated" else ~_delegated(who))


def _asks(who: Reader) -> ColumnElement[bool]:
    return _waits_for([who.id])


def _waits_for(people: Sequence[str]) -> ColumnElement[bool]:
    return col(Request.people).op("&&", is_comparison=True, return_type=Boolean())(list(people))


def _delegated(who: Reader) -> ColumnElement[bool]:
    """Whether the reader answers in somebody's place; a body is only opened for those who stand in at all."""
    if not who.away:
        return ~true()
    body: Any = col(Request.body)
    return func.coalesce(body["stands_in"].has_key(who.id), False)
