"""Events other systems sent us: stored before they are acknowledged, worked off one object at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.tables.columns import blob, closed_set, counter, moment, recorded, text, whole

InboundState = Literal["stored", "relayed", "ignored", "failed", "rejected"]


class InboundEvent(SQLModel, table=True):
    """One event as it arrived. `raw` is what was signed, byte for byte."""

    __tablename__ = "inbound_event"
    __table_args__ = (
        closed_set("state", InboundState),
        UniqueConstraint("source", "event_key", name="inbound_event_key"),
        Index("inbound_queue", "source", "object_id", "occurred_at", "id", postgresql_where=sql("state = 'stored'")),
        Index("inbound_ready", "not_before", "id", postgresql_where=sql("state = 'stored'")),
        Index("inbound_of_deal", "deal_id", "occurred_at"),
        Index("inbound_newest", sql("received_at desc"), sql("id desc")),
    )

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    source: str = text()
    event_key: str = text()
    kind: str = text()
    object_id: str = text()
    occurred_at: datetime = moment()
    received_at: datetime = recorded()
    raw: bytes = blob()
    state: InboundState = text(default="stored")
    reason: str | None = text(default=None)
    tries: int = whole(default=0)
    not_before: datetime = recorded()
    lease_until: datetime | None = moment(default=None)
    lease_token: str | None = text(default=None)
    deal_id: str | None = text(default=None)


class InboundCounter(SQLModel, table=True):
    """How often a source sent something we could not even store: forged, stale, unreadable."""

    __tablename__ = "inbound_counter"

    source: str = text(primary_key=True)
    what: str = text(primary_key=True)
    count: int = counter(default=0)
