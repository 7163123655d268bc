"""The closed set of ways a call to somebody else's system can fail, each saying what to do next."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class ConnectorFailure(Exception):
    """Say that a call failed; exactly one of the six subclasses below is ever raised."""

    next_step: ClassVar[str]

    def __init__(self, system: str, what: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(system, what)
        self.system = system
        self.what = what
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.system}: {self.what.rstrip('. ')}. {self.next_step}"


class Unavailable(ConnectorFailure):
    """Nothing was done: the system could not be reached, or a reading call got no usable answer."""

    next_step = "Nothing was changed there; it is tried again, and nobody needs to act unless it lasts."


class RateLimited(ConnectorFailure):
    """Nothing was done: the system asks for fewer calls; `retry_after` says for how long."""

    next_step = "Nothing was changed there; it is tried again after the pause the system asked for."


class AccessDenied(ConnectorFailure):
    """Nothing was done: the key is wrong, expired or lacks a right."""

    next_step = "Give the connector a valid key with the rights named in its manifest, then retry."


class Refused(ConnectorFailure):
    """Nothing was done: the system understood the request and said no; repeating it unchanged is useless."""

    next_step = "Correct the input or the set-up named here, then retry the step."

    @property
    def reason(self) -> str:
        return self.what


class NotFound(ConnectorFailure):
    """Nothing was done: the record asked for does not exist (any more)."""

    next_step = "Check whether the record was deleted or merged there, then correct the reference."


class Ambiguous(ConnectorFailure):
    """It may or may not have been done: bytes left, and no usable answer came back."""

    next_step = "Look there for the record by its key before doing it again; never repeat it blindly."
