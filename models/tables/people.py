"""The people of the company, their roles and who leads them."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from models.tables.columns import flag, text, texts


class Person(SQLModel, table=True):
    """Somebody who can be asked."""

    __tablename__ = "person"
    __table_args__ = (Index("person_roles", "roles", postgresql_using="gin"), Index("person_email", "email"))

    id: str = text(primary_key=True)
    name: str = text()
    email: str = text()
    title: str = text(default="")
    roles: list[str] = texts()
    manager: str | None = text(default=None)
    zone: str = text(default="UTC")
    country: str = text(default="US")
    slack: str | None = text(default=None)
    active: bool = flag(default=True)
