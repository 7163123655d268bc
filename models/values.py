"""What a fact can hold: tagged values, so that "35" never comes back as another type."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.money import Money, Percent


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Text(_Value):
    """A short text; choices are texts too."""

    t: Literal["text"] = "text"
    v: str = Field(max_length=4000)

    def __str__(self) -> str:
        return self.v


class Whole(_Value):
    """A whole number."""

    t: Literal["whole"] = "whole"
    v: int

    def __str__(self) -> str:
        return f"{self.v:,}"


class Number(_Value):
    """An exact decimal number."""

    t: Literal["number"] = "number"
    v: Decimal

    def __str__(self) -> str:
        return f"{self.v.normalize():f}"


class Flag(_Value):
    """Yes or no."""

    t: Literal["flag"] = "flag"
    v: bool

    def __str__(self) -> str:
        return "yes" if self.v else "no"


class Day(_Value):
    """A calendar date."""

    t: Literal["day"] = "day"
    v: date

    def __str__(self) -> str:
        return f"{self.v.day} {self.v:%b %Y}"


class Moment(_Value):
    """An instant."""

    t: Literal["moment"] = "moment"
    v: AwareDatetime

    def __str__(self) -> str:
        return f"{self.v:%Y-%m-%d %H:%M %Z}"


class Digest(_Value):
    """Something large that lives elsewhere, known by its hash."""

    t: Literal["digest"] = "digest"
    sha256: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.label or 'content'} {self.sha256[:8]}"


class Item(_Value):
    """One entry of a list: its own key, and the hash of its content."""

    key: str
    digest: str


class Items(_Value):
    """A list of things by key, each known by its hash."""

    t: Literal["items"] = "items"
    items: tuple[Item, ...]

    def __str__(self) -> str:
        return f"{len(self.items)} lines"


class Form(_Value):
    """The answers of one form as canonical JSON."""

    t: Literal["form"] = "form"
    v: str = Field(max_length=4000)

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in json.loads(self.v).items())


Value = Annotated[
    Text | Whole | Number | Flag | Money | Percent | Day | Moment | Digest | Items | Form, Field(discriminator="t")
]
Reading = dict[str, Value]
"""What a step read, by name; a name that is not there was unset."""


def wrap(plain: Any) -> Value:
    """Return the tagged value of a plain one. Raises TypeError for what a fact cannot hold."""
    match plain:
        case (
            Text() | Whole() | Number() | Flag() | Money() | Percent() | Day() | Moment() | Digest() | Items() | Form()
        ):
            return plain
        case Enum():
            return Text(v=str(plain.value))
        case bool():
            return Flag(v=plain)
        case int():
            return Whole(v=plain)
        case str():
            return Text(v=plain)
        case Decimal():
            return Number(v=plain)
        case datetime():
            return Moment(v=plain)
        case date():
            return Day(v=plain)
        case BaseModel():
            return Form(v=plain.model_dump_json())
        case _:
            raise TypeError(
                f"a fact cannot hold {plain!r} of type {type(plain).__name__}; use a value of models/values.py"
            )


def unwrap(value: Value) -> Any:
    """Return the plain value an action works with."""
    match value:
        case Money() | Percent() | Digest() | Items():
            return value
        case Form():
            return json.loads(value.v)
        case _:
            return value.v


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def fingerprint(reading: Reading) -> str:
    """Return one hash over a whole reading, names sorted."""
    plain = {name: value.model_dump(mode="json") for name, value in sorted(reading.items())}
    return digest_of(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())
