"""What we ask of a chat in which people also answer: their clicks and forms, and a word that only they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from connectors.contract import Button, ExternalRef, Frozen, Messenger


class Click(Frozen):
    """Somebody pressed a button of ours. `opener` lets a form be opened for them, once and soon."""

    who: str
    action: str
    value: str
    place: ExternalRef
    opener: str
    key: str
    delivery: str


class Filled(Frozen):
    """Somebody sent a form of ours off; `place` is the message it was opened from."""

    who: str
    action: str
    value: str
    place: ExternalRef
    answers: dict[str, str]
    key: str
    delivery: str


class Unmeant(Frozen):
    """Something we have no use for, such as a click on a button that is only a link."""

    delivery: str


class Field(Frozen):
    """One thing a form asks: a text, a line, or one of `options` as (value, label)."""

    name: str
    label: str
    kind: Literal["text", "line", "choice"] = "text"
    options: tuple[tuple[str, str], ...] = ()
    needed: bool = True
    hint: str = ""
    most: int = 3000


class Form(Frozen):
    """A form over the conversation. `action` and `value` come back with its answers."""

    action: str
    value: str
    place: ExternalRef
    title: str
    intro: str
    send: str
    fields: tuple[Field, ...]


class Chat(Messenger, Protocol):
    """A messenger whose messages have buttons. `delivery` names one signed request, for refusing its replay."""

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Click | Filled | Unmeant:
        """Return what somebody did.

        Raises Forged, Stale or Unreadable, and Unavailable when our own secret is missing (answer 503, not 401).
        """

    async def open_form(self, opener: str, form: Form) -> None:
        """Show the form to whoever clicked; raises Refused when the click is too long ago."""

    async def tell(self, place: ExternalRef, who: str, text: str, buttons: Sequence[Button] = ()) -> None:
        """Say something beside a message that only this person sees."""

    def field_wrong(self, field: str, why: str) -> dict[str, Any]:
        """Return the answer to a form that keeps it open and says what is wrong with one field."""

    def form_over(self, title: str, text: str) -> dict[str, Any]:
        """Return the answer to a form that puts this text in its place."""
