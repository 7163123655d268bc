"""Deals as the board, the deal page and the API read them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from models.tables.columns import closed_set, counter, moment, number, text, texts, tree, whole

DealStatus = Literal["running", "hold", "won", "lost", "cancelled", "merged"]

_NEWEST_FIRST = (sql("changed_at desc"), sql("id desc"))


class Deal(SQLModel, table=True):
    """One row per life of a deal, replaced as a whole while `seq` grows."""

    __tablename__ = "deal"
    # Each filter of the board has the page order behind it, so a page costs the same on page 1 and page 1000.
    # Both directions are descending: then `(changed_at, id) < (:at, :id)` is one index condition.
    __table_args__ = (
        closed_set("status", DealStatus),
        UniqueConstraint("source", "source_id", "life", name="deal_source_key"),
        Index("deal_newest", *_NEWEST_FIRST),
        Index("deal_by_status", "status", *_NEWEST_FIRST),
        Index("deal_by_stage", "stage", *_NEWEST_FIRST),
        Index("deal_by_owner", "owner", *_NEWEST_FIRST),
        Index("deal_by_flow", "flow", *_NEWEST_FIRST),
        Index("deal_waiting_on", "waiting_on", postgresql_using="gin"),
        Index("deal_with_incidents", *_NEWEST_FIRST, postgresql_where=sql("incidents > 0")),
    )

    id: str = text(primary_key=True)
    source: str = text()
    source_id: str = text()
    life: int = whole(default=1)
    title: str = text()
    account: str = text(default="")
    owner: str = text(default="")
    flow: str = text()
    flow_version: int = whole()
    flow_digest: str = text()
    stage: str = text(default="")
    status: DealStatus = text(default="running")
    amount: Decimal | None = number(default=None)
    currency: str = text(default="USD")
    discount: Decimal | None = number(default=None)
    margin: Decimal | None = number(default=None)
    waiting_on: list[str] = texts()
    waits: list[dict[str, Any]] = tree(default_factory=list)
    path: list[dict[str, Any]] = tree(default_factory=list)
    facts: dict[str, Any] = tree(default_factory=dict)
    delivery: dict[str, Any] | None = tree(default=None)
    crm_url: str = text(default="")
    seq: int = counter(default=0)
    opened_at: datetime = moment()
    changed_at: datetime = moment()
    stage_since: datetime = moment()
    ended_at: datetime | None = moment(default=None)
    incidents: int = whole(default=0)
