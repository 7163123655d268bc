"""How the values of facts are written in a flow file, for messages that say what to write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from models.money import Money, Percent

_KINDS: Mapping[Any, str] = {
    bool: "yes or no", int: "a whole number", str: "a text", Decimal: "a number", Money: "money",
    Percent: "a percentage", datetime: "a moment", date: "a date",
}  # fmt: skip
_EXAMPLES: Mapping[Any, str] = {
    bool: "True", int: "30", str: '"..."', Decimal: 'Decimal("1.5")', Money: "usd(10_000)", Percent: "percent(15)",
    datetime: "datetime(2026, 11, 30, 12, tzinfo=UTC)", date: "date(2026, 11, 30)",
}  # fmt: skip


def kind_of(wanted: Any) -> str:
    """Return a type in words."""
    return _KINDS.get(wanted, getattr(wanted, "__name__", str(wanted)))


def example(wanted: Any) -> str:
    """Return a value of this type as an author writes it."""
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return written(str(next(iter(wanted)).value))
    return _EXAMPLES.get(wanted, "...")


def written(value: object) -> str:
    """Return a value as an author writes it."""
    match value:
        case Money():
            return _usd(value.amount) if value.currency == "USD" else f"{value.amount:f} {value.currency}"
        case Percent():
            return _percent(value.value)
        case str():
            return json.dumps(value, ensure_ascii=False)
    return repr(value)


def converted(wanted: Any, value: object) -> str:
    """Return how the number in `value` is written as the wanted type, else an example of it."""
    number = _number(value)
    if number is None or wanted not in (Money, Percent, int, Decimal):
        return example(wanted)
    if wanted is int:
        return f"{number:.0f}"
    if wanted is Decimal:
        return f'Decimal("{number:f}")'
    if wanted is Percent:
        return _percent(number)
    return _usd(number)


def _usd(amount: Decimal) -> str:
    return f"usd({amount:,.0f})".replace(",", "_") if amount == amount.to_integral_value() else f'usd("{amount:f}")'


def _percent(number: Decimal) -> str:
    return f"percent({number:.0f})" if number == number.to_integral_value() else f'percent("{number:f}")'


def _number(value: object) -> Decimal | None:
    match value:
        case Money():
            return value.amount
        case Percent():
            return value.value
        case bool():
            return None
        case int() | float() | Decimal():
            return Decimal(str(value))
        case str():
            digits = value.strip().removesuffix("%").removeprefix("$").replace(",", "").strip()
            return Decimal(digits) if digits.replace(".", "", 1).isdecimal() and digits.isascii() else None
    return None
