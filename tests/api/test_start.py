"""A program starts a deal once, whatever it repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api.app import create
from api.intake import Begin, NewDeal, Unclaimed
from connectors.contract import CrmDeal
from connectors.database import Database
from models.acts import Revise
from models.flow import FlowDef
from tests.api.company import TOKENS, Company
from tests.api.conftest import as_token, free_port, serving, settings, working
from tests.api.standin import Given
from tests.conftest import settings_for


class StandInIntake:
    """Starts the stand-in; it takes every deal but small ones."""

    def begin(self, new: NewDeal) -> Begin:
        if new.title == "Nobody's":
            raise Unclaimed("no flow takes it; managed-services was asked")
        facts = {"title": {"t": "text", "v": new.title}, **{k: v.model_dump() for k, v in new.facts.items()}}
        first = Revise.model_validate({"key": new.key, "by": new.by, "source": "crm", "at": new.at, "facts": facts})
        return Begin(Given(deal=new.deal), first)

    def from_crm(self, record: CrmDeal, owners: Mapping[str, str], key: str, own: FlowDef | None = None) -> NewDeal:
        owner = owners.get((record.owner_email or "").lower(), "")
        return NewDeal(
            deal=f"deal/hubspot/{record.id}", source="hubspot", at=record.updated_at, by="hubspot", key=key,
            title=record.name, account=record.company.name if record.company else "", owner=owner, own=own,
        )  # fmt: skip


@pytest.fixture(scope="module")
def starting(rows: Company, database_url: str, temporal_server: Any) -> Iterator[str]:
    port = free_port()

    async def connect() -> Client:
        return await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)

    database = Database.at(settings_for(database_url))
    app = create(settings(port), database=database, connect=connect, tokens=TOKENS, intake=StandInIntake())
    with working(temporal_server.address, database_url, Company()), serving(app, port) as url:
        yield url


def new(number: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "hubspot",
        "source_id": number,
        "title": "Corvane Logistics",
        "account": "Corvane",
        "owner": "dana",
        "at": "2026-11-17T14:20:00-06:00",
        "facts": {"discount": {"t": "percent", "value": "18"}},
        **more,
    }


async def test_the_same_request_twice_starts_one_deal_and_gets_one_answer(starting: str) -> None:
    async with as_token(starting, "dana") as client:
        header = {"Idempotency-Key": "start-key-1"}
        first = await client.post("/api/deals", json=new("9001"), headers=header)
        second = await client.post("/api/deals", json=new("9001"), headers=header)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json()["deal"] == "deal/hubspot/9001"
    assert first.json()["url"].endswith("/deals/hubspot/9001")


async def test_the_same_key_for_something_else_is_refused(starting: str) -> None:
    async with as_token(starting, "dana") as client:
        header = {"Idempotency-Key": "start-key-2"}
        await client.post("/api/deals", json=new("9002"), headers=header)
        answer = await client.post("/api/deals", json=new("9003"), headers=header)
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


async def test_eight_at_once_with_one_key_start_one_deal(starting: str) -> None:
    async with as_token(starting, "dana") as client:
        header = {"Idempotency-Key": "start-key-3"}
        answers = await asyncio.gather(*(client.post("/api/deals", json=new("9004"), headers=header) for _ in range(8)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes.count(201) == 1
    assert set(codes) <= {200, 201, 409}


async def test_a_deal_no_flow_takes_is_refused_and_may_be_tried_again_with_the_same_key(starting: str) -> None:
    async with as_token(starting, "dana") as client:
        header = {"Idempotency-Key": "start-key-4"}
        refused = await client.post("/api/deals", json=new("9005", title="Nobody's"), headers=header)
        again = await client.post("/api/deals", json=new("9005", title="Nobody's"), headers=header)
    assert (refused.status_code, refused.json()["code"]) == (422, "no_flow")
    assert again.json()["code"] == "no_flow"


async def test_starting_needs_a_key_and_known_fields(starting: str) -> None:
    async with as_token(starting, "dana") as client:
        keyless = await client.post("/api/deals", json=new("9006"))
        extra = await client.post(
            "/api/deals", json=new("9006", colour="red"), headers={"Idempotency-Key": "start-key-5"}
        )
        badly = await client.post("/api/deals", json=new("a b"), headers={"Idempotency-Key": "start-key-6"})
    assert [keyless.status_code, extra.status_code, badly.status_code] == [422, 422, 422]
    assert "colour" in extra.json()["detail"]
