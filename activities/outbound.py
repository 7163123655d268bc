"""Works off what is owed to people's inboxes and to the CRM: one row, one delivery, through the ledger."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col
from temporalio.exceptions import ApplicationError

from activities.effects import LedgerFailure
from connectors.contract import ExternalRef
from connectors.database import Database
from connectors.failures import ConnectorFailure
from models.tables.outbound import Outbound

Deliver = Callable[[Outbound], Awaitable[ExternalRef | None]]

LEASE = timedelta(seconds=90)
"""Longer than the longest delivery: request deadline, commit lag and the ledger's own waiting."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
_IDLE = 0.2
_HANDS = 4
_FINAL = {"refused": "refused", "not_found": "refused", "outcome_unknown": "unknown", "key_reused": "refused",
          "annulled": "refused", "access_denied": "waiting"}  # fmt: skip

log = logging.getLogger(__name__)


class Sender:
    """Delivers waiting rows until it is stopped; several senders never take the same row."""

    def __init__(self, database: Database, deliver: Mapping[str, Deliver]) -> None:
        self._database = database
        self._deliver = dict(deliver)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`. A database that is down is waited for."""
        await asyncio.gather(*(self._work() for _ in range(_HANDS)))

    def stop(self) -> None:
        """Take no further row; those in hand are finished."""
        self._stopped.set()

    async def once(self) -> bool:
        """Deliver one waiting row, if there is one; return whether there was."""
        row = await self._claim()
        if row is None:
            return False
        await self._send(row)
        return True

    async def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                busy = await self.once()
            except (DBAPIError, OSError) as down:
                log.warning("the outbound queue cannot be read (%s); trying again", type(down).__name__)
                busy = False
            if not busy:
                try:
                    await asyncio.wait_for(self._stopped.wait(), _IDLE)
                except TimeoutError:
                    continue

    async def _claim(self) -> Outbound | None:
        """Take the oldest row whose time has come. Rows of one deal for the CRM go in order, one at a time."""
        row, earlier = Outbound, text(
            "not exists (select 1 from outbound e where e.kind = 'crm' and outbound.kind = 'crm'"
            " and e.deal_id = outbound.deal_id and e.state = 'waiting' and e.number < outbound.number)"
        )  # fmt: skip
        free = or_(col(row.lease_until).is_(None), col(row.lease_until) < func.now())
        waiting = (
            select(row)
            .where(col(row.state) == "waiting", col(row.not_before) <= func.now(), free, earlier)
            .where(col(row.kind).in_(list(self._deliver)))
            .order_by(col(row.not_before), col(row.number))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as session:
            found = (await session.execute(waiting)).scalar_one_or_none()
            if found is None:
                return None
            found.lease_token = secrets.token_hex(8)
            found.tries += 1
            taken = {"lease_token": found.lease_token, "lease_until": func.now() + LEASE, "tries": found.tries}
            await session.execute(update(row).where(col(row.id) == found.id).values(taken))
            session.expunge(found)
        return found

    async def _send(self, row: Outbound) -> None:
        try:
            await self._deliver[row.kind](row)
        except (ApplicationError, ConnectorFailure, LedgerFailure) as failure:
            await self._failed(row, failure)
        except Exception as failure:  # a message nobody can make must not stop the others
            log.exception("outbound %s cannot be delivered", row.id)
            await self._settle(row, state="refused", error=f"{type(failure).__name__}: {failure}")
        else:
            await self._settle(row, state="sent", error=None, sent_at=func.now())

    async def _failed(self, row: Outbound, failure: Exception) -> None:
        kind = (failure.type if isinstance(failure, ApplicationError) else None) or ""
        state = _FINAL.get(kind, "waiting")
        if state != "waiting":
            await self._settle(row, state=state, error=str(failure))
            return
        asked: timedelta | None = getattr(failure, "next_retry_delay", None) or getattr(failure, "retry_after", None)
        pause = asked or min(_FIRST_PAUSE * 2 ** min(row.tries - 1, 12), _LONGEST_PAUSE)
        await self._settle(row, state="waiting", error=str(failure), not_before=func.now() + pause)

    async def _settle(self, row: Outbound, **values: object) -> None:
        """Write what became of a delivery; only the holder of the lease may."""
        mine = (col(Outbound.id) == row.id) & (col(Outbound.lease_token) == row.lease_token)
        async with self._database.write() as session:
            await session.execute(update(Outbound).where(mine).values(lease_until=None, lease_token=None, **values))
