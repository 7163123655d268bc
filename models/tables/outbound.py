"""What we owe to people's inboxes and to the CRM, written with the deal and delivered afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.tables.columns import closed_set, moment, recorded, text, tree, whole

OutboundKind = Literal["mail", "slack", "crm"]
OutboundState = Literal["waiting", "sent", "unknown", "refused"]


class Outbound(SQLModel, table=True):
    """One delivery. Its id names person, request, round and channel, so the primary key forbids a second one."""

    __tablename__ = "outbound"
    __table_args__ = (
        closed_set("kind", OutboundKind),
        closed_set("state", OutboundState),
        Index("outbound_queue", "not_before", "number", postgresql_where=sql("state = 'waiting'")),
        Index("outbound_of_deal", "deal_id", "number"),
        Index("outbound_stuck", "created_at", postgresql_where=sql("state in ('unknown', 'refused')")),
    )

    id: str = text(primary_key=True)
    number: int | None = Field(
        default=None, sa_type=BigInteger, sa_column_args=(Identity(always=True),), nullable=False
    )
    kind: OutboundKind = text()
    deal_id: str = text()
    person: str | None = text(default=None)
    body: dict[str, Any] = tree(default_factory=dict)
    state: OutboundState = text(default="waiting")
    tries: int = whole(default=0)
    not_before: datetime = recorded()
    lease_until: datetime | None = moment(default=None)
    lease_token: str | None = text(default=None)
    error: str | None = text(default=None)
    created_at: datetime = recorded()
    sent_at: datetime | None = moment(default=None)
