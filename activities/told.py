"""What a message is made of, in words: the row's body, and what its request's page shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.tables.requests import Request

Names = Mapping[str, str]


class Item(BaseModel):
    """One request in a digest; `link` is filled in when it is written."""

    model_config = ConfigDict(extra="ignore")
    question: str = ""
    deal_title: str = ""
    account: str = ""
    amount: str = ""
    due: AwareDatetime | None = None
    request: str = ""
    due_words: str = ""
    link: str = ""

    @property
    def about(self) -> str:
        """The deal in a few words."""
        return ", ".join(part for part in (self.account, self.deal_title, self.amount) if part)


class Told(BaseModel):
    """What a message is made of. Persons are ids here; `names` says how they are called."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    template: str
    to: str
    name: str = ""
    zone: str = "UTC"
    request: str = ""
    deal: str = ""
    title: str = ""
    question: str = ""
    kind: str = ""
    reason: str = ""
    rule: str = ""
    deal_title: str = ""
    account: str = ""
    amount: str = ""
    due: AwareDatetime | None = None
    facts: list[dict[str, Any]] = []
    follows: dict[str, str] = {}
    outcome: str = ""
    by: str = ""
    closed_at: AwareDatetime | None = None
    asked_what: str = ""
    answer: str = ""
    note: str = ""
    text: str = ""
    items: list[Item] = []
    names: dict[str, str] = {}

    @property
    def asked(self) -> str:
        """The question, which is the title of every message."""
        return self.question or f"{self.title.capitalize()}?"

    @property
    def about(self) -> str:
        """The deal in a few words."""
        return ", ".join(part for part in (self.account, self.deal_title, self.amount) if part)

    @property
    def due_words(self) -> str:
        """When an answer is due, in words, by the reader's clock."""
        return "" if self.due is None else in_words(self.due, self.zone)

    @property
    def who(self) -> str:
        """Whoever did what the message is about, by name."""
        return self.names.get(self.by, self.by)

    @property
    def became(self) -> str:
        """What became of the request: "approved by Vera Lindqvist"."""
        outcome = self.outcome.replace("_", " ") or "no longer needed"
        return f"{outcome} by {self.who}" if self.who else outcome

    @property
    def closed_words(self) -> str:
        """When that was, in words, by the reader's clock."""
        return "" if self.closed_at is None else in_words(self.closed_at, self.zone)


def shown(request: Request) -> dict[str, Any]:
    """Return what the request's page shows and a message may repeat."""
    body = request.body
    rule = body.get("rule") or {}
    return {
        "question": body.get("question", ""),
        "rule": rule.get("text", "") if isinstance(rule, dict) else str(rule),
        "facts": body.get("facts", []),
        "follows": body.get("follows", {}),
        "outcome": request.outcome or "",
        "by": request.answered_by or "",
        "closed_at": request.closed_at,
    }


def answer_of(request: Request, person: str) -> dict[str, Any]:
    """Return what somebody who is no longer asked answered in this round, if anything."""
    given = [a for a in request.body.get("answers", []) if a.get("person") == person and "at" in a]
    if not given:
        return {"outcome": "", "by": person, "closed_at": None}
    return {"outcome": given[-1]["state"], "by": person, "closed_at": given[-1]["at"]}


def in_words(due: datetime, zone: str) -> str:
    """Return an instant as its reader says it: "Tuesday 24 November, 17:00 (America/Chicago)"."""
    try:
        there = due.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        there, zone = due, "UTC"
    return f"{there:%A} {there.day} {there:%B}, {there:%H:%M} ({zone})"
