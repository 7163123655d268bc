"""ERPNext as our ERP: customers and sales orders that carry our key in a unique field of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from connectors.contract import (
    CustomerBody,
    ExternalRef,
    MachineHours,
    MaterialPrice,
    NotFound,
    OrderLine,
    Refused,
    SalesOrder,
    SalesOrderBody,
)
from connectors.http import Answer, HttpConnector
from connectors.manifest import load_manifest

# A custom field (Data, unique, read only, no copy) on Customer and Sales Order, made once by an administrator.
KEY_FIELD = "throughline_key"
_DRAFT, _SUBMITTED, _CANCELLED = 0, 1, 2
_STATES = {_DRAFT: "draft", _SUBMITTED: "confirmed", _CANCELLED: "cancelled"}
# A taken name answers DuplicateEntryError (409), a taken unique field UniqueValidationError (417).
_TAKEN = {"DuplicateEntryError", "UniqueValidationError"}
# A job card in one of these takes no more hours.
_OVER = {"Completed", "Stopped", "Closed", "Cancelled"}


class ErpNext(HttpConnector):
    """An Erp."""

    reason_keys = ("exception", "message", "exc_type")

    def __init__(self, base_url: str, key: str, secret: str) -> None:
        super().__init__(
            load_manifest(Path(__file__).parent),
            base_url,
            headers={"Authorization": f"token {key}:{secret}"},
            secrets=(secret, f"{key}:{secret}"),
        )
        self._has_field: set[str] = set()

    async def ping(self) -> None:
        await self.call("GET", "/api/method/frappe.auth.get_logged_user", what="see who this key belongs to")

    async def find_customer(self, key: str) -> ExternalRef | None:
        found = await self._find("Customer", key)
        return self._ref("Customer", found.name) if found else None

    async def create_customer(self, key: str, body: CustomerBody) -> ExternalRef:
        wire = {
            "customer_name": body.name,
            "customer_type": "Company",
            "email_id": body.email,
            "website": body.domain,
            "default_currency": body.currency,
        }
        made = await self._create("Customer", key, {name: value for name, value in wire.items() if value})
        return self._ref("Customer", made.name)

    async def find_sales_order(self, key: str) -> ExternalRef | None:
        found = await self._find("Sales Order", key)
        return self._ref("Sales Order", found.name) if found and found.docstatus == _SUBMITTED else None

    async def create_sales_order(self, key: str, body: SalesOrderBody) -> ExternalRef:
        """Make a draft that carries the key, then submit it; a draft left by a lost attempt is taken up."""
        wire = {
            "customer": body.customer,
            "currency": body.currency,
            "transaction_date": body.ordered_on.isoformat(),
            "delivery_date": body.deliver_on.isoformat(),
            "po_no": body.reference,
            "items": [_row(line, body.deliver_on) for line in body.lines],
        }
        order = await self._create("Sales Order", key, wire)
        if order.docstatus == _CANCELLED:
            raise Refused(
                "ERPNext", f"cannot create the sales order: {order.name} carries its key and was cancelled there"
            )
        if order.docstatus == _DRAFT:
            await self._set_docstatus(order.name, _SUBMITTED, f"submit sales order {order.name}")
        return self._ref("Sales Order", order.name)

    async def read_sales_order(self, ref: ExternalRef) -> SalesOrder:
        order = await self._read_order(ref)
        return SalesOrder(
            ref=self._ref("Sales Order", order.name),
            state=_STATES[order.docstatus],
            customer=order.customer,
            total=order.grand_total,
            lines=tuple(
                OrderLine(
                    sku=row.item_code, name=row.item_name, quantity=row.qty, rate=row.rate, description=row.description
                )
                for row in order.items
            ),
        )

    async def amend_sales_order(self, ref: ExternalRef, body: SalesOrderBody) -> ExternalRef:
        order = await self._read_order(ref)
        if order.docstatus == _CANCELLED:
            raise Refused("ERPNext", f"cannot amend sales order {order.name}: it was cancelled there; make a new one")
        # "Update Items" of a submitted order: the order keeps its name; rows keep theirs where the item is the same.
        left = list(order.items)
        rows = []
        for line in body.lines:
            same = next((row for row in left if row.item_code == line.sku), None)
            if same:
                left.remove(same)
            rows.append(_row(line, body.deliver_on) | ({"docname": same.name} if same else {}))
        await self.call(
            "POST",
            "/api/method/erpnext.controllers.accounts_controller.update_child_qty_rate",
            what=f"amend sales order {order.name}",
            body={
                "parent_doctype": "Sales Order",
                "parent_doctype_name": order.name,
                "child_docname": "items",
                "trans_items": json.dumps(rows),
            },
        )
        return self._ref("Sales Order", order.name)

    async def cancel_sales_order(self, ref: ExternalRef) -> None:
        order = await self._read_order(ref)
        match order.docstatus:
            case 0:
                what = f"delete the draft sales order {order.name}"
                await self.call("DELETE", self._path("Sales Order", order.name), what=what, accept={404})
            case 1:
                await self._set_docstatus(order.name, _CANCELLED, f"cancel sales order {order.name}")
            case _:
                pass

    async def read_material_price(self, item: str, on: date) -> MaterialPrice:
        """Of several buying prices that hold on the day the newest counts, of two equally new ones the lower."""
        what, day = f"read the price of {item}", on.isoformat()
        filters: list[list[Any]] = [["item_code", "=", item], ["buying", "=", 1]]
        answer = await self._every("Item Price", filters, _Price, what)
        holding = [
            price
            for price in self.read(answer, _Prices).data
            if (price.valid_from or day) <= day <= (price.valid_upto or day)
        ]
        if not holding:
            self.refuse(answer, f"no buying price of {item} holds on {on.day} {on:%b %Y}; enter one as an Item Price")
        found = max(holding, key=lambda price: (price.valid_from or "", -price.rate))
        until = date.fromisoformat(found.valid_upto) if found.valid_upto else None
        return MaterialPrice(rate=found.rate, currency=found.currency or "USD", valid_until=until)

    async def read_machine_hours(self, machine: str, first: date, last: date) -> MachineHours:
        """What the workstation's shifts offer on days that are no holidays; a job counts where it is to start."""
        what = f"read the hours of {machine}"
        answer = await self.call("GET", self._path("Workstation", machine), what=what)
        station = self.read(answer, _OneStation).data
        if not station.disabled and not station.total_working_hours:
            self.refuse(answer, f"workstation {machine} has no working hours; enter its shifts there")
        closed: set[str] = set()
        if station.holiday_list:
            answer = await self.call("GET", self._path("Holiday List", station.holiday_list), what=what)
            closed = {holiday.holiday_date for holiday in self.read(answer, _OneHolidayList).data.holidays}
        days = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
        day = station.total_working_hours * max(station.production_capacity, 1)
        offered = Decimal(0) if station.disabled else day * sum(each not in closed for each in days)
        filters: list[list[Any]] = [
            ["workstation", "=", machine], ["docstatus", "<", _CANCELLED], ["expected_start_date", ">=", days[0]],
            ["expected_start_date", "<", (last + timedelta(days=1)).isoformat()],
        ]  # fmt: skip
        jobs = self.read(await self._every("Job Card", filters, _Job, what), _Jobs).data
        minutes = sum((max(job.left, Decimal(0)) for job in jobs if job.status not in _OVER), Decimal(0))
        return MachineHours(offered=offered, planned=minutes / 60)

    async def _every(self, doctype: str, filters: list[list[Any]], row: type[BaseModel], what: str) -> Answer:
        fields = json.dumps([field.alias or name for name, field in row.model_fields.items()])
        params = {"filters": json.dumps(filters), "fields": fields, "limit_page_length": "0"}
        return await self.call("GET", f"/api/resource/{quote(doctype)}", what=what, params=params)

    async def _find(self, doctype: str, key: str) -> _Found | None:
        answer = await self.call(
            "GET",
            f"/api/resource/{quote(doctype)}",
            what=f"look for the {doctype.lower()} of this deal",
            params={
                "filters": json.dumps([[KEY_FIELD, "=", key]]),
                "fields": json.dumps(["name", "docstatus", KEY_FIELD]),
                "limit_page_length": "2",
            },
            accept={417, 500},
        )
        if answer.status in {417, 500} and KEY_FIELD in self.reason(answer):
            self.refuse(
                answer, f"{doctype} has no field {KEY_FIELD}; let an administrator add it (Data, unique, read only)"
            )
        self.judge(answer)
        listed = self.read(answer, _List).data
        self._has_field.add(doctype)
        return next((each for each in listed if each.throughline_key == key), None)

    async def _create(self, doctype: str, key: str, wire: dict[str, Any]) -> _Found:
        # Frappe drops unknown fields without a word: a create before the key field exists could never be found again.
        if doctype not in self._has_field and (found := await self._find(doctype, key)):
            return found
        what = f"create the {doctype.lower()}"
        path = f"/api/resource/{quote(doctype)}"
        answer = await self.call("POST", path, what=what, body=wire | {KEY_FIELD: key}, accept={409, 417})
        if (
            answer.status in {409, 417}
            and self._error_kind(answer) in _TAKEN
            and (found := await self._find(doctype, key))
        ):
            return found
        self.judge(answer)
        return self.read(answer, _One).data

    async def _read_order(self, ref: ExternalRef) -> _Order:
        answer = await self.call("GET", self._path("Sales Order", ref.id), what=f"read sales order {ref.id}")
        return self.read(answer, _OneOrder).data

    async def _set_docstatus(self, name: str, docstatus: int, what: str) -> None:
        answer = await self.call("PUT", self._path("Sales Order", name), what=what, body={"docstatus": docstatus})
        if self.read(answer, _One).data.docstatus != docstatus:
            self.refuse(
                answer, f"it is still {_STATES[self.read(answer, _One).data.docstatus]}; see its workflow there"
            )

    def judge(self, answer: Answer) -> None:
        # Outside a DoesNotExistError a 404 means that the address leads to no Frappe site.
        if answer.status == 404 and not self._error_kind(answer):
            raise NotFound(
                "ERPNext", f"cannot {answer.call.what}: no such record, or no ERPNext site, at {self.base_url}"
            )
        super().judge(answer)

    def reason(self, answer: Answer) -> str:
        """Return Frappe's messages to people, else its exception."""
        try:
            said = json.loads(answer.data()["_server_messages"])
            text = "; ".join(json.loads(each)["message"] for each in said)
        except (ValueError, KeyError, TypeError):
            return super().reason(answer)
        return self.redacted(" ".join(text.split()))[:400]

    @staticmethod
    def _error_kind(answer: Answer) -> str:
        try:
            return str(answer.data().get("exc_type") or "")
        except (ValueError, AttributeError):
            return ""

    @staticmethod
    def _path(doctype: str, name: str) -> str:
        return f"/api/resource/{quote(doctype)}/{quote(name, safe='')}"

    def _ref(self, doctype: str, name: str) -> ExternalRef:
        desk = doctype.lower().replace(" ", "-")
        return ExternalRef(id=name, url=f"{self.base_url}/app/{desk}/{quote(name, safe='')}")


