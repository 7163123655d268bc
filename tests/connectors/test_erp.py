"""What an ERP does for us, on the ERPNext sandbox."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

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


async def put(erpnext: ErpNext, doctype: str, **fields: Any) -> str:
    """Enter a record as a person of the plant does."""
    path = f"/api/resource/{doctype.replace(' ', '%20')}"
    answer = await erpnext.call("POST", path, what=f"enter a {doctype.lower()}", body=fields)
    return str(answer.data()["data"]["name"])


async def steel(erpnext: ErpNext, item: str, *prices: tuple[str, str | None, str | None], **more: Any) -> None:
    await put(erpnext, "Item", item_code=item, item_group="Raw Material")
    for rate, first, last in prices:
        dates = {"valid_from": first, "valid_upto": last}
        await put(
            erpnext, "Item Price", item_code=item, price_list="Standard Buying", price_list_rate=rate, **dates, **more
        )


async def test_a_price_holds_on_its_days_the_newest_first(erpnext: ErpNext) -> None:
    weeks = [("812.5", "2026-11-16", "2026-11-22"), ("830", "2026-11-23", "2026-11-29"), ("900", None, None)]
    await steel(erpnext, "STEEL-1", *weeks)
    on = {day: await erpnext.read_material_price("STEEL-1", date(2026, 11, day)) for day in (15, 16, 22, 23)}
    assert [(price.rate, price.currency) for price in on.values()] == [
        (Decimal(900), "USD"), (Decimal("812.5"), "USD"), (Decimal("812.5"), "USD"), (Decimal(830), "USD"),
    ]  # fmt: skip
    assert [price.valid_until for price in on.values()] == [
        None, date(2026, 11, 22), date(2026, 11, 22), date(2026, 11, 29),
    ]  # fmt: skip


async def test_without_a_price_for_the_day_the_message_says_what_to_enter(erpnext: ErpNext) -> None:
    await steel(erpnext, "STEEL-2", ("812.5", "2026-11-16", "2026-11-22"))
    await put(erpnext, "Item Price", item_code="STEEL-2", price_list="Standard Selling", price_list_rate="1400")
    with pytest.raises(Refused, match="no buying price of STEEL-2 holds on 23 Nov 2026; enter one as an Item Price"):
        await erpnext.read_material_price("STEEL-2", date(2026, 11, 23))


async def laser(erpnext: ErpNext, name: str, *jobs: tuple[str, int, str], **more: Any) -> None:
    """A workstation of two shifts; each job is its start, its minutes and its status."""
    shifts = [{"start_time": "06:00:00", "end_time": "14:00:00"}, {"start_time": "14:00:00", "end_time": "22:00:00"}]
    await put(erpnext, "Workstation", workstation_name=name, working_hours=shifts, **more)
    for start, minutes, status in jobs:
        about = {"workstation": name, "operation": "Cutting", "for_quantity": 1, "status": status}
        await put(erpnext, "Job Card", expected_start_date=f"{start} 06:00:00", time_required=minutes, **about)


async def test_a_machine_offers_its_shifts_on_working_days_less_what_is_planned(erpnext: ErpNext) -> None:
    closed = [{"holiday_date": f"2026-12-{day:02}"} for day in (5, 6, 12, 13, 19, 20, 25, 26, 27)]
    span = {"from_date": "2026-01-01", "to_date": "2026-12-31"}
    await put(erpnext, "Holiday List", holiday_list_name="Plant 2026", holidays=closed, **span)
    jobs = [
        ("2026-11-30", 600, "Open"), ("2026-12-01", 600, "Open"), ("2026-12-31", 90, "Work In Progress"),
        ("2026-12-14", 4800, "Completed"), ("2027-01-01", 600, "Open"),
    ]  # fmt: skip
    await laser(erpnext, "Laser 1", *jobs, holiday_list="Plant 2026", production_capacity=2)
    hours = await erpnext.read_machine_hours("Laser 1", date(2026, 12, 1), date(2026, 12, 31))
    assert hours.offered == (31 - len(closed)) * 16 * 2
    assert hours.planned == Decimal(690) / 60


async def test_a_machine_without_shifts_or_out_of_use_says_so(erpnext: ErpNext) -> None:
    await put(erpnext, "Workstation", workstation_name="Press 9")
    with pytest.raises(Refused, match="Press 9 has no working hours; enter its shifts there"):
        await erpnext.read_machine_hours("Press 9", date(2026, 12, 1), date(2026, 12, 31))
    await laser(erpnext, "Laser 8", disabled=1)
    assert (await erpnext.read_machine_hours("Laser 8", date(2026, 12, 1), date(2026, 12, 31))).offered == 0


async def test_a_missing_order_says_to_correct_the_reference(erpnext: ErpNext) -> None:
    with pytest.raises(Exception, match="correct the reference"):
        await erpnext.cancel_sales_order(ExternalRef(id="SAL-ORD-1999-00001"))
