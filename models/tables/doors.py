"""What the API remembers for its own sake: answers already given under a one-time key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import SQLModel

from models.tables.columns import recorded, text, tree, whole


class Idempotency(SQLModel, table=True):
    """The recorded answer to one request of one person; the same key with another body is a mistake."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_at", "at"),)

    key: str = text(primary_key=True)
    route: str = text()
    body_hash: str = text()
    response: dict[str, Any] | None = tree(default=None)
    status: int = whole()
    at: datetime = recorded()
    person: str = text()
