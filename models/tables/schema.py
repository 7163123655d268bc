"""All tables together: what migrations compare the database with."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from models.tables import (
    content,
    deals,
    documents,
    doors,
    effects,
    flows,
    health,
    inbound,
    journal,
    onboarding,
    outbound,
    people,
    requests,
)

MODULES = (
    content,
    deals,
    documents,
    doors,
    effects,
    flows,
    health,
    inbound,
    journal,
    onboarding,
    outbound,
    people,
    requests,
)
metadata: MetaData = SQLModel.metadata
