"""The actions `price_quote` and `sum_up_lines`: a deal's stored lines become a quote and facts that rules look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time

from temporalio import activity

from activities import content
from activities.calling import inputs_of, wrong
from activities.catalog import Priced, PriceInput, SummedUp
from activities.failures import told_to_temporal
from activities.lines import MEDIA, Line
from activities.pricing import PriceBook, Product, Sold, SoldLine, quote_for
from connectors.database import Database
from models.calls import ActionCall
from models.money import Percent, percent
from models.outcomes import Result
from models.price import Unpriceable
from models.quote import Charge, Quote
from models.values import Digest, wrap

USUAL_TERM = 12
"""Months for which a monthly line is sold when neither the deal nor a line says so."""


def today() -> date:
    """Return the date in UTC."""
    return datetime.now(UTC).date()


class Quoting:
    """Prices deals. `book` is the company's price book; `on` gives the date a quote is priced on."""

    def __init__(self, database: Database, book: PriceBook, on: Callable[[], date] = today) -> None:
        self._database, self._book, self._on = database, book, on

    @activity.defn(name="price_quote")
    async def price_quote(self, call: ActionCall) -> Result:
        """Price the lines, store the quote, return amount, margin, quote and scope."""
        with told_to_temporal():
            quote = await self._priced(call)
            async with self._database.write() as session:
                name = f"quote v{quote.version} of {call.deal}"
                sha256 = await content.put(session, quote.model_dump_json().encode(), MEDIA, name)
        made = Priced(
            amount=quote.totals.amount,
            margin=quote.totals.margin,
            quote=Digest(sha256=sha256, label=f"quote v{quote.version}"),
            scope=Digest(sha256=quote.scope, label="scope"),
        )
        return Result(
            facts={name: getattr(made, name) for name in Priced.model_fields},
            valid_until=datetime.combine(quote.valid_until, time.max, UTC),
        )

    @activity.defn(name="sum_up_lines")
    async def sum_up_lines(self, call: ActionCall) -> Result:
        """Return what the lines add up to: how many, of which families, and what their discounts come to."""
        with told_to_temporal():
            made = summed_up(await self._priced(call))
        return Result(facts={name: wrap(getattr(made, name)) for name in SummedUp.model_fields})

    async def _priced(self, call: ActionCall) -> Quote:
        asked = inputs_of(call, PriceInput)
        lines = await self._lines(asked)
        try:
            return priced(asked, lines, self._book, self._on(), max(call.revision, 1))
        except Unpriceable as cannot:
            raise wrong(str(cannot)) from cannot

    async def _lines(self, asked: PriceInput) -> list[Line]:
        async with self._database.read() as session:
            stored = await content.find(session, [item.digest for item in asked.lines.items])
        for item in asked.lines.items:
            if item.digest not in stored:
                raise wrong(f"line {item.key} is not stored here; save the deal in the CRM once more, then retry")
        return [Line.model_validate_json(stored[item.digest]) for item in asked.lines.items]


def priced(asked: PriceInput, lines: Sequence[Line], book: PriceBook, on: date, version: int) -> Quote:
    """Return the quote of these lines. Raises Unpriceable with what to change in the CRM."""
    currencies = {line.currency for line in lines if line.currency} or {book.currency}
    if len(currencies) > 1:
        raise Unpriceable(f"the lines are in {' and '.join(sorted(currencies))}; use one currency for the deal")
    terms = [line.months for line in lines if line.months]
    return quote_for(
        Sold(
            currency=currencies.pop(),
            lines=tuple(_sold(line) for line in lines),
            discount=asked.discount,
            term_months=asked.term_months or max(terms, default=USUAL_TERM),
            priced_on=on,
            version=version,
        ),
        with_products_of(lines, book),
    )


def summed_up(quote: Quote) -> SummedUp:
    """Return what the lines of a quote add up to. A line that is in no price book is a family of its own."""
    families = Counter(line.family or line.product for line in quote.lines)
    return SummedUp(
        line_count=len(quote.lines),
        family_count=len(families),
        largest_family=max(families.values(), default=0),
        given_away=quote.totals.list_price - quote.totals.amount,
        largest_discount=max((line.discount for line in quote.lines), key=lambda each: each.value, default=percent(0)),
    )


def with_products_of(lines: Sequence[Line], book: PriceBook) -> PriceBook:
    """Return the book with what only the CRM's product library prices. The book's own prices always win."""
    known = {product.sku for product in book.products}
    found: dict[str, Product] = {}
    for line in lines:
        if line.sku in known:
            continue
        product = _product(line)
        if found.setdefault(line.sku, product) != product:
            raise Unpriceable(
                f"line {line.key}: {line.sku} is sold at two prices; use one price in the CRM, and discounts"
            )
    return book.model_copy(update={"products": (*book.products, *found.values())})


def _product(line: Line) -> Product:
    if line.unit_cost is None:
        raise Unpriceable(
            f"line {line.key}: {line.sku} is not in the price book and has no cost in the CRM, so its margin is not "
            "known; give the line a unit cost"
        )
    if line.billed not in ("", "monthly"):
        raise Unpriceable(f"line {line.key}: {line.sku} is billed {line.billed}; sell it monthly or once")
    return Product(
        sku=line.sku,
        name=line.name,
        family="",
        unit="units",
        charge=Charge.MONTHLY if line.billed else Charge.ONCE,
        list=line.unit_price,
        cost=line.unit_cost,
    )


def _sold(line: Line) -> SoldLine:
    own = None if line.discount is None else Percent(value=line.discount)
    return SoldLine(key=line.key, sku=line.sku, quantity=line.quantity, discount=own)
