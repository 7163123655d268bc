"""`read_material_price` and `read_machine_hours`: what the ERP's records come to as facts, and when they end."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.supply import Supply
from connectors.erpnext.connector import ErpNext
from models.money import usd
from models.values import Day, Text, Value, Whole
from tests.activities.calls import call

MONDAY = date(2026, 11, 16)
_numbers = itertools.count(1)


async def entered(erpnext: ErpNext, doctype: str, **fields: Any) -> None:
    path = f"/api/resource/{doctype.replace(' ', '%20')}"
    await erpnext.call("POST", path, what=f"enter a {doctype.lower()}", body=fields)


async def a_steel(erpnext: ErpNext, rate: str, last: str | None) -> str:
    item = f"STEEL-A{next(_numbers)}"
    await entered(erpnext, "Item", item_code=item, item_group="Raw Material")
    await entered(
        erpnext, "Item Price", item_code=item, price_list="Standard Buying", price_list_rate=rate, valid_upto=last
    )
    return item


def price_of(item: str) -> Any:
    return call("read_material_price", {"material": Text(v=item)})


async def test_this_weeks_steel_is_a_price_that_ends_with_its_last_day(erpnext: ErpNext) -> None:
    item = await a_steel(erpnext, "812.50", "2026-11-20")
    result = await Supply(erpnext, on=lambda: MONDAY).read_material_price(price_of(item))
    assert result.facts == {"material_price": usd("812.5"), "material_price_until": Day(v=date(2026, 11, 20))}
    assert result.valid_until == datetime(2026, 11, 21, tzinfo=UTC)


async def test_a_price_without_a_last_day_never_ends(erpnext: ErpNext) -> None:
    item = await a_steel(erpnext, "790", None)
    result = await Supply(erpnext, on=lambda: MONDAY).read_material_price(price_of(item))
    assert (result.facts, result.unset, result.valid_until) == (
        {"material_price": usd(790)}, ("material_price_until",), None,
    )  # fmt: skip


async def test_after_the_week_nobody_is_told_last_weeks_price(erpnext: ErpNext) -> None:
    item = await a_steel(erpnext, "812.50", "2026-11-20")
    supply = Supply(erpnext, on=lambda: date(2026, 11, 21))
    with pytest.raises(ApplicationError, match=f"no buying price of {item} holds on 21 Nov 2026") as failure:
        await supply.read_material_price(price_of(item))
    assert (failure.value.type, failure.value.non_retryable) == ("refused", True)


@pytest.mark.parametrize(
    ("today", "wanted", "left", "month", "ends"),
    [
        (date(2026, 11, 16), 100, 31 * 8 - 3 - 100, date(2026, 12, 1), datetime(2026, 12, 1, tzinfo=UTC)),
        (date(2026, 11, 30), 300, 31 * 8 - 3 - 300, date(2026, 12, 1), datetime(2026, 12, 1, tzinfo=UTC)),
        (date(2026, 12, 31), 100, 31 * 8 - 100, date(2027, 1, 1), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
async def test_hours_left_are_next_months_and_end_with_this_one(
    erpnext: ErpNext, today: date, wanted: int, left: int, month: date, ends: datetime
) -> None:
    name = f"Mill {next(_numbers)}"
    shift = [{"start_time": "08:00:00", "end_time": "16:00:00"}]
    await entered(erpnext, "Workstation", workstation_name=name, working_hours=shift)
    job = {"workstation": name, "operation": "Milling", "for_quantity": 1, "time_required": 150}
    await entered(erpnext, "Job Card", expected_start_date="2026-12-07 08:00:00", **job)
    inputs: dict[str, Value] = {"work_center": Text(v=name), "machine_hours": Whole(v=wanted)}
    result = await Supply(erpnext, on=lambda: today).read_machine_hours(call("read_machine_hours", inputs))
    assert result.facts == {"machine_hours_left": Whole(v=left), "production_month": Day(v=month)}
    assert result.valid_until == ends


async def test_a_work_centre_nobody_knows_is_a_matter_for_a_person(erpnext: ErpNext) -> None:
    inputs: dict[str, Value] = {"work_center": Text(v="Lathe 99"), "machine_hours": Whole(v=1)}
    with pytest.raises(ApplicationError, match="Lathe 99") as failure:
        await Supply(erpnext, on=lambda: MONDAY).read_machine_hours(call("read_machine_hours", inputs))
    assert failure.value.type == "not_found"
