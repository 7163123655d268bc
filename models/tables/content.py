"""Things too big for a fact or a history, kept once by what they are."""

from __future__ import annotations

import builtins
from datetime import datetime

from sqlmodel import SQLModel

from models.tables.columns import blob, recorded, text


class Content(SQLModel, table=True):
    """Bytes under their SHA-256."""

    __tablename__ = "content"

    sha256: str = text(primary_key=True)
    media: str = text()
    name: str = text(default="")
    bytes: builtins.bytes = blob()
    created_at: datetime = recorded()
