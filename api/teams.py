"""Teams: who shares work with whom, and how much waits for each of them in the days ahead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Boolean, case, func, select
from sqlmodel import col

from connectors.database import ReadSession
from models.tables.deals import Deal
from models.tables.people import AbsenceRow, Person
from models.tables.requests import Request


class Load(NamedTuple):
    """What waits for one person: all of it, what is late, and how much is due until each of the asked instants."""

    open: int = 0
    late: int = 0
    stopped: int = 0
    undated: int = 0
    due: tuple[int, ...] = ()
    worth: Mapping[str, Decimal] = {}
    oldest: datetime | None = None


def below(person: str, people: Mapping[str, Person]) -> list[str]:
    """Return everybody somebody leads, directly or through others."""
    found: dict[str, None] = {}
    seeking = [person]
    while seeking:
        seeking = [p.id for p in people.values() if p.manager in seeking and p.id not in found and p.id != person]
        found |= dict.fromkeys(seeking)
    return [name for name in found if people[name].active]


def colleagues(person: str, roles: Collection[str], people: Mapping[str, Person]) -> list[str]:
    """Return whom somebody shares work with: who holds one of their roles, and everybody they lead."""
    held = set(roles)
    same = [p.id for p in people.values() if p.id != person and p.active and held & set(p.roles)]
    return list(dict.fromkeys([*same, *below(person, people)]))


async def loads(
    session: ReadSession, people: Sequence[str], now: datetime, until: Sequence[datetime]
) -> dict[str, Load]:
    """Return what waits for each of these people; `until` bounds the days the due are counted by, in order."""
    person = func.unnest(col(Request.people)).label("person")
    asked = col(Request.people).op("&&", is_comparison=True, return_type=Boolean())(list(people))
    each = (
        select(
            person, col(Request.due_at), col(Request.opened_at), col(Request.stopped), col(Deal.currency),
            func.coalesce(col(Deal.amount), 0).label("amount"),
        )
        .join(Deal, col(Deal.id) == col(Request.deal_id))
        .where(col(Request.state) == "open", asked)
        .subquery()
    )  # fmt: skip
    running = ~each.c.stopped
    days = [
        func.count(case((running & (each.c.due_at > since) & (each.c.due_at <= end), 1)))
        for since, end in zip([now, *until], until, strict=False)
    ]
    query: Any = (
        select(
            each.c.person, each.c.currency, func.count(), func.count(case((running & (each.c.due_at <= now), 1))),
            func.count(case((each.c.stopped, 1))), func.count(case((running & each.c.due_at.is_(None), 1))),
            func.sum(each.c.amount), func.min(each.c.opened_at), *days,
        )
        .where(each.c.person.in_(people))
        .group_by(each.c.person, each.c.currency)
    )  # fmt: skip
    found: dict[str, Load] = {}
    rows: Any = await session.execute(query)
    for name, currency, count, late, stopped, undated, amount, oldest, *due in rows:
        had = found.get(name, Load(due=(0,) * len(due)))
        found[name] = Load(
            had.open + count, had.late + late, had.stopped + stopped, had.undated + undated,
            tuple(a + b for a, b in zip(had.due, due, strict=True)),
            {**had.worth, currency: amount} if amount else had.worth, min(filter(None, (had.oldest, oldest))),
        )  # fmt: skip
    return found


async def absences(session: ReadSession, people: Sequence[str], since: datetime, until: datetime) -> list[AbsenceRow]:
    """Return when these people are away between two instants, earliest first."""
    query = select(AbsenceRow).where(
        col(AbsenceRow.person).in_(people), col(AbsenceRow.ended_at).is_(None),
        col(AbsenceRow.starts) < until, col(AbsenceRow.ends) > since,
    )  # fmt: skip
    return list(await session.scalars(query.order_by(col(AbsenceRow.starts), col(AbsenceRow.id))))
