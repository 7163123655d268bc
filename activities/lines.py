"""The lines of a deal as they are sold, each kept by what it says: the same line has the same hash for ever."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict

from connectors.contract import CrmLineItem
from models.values import Item, digest_of

MEDIA = "application/json"
_SMALLEST = Decimal("0.000001")


class Line(BaseModel):
    """One line item of the CRM, without anything that decides neither price nor scope."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    key: str
    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    unit_cost: Decimal | None = None
    discount: Decimal | None = None
    billed: str = ""
    months: int | None = None
    currency: str = ""

    @classmethod
    def of(cls, item: CrmLineItem, currency: str | None) -> Self:
        """Return the line of a CRM's record; numbers are spelt in one way, so that 12 and 12.0 are one quantity."""
        return cls(
            key=item.id,
            sku=item.sku,
            name=item.name,
            quantity=_plain(item.quantity),
            unit_price=_plain(item.unit_price),
            unit_cost=None if item.unit_cost is None else _plain(item.unit_cost),
            discount=None if item.discount is None else _plain(item.discount),
            billed=item.recurring or "",
            months=item.months,
            currency=currency or "",
        )

    @property
    def content(self) -> bytes:
        """The bytes that are stored."""
        return self.model_dump_json().encode()

    @property
    def item(self) -> Item:
        """The line as the fact `lines` carries it."""
        return Item(key=self.key, digest=digest_of(self.content))


def _plain(number: Decimal) -> Decimal:
    # A discount worked out from two prices has as many digits as the machine gives it.
    return Decimal(f"{number.quantize(_SMALLEST).normalize():f}")
