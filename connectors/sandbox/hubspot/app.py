"""HubSpot's CRM API as developers.hubspot.com documents it, small: objects, search, associations, owners, properties.

Sources, pages of the HubSpot developer documentation: "CRM objects", "Search the CRM", "Associations", "Owners",
"Properties", "API usage guidelines", "Error handling"; shapes from HubSpot's public OpenAPI files of 2026-09 and v3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox.desk import Refusal, Vendor, body_of
from connectors.sandbox.faults import Limit
from connectors.sandbox.hubspot import search
from connectors.sandbox.hubspot.catalogue import DEFAULTS, PRODUCTS, STAGES
from connectors.sandbox.hubspot.desk import Controls
from connectors.sandbox.hubspot.records import LABELS, TYPE_IDS, Objects, error, error_response
from connectors.sandbox.hubspot.webhooks import Webhooks
from connectors.sandbox.store import Record, Store, now_iso

# Dated versions stand beside the older numbers ("API versioning").
_OBJECTS = ("/crm/v3/objects", "/crm/objects/2026-09")
_ASSOCIATIONS_IN_AN_ANSWER = 100
_CATEGORIES = {400: "VALIDATION_ERROR", 401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 404: "OBJECT_NOT_FOUND"}


class HubSpotSandbox(Vendor):
    name = "hubspot"
    title = "HubSpot"
    template = "hubspot.html"
    products = PRODUCTS
    stages = STAGES
    shown: ClassVar = {
        "deals": {
            "name": "properties.dealname",
            "stage": "properties.dealstage",
            "amount": "properties.amount",
            "discount %": "properties.discount_percent",
            "written back": "properties.throughline_status",
        },
        "deliveries": {"state": "state", "attempt": "attempt", "events": "events", "answers": "answers"},
        "companies": {"name": "properties.name"},
        "contacts": {"mail": "properties.email"},
        "line_items": {"sku": "properties.hs_sku", "quantity": "properties.quantity", "price": "properties.price"},
        "owners": {"mail": "email"},
    }

    def __init__(self, store: Store, keys: Mapping[str, str]) -> None:
        super().__init__(store, keys)
        self.webhooks = Webhooks(store, keys["HUBSPOT_CLIENT_SECRET"])
        self.objects = Objects(store, self.webhooks.publish)
        self.objects.seed()
        # "API usage guidelines": a private app has 190 calls in 10 seconds; search has five a second of its own.
        self.limits = {"all": Limit(190, 10), "search": Limit(5, 1)}

    def routes(self) -> Sequence[BaseRoute]:
        def route(path: str, method: str, work: Any) -> Route:
            async def answer(request: Request) -> Response:
                self._check(request)
                answered: Response = await work(request)
                return answered

            return Route(path, answer, methods=[method])

        objects = [
            route(f"{base}/{{kind}}{rest}", method, work)
            for base in _OBJECTS
            for rest, method, work in (
                ("", "GET", self._list),
                ("", "POST", self._create),
                ("/search", "POST", self._search),
                ("/merge", "POST", self._merge),
                ("/batch/read", "POST", self._batch_read),
                ("/{id}", "GET", self._read),
                ("/{id}", "PATCH", self._update),
                ("/{id}", "DELETE", self._archive),
                ("/{id}/associations/default/{other}/{other_id}", "PUT", self._associate),
            )
        ]
        associated = "/crm/v4/objects/{kind}/{id}/associations"
        return [
            *objects,
            route(f"{associated}/{{other}}", "GET", self._beside),
            route(f"{associated}/default/{{other}}/{{other_id}}", "PUT", self._associate),
            route("/crm/v4/associations/{kind}/{other}/batch/read", "POST", self._batch_beside),
            route("/crm/associations/2026-09/{kind}/{other}/batch/read", "POST", self._batch_beside),
            *(
                route(f"{base}{rest}", method, work)
                for base in ("/crm/v3/properties", "/crm/properties/2026-09")
                for rest, method, work in (("/{kind}", "GET", self._properties), ("/{kind}", "POST", self._define))
            ),
            *(
                route(f"{base}{rest}", "GET", work)
                for base in ("/crm/v3/owners", "/crm/owners/2026-09")
                for rest, work in (("", self._owners), ("/", self._owners), ("/{id}", self._owner))
            ),
            route("/account-info/v3/details", "GET", self._account),
            route("/account-info/2026-09/details", "GET", self._account),
        ]

    def controls(self) -> Sequence[BaseRoute]:
        return Controls(self.store, self.objects, self.webhooks).routes()

    async def start(self) -> None:
        await self.webhooks.start()

    async def stop(self) -> None:
        await self.webhooks.stop()

    def error(self, status: int) -> Response:
        if status == 429:
            # "API usage guidelines", 429: the body names the policy.
            said = "You have reached your ten_secondly_rolling limit."
            return JSONResponse(
                {"status": "error", "message": said, "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"},
                429,
            )
        return error_response(status, _CATEGORIES.get(status, "INTERNAL_ERROR"), "Sandbox says no")

    def _check(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.keys['HUBSPOT_TOKEN']}":
            said = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
            error(401, "INVALID_AUTHENTICATION", said)
        wait = self.limits["all"].wait()
        if request.url.path.endswith("/search"):
            wait = wait or self.limits["search"].wait()
        if wait:
            refused = self.error(429)
            refused.headers["Retry-After"] = str(math.ceil(wait))
            raise Refusal(refused)

    # --- objects

    async def _list(self, request: Request) -> Response:
        kind, query = self._kind(request), request.query_params
        limit = int(query.get("limit", "10"))
        if not 1 <= limit <= 100:
            error(400, "VALIDATION_ERROR", "Invalid input: limit must be between 1 and 100")
        after = query.get("after")
        listed = [each for each in self.store.all(kind) if not each["archived"]]
        start = next((at + 1 for at, each in enumerate(listed) if each["id"] == after), 0)
        page = listed[start : start + limit]
        answer: Record = {"results": [self._shown(kind, each, request) for each in page]}
        if start + limit < len(listed):
            last = page[-1]["id"]
            answer["paging"] = {"next": {"after": last, "link": f"{request.url.replace(query=f'after={last}')}"}}
        return JSONResponse(answer)

    async def _read(self, request: Request) -> Response:
        kind = self._kind(request)
        record = self.objects.find(kind, request.path_params["id"])
        shown = self._shown(kind, record, request)
        # `associations` asks for the first page of ids; the rest is read through the associations API.
        for other in _words(request, "associations"):
            ids = self.objects.beside(kind, record["id"], other := self.objects.kind(other))
            if ids:
                page = [{"id": each, "type": _link_type(kind, other)} for each in ids[:_ASSOCIATIONS_IN_AN_ANSWER]]
                listed: Record = {"results": page}
                if len(ids) > len(page):
                    listed["paging"] = {"next": {"after": page[-1]["id"], "link": ""}}
                shown.setdefault("associations", {})[LABELS.get(other, other)] = listed
        return JSONResponse(shown)

    async def _create(self, request: Request) -> Response:
        kind, body = self._kind(request), await body_of(request)
        made = self.objects.create(kind, body.get("properties") or {}, "INTEGRATION", body.get("associations") or ())
        return JSONResponse(self._whole(kind, made), 201)

    async def _update(self, request: Request) -> Response:
        kind, body = self._kind(request), await body_of(request)
        return JSONResponse(
            self._whole(
                kind, self.objects.update(kind, request.path_params["id"], body.get("properties") or {}, "INTEGRATION")
            )
        )

    async def _archive(self, request: Request) -> Response:
        self.objects.archive(self._kind(request), request.path_params["id"], "INTEGRATION")
        return Response(status_code=204)

    async def _merge(self, request: Request) -> Response:
        kind, body = self._kind(request), await body_of(request)
        kept = self.objects.merge(
            kind, str(body.get("primaryObjectId")), str(body.get("objectIdToMerge")), "INTEGRATION"
        )
        return JSONResponse(self._whole(kind, kept))

    async def _search(self, request: Request) -> Response:
        kind, body = self._kind(request), await body_of(request)
        listed = [each for each in self.store.all(kind) if not each["archived"]]
        found, total, after = search.page(listed, body)
        names = body.get("properties") or DEFAULTS[kind]
        answer: Record = {"total": total, "results": [self._with(kind, each, names) for each in found]}
        if after:
            answer["paging"] = {"next": {"after": after}}
        return JSONResponse(answer)

    async def _batch_read(self, request: Request) -> Response:
        kind, body = self._kind(request), await body_of(request)
        inputs = body.get("inputs") or []
        if len(inputs) > 100:
            error(400, "VALIDATION_ERROR", "You can only read up to 100 objects at a time")
        wanted = [str(each.get("id")) for each in inputs]
        found = [each for id_ in wanted if (each := self.store.get(kind, id_)) and not each["archived"]]
        names = body.get("properties") or DEFAULTS[kind]
        answer = _batch([self._with(kind, each, names) for each in found])
        missing = sorted(set(wanted) - {each["id"] for each in found})
        if missing:
            # A batch that succeeds in part answers 207 with an error per kind of failure.
            said = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects"}
            answer |= {"numErrors": 1, "errors": [said | {"context": {"ids": missing}, "errors": [], "links": {}}]}
        return JSONResponse(answer, 207 if missing else 200)

    # --- associations

    async def _beside(self, request: Request) -> Response:
        kind, other, query = self._kind(request), self._other(request), request.query_params
        record = self.objects.find(kind, request.path_params["id"])
        page, after = self._page_beside(kind, record["id"], other, query.get("after"), int(query.get("limit", "500")))
        return JSONResponse({"results": page} | ({"paging": {"next": {"after": after}}} if after else {}))

    async def _batch_beside(self, request: Request) -> Response:
        kind, other, body = self._kind(request), self._other(request), await body_of(request)
        results = []
        for each in body.get("inputs") or []:
            page, after = self._page_beside(kind, str(each["id"]), other, each.get("after"), 500)
            if page:
                paging = {"paging": {"next": {"after": after}}} if after else {}
                results.append({"from": {"id": str(each["id"])}, "to": page, **paging})
        return JSONResponse(_batch(results))

    def _page_beside(
        self, kind: str, id_: str, other: str, after: str | None, limit: int
    ) -> tuple[list[Record], str | None]:
        ids = self.objects.beside(kind, id_, other)
        start = ids.index(after) + 1 if after in ids else 0
        types = [{"category": "HUBSPOT_DEFINED", "typeId": 19, "label": None}]
        page = [{"toObjectId": int(each), "associationTypes": types} for each in ids[start : start + limit]]
        return page, ids[start + limit - 1] if start + limit < len(ids) else None

    async def _associate(self, request: Request) -> Response:
        kind, other, path = self._kind(request), self._other(request), request.path_params
        self.objects.associate(kind, path["id"], other, path["other_id"], "INTEGRATION")
        return JSONResponse(_batch([]))

    # --- properties, owners, account

    async def _properties(self, request: Request) -> Response:
        return JSONResponse({"results": self.objects.properties(self._kind(request))})

    async def _define(self, request: Request) -> Response:
        body = await body_of(request)
        return JSONResponse(self.objects.define(self._kind(request), body["name"], label=body.get("label", "")), 201)

    async def _owners(self, request: Request) -> Response:
        wanted = request.query_params.get("email")
        return JSONResponse({"results": [each for each in self.store.all("owners") if wanted in (None, each["email"])]})

    async def _owner(self, request: Request) -> Response:
        owner = self.store.get("owners", request.path_params["id"])
        if owner is None:
            error(404, "OBJECT_NOT_FOUND", f"Owner {request.path_params['id']} not found")
        return JSONResponse(owner)

    async def _account(self, _request: Request) -> Response:
        return JSONResponse(
            {"portalId": 244466000, "accountType": "STANDARD", "companyCurrency": "USD", "timeZone": "US/Central"}
        )

    def _kind(self, request: Request) -> str:
        return self.objects.kind(request.path_params["kind"])

    def _other(self, request: Request) -> str:
        return self.objects.kind(request.path_params["other"])

    def _shown(self, kind: str, record: Record, request: Request) -> Record:
        return self._with(kind, record, _words(request, "properties") or DEFAULTS[kind])

    def _with(self, kind: str, record: Record, names: Sequence[str]) -> Record:
        """Return a record with the properties asked for; unknown ones are left out, empty ones are null."""
        known = {each["name"] for each in self.objects.properties(kind)}
        always = ("hs_object_id", "createdate", "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate")
        shown = {name: record["properties"].get(name) or None for name in (*names, *always) if name in known}
        return self._whole(kind, record) | {"properties": shown}

    def _whole(self, kind: str, record: Record) -> Record:
        page = f"{self.base_url}/#{kind}-{record['id']}" if kind == "deals" else ""
        return record | {"url": page or f"{self.base_url}/contacts/244466000/record/{TYPE_IDS[kind]}/{record['id']}"}


def _words(request: Request, name: str) -> list[str]:
    """Return a list parameter: repeated, or joined by commas."""
    return [word for value in request.query_params.getlist(name) for word in value.split(",") if word]


def _link_type(kind: str, other: str) -> str:
    singular = {"deals": "deal", "companies": "company", "contacts": "contact", "line_items": "line_item"}
    return f"{singular[kind]}_to_{singular[other]}"


def _batch(results: Sequence[Record]) -> Record:
    return {"status": "COMPLETE", "results": list(results), "startedAt": now_iso(), "completedAt": now_iso()}
