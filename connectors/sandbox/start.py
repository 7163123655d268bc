"""Starts all sandbox vendors in one process, with keys and ports that stay the same for one folder of data."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from pathlib import Path
from typing import Any, Self

from connectors.sandbox.desk import Desk, Vendor
from connectors.sandbox.erpnext import ErpNextSandbox
from connectors.sandbox.hubspot.app import HubSpotSandbox
from connectors.sandbox.hubspot.catalogue import PRODUCTS
from connectors.sandbox.mail import Catcher, MailSandbox
from connectors.sandbox.redmine.app import RedmineSandbox
from connectors.sandbox.serving import Server, bind, cut
from connectors.sandbox.slack import SlackSandbox
from connectors.sandbox.store import Store

# How each secret looks at the vendor; made once per folder of data.
_SHAPES = {
    "HUBSPOT_TOKEN": ("pat-na1-", 36),
    "HUBSPOT_CLIENT_SECRET": ("", 36),
    "ERPNEXT_KEY": ("", 15),
    "ERPNEXT_SECRET": ("", 15),
    "REDMINE_KEY": ("", 40),
    "SLACK_TOKEN": ("xoxb-", 44),
    "SLACK_SIGNING_SECRET": ("", 32),
}


class Sandbox:
    """The outside world of one demo: HubSpot, ERPNext, Redmine, Slack and a mail server on loopback."""

    def __init__(self, data: Path, host: str = "127.0.0.1") -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._data, self._host = data, host
        self._keys = self._kept("keys.json", {name: prefix + _random(size) for name, (prefix, size) in _SHAPES.items()})
        self._ports: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[Server] = []
        self._stores: list[Store] = []
        self.vendors: dict[str, Vendor] = {}
        self.settings: dict[str, str] = {}  # environment variables for connectors/settings.py
        self.pages: dict[str, str] = {}  # HUBSPOT_PAGE and so on

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on the ports of the last start where they are free; `settings` then says where everything is."""
        wanted = self._kept("ports.json", {})
        mail: Desk | None = None
        for kind in (HubSpotSandbox, ErpNextSandbox, RedmineSandbox, SlackSandbox, MailSandbox):
            store = Store(self._data / f"{kind.name}.sqlite3")
            vendor = kind(store, self._keys)
            desk = Desk(vendor, cut)
            listening = bind(self._host, wanted.get(kind.name))
            self._ports[kind.name] = listening.getsockname()[1]
            vendor.base_url = f"http://{self._host}:{self._ports[kind.name]}"
            server = Server(desk.app, listening)
            await vendor.start()
            self._tasks.append(asyncio.create_task(server.run_here()))
            self._servers.append(server)
            self._stores.append(store)
            self.vendors[kind.name] = vendor
            mail = desk if kind is MailSandbox else mail
        assert mail
        smtp = bind(self._host, wanted.get("smtp"))
        self._ports["smtp"] = smtp.getsockname()[1]
        self._smtp = await asyncio.get_running_loop().create_server(Catcher(mail).protocol, sock=smtp)
        self._sync_items()
        (self._data / "ports.json").write_text(json.dumps(self._ports))
        self._describe()
        for server in self._servers:
            await server.ready.wait()

    async def stop(self) -> None:
        self._smtp.close()
        for vendor in self.vendors.values():
            await vendor.stop()
        for server in self._servers:
            server.should_exit = True
        await asyncio.gather(*self._tasks)
        for store in self._stores:
            store.close()

    def aim(self, url: str) -> None:
        """Let HubSpot deliver its webhooks to this address."""
        hubspot = self.vendors["hubspot"]
        assert isinstance(hubspot, HubSpotSandbox)
        hubspot.webhooks.aim(url)

    def aim_interactions(self, url: str) -> None:
        """Let Slack deliver what people press and fill in to this address."""
        slack = self.vendors["slack"]
        assert isinstance(slack, SlackSandbox)
        slack.people.aim(url)

    def _sync_items(self) -> None:
        """Let ERPNext know every product HubSpot sells, as the demo company's item sync does."""
        hubspot, erpnext = self.vendors["hubspot"], self.vendors["erpnext"]
        assert isinstance(hubspot, HubSpotSandbox)
        assert isinstance(erpnext, ErpNextSandbox)
        for sku, name, *_ in PRODUCTS:
            erpnext.know_item(sku, name)
        hubspot.objects.on_sku = erpnext.know_item

    def _describe(self) -> None:
        urls = {name: vendor.base_url for name, vendor in self.vendors.items()}
        self.settings = {
            **self._keys,
            "HUBSPOT_BASE_URL": urls["hubspot"],
            "ERPNEXT_BASE_URL": urls["erpnext"],
            "REDMINE_BASE_URL": urls["redmine"],
            "SLACK_BASE_URL": f"{urls['slack']}/api",
            "SMTP_HOST": self._host,
            "SMTP_PORT": str(self._ports["smtp"]),
        }
        self.pages = {f"{name.upper()}_PAGE": f"{url}/" for name, url in urls.items()}

    def _kept(self, name: str, first: dict[str, Any]) -> dict[str, Any]:
        path = self._data / name
        kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        whole = first | kept
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(whole, file)
        return whole


def _random(size: int) -> str:
    return secrets.token_hex(size)[:size]
