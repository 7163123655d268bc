"""What people and programs are told when something is missing, too large, or down; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api.app import create
from api.problems import TABLE
from connectors.database import Database
from tests.api.browsing import post, sign_in
from tests.api.company import TOKENS, Company
from tests.api.conftest import as_token, free_port, serving, settings
from tests.conftest import settings_for

APPROVE = {"do": "decide", "step": "approval:finance", "round": 1, "edition": 1, "verdict": "approve"}
ACTS = "/api/deals/hubspot/5012345/acts"
KEY = {"Idempotency-Key": "failure-key-1"}


@pytest.fixture(scope="module")
def without_temporal(rows: Company, database_url: str) -> Iterator[str]:
    """The doors while Temporal is down."""
    port, nowhere = free_port(), free_port()

    async def connect() -> Client:
        return await Client.connect(f"127.0.0.1:{nowhere}", data_converter=pydantic_data_converter)

    database = Database.at(settings_for(database_url))
    with serving(create(settings(port), database=database, connect=connect, tokens=TOKENS), port) as url:
        yield url


@pytest.fixture(scope="module")
def without_worker(rows: Company, database_url: str, temporal_server: Any) -> Iterator[str]:
    """The doors while no worker runs."""
    port = free_port()

    async def connect() -> Client:
        return await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)

    database = Database.at(settings_for(database_url))
    with serving(create(settings(port), database=database, connect=connect, tokens=TOKENS), port) as url:
        yield url


@pytest.fixture(scope="module")
def without_database() -> Iterator[str]:
    """The doors while the database is down."""
    port, nowhere = free_port(), free_port()
    database = Database.at(settings_for(f"postgresql://nobody@127.0.0.1:{nowhere}/none"))
    with serving(create(settings(port), database=database, tokens=TOKENS), port) as url:
        yield url


async def test_with_temporal_down_pages_are_read_and_an_answer_is_refused_with_when_to_repeat(
    without_temporal: str,
) -> None:
    async with as_token(without_temporal, "noor") as client:
        inbox = await client.get("/api/inbox")
        answer = await client.post(ACTS, json=APPROVE, headers=KEY)
    assert inbox.status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (503, "temporal_down")
    assert answer.headers["retry-after"] == "5"
    assert "same key" in answer.json()["next"]


async def test_with_temporal_down_the_page_says_what_to_do(without_temporal: str) -> None:
    async with sign_in(without_temporal, "noor") as browser:
        page = "/requests/hubspot/5012345/approval:finance/1"
        answer = await post(browser, page, act="approve", edition="1", key="k1")
    assert answer.status_code == 503
    assert "The workflow service does not answer" in answer.text


async def test_readiness_names_what_is_missing(without_temporal: str, without_database: str) -> None:
    async with httpx2.AsyncClient(timeout=20) as client:
        temporal = await client.get(f"{without_temporal}/readyz")
        database = await client.get(f"{without_database}/readyz")
        alive = await client.get(f"{without_database}/healthz")
    assert temporal.status_code == 503
    assert (temporal.json()["database"], temporal.json()["temporal"]) == ("ok", "down")
    assert (database.status_code, database.json()["database"]) == (503, "down")
    assert alive.status_code == 200


async def test_a_ready_process_says_so(doors: str) -> None:
    async with httpx2.AsyncClient(timeout=30) as client:
        answer = await client.get(f"{doors}/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


async def test_with_the_database_down_programs_and_people_are_told(without_database: str) -> None:
    async with as_token(without_database, "noor") as client:
        problem = await client.get("/api/inbox", timeout=20)
        page = await client.get("/sign-in", timeout=20)
    assert (problem.status_code, problem.json()["code"]) == (503, "database_down")
    assert problem.headers["retry-after"] == "5"
    assert page.status_code == 503
    assert "The database does not answer" in page.text


async def test_an_oversized_body_is_refused_before_it_is_read(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        answer = await client.post(ACTS, json={**APPROVE, "reason": "x" * 70_000}, headers=KEY)
        hook = await client.post("/webhooks/hubspot", content=b"x" * 70_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert hook.status_code == 413


async def test_json_must_be_called_json(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        answer = await client.post(ACTS, content=b'{"do": "release"}', headers={**KEY, "Content-Type": "text/plain"})
    assert answer.status_code in {415, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/deals/hubspot/404", "unknown_deal"),
        ("GET", "/api/requests/deal/hubspot/1|approval:x|1", "unknown_request"),
        ("GET", "/api/onboardings/hubspot/404", "unknown_onboarding"),
        ("GET", "/api/nothing", "not_found"),
        ("DELETE", "/api/deals", "no_such_method"),
        ("GET", "/api/deals?after=rubbish", "unreadable"),
        ("GET", "/api/deals?limit=100000", "unreadable"),
        ("GET", "/api/deals?text=%00", "unreadable"),
    ],
)
async def test_programs_get_a_problem_that_says_what_to_do(doors: str, method: str, path: str, code: str) -> None:
    async with as_token(doors, "noor") as client:
        answer = await client.request(method, path)
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == answer.status_code == TABLE[code].status
    assert problem["next"] == TABLE[code].next
    assert problem["type"] == f"/problems/{code}"


async def test_people_get_a_page_that_says_what_to_do(doors: str) -> None:
    async with sign_in(doors, "noor") as browser:
        answer = await browser.get("/deals/hubspot/404")
    assert answer.status_code == 404
    assert "There is no such deal" in answer.text
    assert "Look for it in the list of deals" in answer.text


async def test_a_request_id_is_kept_if_it_is_harmless(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        kept = await client.get("/api/inbox", headers={"X-Request-Id": "trace-12345678"})
        made = await client.get("/api/inbox", headers={"X-Request-Id": "<script>"})
    assert kept.headers["x-request-id"] == "trace-12345678"
    assert "<" not in made.headers["x-request-id"]


def test_every_problem_says_what_to_do_next() -> None:
    for code, kind in TABLE.items():
        assert kind.title, code
        assert kind.next.endswith("."), code
