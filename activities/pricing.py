"""Price a deal: its CRM line items against a price book become a quote."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.money import Money, Percent
from models.price import LineToPrice, PriceRequest, Unpriceable, price
from models.quote import Charge, Quote

_SHIPPED = Path(__file__).with_name("price_book.json")


class Product(BaseModel):
    """One product of a price book: what one unit lists at and costs, per month or once."""

    model_config = ConfigDict(frozen=True)
    sku: str
    name: str
    family: str
    unit: str
    charge: Charge
    list: Decimal
    cost: Decimal


class PriceBook(BaseModel):
    """What is sold and at which list price; one currency."""

    model_config = ConfigDict(frozen=True)
    name: str
    currency: str
    products: tuple[Product, ...]


class SoldLine(BaseModel):
    """A line item as the CRM has it; where it names no discount of its own, the deal's counts."""

    model_config = ConfigDict(frozen=True)
    key: str
    sku: str
    quantity: Decimal
    discount: Percent | None = None


class Sold(BaseModel):
    """What of a deal decides its price."""

    model_config = ConfigDict(frozen=True)
    currency: str
    lines: tuple[SoldLine, ...]
    discount: Percent
    term_months: int
    priced_on: date
    version: int = 1


def quote_for(sold: Sold, book: PriceBook) -> Quote:
    """Return the quote; raise Unpriceable with what to change in the CRM or the price book."""
    if sold.currency != book.currency:
        raise Unpriceable(f"the deal is in {sold.currency}, the price book in {book.currency}; sell in {book.currency}")
    products = {product.sku: product for product in book.products}
    lines = []
    for line in sold.lines:
        product = products.get(line.sku)
        if product is None:
            raise Unpriceable(
                f"line {line.key}: product {line.sku!r} is not in {book.name!r}; use one of {', '.join(products)}"
            )
        try:
            lines.append(_line(line, product, sold))
        except ValidationError as wrong:
            first = wrong.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise Unpriceable(
                f"line {line.key}: {field or 'numbers'}: {first['msg']}; correct it in the CRM"
            ) from wrong
    terms = {"term_months": str(sold.term_months)}
    return price(
        PriceRequest(
            version=sold.version, priced_on=sold.priced_on, currency=sold.currency, terms=terms, lines=tuple(lines)
        )
    )


@cache
def shipped_book() -> PriceBook:
    """Return the price book of the demo company."""
    return PriceBook.model_validate_json(_SHIPPED.read_bytes())


def _line(line: SoldLine, product: Product, sold: Sold) -> LineToPrice:
    return LineToPrice(
        key=line.key,
        product=product.sku,
        name=product.name,
        family=product.family,
        quantity=line.quantity,
        unit=product.unit,
        charge=product.charge,
        months=sold.term_months if product.charge is Charge.MONTHLY else 1,
        unit_list=Money(amount=product.list, currency=sold.currency),
        unit_cost=Money(amount=product.cost, currency=sold.currency),
        discount=line.discount if line.discount is not None else sold.discount,
    )
