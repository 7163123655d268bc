"""Every definition of a flow that a deal was ever given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import SQLModel

from models.tables.columns import recorded, text, tree, whole


class FlowVersion(SQLModel, table=True):
    """One definition under its digest; a name may have several per version while it is written."""

    __tablename__ = "flow_version"
    __table_args__ = (Index("flow_version_by_name", "name", "version"),)

    digest: str = text(primary_key=True)
    name: str = text()
    version: int = whole()
    definition: dict[str, Any] = tree()
    source_path: str = text(default="")
    first_seen_at: datetime = recorded()
