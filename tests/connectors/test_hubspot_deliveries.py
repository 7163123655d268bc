"""Deliveries of HubSpot: whose signature is right, what we take, and what the sandbox sends when we do not answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hubspot.exceptions import InvalidSignatureTimestampError
from hubspot.utils.signature import Signature
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.contract import EventKind, Forged, InboundEvent, Stale, Unavailable, Unreadable
from connectors.hubspot.connector import HubSpot
from connectors.hubspot.webhooks import signature
from connectors.sandbox.hubspot.webhooks import signed
from connectors.sandbox.serving import Server, bind
from connectors.sandbox.start import Sandbox
from tests.connectors.outside import Outside

SECRET = "s3cret-of-the-app"
URI = "https://deals.halden.example/webhooks/hubspot?from=app"
BODY = json.dumps(
    [{"eventId": 1, "subscriptionType": "deal.creation", "objectId": 7, "occurredAt": 1_795_000_000_000}]
).encode()


@pytest.fixture
async def crm() -> AsyncIterator[HubSpot]:
    connector = HubSpot("https://api.hubapi.com", "token", SECRET)
    yield connector
    await connector.aclose()


def _now() -> datetime:
    return datetime.now(UTC)


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


def _ours(crm: HubSpot, given: str | None, timestamp: str | None, body: bytes = BODY, uri: str = URI) -> str:
    """Return what our verifier says, as one word."""
    headers = {"X-HubSpot-Signature-v3": given, "X-HubSpot-Request-Timestamp": timestamp}
    try:
        crm.verify("POST", uri, {name: value for name, value in headers.items() if value is not None}, body, _now())
    except (Forged, Stale, Unreadable) as problem:
        return type(problem).__name__.lower()
    return "taken"


def _theirs(given: str | None, timestamp: str | None, body: bytes = BODY, uri: str = URI) -> str:
    """Return what HubSpot's own verifier says, as the same word."""
    try:
        ok = Signature.is_valid(given, SECRET, body.decode(), uri, "POST", "v3", timestamp)
    except InvalidSignatureTimestampError:
        return "stale"
    except TypeError:
        return "forged"
    return "taken" if ok else "forged"


def _right(timestamp: str, body: bytes = BODY, uri: str = URI) -> str:
    return Signature.get_signature(SECRET, body.decode(), "v3", uri, "POST", timestamp)


@pytest.mark.parametrize("uri", [URI, "http://127.0.0.1:8080/w", "https://x.example/ä/ö?q=ü"])
@pytest.mark.parametrize(
    "body", [BODY, b"[]", '[{"eventId":1,"name":"Zürich ✓"}]'.encode(), b"[" + b" " * 100_000 + b"]"]
)
def test_our_signature_is_hubspots_own(uri: str, body: bytes) -> None:
    timestamp = _milliseconds(_now())
    assert signature(SECRET, "POST", uri, body, timestamp) == _right(timestamp, body, uri)
    assert signed(SECRET, "POST", uri, body, int(timestamp))["X-HubSpot-Signature-v3"] == _right(timestamp, body, uri)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda right, now: (right, now),
        lambda right, now: ("", now),
        lambda right, now: (right[:-2] + "A=", now),
        lambda right, now: (right.lower(), now),
        lambda right, now: (right + "=", now),
        lambda right, now: ("é" + right[1:], now),
        lambda right, now: (None, now),
        lambda right, now: ("A" * 10_000, now),
    ],
    ids=["right", "empty", "wrong", "other case", "longer", "not ASCII", "missing", "huge"],
)
async def test_ours_and_hubspots_verifier_agree(crm: HubSpot, spoil: Callable[[str, str], Any]) -> None:
    now = _milliseconds(_now())
    given, timestamp = spoil(_right(now), now)
    assert _ours(crm, given, timestamp) == _theirs(given, timestamp)


async def test_both_refuse_what_is_older_than_five_minutes(crm: HubSpot) -> None:
    old, fresh = _milliseconds(_now() - timedelta(seconds=302)), _milliseconds(_now() - timedelta(seconds=290))
    assert (_ours(crm, _right(old), old), _theirs(_right(old), old)) == ("stale", "stale")
    assert (_ours(crm, _right(fresh), fresh), _theirs(_right(fresh), fresh)) == ("taken", "taken")


