"""The action `create_sales_order`: the customer once per account, the order once per revision, lines from the quote."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from activities import content
from activities.calling import inputs_of, wrong
from activities.catalog import OrderInput
from activities.effects import Effect, Ledger
from activities.failures import told_to_temporal
from activities.quoting import today
from connectors.contract import CustomerBody, Erp, ExternalRef, NotFound, OrderLine, SalesOrder, SalesOrderBody
from connectors.database import Database
from models import deal
from models.calls import ActionCall
from models.outcomes import Result
from models.quote import Quote, QuoteLine
from models.values import Text

DELIVERY = timedelta(days=30)
"""From order to delivery, until the onboarding plan says better."""


class Orders:
    """Books sales orders. `on` gives the date of an order."""

    def __init__(self, erp: Erp, ledger: Ledger, database: Database, on: Callable[[], date] = today) -> None:
        self._erp, self._ledger, self._database, self._on = erp, ledger, database, on

    @activity.defn(name="create_sales_order")
    async def create_sales_order(self, call: ActionCall) -> Result:
        """Create, amend or cancel the deal's sales order, once per effect key."""
        with told_to_temporal():
            match call.op:
                case "undo":
                    return _result(await self._cancel(call))
                case "amend":
                    return _result(await self._amend(call))
                case _:
                    return _result(await self._create(call))

    async def _create(self, call: ActionCall) -> ExternalRef:
        asked = inputs_of(call, OrderInput)
        body = await self._body(call, asked)
        return await self._ledger.once(
            self._effect(call, "do"),
            _told(call),
            lambda: self._erp.find_sales_order(call.key),
            lambda: self._erp.create_sales_order(call.key, body),
        )

    async def _amend(self, call: ActionCall) -> ExternalRef:
        ref = _existing(call)
        body = await self._body(call, inputs_of(call, OrderInput))

        async def find() -> ExternalRef | None:
            order = await self._erp.read_sales_order(ref)
            return order.ref if _sold(order) == _asked(body) else None

        return await self._ledger.once(
            self._effect(call, "amend"), _told(call), find, lambda: self._erp.amend_sales_order(ref, body)
        )

    async def _cancel(self, call: ActionCall) -> ExternalRef:
        ref = _existing(call)

        async def find() -> ExternalRef | None:
            try:
                order = await self._erp.read_sales_order(ref)
            except NotFound:
                return ref
            return ref if order.state == "cancelled" else None

        async def cancel() -> ExternalRef:
            await self._erp.cancel_sales_order(ref)
            return ref

        return await self._ledger.once(self._effect(call, "undo"), {"order": ref.id}, find, cancel)

    async def customer(self, account: str) -> ExternalRef:
        """Return the account's customer in the ERP, made if there is none: one for all its deals."""
        name = " ".join(account.split())
        if not name:
            raise wrong("the deal has no account; name the company in the CRM, then retry the step")
        effect = Effect.declared(
            self._erp.manifest,
            "customer",
            deal_id=f"account/{name.casefold()}",
            step="call:create_customer",
            revision=1,
        )
        return await self._ledger.once(
            effect,
            {"account": name.casefold()},
            lambda: self._erp.find_customer(effect.key),
            lambda: self._erp.create_customer(effect.key, CustomerBody(name=name)),
        )

    async def _body(self, call: ActionCall, asked: OrderInput) -> SalesOrderBody:
        async with self._database.read() as session:
            try:
                quote = Quote.model_validate_json(await content.get(session, asked.quote.sha256))
            except (content.NotStored, ValidationError) as unusable:
                raise wrong(f"{asked.quote}: no quote is stored under it; price the deal again") from unusable
        customer = await self.customer(asked.account)
        ordered = self._on()
        return SalesOrderBody(
            customer=customer.id,
            currency=quote.currency,
            ordered_on=ordered,
            deliver_on=ordered + DELIVERY,
            lines=tuple(order_line(line) for line in quote.lines),
            reference=call.deal.rpartition("/")[2],
        )

    def _effect(self, call: ActionCall, operation: Any) -> Effect:
        return Effect.declared(
            self._erp.manifest,
            "sales_order",
            deal_id=call.deal,
            step=call.step,
            revision=call.revision,
            operation=operation,
        )


def order_line(line: QuoteLine) -> OrderLine:
    """Return a line of the order; its quantity times its rate is the quote's price to the cent.

    Where a unit's price for the whole term is not a whole number of cents, the line is booked as one.
    """
    term = f" for {line.months} months" if line.charge == "monthly" else ""
    described = f"{line.name}: {line.quantity.normalize():f} {line.unit}{term} at {line.unit_price}"
    each = (line.price.amount / line.quantity).quantize(Decimal("0.01"))
    exact = each * line.quantity == line.price.amount
    return OrderLine(
        sku=line.product,
        name=line.name,
        quantity=line.quantity if exact else Decimal(1),
        rate=each if exact else line.price.amount,
        description=described,
    )


def _told(call: ActionCall) -> dict[str, Any]:
    # Only what the deal said: a retry on another day has another order date and is the same effect all the same.
    return {name: value.model_dump(mode="json") for name, value in sorted(call.inputs.items())}


def _existing(call: ActionCall) -> ExternalRef:
    if call.reference is None:
        raise wrong(f"which sales order to {call.op} is not known; do it in the ERP and complete the step by hand")
    return ExternalRef(id=call.reference.id, url=call.reference.url or None)


def _sold(order: SalesOrder) -> list[tuple[str, Decimal, Decimal]]:
    return sorted((line.sku, line.quantity, line.rate) for line in order.lines)


def _asked(body: SalesOrderBody) -> list[tuple[str, Decimal, Decimal]]:
    return sorted((line.sku, line.quantity, line.rate) for line in body.lines)


def _result(ref: ExternalRef) -> Result:
    return Result(facts={"sales_order": Text(v=ref.id)}, reference=deal.ExternalRef(id=ref.id, url=ref.url or ""))
