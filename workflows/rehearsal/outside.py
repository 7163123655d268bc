"""What virtual time needs of the world outside: tries of actions, what comes of them, and what must never happen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol


class Wedged(AssertionError):
    """A workflow failed, or its code did: what no deal may ever do."""


class Attempt(NamedTuple):
    """One try of an action, as a worker would get it."""

    workflow: str
    name: str
    argument: Any
    number: int
    queue: str
    local: bool


class Done(NamedTuple):
    """The try succeeded, `takes` after it began."""

    result: Any
    takes: timedelta = timedelta(0)


class Failed(NamedTuple):
    """The try failed; it is made again by the action's retry policy unless that would be in vain.

    `back` is known of an outage: every try before it fails in the same way.
    """

    kind: str
    message: str
    in_vain: bool = False
    takes: timedelta = timedelta(0)
    back: datetime | None = None


class Refused(Exception):
    """A validator refused an update; `kind` is the refusal's code."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Outside(Protocol):
    """The world a workflow's actions reach."""

    def perform(self, attempt: Attempt) -> Done | Failed:
        """Return what comes of one try."""

    def takes(self, name: str) -> type | None:
        """Return the type of an action's argument, None when nobody offers the action."""
