"""What people and tests do in the HubSpot sandbox beside its API: enter deals, change them, aim and repeat webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox.desk import Refusal, body_of, done
from connectors.sandbox.hubspot.catalogue import PRODUCTS
from connectors.sandbox.hubspot.records import Objects
from connectors.sandbox.hubspot.webhooks import Webhooks
from connectors.sandbox.store import Record, Store, now_iso

_PEOPLE = "CRM_UI"


class Controls:
    """Routes under /_sandbox/ that only HubSpot has."""

    def __init__(self, store: Store, objects: Objects, webhooks: Webhooks) -> None:
        self._store, self._objects, self._webhooks = store, objects, webhooks

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/_sandbox/deals", self._enter, methods=["POST"]),
            Route("/_sandbox/deals/{id}", self._change, methods=["POST"]),
            Route("/_sandbox/deals/{id}/delete", self._delete, methods=["POST"]),
            Route("/_sandbox/deals/{id}/merge", self._merge, methods=["POST"]),
            Route("/_sandbox/properties", self._define, methods=["POST"]),
            Route("/_sandbox/webhook", self._aim, methods=["POST"]),
            Route("/_sandbox/redeliver", self._redeliver, methods=["POST"]),
        ]

    async def _enter(self, request: Request) -> Response:
        """Enter a deal as a person does: company, contacts, lines and owner with it.

        JSON: {name, company, domain?, owner?, contact?, currency?, stage?, lines: [{sku, quantity, price?, discount?,
        cost?, name?, recurring?, months?}], properties: {...}}; a form gives lines as text, `SKU x quantity @ price`.
        """
        asked = await body_of(request)
        lines = _lines(asked.get("lines"))
        properties = {name: value for name, value in _own(asked).items() if value not in (None, "")}
        amount = sum((_amount(line) for line in lines), Decimal(0))
        for name in properties:
            self._known("deals", name)
        company = self._company(str(asked.get("company") or "Unnamed company"), str(asked.get("domain") or ""))
        contact = self._contact(str(asked.get("contact") or ""))
        made = [self._objects.create("line_items", _line(line), _PEOPLE) for line in lines]
        to: list[Record] = [
            _to(company, 5),
            *([_to(contact, 3)] if contact else []),
            *(_to(each["id"], 19) for each in made),
        ]
        deal = self._objects.create(
            "deals",
            {
                "dealname": asked.get("name") or asked.get("company"),
                "dealstage": asked.get("stage") or "contractsent",
                "pipeline": "default",
                "amount": str(amount),
                "deal_currency_code": asked.get("currency") or "USD",
                "hubspot_owner_id": self._owner(str(asked.get("owner") or "")),
            }
            | properties,
            _PEOPLE,
            to,
        )
        return done(request, deal, 201)

    async def _change(self, request: Request) -> Response:
        """Change properties of a deal, its owner by mail address, and its lines as a whole."""
        id_, asked = request.path_params["id"], await body_of(request)
        properties = {name: value for name, value in _own(asked).items() if value is not None}
        if "owner" in asked:
            properties["hubspot_owner_id"] = self._owner(asked["owner"])
        if asked.get("stage"):
            properties["dealstage"] = asked["stage"]
        if asked.get("name"):
            properties["dealname"] = asked["name"]
        if asked.get("lines"):
            lines = _lines(asked["lines"])
            for old in self._objects.beside("deals", id_, "line_items"):
                self._objects.archive("line_items", old, _PEOPLE)
            for line in lines:
                made = self._objects.create("line_items", _line(line), _PEOPLE)
                self._objects.associate("deals", id_, "line_items", made["id"], _PEOPLE)
            properties["amount"] = str(sum((_amount(line) for line in lines), Decimal(0)))
        for name in properties:
            self._known("deals", name)
        return done(request, self._objects.update("deals", id_, properties, _PEOPLE))

    async def _delete(self, request: Request) -> Response:
        await body_of(request)
        self._objects.archive("deals", request.path_params["id"], _PEOPLE)
        return done(request, {"deleted": request.path_params["id"]})

    async def _merge(self, request: Request) -> Response:
        other = str((await body_of(request)).get("into", ""))
        return done(request, self._objects.merge("deals", other, request.path_params["id"], _PEOPLE))

    async def _define(self, request: Request) -> Response:
        for kind, names in (wanted := await body_of(request)).items():
            for name in names:
                self._known(kind, name)
        return done(request, wanted)

    async def _aim(self, request: Request) -> Response:
        self._webhooks.aim(str((await body_of(request)).get("url", "")))
        return done(request, {"url": self._webhooks.target})

    async def _redeliver(self, request: Request) -> Response:
        """Send events again: {event_ids?: [...], times?: 1}."""
        asked = await body_of(request)
        return done(request, {"sent": self._webhooks.redeliver(asked.get("event_ids"), int(asked.get("times") or 1))})

    def _known(self, kind: str, name: str) -> None:
        # A person with settings rights adds the property first; the API itself stays strict.
        if self._store.get("properties", f"{kind}.{name}") is None:
            self._objects.define(kind, name)

    def _company(self, name: str, domain: str) -> str:
        for company in self._store.all("companies"):
            if company["properties"].get("name") == name and not company["archived"]:
                return str(company["id"])
        made = self._objects.create("companies", {"name": name, "domain": domain, "country": "US"}, _PEOPLE)
        return str(made["id"])

    def _contact(self, mail: str) -> str:
        if not mail:
            return ""
        for contact in self._store.all("contacts"):
            if contact["properties"].get("email") == mail:
                return str(contact["id"])
        first, _, last = mail.partition("@")[0].partition(".")
        wanted = {"email": mail, "firstname": first.capitalize(), "lastname": last.capitalize()}
        return str(self._objects.create("contacts", wanted, _PEOPLE)["id"])

    def _owner(self, mail: str) -> str:
        if not mail:
            return ""
        for owner in self._store.all("owners"):
            if owner["email"] == mail:
                return str(owner["id"])
        id_, now = str(self._store.number("owner", 70_001)), now_iso()
        first, _, last = mail.partition("@")[0].partition(".")
        owner = {
            "id": id_,
            "email": mail,
            "type": "PERSON",
            "firstName": first.capitalize(),
            "lastName": last.capitalize(),
        }
        self._store.put(
            "owners", id_, owner | {"userId": int(id_), "archived": False, "createdAt": now, "updatedAt": now}
        )
        return id_


def _own(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the deal properties of a request: in JSON under `properties`, in a form every other field."""
    if isinstance(asked.get("properties"), dict):
        return dict(asked["properties"])
    entered = ("name", "company", "domain", "owner", "contact", "currency", "stage", "lines", "properties")
    return {name: value for name, value in asked.items() if name not in entered}


