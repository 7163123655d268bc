"""The actions `read_material_price` and `read_machine_hours`: what the ERP says today, and when that ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_FLOOR

from temporalio import activity

from activities.calling import inputs_of
from activities.catalog import HoursInput, MaterialInput
from activities.failures import told_to_temporal
from activities.quoting import today
from connectors.contract import Erp
from models.calls import ActionCall
from models.money import Money
from models.outcomes import Result
from models.values import Day, Value, Whole


class Supply:
    """Reads what a plant needs to build something. `on` gives the day it is asked."""

    def __init__(self, erp: Erp, on: Callable[[], date] = today) -> None:
        self._erp, self._on = erp, on

    @activity.defn(name="read_material_price")
    async def read_material_price(self, call: ActionCall) -> Result:
        """Return what a unit is bought for; the price holds to the end of its last day."""
        with told_to_temporal():
            asked = inputs_of(call, MaterialInput)
            price = await self._erp.read_material_price(asked.material, self._on())
        facts: dict[str, Value] = {"material_price": Money(amount=price.rate, currency=price.currency)}
        if price.valid_until is None:
            return Result(facts=facts, unset=("material_price_until",))
        facts["material_price_until"] = Day(v=price.valid_until)
        return Result(facts=facts, valid_until=_midnight_after(price.valid_until))

    @activity.defn(name="read_machine_hours")
    async def read_machine_hours(self, call: ActionCall) -> Result:
        """Return the hours left next month once these are taken; with this month ends what "next" means."""
        with told_to_temporal():
            asked = inputs_of(call, HoursInput)
            first = _next_month(self._on())
            last = _next_month(first) - timedelta(days=1)
            hours = await self._erp.read_machine_hours(asked.work_center, first, last)
        # A started hour is no free hour, so rounded down; what is missing is thereby rounded up.
        left = int((hours.offered - hours.planned - asked.machine_hours).to_integral_value(ROUND_FLOOR))
        return Result(
            facts={"machine_hours_left": Whole(v=left), "production_month": Day(v=first)},
            valid_until=_midnight_after(first - timedelta(days=1)),
        )


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, UTC)
