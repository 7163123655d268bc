"""Live changes: one poller per process reads the journal in commit order and fans out to every open stream."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connectors.database import Database

EVERY = 0.2
PATIENCE = 10
"""Seconds for one look at the journal."""
SOON = 1
"""Seconds a page waits to learn where the journal ends."""
LINGER = 30
"""Seconds the poller goes on after a page was read, so that the page's stream can begin where the page ended."""
QUEUED = 100
KEPT = 500
"""Notices kept for streams that begin a little later than their page, or were cut off for a while."""
EVERYTHING = "*"
log = logging.getLogger(__name__)

# Rows commit out of order, so the cursor is (txid, id) and stops below the oldest running transaction: whatever is
# below it has committed or never will, and nothing new can appear there.
_NEWER = text("""
select txid::text as txid, id, deal_id, position, kind from journal
where txid >= cast(:txid as xid8) and (txid > cast(:txid as xid8) or id > :id)
  and txid < pg_snapshot_xmin(pg_current_snapshot())
order by txid, id limit 500
""")
_NOW = text("""
select txid::text as txid, id from journal where txid < pg_snapshot_xmin(pg_current_snapshot())
order by txid desc, id desc limit 1
""")
_INBOUND = text("select coalesce(max(id), 0) from inbound_event")


@dataclass(frozen=True, order=True)
class Cursor:
    """How far a reader has read; its text is the id of a server-sent event."""

    txid: int = 0
    id: int = 0

    def __str__(self) -> str:
        return f"{self.txid}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Return the cursor a reconnecting browser names; None for anything else."""
        txid, _, row = text.partition("-")
        return cls(int(txid), int(row)) if txid.isdecimal() and row.isdecimal() and len(text) < 40 else None


class Moved(BaseModel):
    """Something happened to a deal, or a new event came in (deal is empty)."""

    deal: str
    position: int
    kind: str


@dataclass(frozen=True)
class Notice:
    at: Cursor
    moved: Moved


class Feed:
    """Polls while somebody listens. A slow listener gets one notice for everything instead of a hundred.

    Only the poller reads the database: a browser that leaves cancels its stream wherever it is, and a query that is
    cancelled half way would take its connection along.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[asyncio.Queue[Notice]] = set()
        # From the notice at which this memory begins to the newest; what was before the first is not known any more.
        self._recent = deque([_begun(Cursor())], maxlen=KEPT + 1)
        self._inbound = 0
        self._asked = float("-inf")
        self._awake = asyncio.Event()
        self._current = asyncio.Event()

    @property
    def at(self) -> Cursor:
        """How far the poller has read."""
        return self._recent[-1].at

    async def position(self) -> Cursor | None:
        """Return how far the journal is known to reach; None when that cannot be learned soon."""
        self._asked = monotonic()
        self._awake.set()
        try:
            async with asyncio.timeout(SOON):
                await self._current.wait()
        except TimeoutError:
            return None
        return self.at

    def missed(self, since: Cursor, deal: str | None) -> bool:
        """Whether something happened after `since`: to this deal, or with None to any. True when it is too long ago."""
        if since < self._recent[0].at:
            return True
        return any(notice.at > since and deal in {None, notice.moved.deal} for notice in self._recent)

    async def run(self) -> None:
        """Poll until cancelled; a database that is down or does not answer is tried again."""
        while True:
            await self._awake.wait()
            try:
                async with asyncio.timeout(PATIENCE):
                    await (self._poll() if self._current.is_set() else self._catch_up())
            except (SQLAlchemyError, OSError):
                log.warning("the journal could not be read; trying again", exc_info=True)
                await asyncio.sleep(2)
            else:
                await asyncio.sleep(EVERY)
            if not self._listeners and monotonic() - self._asked > LINGER:
                self._awake.clear()
                self._current.clear()

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Queue[Notice]]:
        """Hear everything that moves from now on."""
        queue: asyncio.Queue[Notice] = asyncio.Queue(QUEUED)
        self._listeners.add(queue)
        self._awake.set()
        try:
            await self._current.wait()
            yield queue
        finally:
            self._listeners.discard(queue)

    async def _catch_up(self) -> None:
        """Begin where the journal ends now: what happened while nobody listened is nobody's news."""
        async with self._database.read() as session:
            rows_of = await session.connection()
            newest = (await rows_of.execute(_NOW)).first()
            self._inbound = (await rows_of.execute(_INBOUND)).scalar_one()
        at = Cursor(int(newest.txid), newest.id) if newest else self.at
        self._recent.clear()
        self._recent.append(_begun(at))
        self._current.set()

    async def _poll(self) -> None:
        async with self._database.read() as session:
            rows_of = await session.connection()
            rows = (await rows_of.execute(_NEWER, {"txid": str(self.at.txid), "id": self.at.id})).all()
            inbound: int = (await rows_of.execute(_INBOUND)).scalar_one()
        for row in rows:
            moved = Moved(deal=row.deal_id, position=row.position, kind=row.kind)
            self._recent.append(Notice(Cursor(int(row.txid), row.id), moved))
            self._tell(self._recent[-1])
        if inbound != self._inbound:
            self._inbound = inbound
            self._tell(Notice(self.at, Moved(deal="", position=inbound, kind="inbound")))

    def _tell(self, notice: Notice) -> None:
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                notice = Notice(notice.at, Moved(deal=EVERYTHING, position=0, kind="overflow"))
            queue.put_nowait(notice)


def _begun(at: Cursor) -> Notice:
    return Notice(at, Moved(deal="", position=0, kind="begun"))
