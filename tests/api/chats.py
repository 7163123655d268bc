"""The chat that doors are tested with: Slack's sandbox before the real deals, and hands that press and read in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from temporalio.client import Client

from activities.effects import Ledger
from activities.lines import MEDIA
from activities.messages import Messages
from activities.outbound import Sender
from api.app import create
from connectors.database import Database
from connectors.sandbox.slack_people import signed
from connectors.sandbox.start import Sandbox
from connectors.slack.connector import Slack
from models.tables.content import Content
from models.tables.people import Person
from tests.api.company import PEOPLE_COPIES, TOKENS
from tests.api.conftest import as_token, free_port, serving, settings
from tests.api.test_real_deal import LINE, deals_worker, new, started, until
from tests.conftest import settings_for
from tests.connectors.outside import Outside
from workflows.plugin import plugin

Said = dict[str, Any]


@dataclass
class World:
    """The doors on the real workflow, Slack's sandbox, and the sender between them."""

    url: str
    outside: Outside
    secret: str
    sender: Sender

    async def deliver(self) -> None:
        """Deliver what is owed now."""
        while await self.sender.work_once():
            pass

    async def message(self, deal: str, person: str) -> str:
        """Deliver what is owed and return the person's newest message of the deal."""
        for _ in range(200):
            await self.deliver()
            mine = [m for m in await self.outside.objects("slack", "messages") if m["to"] == member(person)]
            mine = [m for m in mine if f"{deal}|" in m["key"]]
            if mine:
                return f"{mine[-1]['channel']}/{mine[-1]['ts']}"
            await asyncio.sleep(0.05)
        raise AssertionError(f"{person} was never told of {deal}")

    async def press(self, message: str, action: str, by: str = "") -> Said:
        asked = {"message": message, "action": action, "user": member(by) if by else ""}
        return await self.outside.ask("slack", "press", asked)

    async def fill(self, **answers: str) -> Said:
        """Send the newest open form off."""
        view = [v for v in await self.outside.objects("slack", "views") if v["state"] == "open"][-1]
        return await self.outside.ask("slack", "send", {"view": view["id"], **answers})

    async def hears(self, person: str, text: str) -> None:
        """Wait until what only this person sees begins with these words."""
        for _ in range(200):
            if (await self.told(person)).startswith(text):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{person} was told: {await self.told(person)}")

    async def told(self, person: str) -> str:
        """What the person was told last that nobody else sees."""
        whispers = [w for w in await self.outside.objects("slack", "ephemerals") if w["to"] == member(person)]
        return str(whispers[-1]["blocks"][0]["text"]["text"]) if whispers else ""

    async def shows(self, message: str, text: str, actions: list[str]) -> str:
        """Deliver until a message has this text and these buttons, and return all its text."""
        for _ in range(200):
            await self.deliver()
            now = await self.shown(message)
            if text in now[0] and now[1] == actions:
                return now[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"the message shows {now}")

    async def shown(self, message: str) -> tuple[str, list[str]]:
        """A message's text and the actions of its buttons, as it is now."""
        found = await self.outside.objects("slack", "messages")
        blocks = next(m for m in found if f"{m['channel']}/{m['ts']}" == message)["blocks"]
        return blocks[0]["text"]["text"], [each["action_id"] for each in blocks[1]["elements"]]


def member(person: str) -> str:
    return f"U0{person.upper()}"


@contextlib.asynccontextmanager
async def chatting(database: Database, url: str, address: str, folder: Path) -> AsyncIterator[World]:
    """Serve the doors with a chat before the real workflow, for the people of the company."""
    async with database.write() as session:
        session.add_all(Person(**{**p.model_dump(), "slack": member(p.id)}) for p in PEOPLE_COPIES())
        session.add(Content(sha256=LINE.item.digest, media=MEDIA, name="line", bytes=LINE.content))
    port = free_port()

    async def connect() -> Client:
        return await Client.connect(address, plugins=[plugin()])

    async with Sandbox(folder) as sandbox, Outside(sandbox.pages) as outside:
        told, opened = sandbox.settings, Database.at(settings_for(url))
        slack, ours = (
            Slack(told["SLACK_BASE_URL"], told["SLACK_TOKEN"], told["SLACK_SIGNING_SECRET"]) for _ in range(2)
        )
        app = create(settings(port), database=opened, connect=connect, chatting=slack, tokens=TOKENS)
        chats = Messages(database, ours, public_url="http://127.0.0.1", signing_key=b"k" * 32)
        sender = Sender(database.write, Ledger(database.write), {"slack": chats.delivery()})
        with deals_worker(address, url), serving(app, port) as doors:
            sandbox.aim_interactions(f"{doors}/webhooks/slack")
            yield World(doors, outside, told["SLACK_SIGNING_SECRET"], sender)
        await ours.aclose()


async def asked(world: World, number: str, discount: str = "20", **facts: Any) -> str:
    """Start a deal and return it once somebody is asked to approve."""
    async with as_token(world.url, "dana") as dana:
        deal = await started(dana, new(number, discount, **facts))
        await until(dana, deal, "approval")
    return deal


async def journal(world: World, deal: str) -> list[dict[str, Any]]:
    async with as_token(world.url, "iris") as iris:
        return list((await iris.get(f"/api/deals/{deal}/journal?limit=200")).json()["entries"])


async def request(world: World, deal: str, step: str = "approval:discount", round_: int = 1) -> dict[str, Any]:
    async with as_token(world.url, "iris") as iris:
        found: dict[str, Any] = (await iris.get(f"/api/requests/deal/{deal}|{step}|{round_}")).json()
    return found


async def closed(world: World, deal: str) -> dict[str, Any]:
    for _ in range(200):
        found = await request(world, deal)
        if found["state"] == "closed":
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it never closed")


async def pressed_value(world: World, message: str) -> str:
    """What the message's first button carries."""
    found = await world.outside.objects("slack", "messages")
    blocks = next(m for m in found if f"{m['channel']}/{m['ts']}" == message)["blocks"]
    return str(blocks[1]["elements"][0]["value"])


async def forge(world: World, message: str, action: str, value: str, by: str = "joel") -> httpx2.Response:
    """Press a button that is no longer, or never was, in the message; signed, as only Slack can."""
    channel, _, ts = message.partition("/")
    payload = {
        "type": "block_actions",
        "user": {"id": member(by)},
        "container": {"type": "message", "message_ts": ts, "channel_id": channel},
        "trigger_id": "1.2.3",
        "actions": [{"type": "button", "action_id": action, "value": value, "action_ts": f"{time.time():.6f}"}],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    async with httpx2.AsyncClient(base_url=world.url, timeout=20) as slack:
        return await slack.post("/webhooks/slack", content=body, headers=signed(world.secret, body))
