"""`create_sales_order`: one customer per account, one order per revision, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities import content
from activities.effects import Ledger
from activities.erp import Orders, order_line
from activities.pricing import shipped_book
from activities.quoting import Quoting
from connectors.database import Database
from connectors.erpnext.connector import ErpNext
from models.calls import ActionCall
from models.outcomes import Result
from models.quote import Quote
from models.values import Digest, Text, Value, Whole
from tests.activities.calls import ONBOARDING, SERVERS, call, fresh_deal, line, to_price
from tests.connectors.outside import Outside

DAY = date(2026, 11, 16)


@pytest.fixture
def orders(database: Database, erpnext: ErpNext) -> Orders:
    return Orders(erpnext, Ledger(database.write), database, on=lambda: DAY)


async def to_book(database: Database, account: str, *lines: Any, **more: Any) -> ActionCall:
    """Return the call that books a priced deal of an account."""
    deal = more.pop("deal", fresh_deal())
    priced = await Quoting(database, shipped_book(), on=lambda: DAY).price_quote(
        call("price_quote", await to_price(database, *lines), deal=deal)
    )
    inputs: dict[str, Value] = {
        "account": Text(v=account),
        "title": Text(v="Managed services"),
        "payment_days": Whole(v=30),
        **{name: priced.facts[name] for name in ("quote", "amount")},
    }
    return call("create_sales_order", inputs, deal=deal, **more)


async def booked(orders: Orders, outside: Outside, result: Result) -> dict[str, Any]:
    assert result.reference is not None
    [found] = [each for each in await outside.objects("erpnext", "Sales Order") if each["name"] == result.reference.id]
    return found


async def test_an_order_carries_the_quotes_lines_to_the_cent(
    database: Database, orders: Orders, outside: Outside
) -> None:
    asked = await to_book(database, "Corvane Logistics")
    result = await orders.create_sales_order(asked)
    order = await booked(orders, outside, result)
    assert result.facts == {"sales_order": Text(v=order["name"])}
    assert (order["docstatus"], order["throughline_key"]) == (1, asked.key)
    assert Decimal(str(order["grand_total"])) == asked.inputs["amount"].amount  # type: ignore[union-attr]
    assert [(row["item_code"], row["qty"], row["rate"]) for row in order["items"]] == [
        ("MS-SERVER", 12, 5328.0),
        ("PS-ONBOARD", 1, 10000.0),
    ]
    assert order["items"][0]["description"] == "Ms-Server: 12 units for 36 months at $148"
    assert (order["transaction_date"], order["delivery_date"]) == ("2026-11-16", "2026-12-16")
    assert order["po_no"] == asked.deal.rpartition("/")[2]


async def test_two_deals_of_one_account_make_one_customer(database: Database, orders: Orders, outside: Outside) -> None:
    calls = [await to_book(database, name) for name in ("Ashford Mills", "Ashford  mills", "Ashford Mills")]
    made = [await orders.create_sales_order(each) for each in calls]
    names = [each["name"] for each in await outside.objects("erpnext", "Customer") if "shford" in each["name"]]
    assert names == ["Ashford Mills"]
    assert len({each.reference.id for each in made if each.reference}) == 3
    assert {(await booked(orders, outside, each))["customer"] for each in made} == {"Ashford Mills"}


async def test_deals_of_one_account_at_the_same_moment_make_one_customer(
    database: Database, orders: Orders, outside: Outside
) -> None:
    calls = [await to_book(database, "Larkin Foods") for _ in range(4)]

    async def persistently(asked: ActionCall) -> Result:
        while True:
            try:
                return await orders.create_sales_order(asked)
            except ApplicationError as failure:
                if failure.type != "busy":
                    raise
                await asyncio.sleep(0.05)

    made = await asyncio.gather(*(persistently(each) for each in calls))
    assert len({each.reference.id for each in made if each.reference}) == 4
    names = [each["name"] for each in await outside.objects("erpnext", "Customer")]
    assert names.count("Larkin Foods") == 1
    assert "Larkin Foods - 1" not in names


async def test_a_repeated_call_books_nothing_twice_on_another_day_too(
    database: Database, orders: Orders, erpnext: ErpNext, outside: Outside
) -> None:
    asked = await to_book(database, "Corvane Logistics")
    first = await orders.create_sales_order(asked)
    later = Orders(erpnext, Ledger(database.write), database, on=lambda: DAY + timedelta(days=3))
    assert await later.create_sales_order(asked) == first
    keys = [each["throughline_key"] for each in await outside.objects("erpnext", "Sales Order")]
    assert keys.count(asked.key) == 1


async def test_a_lost_answer_is_told_as_ambiguous_and_the_retry_finds_the_order(
    database: Database, orders: Orders, outside: Outside
) -> None:
    asked = await to_book(database, "Corvane Logistics")
    await orders.customer("Corvane Logistics")
    await outside.fault("erpnext", "drop_after", method="POST", path="/api/resource/Sales Order")
    with pytest.raises(ApplicationError) as lost:
        await orders.create_sales_order(asked)
    assert (lost.value.type, lost.value.non_retryable) == ("ambiguous", False)
    async with database.write() as session:  # let the declared commit lag pass
        await (await session.connection()).execute(
            text("update effect set lease_until = now() where state = 'intended'")
        )
    result = await orders.create_sales_order(asked)
    keys = [each["throughline_key"] for each in await outside.objects("erpnext", "Sales Order")]
    assert keys.count(asked.key) == 1
    assert (await booked(orders, outside, result))["docstatus"] == 1


async def test_undoing_cancels_the_order_and_doing_it_again_makes_another(
    database: Database, orders: Orders, outside: Outside
) -> None:
    asked = await to_book(database, "Corvane Logistics")
    first = await orders.create_sales_order(asked)
    undo = asked.model_copy(update={"op": "undo", "revision": 2, "reference": first.reference})
    for _ in range(2):
        await orders.create_sales_order(undo)
    assert (await booked(orders, outside, first))["docstatus"] == 2
    again = await orders.create_sales_order(asked.model_copy(update={"revision": 3}))
    assert again.reference != first.reference
    assert (await booked(orders, outside, again))["docstatus"] == 1


async def test_amending_gives_the_order_the_new_lines(database: Database, orders: Orders, outside: Outside) -> None:
    asked = await to_book(database, "Corvane Logistics")
    first = await orders.create_sales_order(asked)
    more = SERVERS.model_copy(update={"quantity": Decimal(20)})
    changed = await to_book(
        database, "Corvane Logistics", more, ONBOARDING, deal=asked.deal, op="amend", revision=2,
        reference=first.reference,
    )  # fmt: skip
    amended = await orders.create_sales_order(changed)
    assert amended.reference == first.reference
    order = await booked(orders, outside, amended)
    assert [(row["item_code"], row["qty"]) for row in order["items"]] == [("MS-SERVER", 20), ("PS-ONBOARD", 1)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": {"quote": Digest(sha256="0" * 64, label="quote v1")}}, "price the deal again"),
        ({"inputs": {"account": Text(v=" ")}}, "the deal has no account"),
        ({"op": "amend"}, "which sales order to amend is not known"),
    ],
)
async def test_a_wrong_input_is_not_tried_again(
    database: Database, orders: Orders, change: dict[str, Any], said: str
) -> None:
    asked = await to_book(database, "Corvane Logistics")
    if "inputs" in change:
        change = {"inputs": {**asked.inputs, **change["inputs"]}}
    with pytest.raises(ApplicationError, match=said) as failed:
        await orders.create_sales_order(asked.model_copy(update=change))
    assert (failed.value.type, failed.value.non_retryable) == ("invalid", True)


async def test_what_the_erp_refuses_is_told_as_refused(database: Database, orders: Orders) -> None:
    unknown = line("l1", "NO-SUCH-ITEM", "1", "10", "5")
    with pytest.raises(ApplicationError) as failed:
        await orders.create_sales_order(await to_book(database, "Corvane Logistics", unknown))
    assert (failed.value.type, failed.value.non_retryable) == ("refused", True)


async def test_a_line_that_does_not_divide_into_cents_is_booked_as_one(database: Database) -> None:
    odd = line("l1", "MS-SOC", "7", "18.50", "12.00", recurring="monthly", discount=Decimal("12.345"))
    asked = await to_book(database, "Corvane Logistics", odd)
    quote_ = asked.inputs["quote"]
    assert isinstance(quote_, Digest)
    async with database.read() as session:
        quote = Quote.model_validate_json(await content.get(session, quote_.sha256))
    booked_line = order_line(quote.lines[0])
    assert booked_line.quantity * booked_line.rate == quote.totals.amount.amount
    assert booked_line.quantity == 1
    assert "7 units for 36 months" in booked_line.description