def _row(line: OrderLine, deliver_on: date) -> dict[str, str]:
    row = {
        "item_code": line.sku,
        "item_name": line.name,
        "description": line.description or line.name,
        "qty": str(line.quantity),
        "rate": str(line.rate),
        "delivery_date": deliver_on.isoformat(),
    }
    return {name: value for name, value in row.items() if value}


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Found(_Wire):
    name: str
    docstatus: int = 0
    throughline_key: str | None = None


class _List(_Wire):
    data: Sequence[_Found]


class _One(_Wire):
    data: _Found


class _Row(_Wire):
    name: str
    item_code: str
    item_name: str = ""
    description: str = ""
    qty: Decimal
    rate: Decimal


class _Order(_Found):
    customer: str
    grand_total: Decimal
    items: Sequence[_Row]


class _OneOrder(_Wire):
    data: _Order


class _Price(_Wire):
    rate: Decimal = Field(alias="price_list_rate")
    currency: str | None = None
    valid_from: str | None = None
    valid_upto: str | None = None


class _Prices(_Wire):
    data: Sequence[_Price]


class _Station(_Wire):
    disabled: bool = False
    production_capacity: int = 1
    total_working_hours: Decimal = Decimal(0)
    holiday_list: str | None = None


class _OneStation(_Wire):
    data: _Station


class _Holiday(_Wire):
    holiday_date: str


class _HolidayList(_Wire):
    holidays: Sequence[_Holiday] = ()


class _OneHolidayList(_Wire):
    data: _HolidayList


class _Job(_Wire):
    status: str = ""
    time_required: Decimal | None = None
    total_time_in_mins: Decimal | None = None

    @property
    def left(self) -> Decimal:
        """Minutes that are still to be worked."""
        return (self.time_required or Decimal(0)) - (self.total_time_in_mins or Decimal(0))


class _Jobs(_Wire):
    data: Sequence[_Job]
