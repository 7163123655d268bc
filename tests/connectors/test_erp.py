"""What an ERP does for us, on the ERPNext sandbox."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.contract import Ambiguous, Erp, ExternalRef, Refused
from connectors.erpnext.connector import KEY_FIELD, ErpNext
from tests.connectors.outside import Outside, customer, fresh_key, line, order


@pytest.fixture
async def buyer(erpnext: ErpNext) -> str:
    return (await erpnext.create_customer(fresh_key("call:create_customer"), customer())).id


async def test_it_is_an_erp(erpnext: ErpNext) -> None:
    everything: Erp = erpnext
    await everything.ping()


async def test_two_customers_of_one_name_are_two_customers(erpnext: ErpNext) -> None:
    one = await erpnext.create_customer(fresh_key(), customer("Halden Twin & Söhne"))
    two = await erpnext.create_customer(fresh_key(), customer("Halden Twin & Söhne"))
    assert one.id != two.id


async def test_an_order_is_confirmed_and_holds_its_lines(erpnext: ErpNext, buyer: str) -> None:
    made = await erpnext.create_sales_order(fresh_key(), order(buyer))
    read = await erpnext.read_sales_order(made)
    assert (read.state, read.customer, read.total) == ("confirmed", buyer, Decimal("14276.0"))
    assert [(each.sku, each.quantity, each.rate) for each in read.lines] == [
        ("MS-SERVER", Decimal(12), Decimal(148)),
        ("PS-ONBOARD", Decimal(1), Decimal(12500)),
    ]
    assert made.url
    assert made.url.endswith(f"/app/sales-order/{made.id}")


async def test_a_draft_left_by_a_lost_attempt_is_finished_not_repeated(
    erpnext: ErpNext, outside: Outside, buyer: str
) -> None:
    key = fresh_key()
    await outside.fault("erpnext", "drop", method="PUT", path="Sales Order")
    with pytest.raises(Ambiguous):
        await erpnext.create_sales_order(key, order(buyer))
    assert await erpnext.find_sales_order(key) is None
    made = await erpnext.create_sales_order(key, order(buyer))
    assert await erpnext.find_sales_order(key) == made
    assert [
        each["docstatus"] for each in await outside.objects("erpnext", "Sales Order") if each[KEY_FIELD] == key
    ] == [1]


async def test_amending_changes_the_lines_and_keeps_the_order(erpnext: ErpNext, buyer: str) -> None:
    key = fresh_key()
    made = await erpnext.create_sales_order(key, order(buyer))
    wanted = order(
        buyer, line("PS-ONBOARD", "1", "12500"), line("MS-SERVER", "20", "140.5"), line("MS-SOC", "250", "18.5")
    )
    for _ in range(2):
        assert await erpnext.amend_sales_order(made, wanted) == made
        read = await erpnext.read_sales_order(made)
        assert [(each.sku, each.quantity, each.rate) for each in read.lines] == [
            ("PS-ONBOARD", Decimal(1), Decimal(12500)),
            ("MS-SERVER", Decimal(20), Decimal("140.5")),
            ("MS-SOC", Decimal(250), Decimal("18.5")),
        ]
    assert read.state == "confirmed"
    assert await erpnext.find_sales_order(key) == made


async def test_cancelling_twice_cancels_once_and_the_key_stays_taken(erpnext: ErpNext, buyer: str) -> None:
    key = fresh_key()
    made = await erpnext.create_sales_order(key, order(buyer))
    await erpnext.cancel_sales_order(made)
    await erpnext.cancel_sales_order(made)
    assert (await erpnext.read_sales_order(made)).state == "cancelled"
    assert await erpnext.find_sales_order(key) is None
    with pytest.raises(Refused, match="was cancelled there"):
        await erpnext.create_sales_order(key, order(buyer))
    with pytest.raises(Refused, match="make a new one"):
        await erpnext.amend_sales_order(made, order(buyer))


async def test_an_item_or_customer_the_erp_does_not_know_is_refused_by_name(erpnext: ErpNext, buyer: str) -> None:
    with pytest.raises(Refused, match="Item: NO-SUCH"):
        await erpnext.create_sales_order(fresh_key(), order(buyer, line("NO-SUCH", "1", "1")))
    with pytest.raises(Refused, match="Customer: Nobody"):
        await erpnext.create_sales_order(fresh_key(), order("Nobody"))


async def test_what_the_crm_sells_the_erp_knows(erpnext: ErpNext, outside: Outside, buyer: str) -> None:
    await outside.enter_deal(lines=[{"sku": "CUSTOM-7", "quantity": 1, "price": "10"}])
    await erpnext.create_sales_order(fresh_key(), order(buyer, line("CUSTOM-7", "1", "10")))


async def test_without_the_key_field_nothing_is_created_and_the_message_says_what_to_add(
    erpnext: ErpNext, outside: Outside
) -> None:
    field = f"/api/resource/Custom Field/Customer-{KEY_FIELD}"
    count = len(await outside.objects("erpnext", "Customer"))
    await erpnext.call("DELETE", field.replace(" ", "%20"), what="remove the field")
    try:
        with pytest.raises(Refused, match=f"no field {KEY_FIELD}; let an administrator add it"):
            await erpnext.create_customer(fresh_key(), customer())
    finally:
        again = {"dt": "Customer", "fieldname": KEY_FIELD, "fieldtype": "Data", "unique": 1}
        await erpnext.call("POST", "/api/resource/Custom%20Field", what="add it again", body=again)
    assert len(await outside.objects("erpnext", "Customer")) == count


async def test_a_key_with_quotes_and_signs_is_found_as_it_is(erpnext: ErpNext) -> None:
    key = fresh_key() + """ "quoted" 'and' <é> %_"""
    made = await erpnext.create_customer(key, customer())
    assert await erpnext.find_customer(key) == made
    assert await erpnext.find_customer(key.replace("%", "x")) is None


async def test_a_missing_order_says_to_correct_the_reference(erpnext: ErpNext) -> None:
    with pytest.raises(Exception, match="correct the reference"):
        await erpnext.cancel_sales_order(ExternalRef(id="SAL-ORD-1999-00001"))
