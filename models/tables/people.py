"""The people of the company, their roles, who leads them, when they are away, and what of it changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from models.tables.columns import flag, moment, recorded, text, texts, tree, whole


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
    # Own working hours: {"week": [[["09:00", "17:00"]], ...], "days_off": ["2026-12-24"], "region": "BY"}.
    calendar: dict[str, Any] | None = tree(default=None)
    # How to tell them: {"channels": ["mail", "slack"], "digest": "" or "08:30", "quiet": ["20:00", "07:00"]}.
    notify: dict[str, Any] = tree(default_factory=dict)


class AbsenceRow(SQLModel, table=True):
    """A time somebody is away, and who stands in. `ended_at` is when it was taken back or cut short."""

    __tablename__ = "absence"
    __table_args__ = (Index("absence_of_person", "person", "ends"), Index("absence_of_delegate", "delegate", "ends"))

    id: str = text(primary_key=True)
    person: str = text()
    delegate: str | None = text(default=None)
    starts: datetime = moment()
    ends: datetime = moment()
    zone: str = text(default="UTC")
    scope: dict[str, Any] = tree(default_factory=dict)
    note: str = text(default="")
    created_by: str = text()
    created_at: datetime = recorded()
    ended_at: datetime | None = moment(default=None)


class PeopleChange(SQLModel, table=True):
    """A change after which open requests must find out anew whom they ask; the sweep works them off when due."""

    __tablename__ = "people_change"
    __table_args__ = (
        Index("people_change_due", "not_before", postgresql_where=sql("done_at is null")),
        Index("people_change_newest", sql("created_at desc"), "id"),
    )

    id: str = text(primary_key=True)
    due_at: datetime = moment()
    reason: str = text(default="")
    # Who changed, or stands in for whom; and every name by which requests may have asked for them.
    people: list[str] = texts()
    keys: list[str] = texts()
    by: str = text(default="")
    created_at: datetime = recorded()
    # When the sweep looks next, how often it has looked for affected deals, and which have been told.
    not_before: datetime = moment()
    looks: int = whole(default=0)
    told: list[str] = texts()
    error: str | None = text(default=None)
    done_at: datetime | None = moment(default=None)
