"""Everything a vendor can do wrong, on request: between our call and its answer, before or after it did the work."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.sandbox.store import Store


class Fault(StrEnum):
    ANSWER = "answer"  # answers `status` instead of doing the work
    ANSWER_AFTER = "answer_after"  # does the work, then answers `status`
    LATE = "late"  # answers `status` at once and does the work `seconds` later
    DROP = "drop"  # closes the connection instead of doing the work
    DROP_AFTER = "drop_after"  # does the work, then closes the connection without an answer
    SLOW = "slow"  # does the work and lets the answer trickle over `seconds`
    GARBAGE = "garbage"  # does the work and answers bytes that are no JSON


class Script(BaseModel):
    """Do this to the next `times` matching calls."""

    model_config = ConfigDict(extra="forbid")
    fault: Fault
    times: int = 1
    status: int = 500
    headers: dict[str, str] = {}
    seconds: float = 1.0
    method: str | None = None
    path: str | None = None  # a part of the path

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in (None, method) and (self.path is None or self.path in path)


# Given a status, the vendor's own way to say it.
Shape = Callable[[int], Response]
Abort = Callable[[Scope], None]


class Limit:
    """A rolling window per key, as vendors count calls."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self._seen: dict[str, deque[float]] = {}

    def wait(self, key: str = "") -> float:
        """Count one call; return 0 when it is allowed, else the seconds until one will be."""
        now, seen = time.monotonic(), self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - self.seconds:
            seen.popleft()
        if len(seen) >= self.calls:
            return self.seconds - (now - seen[0]) if seen else self.seconds
        seen.append(now)
        return 0.0


class Faults:
    """ASGI middleware: notes what arrives, and does what was scripted."""

    def __init__(self, app: ASGIApp, store: Store, shape: Shape, abort: Abort) -> None:
        self._app, self._store, self._shape, self._abort = app, store, shape, abort
        self.scripts: list[Script] = []
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path == "/" or path.startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        body = await _whole(receive)
        script = self.due(scope["method"], path)
        answer = _Kept()
        try:
            await self._play(script, scope, body, answer, send)
        finally:
            query = scope["query_string"].decode("latin-1")
            self._store.arrived(
                scope["method"],
                f"{path}?{query}" if query else path,
                answer.status,
                began,
                _header(scope, b"x-correlation-id"),
                script.fault if script else "",
                body,
            )

    def due(self, method: str, path: str) -> Script | None:
        script = next((each for each in self.scripts if each.matches(method, path)), None)
        if script:
            script.times -= 1
            self.scripts = [each for each in self.scripts if each.times > 0]
        return script

    async def _play(self, script: Script | None, scope: Scope, body: bytes, kept: _Kept, send: Send) -> None:
        async def work() -> None:
            await self._app(scope, _again(body), kept)

        match script.fault if script else None:
            case None:
                await work()
                await kept.forward(send)
            case Fault.ANSWER:
                await self._answer(script, kept, send)
            case Fault.ANSWER_AFTER:
                await work()
                await self._answer(script, kept, send)
            case Fault.LATE:
                assert script
                self._later(script.seconds, scope, body)
                await self._answer(script, kept, send)
            case Fault.DROP:
                self._abort(scope)
            case Fault.DROP_AFTER:
                await work()
                self._abort(scope)
            case Fault.SLOW:
                assert script
                await work()
                await kept.trickle(send, script.seconds)
            case Fault.GARBAGE:
                await work()
                await Response(b"<html>\xff\xfe half a page", 200)(scope, _again(b""), send)

    async def _answer(self, script: Script | None, kept: _Kept, send: Send) -> None:
        assert script
        response = self._shape(script.status)
        response.headers.update(script.headers)
        kept.status = script.status
        await response({"type": "http"}, _again(b""), send)

    def _later(self, seconds: float, scope: Scope, body: bytes) -> None:
        async def late() -> None:
            await asyncio.sleep(seconds)
            await self._app(scope, _again(body), _Kept())

        task = asyncio.create_task(late())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class _Kept:
    """Takes an answer in, to be sent on, in whichever way."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = 0

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]

    async def forward(self, send: Send) -> None:
        for message in self.messages:
            await send(message)

    async def trickle(self, send: Send, seconds: float) -> None:
        body = b"".join(message.get("body", b"") for message in self.messages[1:]) or b" "
        pieces = [body[at : at + max(1, len(body) // 10)] for at in range(0, len(body), max(1, len(body) // 10))]
        await send(self.messages[0])
        for piece in pieces:
            await asyncio.sleep(seconds / len(pieces))
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _whole(receive: Receive) -> bytes:
    read = bytearray()
    while True:
        message = await receive()
        read += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(read)


def _again(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
