"""HubSpot as our CRM: deliveries verified, deals read whole, properties written back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from connectors.contract import (
    CrmDeal,
    ExternalRef,
    InboundEvent,
    NotFound,
    Unavailable,
)
from connectors.http import Answer, HttpConnector
from connectors.hubspot import records, webhooks
from connectors.hubspot.records import AssociationPage, Owner, Page, Properties, Record
from connectors.manifest import load_manifest

# HubSpot dates its API versions; each is served for at least 18 months.
_VERSION = "2026-09"
_OBJECTS = f"/crm/objects/{_VERSION}"
_BATCH = 100
_PROPERTIES_KEPT = 600.0  # seconds the list of a portal's own properties is kept


class HubSpot(HttpConnector):
    """A Crm."""

    reason_keys = ("message", "error")

    def __init__(self, base_url: str, token: str, client_secret: str) -> None:
        super().__init__(
            load_manifest(Path(__file__).parent),
            base_url,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token, client_secret),
        )
        self._client_secret = client_secret
        self._own: tuple[float, tuple[str, ...]] | None = None

    async def ping(self) -> None:
        await self.call("GET", f"/account-info/{_VERSION}/details", what="reach the account")

    def verify(
        self, method: str, uri: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> list[InboundEvent]:
        if not self._client_secret:
            raise Unavailable("HubSpot", "cannot check a delivery: HUBSPOT_CLIENT_SECRET is empty")
        return webhooks.verify(self._client_secret, method, uri, headers, body, now)

    async def read_deal(self, deal_id: str) -> CrmDeal:
        """Return the deal with its company, contacts and line items, every page of them."""
        wanted = records.DEAL + await self._own_properties()
        answer = await self.call(
            "GET",
            f"{_OBJECTS}/deals/{quote(deal_id, safe='')}",
            what=f"read deal {deal_id}",
            params={"properties": ",".join(wanted), "associations": "companies,contacts,line_items"},
        )
        deal = self.read(answer, Record)
        companies, contacts, lines, owner = await asyncio.gather(
            self._around(deal, "companies", records.COMPANY),
            self._around(deal, "contacts", records.CONTACT),
            self._around(deal, "line_items", records.LINE_ITEM),
            self._owner_email(deal.text("hubspot_owner_id")),
        )
        return CrmDeal(
            id=deal.id,
            name=deal.text("dealname") or f"deal {deal.id}",
            url=deal.url,
            stage=deal.text("dealstage") or "",
            amount=deal.number("amount"),
            currency=deal.text("deal_currency_code"),
            owner_email=owner,
            properties=deal.filled(),
            company=records.company(companies[0]) if companies else None,
            contacts=tuple(records.contact(each) for each in contacts),
            line_items=tuple(records.line_item(each) for each in lines),
            updated_at=deal.updated_at,
        )

    async def write_deal(self, deal_id: str, properties: Mapping[str, str]) -> ExternalRef:
        answer = await self.call(
            "PATCH",
            f"{_OBJECTS}/deals/{quote(deal_id, safe='')}",
            what=f"write to deal {deal_id}",
            body={"properties": dict(properties)},
        )
        deal = self.read(answer, Record)
        return ExternalRef(id=deal.id, url=deal.url)

    async def changed_deals(self, since: datetime) -> list[str]:
        found: list[str] = []
        after: str | None = "0"
        while after is not None:
            # Search ends at 10,000 results ("Search the CRM"): the caller asks again from the last one it got.
            search = {
                "filterGroups": [
                    {
                        "filters": [
                            {
                                "propertyName": "hs_lastmodifieddate",
                                "operator": "GTE",
                                "value": str(int(since.timestamp() * 1000)),
                            }
                        ]
                    }
                ],
                "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
                "properties": ["hs_lastmodifieddate"],
                "limit": _BATCH,
                "after": after,
            }
            what = "look for changed deals"
            page = self.read(
                await self.call("POST", f"{_OBJECTS}/deals/search", what=what, body=search, reads=True), Page
            )
            found += [deal.id for deal in page.results]
            after = page.paging.next.after if page.paging and page.paging.next and len(found) < 10_000 else None
        return found

    async def _own_properties(self) -> tuple[str, ...]:
        """Return the names of the portal's own deal properties, where a company keeps what its flows read."""
        if self._own is None or time.monotonic() - self._own[0] > _PROPERTIES_KEPT:
            answer = await self.call("GET", f"/crm/properties/{_VERSION}/deals", what="list the deal properties")
            listed = self.read(answer, Properties).results
            self._own = (time.monotonic(), tuple(each.name for each in listed if not each.hubspot_defined))
        return self._own[1]

    async def _around(self, deal: Record, kind: str, properties: Sequence[str]) -> list[Record]:
        """Return the records of one kind beside the deal, in HubSpot's order, the primary company first."""
        # The names in the answer are labels ("line items"), not the object types asked for.
        beside = deal.associations.get(kind) or deal.associations.get(kind.replace("_", " "))
        if beside is None:
            return []
        if beside.paging and beside.paging.next:
            ids = await self._all_beside(deal.id, kind)
        else:
            ranked = sorted(beside.results, key=lambda each: each.type.endswith("_unlabeled"))
            ids = list(dict.fromkeys(each.id for each in ranked))
        found: dict[str, Record] = {}
        for start in range(0, len(ids), _BATCH):
            body = {
                "inputs": [{"id": each} for each in ids[start : start + _BATCH]],
                "properties": list(properties),
                "propertiesWithHistory": [],
            }
            answer = await self._post_read(f"{_OBJECTS}/{kind}/batch/read", f"read the {kind} of deal {deal.id}", body)
            found |= {each.id: each for each in self.read(answer, Page).results}
        # A record deleted between the two calls is simply no longer beside the deal.
        return [found[each] for each in ids if each in found]

    async def _all_beside(self, deal_id: str, kind: str) -> list[str]:
        ids: list[str] = []
        after: str | None = None
        while True:
            body = {"inputs": [{"id": deal_id} | ({"after": after} if after else {})]}
            path = f"/crm/associations/{_VERSION}/deals/{kind}/batch/read"
            page = self.read(await self._post_read(path, f"list the {kind} of deal {deal_id}", body), AssociationPage)
            ids += [to.to_object_id for result in page.results for to in result.to]
            after = next((each.paging.next.after for each in page.results if each.paging and each.paging.next), None)
            if after is None:
                return list(dict.fromkeys(ids))

    async def _owner_email(self, owner_id: str | None) -> str | None:
        if owner_id is None:
            return None
        try:
            answer = await self.call(
                "GET", f"/crm/owners/{_VERSION}/{quote(owner_id, safe='')}", what="read the deal's owner"
            )
        except NotFound:
            return None
        return self.read(answer, Owner).email

    async def _post_read(self, path: str, what: str, body: Any) -> Answer:
        return await self.call("POST", path, what=what, body=body, reads=True)
