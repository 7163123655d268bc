"""Keeps what is too big for a fact, once, by what it is: lines, quotes, templates, documents."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from connectors.database import ReadSession, WriteSession
from models.tables.content import Content
from models.values import digest_of


class NotStored(LookupError):
    """Nothing is kept under this hash."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"nothing is stored under {sha256[:12]}; whatever names it must store it first")
        self.sha256 = sha256


async def put(session: WriteSession, data: bytes, media: str, name: str = "") -> str:
    """Keep bytes and return their hash; keeping them again changes nothing."""
    sha256 = digest_of(data)
    row = {"sha256": sha256, "media": media, "name": name, "bytes": data}
    await session.execute(insert(Content).values(row).on_conflict_do_nothing(index_elements=["sha256"]))
    return sha256


async def get(session: ReadSession | WriteSession, sha256: str) -> bytes:
    """Return the bytes under a hash. Raises NotStored."""
    found = await find(session, [sha256])
    if sha256 not in found:
        raise NotStored(sha256)
    return found[sha256]


async def find(session: ReadSession | WriteSession, wanted: Iterable[str]) -> dict[str, bytes]:
    """Return, by hash, those of the wanted that are kept."""
    rows = await session.execute(
        select(col(Content.sha256), col(Content.bytes)).where(col(Content.sha256).in_(list(wanted)))
    )
    return {row.sha256: row.bytes for row in rows}
