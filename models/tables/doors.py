"""What the doors remember for their own sake: answers given under a one-time key, and links sent by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import SQLModel

from models.tables.columns import moment, recorded, text, tree, whole


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


class DoorLink(SQLModel, table=True):
    """One person's link to one request in one round. Only the hash of its token is kept; it decides nothing alone."""

    __tablename__ = "door_link"
    __table_args__ = (Index("door_link_of_request", "request_id", "person"), Index("door_link_of_deal", "deal_id"))

    token_hash: str = text(primary_key=True)
    deal_id: str = text()
    request_id: str = text()
    step: str = text()
    round: int = whole()
    person: str = text()
    created_at: datetime = recorded()
    expires_at: datetime | None = moment(default=None)
    used_at: datetime | None = moment(default=None)
