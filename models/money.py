"""Money and percentages: exact decimals that know their unit."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.mistakes import Mistake

# ISO 4217 minor units that are not two (source: ISO 4217 table A.1).
_DIGITS = {"BIF": 0, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "VND": 0, "XAF": 0, "XOF": 0, "BHD": 3, "KWD": 3, "TND": 3}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


class Money(BaseModel):
    """An amount in one currency. Comparing or adding two currencies raises ValueError."""

    model_config = ConfigDict(frozen=True)
    t: Literal["money"] = "money"
    amount: Decimal
    currency: str

    def rounded(self) -> Money:
        """Return it rounded half-even to the digits of its currency."""
        quantum = Decimal(1).scaleb(-_DIGITS.get(self.currency, 2))
        return Money(amount=self.amount.quantize(quantum, ROUND_HALF_EVEN), currency=self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(amount=self.amount * factor, currency=self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.amount, self.currency) == (other.amount, other.currency)

    def __hash__(self) -> int:
        return hash((self.amount, self.currency))

    def __str__(self) -> str:
        digits = _DIGITS.get(self.currency, 2)
        shown = self.amount if self.amount % 1 else self.amount.quantize(Decimal(1))
        text = f"{abs(shown):,.{digits}f}" if shown % 1 else f"{abs(shown):,.0f}"
        sign = "−" if self.amount < 0 else ""
        symbol = _SYMBOLS.get(self.currency)
        return f"{sign}{symbol}{text}" if symbol else f"{sign}{text} {self.currency}"

    def _same(self, other: Money) -> Decimal:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}; convert one of them first")
        return other.amount


class Percent(BaseModel):
    """A percentage as people say it: Percent(value=15) is 15 %."""

    model_config = ConfigDict(frozen=True)
    t: Literal["percent"] = "percent"
    value: Decimal

    def of(self, money: Money) -> Money:
        """Return this share of `money`, unrounded."""
        return Money(amount=money.amount * self.value / 100, currency=money.currency)

    def __lt__(self, other: Percent) -> bool:
        return self.value < other.value

    def __le__(self, other: Percent) -> bool:
        return self.value <= other.value

    def __gt__(self, other: Percent) -> bool:
        return self.value > other.value

    def __ge__(self, other: Percent) -> bool:
        return self.value >= other.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Percent) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return f"{self.value.normalize():f} %"


def usd(amount: Decimal | int | str) -> Money:
    """Return US dollars."""
    exact = _exact(amount, "usd")
    if isinstance(amount, str) and len(amount.partition(".")[2]) > 2:  # 500.000 is half a million to some
        raise Mistake(
            f"usd({amount!r}) has more than two digits behind the point", 'write usd(500_000) or usd("500.00")'
        )
    return Money(amount=exact, currency="USD")


def percent(value: Decimal | int | str) -> Percent:
    """Return a percentage: percent(15) is 15 %."""
    return Percent(value=_exact(value, "percent"))


def _exact(number: Decimal | int | str, word: str) -> Decimal:
    if isinstance(number, float):
        raise Mistake(f"{word}({number!r}) would not be exact", f'write the digits as a text: {word}("{number!r}")')
    if isinstance(number, str) and not _PLAIN.fullmatch(number):
        digits = re.sub(r"[^\d.-]", "", number)
        right = f'{word}("{digits}")' if "." in digits else f"{word}({digits})"
        remedy = f"the digits alone: {right}" if _PLAIN.fullmatch(digits) else f"the digits alone, as in {word}(15)"
        raise Mistake(f"{word}({number!r}) is no number", f"write {remedy}")
    return Decimal(number)


_PLAIN = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
