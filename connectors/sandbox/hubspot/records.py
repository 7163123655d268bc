"""HubSpot's objects, properties and associations: what is kept, and what each change makes known to subscribers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from starlette.responses import JSONResponse, Response

from connectors.sandbox.desk import Refusal
from connectors.sandbox.hubspot.catalogue import FILLED_BY_SALES, STANDARD, WRITTEN_BACK
from connectors.sandbox.store import Record, Store, now_iso

# "CRM objects", object type ids; the API takes plural names, singular names and ids alike.
TYPE_IDS = {"deals": "0-3", "companies": "0-2", "contacts": "0-1", "line_items": "0-8"}
_NAMES = {alias: name for name, id_ in TYPE_IDS.items() for alias in (name, id_)}
_NAMES |= {"deal": "deals", "company": "companies", "contact": "contacts", "line_item": "line_items"}
_SINGULAR = {"deals": "deal", "companies": "company", "contacts": "contact", "line_items": "line_item"}
# "Associations", labels in answers use a space where the type has an underscore.
LABELS = {"line_items": "line items"}
_MODIFIED = {"contacts": "lastmodifieddate"}

Publish = Callable[[Record], None]


class Objects:
    """One account's records. Every change is told to `publish` as the webhook event it causes."""

    def __init__(self, store: Store, publish: Publish) -> None:
        self.store, self._publish = store, publish
        self.on_sku: Callable[[str, str], None] = lambda _sku, _name: None

    def seed(self) -> None:
        """Define the account's properties, once."""
        if self.store.get("set-up", "done"):
            return
        for kind, names in STANDARD.items():
            for name in names:
                self.define(kind, name, hubspot=True)
        for name in (*FILLED_BY_SALES, *WRITTEN_BACK):
            self.define("deals", name)
        self.store.put("set-up", "done", {"done": True})

    def define(self, kind: str, name: str, *, hubspot: bool = False, label: str = "") -> Record:
        """Add a property; answers 409 when there is one of that name."""
        if self.store.get("properties", f"{kind}.{name}"):
            error(409, "CONFLICT", f"Property {name} already exists")
        made = {
            "name": name,
            "label": label or name.replace("_", " ").capitalize(),
            "type": "string",
            "fieldType": "text",
            "groupName": f"{_SINGULAR[kind]}information",
            "hubspotDefined": hubspot,
            "archived": False,
            "description": "",
            "options": [],
            "hidden": False,
        }
        self.store.put("properties", f"{kind}.{name}", made)
        return made

    def properties(self, kind: str) -> list[Record]:
        return [each for id_, each in self.store.items("properties") if id_.startswith(f"{kind}.")]

    def kind(self, named: str) -> str:
        """Return the object type behind a name or id, or answer 400."""
        if named not in _NAMES:
            error(400, "VALIDATION_ERROR", f"Unable to infer object type from: {named}")
        return _NAMES[named]

    def find(self, kind: str, id_: str) -> Record:
        record = self.store.get(kind, id_)
        if record is None or record["archived"]:
            error(404, "OBJECT_NOT_FOUND", f"Object not found.  objectId are usually numeric. {kind} {id_}")
        return record

    def create(self, kind: str, properties: Mapping[str, Any], source: str, to: Sequence[Record] = ()) -> Record:
        values = self._checked(kind, properties)
        others = [(self.kind_of_link(link), str(link["to"]["id"])) for link in to]
        for other, id_ in others:
            self.find(other, id_)
        id_ = str(self.store.number("object", 5_012_340))
        now = now_iso()
        stamps = {"hs_object_id": id_, "createdate": now, _MODIFIED.get(kind, "hs_lastmodifieddate"): now}
        record = {"id": id_, "properties": values | stamps, "createdAt": now, "updatedAt": now, "archived": False}
        self._keep(kind, record)
        for other, other_id in others:
            self._link(kind, id_, other, other_id)
        self._tell(kind, "creation", id_, source)
        for name, value in values.items():
            self._tell(kind, "propertyChange", id_, source, propertyName=name, propertyValue=value)
        return record

    def update(self, kind: str, id_: str, properties: Mapping[str, Any], source: str) -> Record:
        record, values = self.find(kind, id_), self._checked(kind, properties)
        changed = {name: value for name, value in values.items() if (record["properties"].get(name) or "") != value}
        if not changed:
            return record  # a value that is already there changes nothing and tells nobody
        now = now_iso()
        stamps = {_MODIFIED.get(kind, "hs_lastmodifieddate"): now}
        record = record | {"properties": record["properties"] | changed | stamps, "updatedAt": now}
        self._keep(kind, record)
        for name, value in changed.items():
            self._tell(kind, "propertyChange", id_, source, propertyName=name, propertyValue=value)
        return record

    def archive(self, kind: str, id_: str, source: str) -> None:
        record = self.find(kind, id_)
        self.store.put(kind, id_, record | {"archived": True, "archivedAt": now_iso(), "updatedAt": now_iso()})
        self._tell(kind, "deletion", id_, source)

    def merge(self, kind: str, survivor: str, gone: str, source: str) -> Record:
        """Merge two records into the first; the second is archived."""
        kept, lost = self.find(kind, survivor), self.find(kind, gone)
        self.store.put(kind, gone, lost | {"archived": True, "updatedAt": now_iso()})
        self._tell(
            kind,
            "merge",
            survivor,
            source,
            primaryObjectId=int(survivor),
            mergedObjectIds=[int(gone)],
            newObjectId=int(survivor),
        )
        return kept

    def associate(self, kind: str, id_: str, other: str, other_id: str, source: str) -> None:
        self.find(kind, id_)
        self.find(other, other_id)
        self._link(kind, id_, other, other_id)
        self._tell(kind, "associationChange", id_, source, fromObjectId=int(id_), toObjectId=int(other_id))

    def beside(self, kind: str, id_: str, other: str) -> list[str]:
        """Return the ids associated with a record, oldest association first."""
        linked = self.store.get("associations", f"{kind}/{id_}/{other}") or {"ids": []}
        return [each for each in linked["ids"] if not (self.store.get(other, each) or {"archived": True})["archived"]]

    def kind_of_link(self, link: Record) -> str:
        """Return the type an association of a create leads to, by its HubSpot-defined type id."""
        # "Associations", HubSpot-defined association type ids, from a deal and from a line item.
        known = {
            5: "companies",
            341: "companies",
            3: "contacts",
            19: "line_items",
            20: "deals",
            12: "deals",
            4: "deals",
        }
        type_id = int((link.get("types") or [{}])[0].get("associationTypeId", 0))
        if type_id not in known:
            error(400, "VALIDATION_ERROR", f"One or more association types in {type_id} don't exist")
        return known[type_id]

    def _link(self, kind: str, id_: str, other: str, other_id: str) -> None:
        for one, one_id, two, two_id in ((kind, id_, other, other_id), (other, other_id, kind, id_)):
            name = f"{one}/{one_id}/{two}"
            linked = self.store.get("associations", name) or {"ids": []}
            if two_id not in linked["ids"]:
                self.store.put("associations", name, {"ids": [*linked["ids"], two_id]})

    def _checked(self, kind: str, properties: Mapping[str, Any]) -> dict[str, str]:
        # "Properties", errors: an unknown name is a validation error that names it.
        known = {each["name"] for each in self.properties(kind)}
        if unknown := [name for name in properties if name not in known]:
            error(
                400,
                "VALIDATION_ERROR",
                f"Property values were not valid: property {', '.join(sorted(unknown))} does not exist",
                errors=[
                    {
                        "message": f'Property "{name}" does not exist',
                        "code": "PROPERTY_DOESNT_EXIST",
                        "context": {"propertyName": [name]},
                    }
                    for name in unknown
                ],
            )
        return {name: "" if value is None else str(value) for name, value in properties.items()}

    def _keep(self, kind: str, record: Record) -> None:
        self.store.put(kind, record["id"], record)
        if kind == "line_items" and (sku := record["properties"].get("hs_sku")):
            self.on_sku(sku, record["properties"].get("name") or sku)

    def _tell(self, kind: str, what: str, id_: str, source: str, **more: Any) -> None:
        self._publish(
            {
                "eventId": self.store.number("event", 1_000_001),
                "subscriptionType": f"{_SINGULAR[kind]}.{what}",
                "objectTypeId": TYPE_IDS[kind],
                "objectId": int(id_),
                "changeSource": source,
                "occurredAt": int(time.time() * 1000),
                **more,
            }
        )


def error(status: int, category: str, message: str, **more: Any) -> NoReturn:
    """Answer with HubSpot's error body ("Error handling")."""
    raise Refusal(error_response(status, category, message, **more))


def error_response(status: int, category: str, message: str, **more: Any) -> Response:
    correlation = f"{time.time_ns():032x}"
    body = {"status": "error", "message": message, "correlationId": correlation, "category": category, **more}
    return JSONResponse(body, status)
