"""Requests: everything a person is or was asked, which is what the inbox shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from models.tables.columns import closed_set, counter, flag, moment, text, texts, tree, whole

RequestKind = Literal["approval", "task", "handoff", "signature", "wait", "revise", "question", "incident"]
RequestState = Literal["open", "closed"]


class Request(SQLModel, table=True):
    """One asking: a step in a round. A new edition of its content changes the row, a new round is a new row."""

    __tablename__ = "request"
    __table_args__ = (
        closed_set("kind", RequestKind),
        closed_set("state", RequestState),
        Index("request_inbox", "people", postgresql_using="gin", postgresql_where=sql("state = 'open'")),
        Index("request_asks", "asks", postgresql_using="gin", postgresql_where=sql("state = 'open'")),
        Index("request_due", "due_at", "id", postgresql_where=sql("state = 'open'")),
        Index("request_of_deal", "deal_id", "opened_at"),
        Index("request_answered_by", "answered_by", sql("closed_at desc"), postgresql_where=sql("state = 'closed'")),
    )

    id: str = text(primary_key=True)
    deal_id: str = text()
    step: str = text()
    round: int = whole(default=1)
    edition: int = whole(default=1)
    kind: RequestKind = text()
    title: str = text()
    reason: str = text(default="")
    people: list[str] = texts()
    # The names by which the people were found, "role:finance": a change of people finds its requests by them.
    asks: list[str] = texts()
    who: str = text(default="")
    state: RequestState = text(default="open")
    outcome: str | None = text(default=None)
    answered_by: str | None = text(default=None)
    opened_at: datetime = moment()
    due_at: datetime | None = moment(default=None)
    escalates_at: datetime | None = moment(default=None)
    escalates_to: str | None = text(default=None)
    stopped: bool = flag(default=False)
    body: dict[str, Any] = tree(default_factory=dict)
    seq: int = counter(default=0)
    closed_at: datetime | None = moment(default=None)
