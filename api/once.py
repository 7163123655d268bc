"""Doing a request once: the same key with the same body gets the first answer, with another body a refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from api.parts import Parts
from api.problems import Problem
from models.tables.doors import Idempotency

RUNNING = 0
# An entry still running after this is that of a process that died; whoever repeats the request takes it over.
ABANDONED = timedelta(seconds=30)


@dataclass(frozen=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: dict[str, Any]
    repeated: bool = False


async def once(
    parts: Parts, person: str, key: str, route: str, body: str, do: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Do it unless it was done under this key; a failure is not remembered, so it can be repeated."""
    name = hashlib.sha256(f"{person}|{route}|{key}".encode()).hexdigest()
    body_hash = hashlib.sha256(body.encode()).hexdigest()
    earlier = await _claim(parts, name, person, route, body_hash)
    if earlier is not None:
        return earlier
    try:
        answer = await do()
    except BaseException:
        async with parts.database.write() as session:
            await session.execute(delete(Idempotency).where(col(Idempotency.key) == name))
        raise
    async with parts.database.write() as session:
        done = update(Idempotency).where(col(Idempotency.key) == name)
        await session.execute(done.values(response=answer.body, status=answer.status))
    return answer


async def _claim(parts: Parts, name: str, person: str, route: str, body_hash: str) -> Answer | None:
    now = parts.now()
    claim = insert(Idempotency).values(
        key=name, route=route, body_hash=body_hash, status=RUNNING, at=now, person=person
    )
    taken_over = claim.on_conflict_do_update(
        index_elements=["key"],
        set_={"at": now},
        where=(col(Idempotency.status) == RUNNING)
        & (col(Idempotency.at) < now - ABANDONED)
        & (col(Idempotency.body_hash) == body_hash),
    )
    async with parts.database.write() as session:
        connection = await session.connection()
        if (await connection.execute(taken_over.returning(col(Idempotency.key)))).first():
            return None
        row = await session.get(Idempotency, name)
    if row is None:
        raise Problem("same_key_running")
    if row.body_hash != body_hash:
        raise Problem("key_reused")
    if row.status == RUNNING or row.response is None:
        raise Problem("same_key_running")
    return Answer(row.status, row.response, repeated=True)