async def test_ours_refuses_the_future_which_hubspots_takes(crm: HubSpot) -> None:
    ahead = _milliseconds(_now() + timedelta(hours=1))
    assert (_ours(crm, _right(ahead), ahead), _theirs(_right(ahead), ahead)) == ("stale", "taken")


@pytest.mark.parametrize("timestamp", ["", "soon", "1e15", "-5", "९९९", "1" * 40, "nan"])
async def test_a_timestamp_that_is_none_is_forged(crm: HubSpot, timestamp: str) -> None:
    assert _ours(crm, _right(timestamp), timestamp) == "forged"


async def test_a_changed_body_address_or_method_is_forged(crm: HubSpot) -> None:
    now = _milliseconds(_now())
    assert _ours(crm, _right(now), now, body=BODY + b" ") == "forged"
    assert _ours(crm, _right(now), now, uri=URI + "&x=1") == "forged"
    headers = {"X-HubSpot-Signature-v3": _right(now), "X-HubSpot-Request-Timestamp": now}
    with pytest.raises(Forged):
        crm.verify("PUT", URI, headers, BODY, _now())


async def test_an_address_is_signed_with_hubspots_characters_decoded(crm: HubSpot) -> None:
    now = _milliseconds(_now())
    right = _right(now, uri="https://x.example/w?to=a@b:c")
    assert _ours(crm, right, now, uri="https://x.example/w?to=a%40b%3Ac") == "taken"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"not json",
        b"\xff\xfe[]",
        b'[{"eventId":"x"}]',
        b"[1]",
        b'[{"eventId":1,"occurredAt":-1,"subscriptionType":"deal.creation"}]',
    ],
)
async def test_a_signed_body_that_is_no_delivery_is_unreadable_with_the_reason(crm: HubSpot, body: bytes) -> None:
    headers = signed(SECRET, "POST", URI, body)
    with pytest.raises(Unreadable, match="not an array of events"):
        crm.verify("POST", URI, headers, body, _now())


async def test_without_a_secret_of_our_own_nothing_is_called_forged() -> None:
    unset = HubSpot("https://api.hubapi.com", "token", "")
    with pytest.raises(Unavailable, match="HUBSPOT_CLIENT_SECRET"):
        unset.verify("POST", URI, signed(SECRET, "POST", URI, BODY), BODY, _now())
    await unset.aclose()


async def test_events_are_read_in_both_of_hubspots_forms(crm: HubSpot) -> None:
    at, moment = 1_795_000_000_123, datetime(2026, 11, 18, 11, 6, 40, 123_000, tzinfo=UTC)
    wire = [
        {"eventId": 1, "subscriptionId": 2, "subscriptionType": "deal.creation", "objectId": 7, "occurredAt": at},
        {
            "eventId": 2,
            "subscriptionType": "object.propertyChange",
            "objectTypeId": "0-3",
            "objectId": 7,
            "occurredAt": at,
        },
        {
            "eventId": 3,
            "subscriptionType": "object.propertyChange",
            "objectTypeId": "0-1",
            "objectId": 9,
            "occurredAt": at,
        },
        {
            "eventId": 4,
            "subscriptionType": "deal.merge",
            "objectId": 7,
            "primaryObjectId": 7,
            "mergedObjectIds": [8],
            "occurredAt": at,
        },
        {
            "eventId": 5,
            "subscriptionType": "deal.associationChange",
            "fromObjectId": 7,
            "toObjectId": 11,
            "occurredAt": at,
        },
        {"eventId": 6, "subscriptionType": "deal.deletion", "objectId": 7, "occurredAt": at, "attemptNumber": 3},
        {"eventId": 7, "subscriptionType": "contact.privacyDeletion", "objectId": 7, "occurredAt": at},
    ]
    body = json.dumps(wire).encode()
    events = crm.verify("POST", URI, signed(SECRET, "POST", URI, body), body, _now())
    assert events[0] == InboundEvent(event_key=f"1.2.{at}", kind=EventKind.CREATED, object_id="7", occurred_at=moment)
    kinds = ["created", "changed", "other", "merged", "changed", "deleted", "other"]
    assert [each.kind for each in events] == kinds
    assert (events[3].object_id, events[3].merged_ids) == ("7", ("8",))
    assert events[4].object_id == "7"


