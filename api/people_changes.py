"""What a change of people reaches: every deal with an open request whose people may be others now."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from connectors.database import ReadSession, WriteSession
from models.tables.people import PeopleChange, Person

MOST_AT_ONCE = 100_000

# Somebody who stands in for one of them, at the end of however long a chain, is asked in their place; and a manager
# is asked through everybody below. Incidents of steps that ask people are tried again with every change.
_AFFECTED = text(
    """
    with recursive chain(person) as (
        select unnest(cast(:people as text[]))
        union
        select a.delegate from absence a join chain c on a.person = c.person
        where a.delegate is not null and a.ends > now() - interval '7 days'
    ), below(person) as (
        select unnest(cast(:people as text[]))
        union
        select p.id from person p join below b on p.manager = b.person
    )
    select distinct r.deal_id
    from request r join deal d on d.id = r.deal_id
    where r.state = 'open' and d.ended_at is null and (
        r.people && array(select person from chain)
        or r.asks && cast(:keys as text[])
        or d.owner = any(cast(:people as text[]))
        or exists (
            select from unnest(r.asks) as a(key) where
                (a.key like 'managers:%' and d.owner in (select person from below))
                or (a.key like 'fact:%' and d.facts -> substr(a.key, 6) ->> 'v' = any(cast(:people as text[])))
        )
        or (r.kind = 'incident' and r.step ~ '^(approval|task|handoff|wait|signature):')
    )
    order by r.deal_id
    limit :most
    """
)


async def note_change(
    session: WriteSession,
    reason: str,
    people: Iterable[str],
    keys: Iterable[str],
    by: str,
    due: datetime,
    name: str | None = None,
) -> None:
    """Leave a change for the sweep; the same name twice is one change."""
    row = {
        "id": name or uuid.uuid4().hex, "due_at": due, "not_before": due, "reason": reason[:500], "by": by,
        "people": list(dict.fromkeys(people)), "keys": list(dict.fromkeys(keys)),
    }  # fmt: skip
    await session.execute(insert(PeopleChange).values(row).on_conflict_do_nothing())


def keys_of(person: Person, roles: Iterable[str] = ()) -> list[str]:
    """Return the names by which requests may ask for a person: by id, and by each role held before or now."""
    return [f"person:{person.id}", *(f"role:{role}" for role in dict.fromkeys([*person.roles, *roles]))]


async def affected(session: ReadSession | WriteSession, people: Iterable[str], keys: Iterable[str]) -> list[str]:
    """Return the deals whose open requests may ask other people after a change."""
    names = {"people": list(people), "keys": list(keys), "most": MOST_AT_ONCE}
    return list((await session.scalars(_AFFECTED, names)).all())


async def last(session: ReadSession, now: datetime, most: int, concerning: str | None = None) -> list[PeopleChange]:
    """Return the newest changes whose time has come, of everybody or of those that concern one person."""
    query = select(PeopleChange).where(col(PeopleChange.due_at) <= now)
    if concerning is not None:
        query = query.where(col(PeopleChange.people).contains([concerning]))
    return list(await session.scalars(query.order_by(col(PeopleChange.due_at).desc()).limit(most)))
