"""Writes one batch of a deal in one statement, which is its own transaction, unless somebody else wrote meanwhile."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from activities.batch_sql import LOCK, READ, write
from activities.journal import linked
from activities.read_side import Asking, Row, crm_view
from connectors.direct import Direct, Transaction
from models.journal import JournalEntry

_REMEMBERED = 4096
"""How many deals are remembered as they were last written; the others are looked up, which costs three steps more."""
Rows = Callable[..., Awaitable[list[Any]]]


@dataclass
class Seen:
    """A deal as the database has it: what is there need not be written, and what changed is told from it."""

    version: str
    position: int
    hash: str
    told: int = 0
    """The highest `seq` in the journal."""
    known: frozenset[int] = frozenset()
    """Which of the batch's entries are in the journal already."""
    seq: int = -1
    view: dict[str, str] = field(default_factory=dict)
    open: dict[str, Asking] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    """A hash of every open request's row; none where it was not written from here."""
    signing: frozenset[str] | None = None
    owed: set[str] = field(default_factory=set)
    """The ids of messages that are certainly owed or sent."""


@dataclass
class Told:
    """What a batch comes to, given how the deal was before. Without `deal` only the journal grows."""

    at: datetime
    seq: int
    entries: Sequence[JournalEntry]
    deal: Row | None = None
    asked: Mapping[str, Row] = field(default_factory=dict)
    closed: list[Row] = field(default_factory=list)
    signing: list[Row] | None = None
    owed: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)


class Batches:
    """Writes batches, and remembers how it left the deals."""

    def __init__(self, direct: Direct) -> None:
        self._direct = direct
        self._memory: OrderedDict[str, Seen] = OrderedDict()

    async def write(self, deal: str, entries: Sequence[JournalEntry], tell: Callable[[Seen], Told]) -> None:
        """Write what `tell` makes of the deal as it was; the same batch twice writes the same.

        A deal is remembered as it was left here. When somebody else has written to it since, nothing is written,
        and it is looked at again under its lock.
        """
        seen = self._memory.pop(deal, None)
        if seen is not None and all(entry.seq is not None and entry.seq > seen.told for entry in entries):
            after = await _write(self._direct.rows, deal, seen, tell(seen))
            if after is not None:
                return self._remember(deal, after)
        async with self._direct.transaction() as transaction:
            seen = await _look(transaction, deal, entries)
            after = await _write(transaction.rows, deal, seen, tell(seen))
            assert after is not None, "the lock is ours"
        return self._remember(deal, after)

    def _remember(self, deal: str, seen: Seen) -> None:
        self._memory[deal] = seen
        if len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)


async def _look(transaction: Transaction, deal: str, entries: Sequence[JournalEntry]) -> Seen:
    """Lock a deal's journal and return how the deal is."""
    [(version, position, digest)] = await transaction.rows(LOCK, deal)
    seqs = [entry.seq for entry in entries if entry.seq is not None]
    [(known, told, row, asked)] = await transaction.rows(READ, deal, seqs)
    seen = Seen(version, position, digest, told=told, known=frozenset(known))
    if row is not None:
        seq, stage, status, amount = row
        seen.seq, seen.view = int(seq), crm_view({"stage": stage, "status": status, "amount": amount})
    seen.open = {request: Asking.of(*each) for request, each in asked.items()}
    return seen


async def _write(rows: Rows, deal: str, seen: Seen, told: Told) -> Seen | None:
    """Write a batch and return how the deal is afterwards; None when it was not as it was seen."""
    new = linked(deal, [e for e in told.entries if e.seq not in seen.known], after=seen.position, prev_hash=seen.hash)
    position, digest = (new[-1]["position"], new[-1]["hash"]) if new else (seen.position, seen.hash)
    asked = {request: to_json(row) for request, row in told.asked.items()}
    hashes = {request: hash(row) for request, row in asked.items()}
    seq = b',"seq":%d}' % told.seq
    changed = [row[:-1] + seq for request, row in asked.items() if seen.rows.get(request) != hashes[request]]
    wanted = None if told.signing is None else frozenset(row["token_hash"] for row in told.signing)
    asking = {
        request: Asking.of(row["kind"], row["step"], row["round"], row["edition"], row["people"], row["body"])
        for request, row in told.asked.items()
    }
    moved = _moved(seen.open, asking)
    turned = bool(told.closed) or bool(moved) or not asked.keys() <= seen.open.keys()
    parts = {
        "asked": bool(changed) or turned, "turned": turned, "owed": bool(told.owed),
        "signing": wanted is not None and wanted != seen.signing,
    }  # fmt: skip
    given = {
        "at": to_json(told.at), "seq": to_json(told.seq), "position": to_json(position), "hash": to_json(digest),
        "told": to_json(new), "deal": to_json([told.deal] if told.deal else []), "asked": _list(changed),
        "closed": to_json(told.closed), "moved": to_json(moved), "owed": to_json(told.owed),
        "links": to_json(told.links), "signing": to_json(told.signing),
    }  # fmt: skip
    document = b"{" + b",".join(b'"%s":%s' % (name.encode(), part) for name, part in given.items()) + b"}"
    statement = write(*(name for name, needed in parts.items() if needed))
    found = await rows(statement, document.decode(), deal, seen.version, seen.position, seen.hash)
    if not found:
        return None
    after = Seen(found[0][0], position, digest, told=max([seen.told, *(e.seq or 0 for e in told.entries)]))
    if told.deal is None:
        return after
    after.seq, after.view, after.rows, after.signing = told.seq, crm_view(told.deal), hashes, wanted
    after.open = asking
    after.owed = seen.owed | {row["id"] for row in told.owed}
    return after


def _moved(before: Mapping[str, Asking], now: Mapping[str, Asking]) -> list[Row]:
    """Return of every request that stays open whose messages have to say something else now."""
    changed = {name: each.moved(before[name]) for name, each in now.items() if name in before}
    return [{"id": name, "people": sorted(people)} for name, people in changed.items() if people]


def _list(rows: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"
