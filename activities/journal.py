"""Appends to the journal, inside the transaction of whatever it tells about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, insert, inspect, select, text, update
from sqlmodel import col

from connectors.database import ReadSession, WriteSession
from models.journal import Chained, JournalEntry, link, verify
from models.tables.journal import JournalHead, JournalRow

# Inserts or locks: either way the row is ours until the transaction ends.
_LOCK_HEAD = text(
    "insert into journal_head (deal_id, position, hash) values (:deal_id, 0, '') "
    "on conflict (deal_id) do update set deal_id = excluded.deal_id returning position, hash"
)


async def append(session: WriteSession, deal_id: str, entries: Sequence[JournalEntry]) -> int:
    """Append what is not there yet and return the last position; entries are recognised by their `seq`.

    Holds the deal's chain head until the caller's transaction ends.
    """
    connection = await session.connection()
    head: Row[Any] = (await connection.execute(_LOCK_HEAD, {"deal_id": deal_id})).one()
    seqs = [entry.seq for entry in entries if entry.seq is not None]
    there = select(col(JournalRow.seq)).where(col(JournalRow.deal_id) == deal_id, col(JournalRow.seq).in_(seqs))
    known = set((await connection.execute(there)).scalars()) if seqs else set()
    new = [entry for entry in entries if entry.seq is None or entry.seq not in known]
    chained = linked(deal_id, new, after=head.position, prev_hash=head.hash)
    if not chained:
        return int(head.position)
    await connection.execute(insert(JournalRow), chained)
    last = chained[-1]
    moved = update(JournalHead).where(col(JournalHead.deal_id) == deal_id)
    await connection.execute(moved.values(position=last["position"], hash=last["hash"]))
    return int(last["position"])


def linked(deal_id: str, entries: Iterable[JournalEntry], *, after: int, prev_hash: str) -> list[dict[str, Any]]:
    """Return the rows of entries behind position `after`, whose hash is `prev_hash`; each `seq` is told once."""
    rows: list[dict[str, Any]] = []
    known: set[int] = set()
    for entry in entries:
        if entry.seq is not None and entry.seq in known:
            continue
        known |= set() if entry.seq is None else {entry.seq}
        position = after + len(rows) + 1
        digest = link(prev_hash, deal_id, position, entry)
        place = {"deal_id": deal_id, "position": position, "prev_hash": prev_hash, "hash": digest}
        rows.append({name: getattr(entry, name) for name in JournalEntry.model_fields} | place)
        prev_hash = digest
    return rows


async def first_broken(session: ReadSession | WriteSession, deal_id: str) -> int | None:
    """Return the first position of a deal's journal that was tampered with, or None."""
    connection = await session.connection()
    rows = (
        select(*inspect(JournalRow).columns)
        .where(col(JournalRow.deal_id) == deal_id)
        .order_by(col(JournalRow.position))
    )
    found = [Chained.model_validate(dict(row)) for row in (await connection.execute(rows)).mappings()]
    head = select(col(JournalHead.position), col(JournalHead.hash)).where(col(JournalHead.deal_id) == deal_id)
    end = (await connection.execute(head)).one_or_none()
    return verify(found, end=(end.position, end.hash) if end else (0, ""))
