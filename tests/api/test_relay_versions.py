"""A deal lives by its own definition: what the CRM says later reaches it, whatever flows are on offer by then."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from activities.documents import load_templates
from activities.template_specs import template_specs
from api import relay
from api.app import create
from api.flows_on_offer import Offer
from api.parts import Parts
from connectors.database import Database
from connectors.hubspot.connector import HubSpot
from connectors.sandbox.start import Sandbox
from models.tables.deals import Deal
from models.tables.inbound import InboundEvent
from tests.api.company import PEOPLE_COPIES, TOKENS
from tests.api.conftest import settings
from tests.api.test_real_deal import deals_worker
from tests.api.test_webhooks import SECRET, deliver, event
from tests.conftest import settings_for
from workflows.library import load
from workflows.plugin import plugin

FLOW = """
    from workflows.language import CRM, Approval, DealFacts, Fact, Flow, Ordered, Stage, business_days, fact

    class Facts(DealFacts):
        region: Fact[str] = fact(CRM)
        sites: Ordered[int] = fact(CRM)

    deal = Facts.paths()
    rollout = Flow(
        "rollout",
        Stage("look", Approval("look", by="sales", within=business_days(1), escalate_to="ceo", when=deal.sites > 2)),
        version=1,
        takes=deal.region.is_set(),
    )
"""


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path / "sandbox") as started:
        yield started


@pytest.fixture
async def parts(
    database: Database, database_url: str, temporal_server: Any, sandbox: Sandbox, tmp_path: Path
) -> AsyncIterator[Parts]:
    """The doors with the company's own flow on offer, the relay turned by hand."""
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "rollout.py").write_text(dedent(FLOW))
    async with database.write() as session:
        session.add_all(PEOPLE_COPIES())

    async def connect() -> Client:
        return await Client.connect(temporal_server.address, plugins=[plugin()])

    crm = HubSpot(sandbox.settings["HUBSPOT_BASE_URL"], sandbox.settings["HUBSPOT_TOKEN"], SECRET)
    app = create(
        settings(8080), database=Database.at(settings_for(database_url)), connect=connect, crm=crm, tokens=TOKENS,
        intake=Offer(load(folder, templates=template_specs(load_templates()), shipped=False)), relaying=False,
    )  # fmt: skip
    with deals_worker(temporal_server.address, database_url):
        yield app.state.parts
    await crm.aclose()
    await app.state.parts.database.close()


class Vendor:
    """The CRM as its users see it: deals are made and changed, and every change is delivered."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.n = 0
        headers = {"Authorization": f"Bearer {sandbox.settings['HUBSPOT_TOKEN']}"}
        self.client = httpx2.AsyncClient(base_url=sandbox.settings["HUBSPOT_BASE_URL"], headers=headers, timeout=30)

    async def make(self, **properties: str) -> str:
        made = await self.client.post("/crm/objects/2026-09/deals", json={"properties": properties})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def change(self, deal: str, **properties: str) -> None:
        done = await self.client.patch(f"/crm/objects/2026-09/deals/{deal}", json={"properties": properties})
        assert done.status_code == 200, done.text

    async def tell(self, deal: str, parts: Parts) -> InboundEvent:
        """Store an event about the deal, relay it, and return what became of it."""
        self.n += 1
        key = time.time_ns() % 10**9 + self.n
        doors = create(settings(8080), database=parts.database, crm=parts.crm, intake=parts.intake, relaying=False)
        answer = await deliver(doors, json.dumps([event(key, deal)]).encode())
        assert answer.status_code == 200
        while await relay.relay_due(parts):
            pass
        async with parts.database.read() as session:
            found = (
                select(InboundEvent).where(col(InboundEvent.object_id) == deal).order_by(col(InboundEvent.id).desc())
            )
            return (await session.scalars(found)).first()  # type: ignore[return-value]


@pytest.fixture
async def vendor(sandbox: Sandbox) -> AsyncIterator[Vendor]:
    opened = Vendor(sandbox)
    # A fresh sandbox counts from the start, and other modules' deals live on the same Temporal server.
    for number in range(20):
        await opened.make(dealname=f"Somebody else's, number {number}")
    yield opened
    await opened.client.aclose()


async def recorded(parts: Parts, deal: str, fact: str, wanted: object) -> Deal:
    """Return the deal's row once a fact of it is what it should be."""
    row = None
    for _ in range(200):
        async with parts.database.read() as session:
            row = await session.get(Deal, f"deal/hubspot/{deal}")
        if row is not None and row.facts.get(fact, {}).get("v") == wanted:
            return row
        await asyncio.sleep(0.05)
    raise AssertionError(f"{fact} never became {wanted}: {row and row.facts}")


async def test_a_change_in_the_crm_reaches_a_deal_whose_flow_is_no_longer_on_offer(
    parts: Parts, vendor: Vendor
) -> None:
    deal = await vendor.make(dealname="Corvane, roll-out", region="south", sites="3")
    assert (await vendor.tell(deal, parts)).state == "relayed"
    assert (await recorded(parts, deal, "sites", 3)).flow == "rollout"

    later = replace(parts, intake=Offer(load(templates=template_specs(load_templates()))))
    await vendor.change(deal, sites="4")
    told = await vendor.tell(deal, later)
    assert told.state == "relayed", told.reason
    row = await recorded(later, deal, "sites", 4)
    assert (row.flow, row.facts["region"]["v"]) == ("rollout", "south")
    assert "discount" not in row.facts, "what only other flows know does not reach the deal"
