"""ERPNext's REST API as Frappe documents it, small: customers, items and their prices, sales orders, a plant's plan.

Sources: Frappe Framework documentation, "REST API"; ERPNext documentation, "Sales Order", "Customer", "Item",
"Custom Field", "Item Price", "Workstation", "Job Card"; status codes
and names of exceptions from frappe/exceptions.py and frappe/model/base_document.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, NoReturn
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox.desk import Refusal, Vendor, body_of, done
from connectors.sandbox.store import Record

_COMMON = {"name", "owner", "creation", "modified", "modified_by", "docstatus", "idx", "doctype"}
_FIELDS = {
    "Customer": {
        "customer_name", "customer_type", "customer_group", "territory", "email_id", "website", "default_currency",
    },
    "Item": {"item_code", "item_name", "item_group", "stock_uom", "is_stock_item", "description", "standard_rate"},
    "Sales Order": {
        "customer", "customer_name", "company", "currency", "transaction_date", "delivery_date", "po_no", "items",
        "total", "net_total", "grand_total", "status", "amended_from",
    },
    "Custom Field": {"dt", "fieldname", "label", "fieldtype", "unique", "read_only", "no_copy"},
    "Item Price": {
        "item_code", "price_list", "buying", "selling", "price_list_rate", "currency", "valid_from", "valid_upto",
        "supplier", "uom",
    },
    "Workstation": {
        "workstation_name", "production_capacity", "working_hours", "total_working_hours", "holiday_list", "disabled",
    },
    "Holiday List": {"holiday_list_name", "from_date", "to_date", "holidays"},
    "Job Card": {
        "workstation", "operation", "for_quantity", "status", "expected_start_date", "expected_end_date",
        "time_required", "total_time_in_mins",
    },
}  # fmt: skip
_MANDATORY = {
    "Customer": ("customer_name",),
    "Item": ("item_code", "item_group"),
    "Sales Order": ("customer", "delivery_date", "items"),
    "Custom Field": ("dt", "fieldname", "fieldtype"),
    "Item Price": ("item_code", "price_list", "price_list_rate"),
    "Workstation": ("workstation_name",),
    "Holiday List": ("holiday_list_name", "from_date", "to_date"),
    "Job Card": ("workstation", "operation", "for_quantity"),
}
_PRICE_LISTS = {"Standard Buying": {"buying": 1, "selling": 0}, "Standard Selling": {"buying": 0, "selling": 1}}
_OPERATORS: dict[str, Callable[[str, Any], bool]] = {
    "=": lambda has, wanted: has == str(wanted),
    "!=": lambda has, wanted: has != str(wanted),
    ">": lambda has, wanted: has > str(wanted),
    "<": lambda has, wanted: has < str(wanted),
    ">=": lambda has, wanted: has >= str(wanted),
    "<=": lambda has, wanted: has <= str(wanted),
    "in": lambda has, wanted: has in [str(each) for each in wanted],
    "like": lambda has, wanted: bool(re.fullmatch(re.escape(str(wanted)).replace("%", ".*"), has, re.IGNORECASE)),
}
# frappe/exceptions.py: a ValidationError is 417 and so is everything below it that says nothing else.
_STATUS = {"AuthenticationError": 401, "PermissionError": 403, "DoesNotExistError": 404, "DuplicateEntryError": 409}
_KIND_OF = {401: "AuthenticationError", 403: "PermissionError", 404: "DoesNotExistError", 409: "DuplicateEntryError"}
_DRAFT, _SUBMITTED, _CANCELLED = 0, 1, 2
KEY_FIELD = {
    "fieldname": "throughline_key",
    "label": "Throughline key",
    "fieldtype": "Data",
    "unique": 1,
    "read_only": 1,
}


class ErpNextSandbox(Vendor):
    name = "erpnext"
    title = "ERPNext"
    shown: ClassVar = {
        "Customer": {"name": "customer_name", "key": "throughline_key"},
        "Sales Order": {
            "customer": "customer",
            "state": "status",
            "total": "grand_total",
            "currency": "currency",
            "delivery": "delivery_date",
            "key": "throughline_key",
        },
        "Item": {"name": "item_name", "group": "item_group"},
    }

    def routes(self) -> Sequence[BaseRoute]:
        def route(path: str, method: str, work: Any) -> Route:
            async def answer(request: Request) -> Response:
                self._check(request)
                answered: Response = await work(request)
                return answered

            return Route(path, answer, methods=[method])

        update_items = "/api/method/erpnext.controllers.accounts_controller.update_child_qty_rate"
        return [
            route("/api/method/frappe.auth.get_logged_user", "GET", self._me),
            route(update_items, "POST", self._update_items),
            route("/api/resource/{doctype}", "GET", self._list),
            route("/api/resource/{doctype}", "POST", self._insert),
            route("/api/resource/{doctype}/{name:path}", "GET", self._read),
            route("/api/resource/{doctype}/{name:path}", "PUT", self._change),
            route("/api/resource/{doctype}/{name:path}", "DELETE", self._delete),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        async def items(request: Request) -> Response:
            """Let the items of a company be known, as its item import would."""
            wanted = await body_of(request)
            for code, label in wanted.items():
                self.know_item(code, label)
            return done(request, {"items": len(wanted)})

        return [Route("/_sandbox/items", items, methods=["POST"])]

    async def start(self) -> None:
        # What an administrator sets up once: one key field on each doctype we create.
        for doctype in ("Customer", "Sales Order"):
            name = f"{doctype}-{KEY_FIELD['fieldname']}"
            if self.store.get("Custom Field", name) is None and self.store.get("set-up", "done") is None:
                self.store.put(
                    "Custom Field", name, self._stamped("Custom Field", {"name": name, "dt": doctype, **KEY_FIELD})
                )
        self.store.put("set-up", "done", {"done": True})

    def know_item(self, code: str, label: str) -> None:
        if self.store.get("Item", code) is None:
            item = {"name": code, "item_code": code, "item_name": label, "item_group": "Services", "stock_uom": "Nos"}
            self.store.put("Item", code, self._stamped("Item", item))

    def error(self, status: int) -> Response:
        if status == 429:
            return JSONResponse({"exc_type": "TooManyRequestsError"}, 429)
        if status >= 500:
            return Response("<h1>Server Error</h1>", status, media_type="text/html")
        return _exception(_KIND_OF.get(status, "ValidationError"), "Sandbox says no", status)

    def _check(self, request: Request) -> None:
        # "REST API", Token Based Authentication.
        if request.headers.get("authorization") != f"token {self.keys['ERPNEXT_KEY']}:{self.keys['ERPNEXT_SECRET']}":
            raise Refusal(_exception("AuthenticationError", "Invalid API key or secret"))

    async def _me(self, _request: Request) -> Response:
        return JSONResponse({"message": "throughline@example.com"})

    async def _list(self, request: Request) -> Response:
        doctype, query = self._doctype(request), request.query_params
        filters = _json(query.get("filters"), [])
        if isinstance(filters, dict):
            filters = [[field, "=", value] for field, value in filters.items()]
        known = self._known(doctype)
        listed = self.store.all(doctype)
        for each in filters:
            field, operator, wanted = each[-3:]
            if field not in known:
                _fail("DataError", f"Field not permitted in query: {field}", 417)
            has = _OPERATORS[str(operator).lower()]
            listed = [doc for doc in listed if has(_text(doc.get(field)), wanted)]
        order, _, direction = query.get("order_by", "modified desc").partition(" ")
        listed = sorted(listed, key=lambda doc: _text(doc.get(order)), reverse=direction.strip() != "asc")
        start = int(query.get("limit_start", "0"))
        # "Listing documents": 20 at a time unless limit_page_length (or limit) says otherwise; 0 means all.
        size = int(query.get("limit_page_length", query.get("limit", "20"))) or len(listed)
        fields = _json(query.get("fields"), ["name"])
        names = sorted(known - {"items"}) if fields == ["*"] else fields
        for field in names:
            if field not in known:
                _fail("DataError", f"Field not permitted in query: {field}", 417)
        return JSONResponse({"data": [{name: doc.get(name) for name in names} for doc in listed[start : start + size]]})

    async def _read(self, request: Request) -> Response:
        return JSONResponse({"data": self._doc(request)})

    async def _insert(self, request: Request) -> Response:
        doctype = self._doctype(request)
        wanted = self._kept(doctype, await body_of(request))
        if missing := [field for field in _MANDATORY[doctype] if not wanted.get(field)]:
            _fail("MandatoryError", f"[{doctype}, new]: {', '.join(missing)}")
        self._unique(doctype, wanted, None)
        match doctype:
            case "Sales Order":
                wanted = self._order(wanted)
                name = f"SAL-ORD-{datetime.now(UTC):%Y}-{self.store.number('SAL-ORD'):05d}"
            case "Customer":
                # Naming by name: a namesake gets a number ("Customer Naming By").
                name, taken = wanted["customer_name"], {doc["name"] for doc in self.store.all("Customer")}
                name = next(n for n in (name, *(f"{name} - {i}" for i in range(1, 10_000))) if n not in taken)
            case "Custom Field":
                name = f"{wanted['dt']}-{wanted['fieldname']}"
            case "Item Price":
                wanted, name = self._price(wanted), f"{self.store.number('Item Price'):010x}"
            case "Workstation":
                wanted, name = _station(wanted), wanted["workstation_name"]
            case "Holiday List":
                name = wanted["holiday_list_name"]
            case "Job Card":
                wanted, name = {"status": "Open"} | wanted, f"PO-JOB{self.store.number('PO-JOB'):05d}"
            case _:
                name = wanted["item_code"]
        if self.store.get(doctype, name):
            _fail("DuplicateEntryError", f"('{doctype}', '{name}', 'Duplicate entry')")
        doc = self._stamped(doctype, wanted | {"name": name, "docstatus": _DRAFT})
        self.store.put(doctype, name, doc)
        return JSONResponse({"data": doc})

    async def _change(self, request: Request) -> Response:
        doctype, doc = self._doctype(request), self._doc(request)
        wanted = self._kept(doctype, body := await body_of(request))
        before, after = doc.get("docstatus", _DRAFT), int(body.get("docstatus", doc.get("docstatus", _DRAFT)))
        if before == _CANCELLED or after < before or (before == _DRAFT and after == _CANCELLED):
            _fail("DocstatusTransitionError", f"Cannot change docstatus from {before} to {after}")
        if before == _SUBMITTED and (fixed := [f for f in wanted if f != "docstatus" and wanted[f] != doc.get(f)]):
            _fail("UpdateAfterSubmitError", f"Not allowed to change {fixed[0]} after submission")
        self._unique(doctype, wanted, doc["name"])
        changed = self._order(doc | wanted) if doctype == "Sales Order" and before == _DRAFT else doc | wanted
        changed = self._stamped(doctype, changed | {"docstatus": after})
        if doctype == "Sales Order":
            changed["status"] = {0: "Draft", 1: "To Deliver and Bill", 2: "Cancelled"}[after]
        self.store.put(doctype, doc["name"], changed)
        return JSONResponse({"data": changed})

    async def _delete(self, request: Request) -> Response:
        doctype, doc = self._doctype(request), self._doc(request)
        if doc.get("docstatus") == _SUBMITTED:
            _fail(
                "ValidationError",
                f"{doctype} {doc['name']}: Submitted Record cannot be deleted. You must Cancel it first.",
            )
        self.store.drop(doctype, doc["name"])
        return JSONResponse({"message": "ok"}, 202)

    async def _update_items(self, request: Request) -> Response:
        """Update Items of a submitted order: rows with a docname change, rows without are new, the rest go."""
        body = await body_of(request)
        order = self.store.get(body.get("parent_doctype", ""), body.get("parent_doctype_name", ""))
        if order is None:
            _fail("DoesNotExistError", f"{body.get('parent_doctype_name')} not found")
        if order["docstatus"] == _CANCELLED:
            _fail("ValidationError", "Cannot update items of a cancelled order")
        known = {row["name"]: row for row in order["items"]}
        rows = [known.get(row.get("docname"), {}) | row for row in _json(body.get("trans_items"), [])]
        changed = self._order(order | {"items": rows}) | {"docstatus": order["docstatus"], "status": order["status"]}
        self.store.put("Sales Order", order["name"], self._stamped("Sales Order", changed))
        return JSONResponse({})

    def _order(self, wanted: Record) -> Record:
        if self.store.get("Customer", wanted["customer"]) is None:
            _fail("LinkValidationError", f"Could not find Customer: {wanted['customer']}")
        ordered = wanted.get("transaction_date") or date.today().isoformat()  # noqa: DTZ011  -- the site's own day
        if wanted["delivery_date"] < ordered:
            _fail("ValidationError", "Expected Delivery Date should be after Sales Order Date")
        rows = []
        for idx, row in enumerate(wanted["items"], start=1):
            item = self.store.get("Item", row.get("item_code", ""))
            if item is None:
                _fail("LinkValidationError", f"Could not find Row #{idx}: Item: {row.get('item_code')}")
            quantity, rate = _number(row.get("qty")), _number(row.get("rate"))
            rows.append(
                {
                    "name": row.get("name") or row.get("docname") or f"row{self.store.number('row'):08d}",
                    "idx": idx,
                    "item_code": item["name"],
                    "item_name": row.get("item_name") or item["item_name"],
                    "description": row.get("description") or item["item_name"],
                    "qty": float(quantity),
                    "rate": float(rate),
                    "amount": float(quantity * rate),
                    "delivery_date": row.get("delivery_date") or wanted["delivery_date"],
                }
            )
        total = float(sum((_number(row["amount"]) for row in rows), Decimal(0)))
        sums = {"total": total, "net_total": total, "grand_total": total}
        return (
            wanted
            | sums
            | {"items": rows, "transaction_date": ordered, "company": "Halden Managed IT", "status": "Draft"}
        )

    def _price(self, wanted: Record) -> Record:
        """Which way a price goes and its currency are its list's, whatever the request says."""
        if self.store.get("Item", wanted["item_code"]) is None:
            _fail("ValidationError", f"Item {wanted['item_code']} not found.")
        if (ways := _PRICE_LISTS.get(wanted["price_list"])) is None:
            _fail("ValidationError", f"The price list {wanted['price_list']} does not exist or is disabled")
        if wanted.get("valid_upto") and _text(wanted.get("valid_from")) > wanted["valid_upto"]:
            _fail("ValidationError", "Valid Up To must be after Valid From")
        return wanted | ways | {"currency": "USD", "price_list_rate": float(_number(wanted["price_list_rate"]))}

    def _unique(self, doctype: str, wanted: Record, name: str | None) -> None:
        for field in self._own_fields(doctype):
            value = wanted.get(field["fieldname"])
            taken = any(doc.get(field["fieldname"]) == value and doc["name"] != name for doc in self.store.all(doctype))
            if field.get("unique") and value and taken:
                message = f"{field.get('label') or field['fieldname']} must be unique"
                _fail("UniqueValidationError", message)

    def _kept(self, doctype: str, body: Any) -> Record:
        """Return what Frappe keeps of a body: fields it knows, the others are dropped without a word."""
        known = self._known(doctype) - {
            "name",
            "owner",
            "creation",
            "modified",
            "modified_by",
            "docstatus",
            "idx",
            "doctype",
        }
        return {field: value for field, value in body.items() if field in known} if isinstance(body, dict) else {}

    def _known(self, doctype: str) -> set[str]:
        return _COMMON | _FIELDS[doctype] | {field["fieldname"] for field in self._own_fields(doctype)}

    def _own_fields(self, doctype: str) -> list[Record]:
        return [field for field in self.store.all("Custom Field") if field["dt"] == doctype]

    def _doctype(self, request: Request) -> str:
        doctype = unquote(request.path_params["doctype"])
        if doctype not in _FIELDS:
            _fail("DoesNotExistError", f"DocType {doctype} not found")
        return doctype

    def _doc(self, request: Request) -> Record:
        doctype, name = self._doctype(request), unquote(request.path_params["name"])
        doc = self.store.get(doctype, name)
        if doc is None:
            _fail("DoesNotExistError", f"{doctype} {name} not found")
        return doc

    @staticmethod
    def _stamped(doctype: str, doc: Record) -> Record:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        owner = "throughline@example.com"
        return {"owner": owner, "creation": now, "docstatus": _DRAFT} | doc | {"modified": now, "doctype": doctype}


