"""Delivers what we owe to people and to the CRM: each row once, in the order of its deal for the CRM."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from activities.effects import Annulled, Busy, Effect, KeyReused, Ledger, OutcomeUnknown, Writing
from connectors.contract import DuplicateSafety, ExternalRef
from connectors.database import WriteSession
from connectors.failures import AccessDenied, NotFound, Refused
from models.tables.outbound import Outbound, OutboundState

_log = logging.getLogger(__name__)

_CLAIM = text("""
    with ready as (
        select o.id from outbound o
        where o.state = 'waiting' and o.not_before <= clock_timestamp()
            and (o.lease_until is null or o.lease_until < clock_timestamp())
            and o.kind = any(:kinds)
            and not (o.kind = 'crm' and exists (
                select from outbound e
                where e.state = 'waiting' and e.kind = 'crm' and e.deal_id = o.deal_id and e.number < o.number
            ))
        order by o.not_before, o.number limit :most for update of o skip locked
    )
    update outbound o set lease_until = clock_timestamp() + :lease, lease_token = :token, tries = tries + 1
    from ready where o.id = ready.id
    returning o.id, o.number, o.kind, o.deal_id, o.person, o.body, o.state, o.tries, o.created_at
""")
_END = text("""
    update outbound set state = :state, error = :error, lease_until = null, lease_token = null,
        sent_at = case when :state = 'sent' then clock_timestamp() end
    where id = :id and lease_token = :token
""")
_LATER = text("""
    update outbound set error = :error, not_before = clock_timestamp() + :pause, lease_until = null, lease_token = null
    where id = :id and lease_token = :token
""")


_RESUME = text("""
    update outbound set state = 'waiting', not_before = clock_timestamp(), error = null
    where id = :id and state in ('unknown', 'refused')
""")


@dataclass(frozen=True)
class Delivery:
    """How one kind of row is delivered, and what its connector declares about it. `find` is None for class E."""

    system: str
    connector: str
    safety: DuplicateSafety
    deadline: timedelta
    commit_lag: timedelta
    send: Callable[[Outbound], Awaitable[ExternalRef]]
    find: Callable[[Outbound], Awaitable[ExternalRef | None]] | None = None

    def effect(self, row: Outbound) -> Effect:
        """Return the row as an effect: its id says person, request, round and channel, so it is its own key."""
        return Effect(
            key=row.id,
            deal_id=row.deal_id,
            step=f"outbound:{row.id}",
            revision=1,
            system=self.system,
            connector=self.connector,
            safety=self.safety,
            deadline=self.deadline,
            commit_lag=self.commit_lag,
        )


async def resume(session: WriteSession, row_id: str) -> bool:
    """Queue a row again after a person settled its effect or repaired what was refused."""
    done: Any = await (await session.connection()).execute(_RESUME, {"id": row_id})
    return bool(done.rowcount)


class Sender:
    """Works the queue off in a task of its own; several may run at once, here and in other processes.

    One sender per kind keeps a system that answers slowly from holding up the others.
    """

    def __init__(
        self,
        writing: Writing,
        ledger: Ledger,
        deliver: Mapping[str, Delivery],
        *,
        at_once: int = 8,
        idle: timedelta = timedelta(milliseconds=500),
        # What a killed sender had in hand waits this long. Too short only costs a look: the ledger lets one send.
        lease: timedelta = timedelta(seconds=15),
        first_pause: timedelta = timedelta(seconds=1),
        longest_pause: timedelta = timedelta(minutes=10),
    ) -> None:
        self._writing, self._ledger, self._deliver = writing, ledger, deliver
        self._at_once, self._idle, self._lease = at_once, idle, lease
        self._first_pause, self._longest_pause = first_pause, longest_pause
        self._wake, self._stopping = asyncio.Event(), False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sender]:
        """Run while the block runs; afterwards what is on its way is delivered to its end, and nothing new begins."""
        task = asyncio.create_task(self.run(), name="outbound sender")
        try:
            yield self
        finally:
            self.stop()
            await task

    def wake(self) -> None:
        """Look at the queue now: something was put into it."""
        self._wake.set()

    def stop(self) -> None:
        """Make `run` return once what is on its way has ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Deliver until stopped. A database that is away is waited for."""
        while not self._stopping:
            self._wake.clear()
            try:
                busy = await self.work_once()
            except SQLAlchemyError as failure:
                # Only the kind of failure: its text may hold what people wrote to each other.
                _log.warning("the outbound queue cannot be read (%s); trying again", type(failure).__name__)
                busy = 0
            if not busy and not self._stopping:
                await self._sleep()

    async def work_once(self) -> int:
        """Claim what is due, deliver it, and return how many rows that were."""
        token = secrets.token_hex(8)
        claim = {"kinds": list(self._deliver), "most": self._at_once, "lease": self._lease, "token": token}
        async with self._writing() as session:
            found = (await (await session.connection()).execute(_CLAIM, claim)).mappings().all()
        rows = [Outbound(**each) for each in sorted(found, key=lambda each: each["number"])]
        ends = await asyncio.gather(*(self._work(row, token) for row in rows), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return len(rows)

    async def _work(self, row: Outbound, token: str) -> None:
        delivery = self._deliver[row.kind]
        find = delivery.find

        async def look() -> ExternalRef | None:
            return await find(row) if find else None

        try:
            await self._ledger.once(delivery.effect(row), row.body, look if find else None, lambda: delivery.send(row))
        except OutcomeUnknown as failure:
            await self._end(row, token, "unknown", failure)
        except (Refused, NotFound, KeyReused, Annulled) as failure:
            await self._end(row, token, "refused", failure)
        except SQLAlchemyError:
            raise
        except Exception as failure:  # noqa: BLE001 - one row's defect must not stop the queue
            # Everything else may pass: systems come back, keys are renewed, a defect is repaired.
            await self._put_back(row, token, failure)
        else:
            await self._end(row, token, "sent", None)

    async def _end(self, row: Outbound, token: str, state: OutboundState, failure: Exception | None) -> None:
        if failure is not None:
            _log.warning("%s was not delivered: %s", row.id, type(failure).__name__)
        error = None if failure is None else str(failure)
        await self._write(_END, id=row.id, token=token, state=state, error=error)

    async def _put_back(self, row: Outbound, token: str, failure: Exception) -> None:
        backoff = min(self._first_pause * 2 ** min(row.tries - 1, 20), self._longest_pause)
        asked: timedelta | None = getattr(failure, "retry_after", None)
        if isinstance(failure, AccessDenied):
            backoff = self._longest_pause
        # Busy names the very moment from which trying makes sense; others name the least pause they want.
        pause = asked if asked and isinstance(failure, Busy) else max(asked or backoff, backoff)
        await self._write(_LATER, id=row.id, token=token, error=str(failure) or type(failure).__name__, pause=pause)

    async def _write(self, statement: Any, **values: Any) -> None:
        async with self._writing() as session:
            await (await session.connection()).execute(statement, values)

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(self._idle.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return
