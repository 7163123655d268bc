"""What every connector must do, whatever it connects: the same tests for each thing it creates or writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from connectors.contract import (
    AccessDenied,
    Ambiguous,
    DuplicateSafety,
    ExternalRef,
    IssueBody,
    NotFound,
    ProjectBody,
    RateLimited,
    Refused,
    Unavailable,
    VersionBody,
)
from connectors.erpnext.connector import ErpNext
from connectors.http import HttpConnector, correlated
from connectors.hubspot.connector import HubSpot
from connectors.redmine.connector import Redmine
from connectors.sandbox.start import Sandbox
from connectors.slack.connector import Slack
from tests.connectors.outside import Outside, customer, fresh_key, message, order

THINGS = ("deal_properties", "customer", "sales_order", "project", "version", "issue", "message")


@dataclass(frozen=True)
class Thing:
    """One thing a connector makes, and how a test makes, finds and counts it."""

    vendor: str
    connector: HttpConnector
    safety: DuplicateSafety
    create: Callable[[str], Awaitable[ExternalRef]]
    find: Callable[[str], Awaitable[ExternalRef | None]]
    count: Callable[[str], Awaitable[int]]
    method: str
    path: str


@pytest.fixture(params=THINGS)
async def thing(
    request: pytest.FixtureRequest,
    outside: Outside,
    hubspot: HubSpot,
    erpnext: ErpNext,
    redmine: Redmine,
    slack: Slack,
) -> Thing:
    match request.param:
        case "deal_properties":
            return await _deal_properties(hubspot, outside)
        case "customer" | "sales_order":
            return await _erp(request.param, erpnext, outside)
        case "project" | "version" | "issue":
            return await _projects(request.param, redmine, outside)
        case _:
            return _message(slack, outside)


async def _deal_properties(hubspot: HubSpot, outside: Outside) -> Thing:
    deal = await outside.enter_deal()

    async def find(key: str) -> ExternalRef | None:
        read = await hubspot.read_deal(deal)
        return ExternalRef(id=deal, url=read.url) if read.properties.get("throughline_status") == key else None

    async def count(key: str) -> int:
        deals = await outside.objects("hubspot", "deals")
        return sum(each["properties"].get("throughline_status") == key for each in deals)

    async def create(key: str) -> ExternalRef:
        return await hubspot.write_deal(deal, {"throughline_status": key})

    safety = hubspot.manifest.duplicate_safety["deal_properties"]
    return Thing("hubspot", hubspot, safety, create, find, count, "PATCH", "/deals/")


async def _erp(what: str, erpnext: ErpNext, outside: Outside) -> Thing:
    doctype = "Customer" if what == "customer" else "Sales Order"
    buyer = await erpnext.create_customer(fresh_key("call:customer"), customer())

    async def count(key: str) -> int:
        docs = await outside.objects("erpnext", doctype)
        return sum(each.get("throughline_key") == key and each["docstatus"] == (what == "sales_order") for each in docs)

    safety, path = erpnext.manifest.duplicate_safety[what], f"/api/resource/{doctype}"
    if what == "customer":
        create = lambda key: erpnext.create_customer(key, customer())  # noqa: E731
        return Thing("erpnext", erpnext, safety, create, erpnext.find_customer, count, "POST", path)
    create = lambda key: erpnext.create_sales_order(key, order(buyer.id))  # noqa: E731
    # The call that counts is the one that submits.
    return Thing("erpnext", erpnext, safety, create, erpnext.find_sales_order, count, "PUT", path)


async def _projects(what: str, redmine: Redmine, outside: Outside) -> Thing:
    project = await redmine.create_project(fresh_key("call:project"), ProjectBody(name="Corvane"))

    async def create(key: str) -> ExternalRef:
        if what == "project":
            return await redmine.create_project(key, ProjectBody(name=key))
        if what == "version":
            return await redmine.create_version(project, key, VersionBody(name=f"Go-live {key[-24:]}"))
        return await redmine.create_issue(project, key, IssueBody(subject=f"Provision {key}"))

    async def find(key: str) -> ExternalRef | None:
        if what == "project":
            return await redmine.find_project(key)
        if what == "version":
            return await redmine.find_version(project, key)
        return await redmine.find_issue(project, key)

    async def count(key: str) -> int:
        field = "subject" if what == "issue" else "name"
        return sum(key[-24:] in each[field] for each in await outside.objects("redmine", f"{what}s"))

    safety, path = redmine.manifest.duplicate_safety[what], f"/{what}s.json"
    return Thing("redmine", redmine, safety, create, find, count, "POST", path)


def _message(slack: Slack, outside: Outside) -> Thing:
    async def count(key: str) -> int:
        return sum(each["key"] == key for each in await outside.objects("slack", "messages"))

    async def create(key: str) -> ExternalRef:
        return await slack.send(key, message("U0DANA01"))

    async def find(key: str) -> ExternalRef | None:
        return await slack.find(key, "U0DANA01")

    safety = slack.manifest.duplicate_safety["message"]
    return Thing("slack", slack, safety, create, find, count, "POST", "chat.postMessage")


async def _ready(thing: Thing) -> str:
    """Let the connector make what it makes once, so that the next call is the one a test means; return a fresh key."""
    await thing.create(fresh_key())
    return fresh_key()


async def test_what_was_created_is_found_by_its_key_and_by_no_other(thing: Thing) -> None:
    key = fresh_key()
    assert await thing.find(key) is None
    made = await thing.create(key)
    found = await thing.find(key)
    assert found is not None
    assert found.id == made.id
    assert await thing.find(fresh_key()) is None
    assert await thing.count(key) == 1


async def test_creating_twice_with_one_key_makes_one_thing(thing: Thing) -> None:
    key = fresh_key()
    first = await thing.create(key)
    if thing.safety is DuplicateSafety.SEARCH_FIRST:
        again = await thing.find(key)
    else:
        again = await thing.create(key)
    assert again is not None
    assert again.id == first.id
    assert await thing.count(key) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "DATE"}, 30),
        ({"Retry-After": "", "X-Retry-After": "EPOCH_MS"}, 30),
    ],
    ids=["seconds", "fraction", "http date", "epoch milliseconds"],
)
async def test_a_429_says_how_long_to_wait_in_each_dialect(
    thing: Thing, outside: Outside, headers: dict[str, str], seconds: float
) -> None:
    key = await _ready(thing)
    later = datetime.now(UTC) + timedelta(seconds=30)
    said = {"DATE": format_datetime(later, usegmt=True), "EPOCH_MS": f"{later.timestamp() * 1000:.0f}"}
    headers = {name: said.get(value, value) for name, value in headers.items()}
    await outside.fault(thing.vendor, "answer", status=429, headers=headers, method=thing.method, path=thing.path)
    with pytest.raises(RateLimited) as limited:
        await thing.create(key)
    assert limited.value.retry_after is not None
    assert limited.value.retry_after.total_seconds() == pytest.approx(seconds, abs=3 if seconds > 10 else 0)
    assert await thing.count(key) == 0


async def test_an_error_after_the_commit_is_ambiguous_and_the_thing_is_found(thing: Thing, outside: Outside) -> None:
    key = await _ready(thing)
    await outside.fault(thing.vendor, "answer_after", status=502, method=thing.method, path=thing.path)
    with pytest.raises(Ambiguous):
        await thing.create(key)
    assert await thing.find(key) is not None
    assert await thing.count(key) == 1


async def test_a_dropped_answer_is_ambiguous_and_the_thing_is_found(thing: Thing, outside: Outside) -> None:
    key = await _ready(thing)
    await outside.fault(thing.vendor, "drop_after", method=thing.method, path=thing.path)
    with pytest.raises(Ambiguous):
        await thing.create(key)
    assert await thing.find(key) is not None
    assert await thing.count(key) == 1


async def test_a_dropped_request_is_ambiguous_and_the_thing_is_not_there(thing: Thing, outside: Outside) -> None:
    key = await _ready(thing)
    await outside.fault(thing.vendor, "drop", method=thing.method, path=thing.path)
    with pytest.raises(Ambiguous):
        await thing.create(key)
    assert await thing.find(key) is None
    await thing.create(key)
    assert await thing.count(key) == 1


async def test_a_late_commit_shows_within_the_declared_lag(thing: Thing, outside: Outside) -> None:
    key = await _ready(thing)
    await outside.fault(thing.vendor, "late", status=504, seconds=0.3, method=thing.method, path=thing.path)
    with pytest.raises(Ambiguous):
        await thing.create(key)
    assert await thing.find(key) is None
    assert thing.connector.manifest.max_commit_lag > timedelta(seconds=0.3)
    await asyncio.sleep(0.5)
    assert await thing.find(key) is not None
    assert await thing.count(key) == 1


async def test_a_slow_answer_ends_at_the_deadline(thing: Thing, outside: Outside) -> None:
    key = await _ready(thing)
    hurried = thing.connector.manifest.model_copy(update={"deadline": timedelta(seconds=0.3)})
    thing.connector.manifest = hurried
    await outside.fault(thing.vendor, "slow", seconds=3, method=thing.method, path=thing.path)
    with pytest.raises(Ambiguous, match=r"within 0\.3 s"):
        await thing.create(key)


async def test_garbage_for_an_answer_is_ambiguous(thing: Thing, outside: Outside) -> None:
    key = await _ready(thing)
    await outside.fault(thing.vendor, "garbage", method=thing.method, path=thing.path)
    with pytest.raises(Ambiguous):
        await thing.create(key)
    assert await thing.find(key) is not None


async def test_a_reading_call_without_a_usable_answer_is_unavailable(thing: Thing, outside: Outside) -> None:
    await _ready(thing)
    for fault, more in (("answer", {"status": 503}), ("drop", {}), ("garbage", {})):
        await outside.fault(thing.vendor, fault, **more)
        with pytest.raises(Unavailable):
            await thing.find(fresh_key())


async def test_a_plan_that_cannot_be_read_is_unavailable(erpnext: ErpNext, outside: Outside) -> None:
    for fault, more in (("answer", {"status": 503}), ("drop", {}), ("garbage", {})):
        await outside.fault("erpnext", fault, **more)
        with pytest.raises(Unavailable, match="Nothing was changed there"):
            await erpnext.read_material_price("STEEL-S355", date(2026, 11, 16))
        await outside.fault("erpnext", fault, **more)
        with pytest.raises(Unavailable, match="Nothing was changed there"):
            await erpnext.read_machine_hours("Laser 1", date(2026, 12, 1), date(2026, 12, 31))


async def test_a_refused_key_is_named_without_showing_it(thing: Thing, caplog: pytest.LogCaptureFixture) -> None:
    good = dict(thing.connector._client.headers)
    for name in ("authorization", "x-redmine-api-key"):
        if name in good:
            thing.connector._client.headers[name] = good[name][:-4] + "oops"
    with caplog.at_level(logging.DEBUG), pytest.raises(AccessDenied) as denied:
        await thing.create(fresh_key())
    assert "valid key" in str(denied.value)
    for secret in thing.connector._secrets:
        assert secret not in str(denied.value)
        assert secret not in caplog.text


async def test_a_connection_that_never_opens_is_unavailable(thing: Thing, unused_tcp_port: int) -> None:
    thing.connector.base_url = f"http://127.0.0.1:{unused_tcp_port}"
    thing.connector._origin = thing.connector.base_url
    with pytest.raises(Unavailable, match="not reached"):
        await thing.create(fresh_key())


async def test_every_call_carries_what_it_is_for_and_is_logged_without_secrets(
    thing: Thing, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    key = await _ready(thing)
    with caplog.at_level(logging.INFO, logger="connectors"), correlated(key):
        await thing.create(key)
    arrived = await outside.arrivals(thing.vendor)
    assert any(each["correlation"] == key for each in arrived)
    assert any(getattr(record, "correlation", None) == key for record in caplog.records)
    for secret in thing.connector._secrets:
        assert secret not in caplog.text


async def test_a_redirect_is_not_followed(thing: Thing, outside: Outside) -> None:
    key = await _ready(thing)
    elsewhere = {"Location": "http://169.254.169.254/latest/meta-data/"}
    await outside.fault(thing.vendor, "answer", status=307, headers=elsewhere, method=thing.method, path=thing.path)
    with pytest.raises((Refused, Ambiguous)):
        await thing.create(key)
    assert await thing.count(key) == 0


async def test_a_missing_record_is_not_found(
    erpnext: ErpNext, hubspot: HubSpot, redmine: Redmine, slack: Slack
) -> None:
    missing: list[Awaitable[Any]] = [
        hubspot.read_deal("1"),
        hubspot.write_deal("1", {"dealname": "x"}),
        erpnext.read_sales_order(ExternalRef(id="SAL-ORD-0")),
        erpnext.read_machine_hours("No such workstation", date(2026, 12, 1), date(2026, 12, 31)),
        redmine.read_issue(ExternalRef(id="999999")),
        slack.rewrite(ExternalRef(id="C0NOWHERE/1.0"), message("C0NOWHERE")),
    ]
    for each in missing:
        with pytest.raises(NotFound, match="correct the reference"):
            await each


async def test_another_host_is_never_called(sandbox: Sandbox, redmine: Redmine) -> None:
    for path in ("@169.254.169.254/latest", "x.example.com/", ":1/"):
        with pytest.raises((Refused, ValueError, httpx2.InvalidURL)):
            await redmine.call("GET", path, what="go elsewhere")


async def test_pings_answer(erpnext: ErpNext, hubspot: HubSpot, redmine: Redmine, slack: Slack) -> None:
    for connector in (erpnext, hubspot, redmine, slack):
        await connector.ping()
