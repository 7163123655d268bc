"""Redmine's records as they travel, and the marks by which we find our own again."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

_LONGEST_IDENTIFIER = 60  # Redmine takes 100; people read these in addresses


def identifier(key: str) -> str:
    """Return the project identifier that belongs to a key: readable, and unique by its digest.

    Redmine takes lower case letters, digits, dashes and underscores, and wants a letter first.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    return f"tl-{plain[:_LONGEST_IDENTIFIER].strip('-')}-{_digest(key)[:10]}"


def mark(key: str) -> str:
    """Return the word that stands in the description of what carries a key: one token, so that a filter finds it."""
    return f"throughline:{_digest(key)[:32]}"


def marked(description: str, key: str) -> str:
    return f"{description.rstrip()}\n\n{mark(key)}".lstrip()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Project(_Wire):
    id: int
    identifier: str


class OneProject(_Wire):
    project: Project


class Version(_Wire):
    id: int
    name: str
    description: str | None = ""


class OneVersion(_Wire):
    version: Version


class Versions(_Wire):
    versions: list[Version]


class Named(_Wire):
    id: int
    is_closed: bool = False


class Statuses(_Wire):
    issue_statuses: list[Named]


class IssueRecord(_Wire):
    id: int
    subject: str
    description: str | None = ""
    status: Named
    start_date: date | None = None
    due_date: date | None = None
    done_ratio: int = 0
    updated_on: datetime


class OneIssue(_Wire):
    issue: IssueRecord


class Issues(_Wire):
    issues: list[IssueRecord]
    total_count: int


class Relation(_Wire):
    id: int
    issue_id: int
    issue_to_id: int
    relation_type: str


class Relations(_Wire):
    relations: list[Relation]
