"""A quote version: lines, totals, how every number was made, and what identifies it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.money import Money, Percent


class Charge(StrEnum):
    """When a line is charged."""

    MONTHLY = "monthly"
    ONCE = "once"


class Explained(BaseModel):
    """How one number was made: the rule, what went into it, and the result, all as printed."""

    model_config = ConfigDict(frozen=True)
    number: str
    rule: str
    inputs: tuple[tuple[str, str], ...]
    result: str


class QuoteLine(BaseModel):
    """One priced line. `price`, `list_price` and `cost` are for the whole term; `months` is 1 for a single charge."""

    model_config = ConfigDict(frozen=True)
    key: str
    product: str
    name: str
    family: str
    quantity: Decimal
    unit: str
    charge: Charge
    months: int
    unit_list: Money
    unit_cost: Money
    discount: Percent
    unit_price: Money
    list_price: Money
    price: Money
    cost: Money
    margin: Percent | None


class Totals(BaseModel):
    """The sums of the lines; `discount` is what the customer saves against list, both percentages to one decimal."""

    model_config = ConfigDict(frozen=True)
    list_price: Money
    amount: Money
    cost: Money
    discount: Percent
    margin: Percent


class Quote(BaseModel):
    """One version of a quote; never changed once made.

    `scope` identifies what is sold, how many and on which terms, without any price. `digest` identifies scope and
    prices; neither depends on the version's number or dates, so a value that moved and came back is the same quote.
    """

    model_config = ConfigDict(frozen=True)
    version: int
    priced_on: date
    valid_until: date
    currency: str
    terms: tuple[tuple[str, str], ...]
    lines: tuple[QuoteLine, ...]
    totals: Totals
    explanation: tuple[Explained, ...]
    scope: str
    digest: str

    def explain(self, number: str) -> Explained:
        """Return how `number` was made, e.g. "amount" or "line-1.price"; KeyError when there is no such number."""
        for explained in self.explanation:
            if explained.number == number:
                return explained
        raise KeyError(number)


def scope_fingerprint(lines: Sequence[QuoteLine], terms: Mapping[str, str]) -> str:
    """Return the sha256 of what is sold: products, quantities, terms. The order of the lines does not matter."""
    sold = sorted(
        (line.key, line.product, _plain(line.quantity), line.unit, line.charge, line.months) for line in lines
    )
    return _sha256({"sold": sold, "terms": dict(terms)})


def quote_digest(scope: str, lines: Sequence[QuoteLine], totals: Totals) -> str:
    """Return the sha256 of a scope and its prices."""
    prices = [
        (line.key, _plain(line.discount.value), *(_plain(m.amount) for m in (line.unit_list, line.price, line.cost)))
        for line in sorted(lines, key=lambda line: line.key)
    ]
    return _sha256({"scope": scope, "currency": totals.amount.currency, "prices": prices})


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sha256(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
