"""Calls of actions as a deal's workflow makes them, and the lines they work on."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from activities.crm import store_lines
from connectors.contract import CrmCompany, CrmContact, CrmDeal, CrmLineItem
from connectors.database import Database
from models.calls import ActionCall
from models.money import percent
from models.values import Items, Text, Value, Whole

_numbers = itertools.count(7_000_000)


def fresh_deal() -> str:
    """Return a deal no other test uses."""
    return f"deal/hubspot/{next(_numbers)}"


def call(action: str, inputs: dict[str, Value], **more: Any) -> ActionCall:
    """Return a call; without more, the first of a deal of its own."""
    about = {"deal": fresh_deal(), "step": f"call:{action}", "op": "do", "revision": 1}
    return ActionCall(action=action, inputs=inputs, **{**about, **more})


def line(key: str, sku: str, quantity: str, price: str, cost: str | None = None, **more: Any) -> CrmLineItem:
    """Return a line item as the CRM has it."""
    numbers = {"quantity": Decimal(quantity), "unit_price": Decimal(price)}
    return CrmLineItem(
        id=key, sku=sku, name=sku.title(), unit_cost=None if cost is None else Decimal(cost), **numbers, **more
    )


SERVERS = line("l1", "MS-SERVER", "12", "185.00", "118.00", recurring="monthly", months=36)
ONBOARDING = line("l2", "PS-ONBOARD", "1", "12500.00", "8200.00")


def record(*lines: CrmLineItem, **more: Any) -> CrmDeal:
    """Return a deal as the CRM has it."""
    fields: dict[str, Any] = {
        "id": "5012345",
        "name": "Managed services",
        "url": "https://app.example/deal/5012345",
        "stage": "contractsent",
        "amount": Decimal("92420.00"),
        "currency": "USD",
        "owner_email": "Dana.Whitlock@halden.example",
        "properties": {},
        "company": CrmCompany(id="1", name="Corvane Logistics"),
        "contacts": (CrmContact(id="1", name="Mara Oduya", email="mara@corvane.example"),),
        "line_items": lines or (SERVERS, ONBOARDING),
        "updated_at": datetime(2026, 11, 16, 9, tzinfo=UTC),
    }
    return CrmDeal(**{**fields, **more})


async def stored(database: Database, *lines: CrmLineItem) -> Items:
    """Keep lines as the relay does, and return the fact."""
    async with database.write() as session:
        return await store_lines(session, record(*lines))


async def to_price(database: Database, *lines: CrmLineItem, **more: Value) -> dict[str, Value]:
    """Return the inputs of `price_quote`."""
    given: dict[str, Value] = {
        "account": Text(v="Corvane Logistics"),
        "lines": await stored(database, *lines),
        "discount": percent(20),
        "payment_days": Whole(v=30),
        "term_months": Whole(v=36),
    }
    return {**given, **more}
