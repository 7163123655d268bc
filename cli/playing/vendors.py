"""The sandbox vendors as their own users see them: deals entered in the CRM, mails and messages read, books opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2

from cli.playing.company import COUNTRY, PEOPLE, Sale
from cli.playing.doors import Patience

Record = dict[str, Any]
_LINK = re.compile(r"https?://[^\s\"'<>]+")
_PROPERTIES = ("goals", "signatory_email")


@dataclass(frozen=True)
class Vendors:
    """HubSpot, ERPNext, Redmine, Slack and the mail catcher, by the addresses the sandboxes gave themselves."""

    pages: Mapping[str, str]
    patience: Patience

    def prepare(self, items: Mapping[str, str]) -> None:
        """Set up what an administrator sets up once: properties, items, members. Doing it again changes nothing."""
        members = [{"id": p.slack, "name": p.name, "email": p.mail, "country": COUNTRY} for p in PEOPLE]
        for vendor, control, body in (
            ("HubSpot", "properties", {"deals": list(_PROPERTIES)}),
            ("ERPNext", "items", dict(items)),
            ("Slack", "users", members),
        ):
            self.patience.repeat(f"preparing {vendor}", partial(self._sent, vendor, control, body)).raise_for_status()

    def enter(self, sale: Sale) -> str:
        """Enter a deal in the CRM as its owner does; return its id there. The CRM tells Throughline by itself."""
        while True:
            try:
                return str(self._post("HubSpot", "deals", sale.entered())["id"])
            except httpx2.TransportError:  # a sandbox that was killed may have taken it before
                known = {deal["properties"]["dealname"]: deal["id"] for deal in self.held("HubSpot", "deals")}
                if sale.title in known:
                    return str(known[sale.title])
                self.patience.check(f"entering {sale.title}")

    def held(self, vendor: str, kind: str) -> list[Record]:
        """Return everything of one kind that a vendor holds."""
        address = f"{self._address(vendor)}/_sandbox/objects/{kind}"
        answer = self.patience.repeat(address, lambda: httpx2.get(address, trust_env=False, timeout=20))
        listed: list[Record] = answer.raise_for_status().json()
        return listed

    def page(self, vendor: str, anchor: str = "") -> str:
        """Return the address of a vendor's page."""
        return f"{self._address(vendor)}/{anchor}"

    def _address(self, vendor: str) -> str:
        return self.pages[vendor].rstrip("/")

    def _post(self, vendor: str, control: str, body: Any) -> Any:
        return self._sent(vendor, control, body).raise_for_status().json()

    def _sent(self, vendor: str, control: str, body: Any) -> httpx2.Response:
        return httpx2.post(f"{self._address(vendor)}/_sandbox/{control}", json=body, trust_env=False, timeout=20)


def links(mail: Record) -> list[str]:
    """Return the links of a mail, the text's only."""
    return [each.rstrip(".,;") for each in _LINK.findall(str(mail["text"]))]
