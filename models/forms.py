"""What a form's answers become: one fact for the whole form and one per field."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from models.facts import FactSpec
from models.flow import FlowDef
from models.money import Money, Percent
from models.values import Day, Digest, Flag, Form, Moment, Number, Text, Value, Whole


class FormError(ValueError):
    """A field that cannot be taken as given; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def answers(flow: FlowDef, path: str, given: dict[str, Any]) -> dict[str, Value]:
    """Return the facts a form's answers become. Raises FormError naming the field."""
    schema = flow.forms.get(path, {})
    fields: dict[str, Any] = schema.get("properties", {})
    for name in schema.get("required", []):
        if given.get(name) in (None, ""):
            raise FormError(name, f"{name.replace('_', ' ')} is needed")
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise FormError(unknown[0], f"this form has no field {unknown[0]!r}; it has {', '.join(fields)}")
    facts: dict[str, Value] = {}
    # A box that was not ticked is not sent at all; the form's model says what that means.
    unsaid = {name: field["default"] for name, field in fields.items() if "default" in field}
    for name, raw in {**unsaid, **given}.items():
        spec = flow.facts.get(f"{path}.{name}")
        if spec is not None and raw not in (None, ""):
            facts[spec.path] = coerce(spec, raw)
    whole = {name: str(facts[f"{path}.{name}"]) for name in fields if f"{path}.{name}" in facts}
    return {path: Form(v=json.dumps(whole, sort_keys=True)), **facts}


def coerce(spec: FactSpec, raw: Any) -> Value:
    """Return what a person or a file wrote as the fact's own type. Raises FormError saying what is expected."""
    text = str(raw).strip()
    try:
        value = _coerced(spec.type, text, raw)
    except (ValueError, InvalidOperation, KeyError, TypeError):
        raise FormError(spec.path, f"{spec.path} is a {_EXPECTED.get(spec.type, spec.type)}, not {text!r}") from None
    if spec.options and text not in spec.options:
        raise FormError(spec.path, f"{spec.path} is one of {', '.join(spec.options)}, not {text!r}")
    return value


_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,18})(?:\.\d{1,18})?")
_EXPECTED = {
    "whole": "whole number such as 60",
    "number": "number such as 1.5",
    "percent": "percentage such as 15",
    "money": "sum such as 5000, 5,000.50 or 5000 EUR",
    "flag": "yes or no",
    "day": "date such as 2026-11-30",
    "moment": "time such as 2026-11-30T10:00:00Z",
}


def _coerced(kind: str, text: str, raw: Any) -> Value:
    match kind:
        case "text":
            return Text(v=text)
        case "whole":
            return Whole(v=_whole(text))
        case "number":
            return Number(v=_number(raw))
        case "percent":
            return Percent(value=_number(raw if not isinstance(raw, str) else text.removesuffix("%").strip()))
        case "money":
            return _money(text, raw)
        case "flag":
            return Flag(v={"yes": True, "true": True, "on": True, "no": False, "false": False}[text.lower()])
        case "day":
            return Day(v=date.fromisoformat(text))
        case "moment":
            return Moment(v=datetime.fromisoformat(text))
        case "digest":
            return Digest(sha256=text)
    raise ValueError(kind)


def _money(text: str, raw: Any) -> Money:
    if isinstance(raw, dict):
        return Money(amount=_number(raw["amount"]), currency=str(raw["currency"]))
    if not isinstance(raw, str):
        return Money(amount=_number(raw), currency="USD")
    amount, _, currency = text.partition(" ")
    code = currency.strip().upper() or "USD"
    if len(code) != 3 or not code.isalpha():
        raise ValueError(code)
    return Money(amount=_number(amount.removeprefix("$")), currency=code)


def _whole(text: str) -> int:
    if "." in text:
        raise ValueError(text)
    return int(_number(text))


def _number(raw: Any) -> Decimal:
    """Return a number of a reasonable size. A comma parts thousands and nothing else: 1.000,50 is not guessed at."""
    text = str(raw).strip() if isinstance(raw, str) else f"{Decimal(str(raw)):f}"
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text.replace(",", ""))
