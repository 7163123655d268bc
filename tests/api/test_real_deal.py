"""The doors in front of the real deal: started over the API, asked of the right people, answered on the page."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.calendars import expand_calendar
from activities.lines import MEDIA, Line
from activities.people import business_time
from activities.pricing import shipped_book
from activities.quoting import Quoting
from activities.records import Recorder
from activities.rendering import Rendering
from api.app import create
from api.pages.addresses import request_path
from connectors.database import Database
from models.calendar import CalendarSpec
from models.tables.content import Content
from tests.api.browsing import post, sign_in
from tests.api.company import PEOPLE_COPIES, TOKENS
from tests.api.conftest import as_token, beside, free_port, serving, settings
from tests.conftest import settings_for
from workflows.plugin import plugin

LINE = Line(
    key="line-1", sku="MSP-SEAT", name="Managed workplace", quantity=Decimal(180), unit_price=Decimal(52),
    unit_cost=Decimal(30), billed="monthly", months=36, currency="USD",
)  # fmt: skip


@contextlib.contextmanager
def deals_worker(address: str, url: str) -> Iterator[None]:
    """The production workflows and the activities that need no outside system, in a thread of their own."""

    async def work(ready: threading.Event, stop: threading.Event) -> None:
        opened = Database.at(settings_for(url))
        recorder = Recorder(opened, business_time(CalendarSpec(zone="America/Chicago", country="US")), b"k" * 32)
        pure = [
            recorder.record,
            expand_calendar,
            Quoting(opened, shipped_book()).price_quote,
            Rendering(opened).render,
        ]
        client = await Client.connect(address, plugins=[plugin()])
        async with Worker(client, task_queue="deals", activities=pure):
            ready.set()
            while not stop.is_set():  # noqa: ASYNC110 (set from another thread)
                await asyncio.sleep(0.05)
        await opened.close()

    with beside(work):
        yield


@pytest.fixture(scope="module")
async def real(database: Database, database_url: str, temporal_server: Any) -> Any:
    """The doors, the real workflow behind them, and the people of the company."""
    async with database.write() as session:
        session.add_all(PEOPLE_COPIES())
        session.add(Content(sha256=LINE.item.digest, media=MEDIA, name="line", bytes=LINE.content))
    port = free_port()

    async def connect() -> Client:
        return await Client.connect(temporal_server.address, plugins=[plugin()])

    app = create(settings(port), database=Database.at(settings_for(database_url)), connect=connect, tokens=TOKENS)
    with deals_worker(temporal_server.address, database_url), serving(app, port) as url:
        yield url


def new(number: str, discount: str, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "lines": {"t": "items", "items": [LINE.item.model_dump()]},
        "discount": {"t": "percent", "value": discount},
        "payment_days": {"t": "whole", "v": 30},
        "term_months": {"t": "whole", "v": 36},
        "goals": {"t": "text", "v": "One provider"},
        "signatory": {"t": "text", "v": "Miles Garrity <miles@corvane.example>"},
        **more,
    }
    known = {"source": "hubspot", "source_id": number, "title": "Corvane, managed services", "account": "Corvane"}
    return {**known, "owner": "dana", "at": "2026-11-17T14:20:00-06:00", "facts": facts}


async def started(client: httpx2.AsyncClient, body: dict[str, Any]) -> str:
    answer = await client.post("/api/deals", json=body, headers={"Idempotency-Key": f"real-{body['source_id']}"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["deal"]).removeprefix("deal/")


async def until(client: httpx2.AsyncClient, deal: str, kind: str) -> dict[str, Any]:
    """Wait until the deal waits for this kind of thing, and return the wait."""
    for _ in range(300):
        answer = await client.get(f"/api/deals/{deal}/explain")
        waits = answer.json()["waits"] if answer.status_code == 200 else []
        for each in waits:
            if each["kind"] == kind and (each["waiting_on"] or kind == "running"):
                found: dict[str, Any] = each
                return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"the deal never waited for {kind}: {waits}")


async def test_an_approval_reaches_its_person_and_is_answered_on_the_page(real: str) -> None:
    async with as_token(real, "dana") as dana, as_token(real, "noor") as noor:
        deal = await started(dana, new("8001", "20"))
        wait = await until(dana, deal, "approval")
        assert wait["step"] == "approval:discount"
        assert wait["waiting_on"] == ["joel"]
        refused = await noor.post(
            f"/api/deals/{deal}/acts",
            json={"do": "decide", "step": wait["step"], "round": 1, "edition": 1, "verdict": "approve"},
            headers={"Idempotency-Key": "real-noor-1"},
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    async with sign_in(real, "joel") as joel:
        inbox = await joel.get("/inbox")
        page = f"/requests/{deal}/approval:discount/1"
        assert page in inbox.text
        opened = await joel.get(page)
        assert "discount 20 % &gt; 15 %" in opened.text
        assert "Dana Whitlock asks" in opened.text
        answer = await post(joel, page, act="approve", edition="1", key="real-joel-1")
        assert answer.status_code == 303, answer.text[:3000]
        onward = await joel.get(answer.headers["location"], follow_redirects=True)
        assert "Your answer to Corvane" in onward.text
        late = await post(joel, "/inbox", page, act="approve", edition="1", key="real-joel-2")
        assert late.status_code == 200
        assert "This was already answered" in late.text
    async with as_token(real, "dana") as dana:
        after = (await dana.get(f"/api/deals/{deal}")).json()
        states = {item["step"]: item["state"] for item in after["path"]}
        assert states["approval:discount"] == "done"


async def test_a_missing_fact_is_asked_of_the_owner_who_fills_it_in_on_the_page(real: str) -> None:
    body = new("8002", "5")
    del body["facts"]["payment_days"]
    async with as_token(real, "dana") as dana:
        deal = await started(dana, body)
        await until(dana, deal, "question")
        inbox = (await dana.get("/api/inbox")).json()
    request = next(each for each in inbox if each["deal_id"].endswith("8002"))
    page = request_path(request["id"])
    async with sign_in(real, "dana") as browser:
        opened = await browser.get(page)
        assert opened.status_code == 200
        assert "payment days" in opened.text.lower()
        wrong = await post(browser, page, act="revise", **{"fact.whole.payment_days": "soon"}, key="real-dana-1")
        assert wrong.status_code == 422
        assert "whole number" in wrong.text
        filled = await post(browser, page, act="revise", **{"fact.whole.payment_days": "45"}, key="real-dana-2")
        assert filled.status_code == 303, filled.text[:3000]
        shown = await browser.get(f"/deals/{deal}")
        assert "payment days" in shown.text


async def test_the_pages_of_a_real_deal_open(real: str) -> None:
    async with as_token(real, "dana") as dana:
        deal = await started(dana, new("8003", "35"))
        await until(dana, deal, "approval")
    async with sign_in(real, "dana") as browser:
        for page in ("/deals", f"/deals/{deal}", f"/deals/{deal}/journal", "/flows", "/inbox?tab=all"):
            answer = await browser.get(page)
            assert answer.status_code == 200, answer.text[:2000]
        held = await post(
            browser, f"/deals/{deal}", f"/deals/{deal}/acts", act="hold", reason="Wait", key="real-hold-1"
        )
        assert held.status_code == 303
        assert "On hold" in (await browser.get(f"/deals/{deal}")).text
        released = await post(browser, f"/deals/{deal}", f"/deals/{deal}/acts", act="release", key="real-hold-2")
        assert released.status_code == 303
        cancelled = await post(
            browser, f"/deals/{deal}", f"/deals/{deal}/acts", act="cancel", reason="Not now", key="real-hold-3"
        )
        assert cancelled.status_code == 303
        assert "This deal has ended: cancelled" in (await browser.get(f"/deals/{deal}")).text
