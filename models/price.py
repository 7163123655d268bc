"""Price a quote: exact decimals, each line rounded half-even once, totals that are the sum of their lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.money import Money, Percent
from models.quote import Charge, Explained, Quote, QuoteLine, Totals, quote_digest, scope_fingerprint

# Enough digits that only the stated rounding ever rounds: 4 factors of at most 15 digits each.
_EXACT = 64
_TENTH = Decimal("0.1")
VALID_DAYS = 30
"""How long a price is valid unless somebody says otherwise."""
_ROUNDED = "rounded half-even to the digits of the currency"


class Unpriceable(ValueError):
    """This request has no price; the message says what to change."""


class LineToPrice(BaseModel):
    """One line as asked: what, how many, and what one of it lists at and costs, per month or once."""

    model_config = ConfigDict(frozen=True)
    key: str
    product: str
    name: str
    family: str = ""
    quantity: Decimal = Field(gt=0, max_digits=15, decimal_places=6)
    unit: str
    charge: Charge
    months: int = Field(default=1, ge=1, le=600)
    unit_list: Money
    unit_cost: Money
    discount: Percent

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.charge is Charge.ONCE and self.months != 1:
            raise ValueError(f"line {self.key}: a single charge has no months")
        if not Decimal(0) <= self.discount.value <= Decimal(100):
            raise ValueError(f"line {self.key}: a discount lies between 0 and 100 %")
        numbers = (self.unit_list.amount, self.unit_cost.amount, self.discount.value)
        if any(number < 0 or len(number.as_tuple().digits) > 15 for number in numbers):
            raise ValueError(f"line {self.key}: prices and costs are not negative, and numbers have at most 15 digits")
        return self


class PriceRequest(BaseModel):
    """What `price` needs; `terms` are the terms of the contract that are not prices, such as its length."""

    model_config = ConfigDict(frozen=True)
    version: int = Field(default=1, ge=1)
    priced_on: date
    valid_days: int = Field(default=VALID_DAYS, ge=1)
    currency: str
    terms: Mapping[str, str] = {}
    lines: tuple[LineToPrice, ...]


def price(request: PriceRequest) -> Quote:
    """Return the priced quote; raise Unpriceable where it has no lines, one key twice, mixed money or no value."""
    _refuse_nonsense(request)
    with localcontext(prec=_EXACT, rounding=ROUND_HALF_EVEN):
        priced = [_line(line) for line in request.lines]
        lines = tuple(line for line, _ in priced)
        totals, explained = _totals(lines, request.currency)
    scope = scope_fingerprint(lines, request.terms)
    return Quote(
        version=request.version,
        priced_on=request.priced_on,
        valid_until=request.priced_on + timedelta(days=request.valid_days),
        currency=request.currency,
        terms=tuple(sorted(request.terms.items())),
        lines=lines,
        totals=totals,
        explanation=(*explained, *(step for _, steps in priced for step in steps)),
        scope=scope,
        digest=quote_digest(scope, lines, totals),
    )


def _refuse_nonsense(request: PriceRequest) -> None:
    if not request.lines:
        raise Unpriceable("the quote has no lines; add at least one product in the CRM")
    seen: set[str] = set()
    for line in request.lines:
        if line.key in seen:
            raise Unpriceable(f"two lines have the key {line.key}; every line needs its own")
        seen.add(line.key)
        for money in (line.unit_list, line.unit_cost):
            if money.currency != request.currency:
                raise Unpriceable(
                    f"line {line.key} is in {money.currency}, the quote in {request.currency}; use one currency"
                )
    if all(line.unit_list.amount == 0 or line.discount.value == 100 for line in request.lines):
        raise Unpriceable("the whole quote is free, so it has no margin; price at least one line")


def _line(line: LineToPrice) -> tuple[QuoteLine, list[Explained]]:
    times = line.quantity * line.months
    kept = 1 - line.discount.value / 100
    list_price = (line.unit_list * times).rounded()
    charged = (line.unit_list * times * kept).rounded()
    cost = (line.unit_cost * times).rounded()
    monthly = line.charge is Charge.MONTHLY
    amounts = [("quantity", f"{line.quantity.normalize():f} {line.unit}")]
    if monthly:
        amounts.append(("months", str(line.months)))
    times_rule = "quantity × {} × months" if monthly else "quantity × {}"
    at_list, at_cost = ("unit list price", str(line.unit_list)), ("unit cost", str(line.unit_cost))
    list_rule, cost_rule = (times_rule.format(name) for name, _ in (at_list, at_cost))
    off = ("discount", str(line.discount))
    explained = [
        _made(line.key, "list", f"{list_rule}, {_ROUNDED}", [*amounts, at_list], list_price),
        _made(line.key, "price", f"{list_rule} × (100 % − discount), {_ROUNDED}", [*amounts, at_list, off], charged),
        _made(line.key, "cost", f"{cost_rule}, {_ROUNDED}", [*amounts, at_cost], cost),
    ]
    priced = QuoteLine(
        **line.model_dump(include={"key", "product", "name", "family", "quantity", "unit", "charge", "months"}),
        unit_list=line.unit_list,
        unit_cost=line.unit_cost,
        discount=line.discount,
        unit_price=(line.unit_list * kept).rounded(),
        list_price=list_price,
        price=charged,
        cost=cost,
        margin=_share(charged - cost, charged),
    )
    return priced, explained


def _totals(lines: tuple[QuoteLine, ...], currency: str) -> tuple[Totals, list[Explained]]:
    zero = Money(amount=Decimal(0), currency=currency)
    list_price = sum((line.list_price for line in lines), zero).rounded()
    amount = sum((line.price for line in lines), zero).rounded()
    cost = sum((line.cost for line in lines), zero).rounded()
    discount, margin = _share(list_price - amount, list_price), _share(amount - cost, amount)
    if margin is None or discount is None:
        raise Unpriceable("the quote rounds to nothing, so it has no margin; raise a quantity or a price")
    at_list, at_amount, at_cost = ("list", str(list_price)), ("amount", str(amount)), ("cost", str(cost))
    explained = [
        _made("", "amount", "sum of the lines' prices", [(line.name, str(line.price)) for line in lines], amount),
        _made("", "list", "sum of the lines' lists", [(line.name, str(line.list_price)) for line in lines], list_price),
        _made("", "cost", "sum of the lines' costs", [(line.name, str(line.cost)) for line in lines], cost),
        _made("", "discount", "(list − amount) ÷ list, to one decimal", [at_list, at_amount], discount),
        _made("", "margin", "(amount − cost) ÷ amount, to one decimal", [at_amount, at_cost], margin),
    ]
    return Totals(list_price=list_price, amount=amount, cost=cost, discount=discount, margin=margin), explained


def _share(part: Money, whole: Money) -> Percent | None:
    if whole.amount == 0:
        return None
    return Percent(value=(part.amount * 100 / whole.amount).quantize(_TENTH, ROUND_HALF_EVEN))


def _made(line: str, number: str, rule: str, inputs: list[tuple[str, str]], result: Money | Percent) -> Explained:
    name = f"{line}.{number}" if line else number
    return Explained(number=name, rule=rule, inputs=tuple(inputs), result=str(result))
