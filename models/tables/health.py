"""Whether the systems we talk to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlmodel import SQLModel

from models.tables.columns import closed_set, moment, text

HealthState = Literal["ok", "down"]


class ConnectorHealth(SQLModel, table=True):
    """One connector, since when it is as it is and what it last said."""

    __tablename__ = "connector_health"
    __table_args__ = (closed_set("state", HealthState),)

    connector: str = text(primary_key=True)
    state: HealthState = text(default="ok")
    since: datetime = moment()
    error: str | None = text(default=None)
    checked_at: datetime = moment()