class Receiver:
    """A webhook door that answers as it is told, and keeps what came."""

    def __init__(self, crm: HubSpot) -> None:
        self.crm, self.url = crm, ""
        self.answers: list[int] = []
        self.deliveries: list[list[InboundEvent]] = []
        self.attempts: list[int] = []

    async def door(self, request: Request) -> Response:
        body = await request.body()
        events = self.crm.verify("POST", self.url, dict(request.headers), body, _now())
        self.attempts.append(json.loads(body)[0]["attemptNumber"])
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.deliveries.append(events)
        return Response(status_code=status)

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def _receiving(crm: HubSpot) -> AsyncIterator[Receiver]:
    receiver, listening = Receiver(crm), bind("127.0.0.1", None)
    receiver.url = f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/hubspot?a=b"
    server = Server(Starlette(routes=[Route("/webhooks/hubspot", receiver.door, methods=["POST"])]), listening)
    running = asyncio.create_task(server.run_here())
    await server.ready.wait()
    yield receiver
    server.should_exit = True
    await running


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[tuple[Receiver, Outside]]:
    """A sandbox of its own, aimed at a door of the test."""
    async with Sandbox(tmp_path) as sandbox:
        told = sandbox.settings
        crm = HubSpot(told["HUBSPOT_BASE_URL"], told["HUBSPOT_TOKEN"], told["HUBSPOT_CLIENT_SECRET"])
        async with _receiving(crm) as door, Outside(sandbox.pages) as outside:
            await outside.ask("hubspot", "webhook", {"url": door.url})
            yield door, outside
        await crm.aclose()


async def test_a_new_deal_and_its_changes_are_delivered_signed(receiver: tuple[Receiver, Outside]) -> None:
    door, outside = receiver
    deal = await outside.enter_deal()
    await door.until(lambda: bool(door.deliveries))
    kinds = [event.kind for delivery in door.deliveries for event in delivery]
    assert kinds.count(EventKind.CREATED) == 1
    assert EventKind.CHANGED in kinds
    door.deliveries.clear()
    await outside.ask("hubspot", f"deals/{deal}", {"properties": {"discount_percent": "35"}})
    await door.until(lambda: bool(door.deliveries))
    assert [(each.kind, each.object_id) for each in door.deliveries[0]] == [(EventKind.CHANGED, deal)]


async def test_what_throughline_writes_back_is_not_subscribed(receiver: tuple[Receiver, Outside]) -> None:
    door, outside = receiver
    deal = await outside.enter_deal()
    await door.until(lambda: bool(door.deliveries))
    door.deliveries.clear()
    await door.crm.write_deal(deal, {"throughline_status": "running"})
    await asyncio.sleep(0.3)
    assert door.deliveries == []


async def test_errors_and_limits_are_tried_again_with_the_same_events(receiver: tuple[Receiver, Outside]) -> None:
    door, outside = receiver
    door.answers = [500, 429, 503]
    await outside.enter_deal()
    await door.until(lambda: bool(door.deliveries))
    assert door.attempts[:4] == [0, 1, 2, 3]
    deliveries = await outside.objects("hubspot", "deliveries")
    assert deliveries[0]["state"] == "delivered"


async def test_a_refusal_is_never_tried_again(receiver: tuple[Receiver, Outside]) -> None:
    door, outside = receiver
    door.answers = [401]
    await outside.enter_deal()
    await door.until(lambda: bool(door.attempts))
    await asyncio.sleep(1.0)
    assert door.attempts == [0]
    assert (await outside.objects("hubspot", "deliveries"))[0]["state"] == "given up"


async def test_events_are_sent_again_on_request_with_the_same_keys(receiver: tuple[Receiver, Outside]) -> None:
    door, outside = receiver
    await outside.enter_deal()
    await door.until(lambda: bool(door.deliveries))
    await outside.ask("hubspot", "redeliver", {"times": 2})
    await door.until(lambda: len(door.deliveries) >= 3)
    keys = [sorted(event.event_key for event in delivery) for delivery in door.deliveries]
    assert keys[0] == keys[1] == keys[2]


async def test_a_crowd_of_events_comes_in_batches_of_at_most_a_hundred(receiver: tuple[Receiver, Outside]) -> None:
    door, outside = receiver
    await outside.ask("hubspot", "webhook", {"url": ""})
    for _ in range(30):
        await outside.enter_deal(lines=[])
    await outside.ask("hubspot", "webhook", {"url": door.url})
    events = len(await outside.objects("hubspot", "events"))
    await door.until(lambda: sum(map(len, door.deliveries)) >= events)
    assert max(map(len, door.deliveries)) <= 100
    assert len({event.event_key for delivery in door.deliveries for event in delivery}) == events
