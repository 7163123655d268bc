"""An outside system that answers late, loses answers, commits after the fact, and a person who looks into it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from connectors.contract import DuplicateSafety, ExternalRef
from connectors.failures import AccessDenied, Ambiguous, RateLimited, Refused, Unavailable

NOTHING_DONE = ("unavailable", "limited", "denied", "refused")
LOST = ("lost_before", "lost_after", "lost_late", "killed_before", "killed_after", "killed_late", "bug_after")


class Killed(BaseException):
    """The worker died here: no code of it runs any more."""


@dataclass
class Made:
    key: str
    id: str
    visible_at: float


@dataclass
class Outside:
    """Keeps what was made in it. Time is its own and only moves when told."""

    safety: DuplicateSafety
    lag: float
    now: float = 0.0
    made: list[Made] = field(default_factory=list)
    creates: int = 0
    looks: int = 0
    fate: str = "ok"
    sight: str = "ok"
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def of(self, key: str) -> list[Made]:
        return [each for each in self.made if each.key == key]

    async def find(self, key: str) -> ExternalRef | None:
        self.looks += 1
        if self.sight == "unavailable":
            raise Unavailable("Outside", "no answer to a look-up")
        for each in self.of(key):
            if each.visible_at <= self.now:
                return ExternalRef(id=each.id)
        return None

    async def create(self, key: str) -> ExternalRef:
        self.creates += 1
        there = self.of(key)
        if there and self.safety is DuplicateSafety.SERVER_KEY:
            if self.fate.startswith(("lost", "killed", "bug")):
                self._lose()
            return ExternalRef(id=there[0].id)
        if there and self.safety is DuplicateSafety.NATURAL_KEY:
            raise Refused("Outside", "this number is taken")
        match self.fate:
            case "unavailable":
                raise Unavailable("Outside", "connection refused")
            case "limited":
                raise RateLimited("Outside", "too many requests")
            case "denied":
                raise AccessDenied("Outside", "key expired")
            case "refused":
                raise Refused("Outside", "no such item")
            case "lost_before" | "killed_before":
                self._lose()
        made = Made(key, f"X-{next(self._ids)}", self.now + (self.lag if self.fate.endswith("late") else 0))
        self.made.append(made)
        if self.fate != "ok":
            self._lose()
        return ExternalRef(id=made.id)

    async def remove(self, key: str, ref: ExternalRef) -> ExternalRef:
        """Undo: removing what is gone changes nothing."""
        self.creates += 1
        self.made = [each for each in self.made if each.id != ref.id]
        if self.fate.startswith(("lost", "killed", "bug")):
            self._lose()
        return ref

    def _lose(self) -> None:
        if self.fate.startswith("killed"):
            raise Killed
        if self.fate.startswith("bug"):
            raise KeyError("id")
        raise Ambiguous("Outside", "the answer was lost")
