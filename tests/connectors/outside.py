"""Hands of a test in the sandbox vendors: script faults, look at what is there, enter deals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any, Self

import httpx2

from connectors.contract import CustomerBody, Message, OrderLine, SalesOrderBody

_numbers = count(1)


def fresh_key(step: str = "call:create") -> str:
    """Return an effect key no other test uses."""
    number = 5_000_000 + next(_numbers)
    return f"deal/hubspot/{number}|{step}|{number}"


def customer(name: str = "Corvane Logistics") -> CustomerBody:
    return CustomerBody(name=name, email="mara@corvane.example", currency="USD")


def order(customer_id: str, *lines: OrderLine) -> SalesOrderBody:
    return SalesOrderBody(
        customer=customer_id,
        currency="USD",
        ordered_on=date(2026, 11, 23),
        deliver_on=date(2026, 12, 15),
        lines=lines or (line("MS-SERVER", "12", "148.00"), line("PS-ONBOARD", "1", "12500.00")),
        reference="5012345",
    )


def line(sku: str, quantity: str, rate: str) -> OrderLine:
    return OrderLine(sku=sku, name=sku.title(), quantity=Decimal(quantity), rate=Decimal(rate))


def message(to: str, subject: str = "Approval: discount 20 %") -> Message:
    return Message(to=to, subject=subject, text="Corvane asks for 20 % <more>. Déjà vu & done.")


class Outside:
    """Controls of the sandboxes, over the same HTTP."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        self._pages = pages
        self._client = httpx2.AsyncClient(trust_env=False, verify=False, timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._client.aclose()

    async def fault(self, vendor: str, fault: str, **more: Any) -> None:
        """Do this to the next matching call."""
        answer = await self._client.post(self._url(vendor, "faults"), json={"fault": fault, **more})
        assert answer.status_code == 200, answer.text

    async def forget_faults(self) -> None:
        for vendor in self._pages:
            await self._client.delete(self._url(vendor.removesuffix("_PAGE"), "faults"))

    async def objects(self, vendor: str, kind: str) -> list[dict[str, Any]]:
        return (await self._client.get(self._url(vendor, f"objects/{kind}"))).json()

    async def arrivals(self, vendor: str) -> list[dict[str, Any]]:
        return (await self._client.get(self._url(vendor, "arrivals"))).json()

    async def page(self, vendor: str) -> str:
        return (await self._client.get(self._pages[f"{vendor.upper()}_PAGE"])).text

    async def ask(self, vendor: str, path: str, body: Any) -> Any:
        """Use a control of one vendor."""
        answer = await self._client.post(self._url(vendor, path), json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def limit(self, vendor: str, name: str, calls: int, seconds: float) -> None:
        await self.ask(vendor, "limits", {"name": name, "calls": calls, "seconds": seconds})

    async def enter_deal(self, **more: Any) -> str:
        """Enter a deal in the HubSpot sandbox as a person does; return its id."""
        asked: dict[str, Any] = {
            "name": "Managed services",
            "company": "Corvane Logistics",
            "contact": "mara.oduya@corvane.example",
            "owner": "dana.whitlock@halden.example",
            "lines": [{"sku": "MS-SERVER", "quantity": 12, "discount": "20"}, {"sku": "PS-ONBOARD", "quantity": 1}],
            "properties": {"discount_percent": "20", "payment_days": "30", "data_class": "internal"},
        }
        return str((await self.ask("hubspot", "deals", asked | more))["id"])

    def _url(self, vendor: str, path: str) -> str:
        return f"{self._pages[f'{vendor.upper()}_PAGE']}_sandbox/{path}"
