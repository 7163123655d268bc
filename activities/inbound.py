"""Stores what other systems send, once, and hands it out one object at a time, in the order it happened."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import text

from connectors.database import WriteSession


class Kept(StrEnum):
    """What became of a delivery."""

    STORED = "stored"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Claimed:
    """An event that is ours to relay until the lease ends; the next of its object waits for it."""

    id: int
    source: str
    event_key: str
    kind: str
    object_id: str
    occurred_at: datetime
    received_at: datetime
    raw: bytes
    tries: int
    token: str


_STORE = text("""
    insert into inbound_event (source, event_key, kind, object_id, occurred_at, received_at, raw, state, reason)
    values (:source, :event_key, :kind, :object_id, :occurred_at, clock_timestamp(), :raw, :state, :reason)
    on conflict (source, event_key) do nothing
""")
_COUNT = text("""
    insert into inbound_counter (source, what, count) values (:source, :what, 1)
    on conflict (source, what) do update set count = inbound_counter.count + 1
""")
# Claims are made one after the other: two at once could each see a different event of one object as its first.
_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(hashtext('throughline inbound claim'))")
_CLAIM = text("""
    with ready as (
        select e.id from inbound_event e
        where e.state = 'stored' and e.not_before <= clock_timestamp()
            and (e.lease_until is null or e.lease_until < clock_timestamp())
            and not exists (
                select from inbound_event o
                where o.state = 'stored' and o.source = e.source and o.object_id = e.object_id and o.id <> e.id
                    and ((o.occurred_at, o.id) < (e.occurred_at, e.id) or o.lease_until >= clock_timestamp())
            )
        order by e.not_before, e.id limit :most for update of e skip locked
    )
    update inbound_event e
    set lease_until = clock_timestamp() + :lease, lease_token = :token, tries = tries + 1
    from ready where e.id = ready.id
    returning e.id, e.source, e.event_key, e.kind, e.object_id, e.occurred_at, e.received_at, e.raw, e.tries
""")
_FINISH = text("""
    update inbound_event
    set state = :state, reason = :reason, deal_id = coalesce(:deal_id, deal_id), lease_until = null, lease_token = null
    where id = :id and lease_token = :token and state = 'stored'
""")
_AGAIN = text("""
    update inbound_event
    set reason = :reason, not_before = clock_timestamp() + :pause, lease_until = null, lease_token = null
    where id = :id and lease_token = :token and state = 'stored'
""")


async def store(
    session: WriteSession, source: str, event_key: str, *, kind: str, object_id: str, occurred_at: datetime, raw: bytes
) -> Kept:
    """Keep an event whose signature was right; the same key again is a duplicate and changes nothing."""
    return await _keep(session, source, event_key, kind, object_id, occurred_at, raw, "stored", None)


async def reject(
    session: WriteSession, source: str, event_key: str, *, occurred_at: datetime, raw: bytes, reason: str
) -> Kept:
    """Keep an event that was signed rightly but cannot be read, for a person to look at; it is never relayed."""
    return await _keep(session, source, event_key, "unreadable", "", occurred_at, raw, "rejected", reason)


async def count(session: WriteSession, source: str, what: Literal["forged", "stale", "unreadable", "replayed"]) -> None:
    """Count a delivery that is not kept."""
    await _run(session, _COUNT, source=source, what=what)


async def claim(session: WriteSession, *, most: int = 10, lease: timedelta = timedelta(minutes=1)) -> list[Claimed]:
    """Take the events whose turn it is: of each object the first that is not finished, if nobody works on that object.

    End the transaction before relaying. An event not finished when the lease ends is handed out again.
    """
    token = secrets.token_hex(8)
    await _run(session, _ONE_AT_A_TIME)
    found = (await _run(session, _CLAIM, most=most, lease=lease, token=token)).mappings().all()
    return [Claimed(**each, token=token) for each in sorted(found, key=lambda each: each["id"])]


async def finish(
    session: WriteSession,
    event: Claimed,
    state: Literal["relayed", "ignored", "failed"],
    *,
    reason: str | None = None,
    deal_id: str | None = None,
) -> bool:
    """Say what came of an event. Return False if the lease was lost and somebody else has it now."""
    values = {"state": state, "reason": reason, "deal_id": deal_id}
    return bool((await _run(session, _FINISH, id=event.id, token=event.token, **values)).rowcount)


async def try_again(session: WriteSession, event: Claimed, reason: str, pause: timedelta) -> bool:
    """Put an event back for later; the later events of its object wait with it."""
    return bool((await _run(session, _AGAIN, id=event.id, token=event.token, reason=reason, pause=pause)).rowcount)


async def _keep(
    session: WriteSession,
    source: str,
    event_key: str,
    kind: str,
    object_id: str,
    occurred_at: datetime,
    raw: bytes,
    state: str,
    reason: str | None,
) -> Kept:
    values = {"kind": kind, "object_id": object_id, "occurred_at": occurred_at, "raw": raw}
    done = await _run(session, _STORE, source=source, event_key=event_key, state=state, reason=reason, **values)
    return Kept.STORED if done.rowcount else Kept.DUPLICATE


async def _run(session: WriteSession, statement: Any, **values: Any) -> Any:
    return await (await session.connection()).execute(statement, values)
