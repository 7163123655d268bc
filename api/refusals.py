"""Refusals in the journal: a refused update leaves no trace in its workflow, so the door that asked writes it down."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from activities.journal import append
from api.parts import Parts
from models.journal import JournalEntry

log = logging.getLogger(__name__)


async def journal_refusal(
    parts: Parts, deal_id: str, who: str, do: str, step: str | None, code: str, message: str
) -> None:
    """Append the refusal to the deal's journal; if the database is down the refusal itself still stands."""
    said = f"{do.replace('_', ' ')} refused: {message[:1].lower()}{message[1:]}"
    entry = JournalEntry(
        seq=None, at=parts.now(), who=who, kind="refused", step=step, text=said, body={"code": code, "do": do}
    )
    try:
        async with parts.database.write() as session:
            await append(session, deal_id, [entry])
    except (SQLAlchemyError, OSError):
        log.exception("a refusal could not be journalled", extra={"deal": deal_id, "code": code})
