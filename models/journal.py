"""The journal's hash chain: what an entry is byte for byte, and whether a chain was tampered with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, field_validator
from pydantic_core import to_jsonable_python

START = ""
"""What the first entry of a chain has as previous hash."""

_FORMAT = 1


class JournalEntry(BaseModel):
    """One thing that happened to a deal (semantics 56). `seq` is the workflow's, None where the API wrote it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    seq: int | None = None
    at: AwareDatetime
    who: str
    kind: str
    text: str
    step: str | None = None
    round: int | None = None
    edition: int | None = None
    revision: int | None = None
    body: dict[str, Any] = {}
    because: int | None = None

    @field_validator("who", "kind", "text", "step", mode="after")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        return None if value is None else _clean(value)

    @field_validator("body", mode="after")
    @classmethod
    def _plain(cls, value: dict[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = _settle(to_jsonable_python(value))
        return plain

    @field_validator("at", mode="after")
    @classmethod
    def _utc(cls, value: datetime) -> datetime:
        return value.astimezone(UTC)


class Chained(JournalEntry):
    """An entry at its place in the chain of a deal."""

    deal_id: str
    position: int
    prev_hash: str
    hash: str


def canonical(deal_id: str, position: int, entry: JournalEntry) -> bytes:
    """Return the bytes the chain is computed over: the same before storing and after reading, in any language."""
    fields = {name: getattr(entry, name) for name in JournalEntry.model_fields}
    fields |= {
        "format": _FORMAT,
        "deal_id": deal_id,
        "position": position,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link(prev_hash: str, deal_id: str, position: int, entry: JournalEntry) -> str:
    """Return the hash of an entry: SHA-256 over the previous hash and the entry's canonical bytes."""
    return hashlib.sha256(prev_hash.encode() + canonical(deal_id, position, entry)).hexdigest()


def chain(deal_id: str, entries: Iterable[JournalEntry], *, after: int = 0, prev_hash: str = START) -> list[Chained]:
    """Put entries behind position `after`, whose hash is `prev_hash`."""
    chained = []
    for position, entry in enumerate(entries, start=after + 1):
        fields = {name: getattr(entry, name) for name in JournalEntry.model_fields}
        digest = link(prev_hash, deal_id, position, entry)
        chained.append(Chained(**fields, deal_id=deal_id, position=position, prev_hash=prev_hash, hash=digest))
        prev_hash = digest
    return chained


def verify(rows: Iterable[Chained], *, end: tuple[int, str] | None = None) -> int | None:
    """Return the first position that is changed, missing or out of place in a deal's whole journal, or None.

    `end` is the chain head (position, hash) kept elsewhere: without it, entries cut off the end leave no trace.
    """
    prev_hash, position, deal_id = START, 0, None
    for row in rows:
        position += 1
        deal_id = deal_id or row.deal_id
        if (row.deal_id, row.position, row.prev_hash) != (deal_id, position, prev_hash):
            return position
        if link(prev_hash, row.deal_id, position, row) != row.hash:
            return position
        prev_hash = row.hash
    if end is not None and end != (position, prev_hash):
        return min(position, end[0]) + 1 if position != end[0] else position
    return None


def _settle(value: Any) -> Any:
    # What comes back from the database must be what was hashed: jsonb rewrites floats and refuses some characters.
    match value:
        case dict():
            return {_clean(str(key)): _settle(each) for key, each in value.items()}
        case list():
            return [_settle(each) for each in value]
        case str():
            return _clean(value)
        case float():
            return repr(value)
        case _:
            return value


def _clean(text: str) -> str:
    """Replace what PostgreSQL cannot store: the null character and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