def _station(wanted: Record) -> Record:
    """Add up the shifts of a working day, as the vendor does when a workstation is saved."""
    rows = []
    for row in wanted.get("working_hours") or []:
        start, end = (datetime.strptime(row[each], "%H:%M:%S") for each in ("start_time", "end_time"))  # noqa: DTZ007
        rows.append(row | {"hours": (end - start).total_seconds() / 3600})
    total = sum(row["hours"] for row in rows)
    return {"production_capacity": 1, "disabled": 0} | wanted | {"working_hours": rows, "total_working_hours": total}


def _exception(kind: str, message: str, status: int | None = None) -> Response:
    """Answer as Frappe reports an exception to a program."""
    said = json.dumps([json.dumps({"message": message, "title": "Message", "indicator": "red"})])
    body = {"exception": f"frappe.exceptions.{kind}: {message}", "exc_type": kind, "_server_messages": said}
    return JSONResponse(body, status or _STATUS.get(kind, 417))


def _fail(kind: str, message: str, status: int | None = None) -> NoReturn:
    raise Refusal(_exception(kind, message, status))


def _json(text: object, otherwise: Any) -> Any:
    if text in (None, ""):
        return otherwise
    return json.loads(text) if isinstance(text, str) else text


def _number(value: object) -> Decimal:
    """Read a number as Frappe's flt does: what cannot be read is zero."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)


def _text(value: object) -> str:
    return "" if value is None else str(value)