def _lines(given: Any) -> list[Record]:
    if not isinstance(given, str):
        return list(given or [])
    lines = []
    for text in filter(str.strip, given.splitlines()):
        sku, _, rest = text.partition(" x ")
        quantity, _, price = rest.partition("@")
        line = {"sku": sku.strip(), "quantity": quantity.strip() or "1", "price": price.strip()}
        if not _is_number(line["quantity"]) or (line["price"] and not _is_number(line["price"])):
            raise Refusal(JSONResponse({"error": f"cannot read the line {text!r}; write SKU x quantity @ price"}, 422))
        lines.append(line)
    return lines


def _line(line: Record) -> dict[str, str]:
    sku = str(line.get("sku") or "")
    product = next((each for each in PRODUCTS if each[0] == sku), (sku, sku, "0", "", ""))
    recurring = line.get("recurring", product[4])
    months = line.get("months") or (12 if recurring else None)
    wire = {
        "hs_sku": sku,
        "name": line.get("name") or product[1],
        "quantity": line.get("quantity") or "1",
        "price": line.get("price") or product[2],
        "hs_cost_of_goods_sold": line.get("cost") or product[3],
        "hs_discount_percentage": line.get("discount") or "",
        "recurringbillingfrequency": recurring or "",
        "hs_recurring_billing_period": f"P{months}M" if months else "",
        "amount": str(_amount(line)),
    }
    return {name: str(value) for name, value in wire.items() if value not in (None, "")}


def _amount(line: Record) -> Decimal:
    product = next((each for each in PRODUCTS if each[0] == line.get("sku")), ("", "", "0", "", ""))
    price = Decimal(str(line.get("price") or product[2]))
    kept = 1 - Decimal(str(line.get("discount") or 0)) / 100
    return (price * Decimal(str(line.get("quantity") or 1)) * kept).quantize(Decimal("0.01"))


def _to(id_: str, type_id: int) -> Record:
    return {"to": {"id": id_}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]}


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
