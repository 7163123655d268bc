"""HubSpot's webhooks: signed batches, sent at least once, in no promised order, with HubSpot's retries in small.

Sources: HubSpot developer documentation, "Webhooks API" (batches of at most 100, five seconds to answer, up to ten
repeats, 4xx other than 429 not repeated) and "Validating requests" (v1 and v3 signatures).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from typing import Any

import httpx2

from connectors.sandbox.store import Record, Store, now_iso

_LARGEST_BATCH = 100
_ATTEMPTS = 10
_TIMEOUT = 5.0
# HubSpot spreads its repeats over 24 hours; here over about two minutes.
_PAUSES = (0.5, 1, 2, 4, 8, 15, 30, 30, 30)
_AT_ONCE = 8
_APP, _PORTAL = 4_242, 244_466_000
# The app subscribes to what Throughline reads, not to what it writes back.
_NOT_SUBSCRIBED = ("throughline_", "hs_", "createdate", "lastmodifieddate")
_TYPES = {
    "deal.creation": 1,
    "deal.propertyChange": 2,
    "deal.deletion": 3,
    "deal.merge": 4,
    "deal.associationChange": 5,
}


class Webhooks:
    """Queues events durably and delivers them to the one target address."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store, self._secret = store, secret
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._sending: dict[str, asyncio.Task[None]] = {}
        # What still has to be done, so that a long history is not gone through at every turn.
        self._unsent = {str(e["eventId"]): e for e in store.all("events") if e["state"] == "waiting"}
        self._open = {each["id"]: each for each in store.all("deliveries") if each["state"] == "waiting"}

    @property
    def target(self) -> str:
        return str((self._store.get("set-up", "webhook") or {}).get("url", ""))

    def aim(self, url: str) -> None:
        """Deliver to this address from now on; an empty one keeps events until there is an address."""
        self._store.put("set-up", "webhook", {"url": url})
        self._wake.set()

    def publish(self, event: Record) -> None:
        """Queue an event for the next batch, if the app subscribes to it."""
        kind = event["subscriptionType"]
        if kind not in _TYPES or str(event.get("propertyName", "")).startswith(_NOT_SUBSCRIBED):
            return
        whole = event | {
            "subscriptionId": 90_000 + _TYPES[kind],
            "portalId": _PORTAL,
            "appId": _APP,
            "attemptNumber": 0,
        }
        self._unsent[str(event["eventId"])] = waiting = whole | {"state": "waiting"}
        self._store.put("events", str(event["eventId"]), waiting)
        self._wake.set()

    def redeliver(self, event_ids: list[str] | None, times: int) -> int:
        """Send events again, as HubSpot does when an answer was lost; all of them when none is named."""
        chosen = (
            [self._store.get("events", str(each)) for each in event_ids] if event_ids else self._store.all("events")
        )
        events = [event for event in chosen if event]
        for _ in range(times):
            for start in range(0, len(events), _LARGEST_BATCH):
                self._queue(events[start : start + _LARGEST_BATCH])
        self._wake.set()
        return len(events) * times

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running:
            for task in (self._running, *self._sending.values()):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _run(self) -> None:
        async with httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
            while True:
                self._wake.clear()
                self._batch()
                soonest = self._dispatch(client)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), soonest)

    def _batch(self) -> None:
        waiting = list(self._unsent.values())
        for start in range(0, len(waiting), _LARGEST_BATCH):
            batch = waiting[start : start + _LARGEST_BATCH]
            self._queue(batch)
            for event in batch:
                self._store.put("events", str(event["eventId"]), event | {"state": "queued"})
                del self._unsent[str(event["eventId"])]

    def _queue(self, events: list[Record]) -> None:
        number = str(self._store.number("delivery"))
        delivery = {"id": number, "events": [event["eventId"] for event in events], "attempt": 0, "not_before": 0.0}
        self._open[number] = whole = delivery | {"state": "waiting", "answers": [], "queued_at": now_iso()}
        self._store.put("deliveries", number, whole)

    def _dispatch(self, client: httpx2.AsyncClient) -> float:
        """Start what is due; return the seconds until the next one is."""
        now, soonest = time.time(), 5.0
        if not self.target:
            return soonest
        for delivery in list(self._open.values()):
            if len(self._sending) >= _AT_ONCE:
                break
            if delivery["id"] in self._sending:
                continue
            if delivery["not_before"] > now:
                soonest = min(soonest, delivery["not_before"] - now)
                continue
            task = asyncio.create_task(self._send(client, delivery))
            self._sending[delivery["id"]] = task
        return max(soonest, 0.01)

    async def _send(self, client: httpx2.AsyncClient, delivery: Record) -> None:
        events = [event for each in delivery["events"] if (event := self._store.get("events", str(each)))]
        wire = [
            {name: value for name, value in event.items() if name != "state"} | {"attemptNumber": delivery["attempt"]}
            for event in events
        ]
        body = json.dumps(wire, ensure_ascii=False).encode()
        retry_after: float | None = None
        try:
            answer = await client.post(
                self.target, content=body, headers=signed(self._secret, "POST", self.target, body)
            )
            said = str(answer.status_code)
            again = answer.status_code == 429 or answer.status_code >= 500
            with contextlib.suppress(ValueError):
                retry_after = float(answer.headers.get("retry-after", ""))
        except httpx2.HTTPError as broken:
            said, again = type(broken).__name__, True
        finally:
            self._sending.pop(delivery["id"], None)
        attempt = delivery["attempt"] + 1
        taken = said.startswith("2")
        state = "delivered" if taken else "waiting" if again and attempt < _ATTEMPTS else "given up"
        pause = retry_after if retry_after is not None else _PAUSES[min(attempt - 1, len(_PAUSES) - 1)]
        changed = {"attempt": attempt, "state": state, "not_before": time.time() + pause, "target": self.target}
        answers = [*delivery["answers"], f"{now_iso()} {said}"]
        self._open[delivery["id"]] = after = delivery | changed | {"answers": answers}
        self._store.put("deliveries", delivery["id"], after)
        if state != "waiting":
            del self._open[delivery["id"]]
        self._wake.set()


def signed(secret: str, method: str, uri: str, body: bytes, at_ms: int | None = None) -> dict[str, str]:
    """Return the headers of a delivery with HubSpot's v1 and v3 signatures."""
    timestamp = str(at_ms if at_ms is not None else int(time.time() * 1000))
    source: Any = f"{method}{uri}".encode() + body + timestamp.encode()
    v3 = base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client)",
        "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": v3,
        "X-HubSpot-Request-Timestamp": timestamp,
    }
