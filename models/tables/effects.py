"""The effect ledger: one row for everything we did, or may have done, in somebody else's system."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from models.tables.columns import closed_set, moment, recorded, text, whole

EffectOperation = Literal["do", "amend", "undo"]
EffectState = Literal["intended", "confirmed", "refused", "unknown", "void"]
SafetyClass = Literal["A", "B", "C", "D", "E"]

_UNSETTLED = sql("state in ('intended', 'unknown')")


class EffectRow(SQLModel, table=True):
    """One revision of one effect. While `intended`, only the holder of `lease_token` may finish it."""

    __tablename__ = "effect"
    __table_args__ = (
        closed_set("operation", EffectOperation),
        closed_set("state", EffectState),
        closed_set("duplicate_safety", SafetyClass),
        Index("effect_of_deal", "deal_id", "intended_at"),
        Index("effect_of_step", "deal_id", "step", "revision"),
        # At most one operation of a step in flight or in doubt, whoever asks and however they race.
        Index("effect_in_flight", "deal_id", "step", unique=True, postgresql_where=_UNSETTLED),
        Index("effect_unsettled", "system", "intended_at", postgresql_where=_UNSETTLED),
    )

    key: str = text(primary_key=True)
    deal_id: str = text()
    step: str = text()
    revision: int = whole()
    operation: EffectOperation = text(default="do")
    system: str = text()
    connector: str = text()
    duplicate_safety: SafetyClass = text()
    state: EffectState = text(default="intended")
    body_hash: str = text()
    external_id: str | None = text(default=None)
    external_url: str | None = text(default=None)
    lease_until: datetime | None = moment(default=None)
    lease_token: str | None = text(default=None)
    attempts: int = whole(default=0)
    error: str | None = text(default=None)
    evidence: str | None = text(default=None)
    settled_by: str | None = text(default=None)
    intended_at: datetime = recorded()
    sent_at: datetime | None = moment(default=None)
    confirmed_at: datetime | None = moment(default=None)
