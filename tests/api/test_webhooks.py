"""The webhook door and the relay behind it: the real connector, the real sandbox, every event counted once."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api import relay
from api.app import create
from connectors.database import Database
from connectors.hubspot.connector import HubSpot
from connectors.hubspot.webhooks import signature
from connectors.sandbox.start import Sandbox
from models.tables.inbound import InboundCounter, InboundEvent
from tests.api.company import TOKENS, Company
from tests.api.conftest import free_port, settings, working
from tests.api.test_start import StandInIntake
from tests.conftest import settings_for

SECRET = "s" * 36
ADDRESS = "http://127.0.0.1:8080"
DOOR = "/webhooks/hubspot"


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    async with Sandbox(folder) as started:
        yield started


@pytest.fixture(scope="module")
async def app(rows: Company, database_url: str, temporal_server: Any, sandbox: Sandbox) -> AsyncIterator[FastAPI]:
    """The doors without their relay loop: tests turn it themselves."""

    async def connect() -> Client:
        return await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)

    crm = HubSpot(sandbox.settings["HUBSPOT_BASE_URL"], sandbox.settings["HUBSPOT_TOKEN"], SECRET)
    made = create(
        settings(8080), database=Database.at(settings_for(database_url)), connect=connect, crm=crm, tokens=TOKENS,
        intake=StandInIntake(), relaying=False,
    )  # fmt: skip
    with working(temporal_server.address, database_url, Company()):
        yield made
    await crm.aclose()
    await made.state.parts.database.close()


def event(number: int, deal: str, **more: Any) -> dict[str, Any]:
    return {
        "eventId": number,
        "subscriptionId": 1,
        "portalId": 1,
        "appId": 1,
        "occurredAt": int(time.time() * 1000) + number,
        "subscriptionType": "object.propertyChange",
        "objectTypeId": "0-3",
        "attemptNumber": 0,
        "objectId": int(deal),
        "propertyName": "amount",
        "propertyValue": "1",
        "changeSource": "CRM",
        "sourceId": "userId:1",
        **more,
    }


async def deliver(app: FastAPI, body: bytes, *, secret: str = SECRET, at: float | None = None) -> httpx2.Response:
    stamp = str(int((at or time.time()) * 1000))
    headers = {
        "X-HubSpot-Signature-v3": signature(secret, "POST", ADDRESS + DOOR, body, stamp),
        "X-HubSpot-Request-Timestamp": stamp,
        "Content-Type": "application/json",
    }
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        return await client.post(DOOR, content=body, headers=headers)


async def stored(database: Database) -> list[InboundEvent]:
    async with database.read() as session:
        wanted = select(InboundEvent).where(col(InboundEvent.event_key).not_in(["e-1", "e-2"]))
        return list(await session.scalars(wanted.order_by(col(InboundEvent.id))))


async def counted(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return {c.what: c.count for c in await session.scalars(select(InboundCounter))}


async def test_a_forged_or_stale_delivery_stores_nothing_but_a_counter(app: FastAPI, database: Database) -> None:
    body = json.dumps([event(1, "70001")]).encode()
    before = await counted(database)
    forged = await deliver(app, body, secret="x" * 36)
    stale = await deliver(app, body, at=time.time() - 600)
    assert (forged.status_code, forged.json()["code"]) == (401, "bad_signature")
    assert (stale.status_code, stale.json()["code"]) == (401, "stale_signature")
    assert await stored(database) == []
    after = await counted(database)
    assert after["forged"] == before["forged"] + 1
    assert after["stale"] == before.get("stale", 0) + 1


async def test_an_unreadable_delivery_is_kept_as_rejected_with_the_reason(app: FastAPI, database: Database) -> None:
    answer = await deliver(app, b"{not json")
    again = await deliver(app, b"{not json")
    kept = await stored(database)
    assert (answer.status_code, again.status_code) == (200, 200)
    assert [(row.state, row.raw) for row in kept] == [("rejected", b"{not json")]
    assert "not an array of events" in str(kept[0].reason)


async def test_the_same_event_three_times_out_of_order_is_one_deal(
    app: FastAPI, database: Database, sandbox: Sandbox
) -> None:
    async with httpx2.AsyncClient(
        base_url=sandbox.settings["HUBSPOT_BASE_URL"],
        headers={"Authorization": f"Bearer {sandbox.settings['HUBSPOT_TOKEN']}"},
        timeout=30,
    ) as vendor:
        made = await vendor.post("/crm/objects/2026-09/deals", json={"properties": {"dealname": "Corvane, services"}})
    assert made.status_code == 201, made.text
    deal = made.json()["id"]
    later, earlier = event(20, deal), event(10, deal, subscriptionType="object.creation")
    for batch in ([later], [later, earlier], [earlier, later]):
        answer = await deliver(app, json.dumps(batch).encode())
        assert answer.status_code == 200
    waiting = [row for row in await stored(database) if row.object_id == deal]
    assert len(waiting) == 2
    order = []
    while await relay.relay_due(app.state.parts):
        order = [row.kind for row in await stored(database) if row.object_id == deal and row.state == "relayed"]
    done = [row for row in await stored(database) if row.object_id == deal]
    assert {row.state for row in done} == {"relayed"}, [(row.state, row.reason) for row in done]
    assert {row.deal_id for row in done} == {f"deal/hubspot/{deal}"}
    assert set(order) == {"created", "changed"}


async def test_an_event_of_a_deal_the_crm_no_longer_has_is_ignored_with_that_reason(
    app: FastAPI, database: Database
) -> None:
    await deliver(app, json.dumps([event(30, "99999999")]).encode())
    while await relay.relay_due(app.state.parts):
        pass
    row = next(row for row in await stored(database) if row.object_id == "99999999")
    assert (row.state, row.reason) == ("ignored", "the CRM has no such deal any more")


async def test_without_a_crm_the_door_says_that_it_is_not_configured(rows: Company, database_url: str) -> None:
    bare = create(settings(free_port()), database=Database.at(settings_for(database_url)), relaying=False)
    answer = await deliver(bare, b"[]")
    await bare.state.parts.database.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")


async def test_temporal_down_never_blocks_the_door_and_the_event_waits_with_a_growing_delay(
    rows: Company, database_url: str, database: Database, sandbox: Sandbox
) -> None:
    nowhere = free_port()

    async def connect() -> Client:
        return await Client.connect(f"127.0.0.1:{nowhere}", data_converter=pydantic_data_converter)

    crm = HubSpot(sandbox.settings["HUBSPOT_BASE_URL"], sandbox.settings["HUBSPOT_TOKEN"], SECRET)
    doors = create(
        settings(8080), database=Database.at(settings_for(database_url)), connect=connect, crm=crm,
        intake=StandInIntake(), relaying=False,
    )  # fmt: skip
    async with httpx2.AsyncClient(
        base_url=sandbox.settings["HUBSPOT_BASE_URL"],
        headers={"Authorization": f"Bearer {sandbox.settings['HUBSPOT_TOKEN']}"},
        timeout=30,
    ) as vendor:
        made = await vendor.post("/crm/objects/2026-09/deals", json={"properties": {"dealname": "Later"}})
    deal = made.json()["id"]
    answer = await deliver(doors, json.dumps([event(40, deal)]).encode())
    assert answer.status_code == 200
    assert await relay.relay_due(doors.state.parts)
    row = next(row for row in await stored(database) if row.object_id == deal)
    assert (row.state, row.tries) == ("stored", 1)
    assert row.not_before > row.received_at
    assert row.reason
    assert not await relay.relay_due(doors.state.parts)
    await crm.aclose()
    await doors.state.parts.database.close()
