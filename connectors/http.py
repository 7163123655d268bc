"""One way to call somebody else's HTTP API: bounded, redacted, never repeated, every failure one of a closed set."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, NoReturn, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx2
from pydantic import BaseModel, ValidationError

from connectors.failures import AccessDenied, Ambiguous, ConnectorFailure, NotFound, RateLimited, Refused, Unavailable
from connectors.manifest import Manifest
from connectors.retry_after import pause

_LARGEST_ANSWER = 16_000_000
_HIDDEN = "•••"
_correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
_Model = TypeVar("_Model", bound=BaseModel)


@contextmanager
def correlated(with_: str) -> Iterator[None]:
    """Send this with every call made inside, so that their log and ours can be laid side by side."""
    token = _correlation.set(with_)
    try:
        yield
    finally:
        _correlation.reset(token)


@dataclass(frozen=True)
class Call:
    """Say what is called and how its failures are to be read."""

    method: str
    path: str
    what: str  # as people say it: "create the sales order"
    reads: bool  # nothing changes there, so a lost answer leaves no doubt


@dataclass(frozen=True)
class Answer:
    call: Call
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def data(self) -> Any:
        """Return the body as JSON, numbers exact. Raises ValueError."""
        return json.loads(self.body, parse_float=Decimal)


class HttpConnector:
    """Hold one connection pool to one host; subclasses know the vendor."""

    # Where a vendor puts the sentence that says why; used for messages only.
    reason_keys: ClassVar[tuple[str, ...]] = ("message", "error", "errors")

    def __init__(
        self, manifest: Manifest, base_url: str, *, headers: Mapping[str, str], secrets: Collection[str]
    ) -> None:
        self.manifest = manifest
        self.base_url = base_url.rstrip("/")
        self._origin = _origin(self.base_url)
        self._secrets = tuple(secret for secret in secrets if secret)
        self._log = logging.getLogger(f"connectors.{manifest.name}")
        deadline = manifest.deadline.total_seconds()
        self._client = httpx2.AsyncClient(
            headers={"Accept": "application/json", "User-Agent": "throughline", **headers},
            timeout=httpx2.Timeout(deadline, connect=min(5.0, deadline)),
            verify=_tls(),
            follow_redirects=False,
            trust_env=False,
            # Shorter than any server's keep-alive: a connection the server closes under a write is a false Ambiguous.
            limits=httpx2.Limits(max_connections=manifest.concurrency * 2, keepalive_expiry=2.0),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        reads: bool | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Make one call, once, and return its answer; raises one of the closed set of failures.

        `reads` defaults to what the method says; `accept` names error statuses the caller wants to see.
        """
        call = Call(method, path, what, reads=method in {"GET", "HEAD"} if reads is None else reads)
        url = self.base_url + path
        if _origin(url) != self._origin:
            raise Refused(self.manifest.title, f"cannot {what}: {_origin(url)} is not the configured address")
        request = self._client.build_request(
            method,
            url,
            params=params,
            json=body,
            headers={"X-Correlation-ID": quote(_correlation.get() or uuid4().hex, safe="/|:[]~.@")},
        )
        started = time.monotonic()
        try:
            answer = await self._exchange(call, request)
            if answer.status not in accept:
                self.judge(answer)
        except ConnectorFailure as failure:
            self._record(call, request, started, type(failure).__name__)
            raise
        self._record(call, request, started, str(answer.status))
        return answer

    def judge(self, answer: Answer) -> None:
        """Raise the failure an answer stands for; a vendor that hides errors in a 200 says more here."""
        status, call = answer.status, answer.call
        if 200 <= status < 300:
            return
        retry_after = pause(answer.headers, datetime.now(UTC))
        said = f"cannot {call.what}: answered {status} {self.reason(answer)}".rstrip()
        match status:
            case 401 | 403 | 407:
                raise AccessDenied(self.manifest.title, said)
            case 404 | 410:
                raise NotFound(self.manifest.title, said)
            case 408 | 429:
                raise RateLimited(self.manifest.title, said, retry_after=retry_after)
            case _ if status >= 500:
                # A 5xx may come after the commit; only for a reading call does that not matter.
                raise (Unavailable if call.reads else Ambiguous)(self.manifest.title, said, retry_after=retry_after)
            case _ if 300 <= status < 400:
                raise Refused(self.manifest.title, f"{said} (a redirect, not followed: check the base address)")
            case _:
                raise Refused(self.manifest.title, said)

    def refuse(self, answer: Answer, why: str) -> NoReturn:
        """Raise Refused for a reason only the vendor's connector could see."""
        raise Refused(self.manifest.title, self.redacted(f"cannot {answer.call.what}: {why}"))

    def read(self, answer: Answer, model: type[_Model]) -> _Model:
        """Return the body as a model; a body that does not fit is no answer."""
        try:
            return model.model_validate(self.json(answer))
        except ValidationError as wrong:
            first = wrong.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            self._no_answer(answer.call, f"its answer lacks what is documented ({place}: {first['msg']})")

    def json(self, answer: Answer) -> Any:
        """Return the body as JSON; a body that is not JSON is no answer."""
        try:
            return answer.data()
        except ValueError:
            self._no_answer(answer.call, "its answer is not JSON")

    def redacted(self, text: str) -> str:
        """Return text without any secret of this connector."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return re.sub(r"(?i)\b(bearer|basic|token)\s+[\w.:/+=-]{8,}", rf"\1 {_HIDDEN}", text)

    def reason(self, answer: Answer) -> str:
        """Return the sentence in which the vendor says why, redacted and short; empty if there is none."""
        try:
            said = answer.data()
        except ValueError:
            return ""
        if isinstance(said, dict):
            said = next((said[key] for key in self.reason_keys if said.get(key)), "")
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
        return self.redacted(" ".join(text.split()))[:400]

    async def _exchange(self, call: Call, request: httpx2.Request) -> Answer:
        left = False

        async def trace(event: str, _info: Mapping[str, Any]) -> None:
            nonlocal left
            left = left or event.endswith("send_request_headers.started")

        request.extensions = {**request.extensions, "trace": trace}
        try:
            async with asyncio.timeout(self.manifest.deadline.total_seconds()):
                response = await self._client.send(request, stream=True)
                try:
                    body = await self._whole(call, response)
                finally:
                    await response.aclose()
        except TimeoutError:
            self._lost(call, f"no whole answer within {self.manifest.deadline.total_seconds():g} s", left)
        except (httpx2.TransportError, httpx2.DecodingError) as broken:
            self._lost(call, f"{type(broken).__name__} {broken}", left)
        return Answer(call, response.status_code, dict(response.headers), body)

    async def _whole(self, call: Call, response: httpx2.Response) -> bytes:
        read = bytearray()
        async for chunk in response.aiter_bytes():
            read += chunk
            if len(read) > _LARGEST_ANSWER:
                self._no_answer(call, f"its answer is longer than {_LARGEST_ANSWER} bytes")
        return bytes(read)

    def _lost(self, call: Call, why: str, left: bool) -> NoReturn:
        if left:
            self._no_answer(call, why)
        raise Unavailable(self.manifest.title, self.redacted(f"cannot {call.what}: not reached, {why}"))

    def _no_answer(self, call: Call, why: str) -> NoReturn:
        failure = Unavailable if call.reads else Ambiguous
        raise failure(self.manifest.title, self.redacted(f"cannot {call.what}: {why}"))

    def _record(self, call: Call, request: httpx2.Request, started: float, outcome: str) -> None:
        # Path only: queries hold keys and people's addresses.
        self._log.info(
            "%s %s %s in %d ms",
            call.method,
            self.redacted(call.path),
            outcome,
            (time.monotonic() - started) * 1000,
            extra={"correlation": request.headers["X-Correlation-ID"], "system": self.manifest.name, "what": call.what},
        )


@cache
def _tls() -> ssl.SSLContext:
    """Load the trusted certificates once for all connectors; it takes longer than most calls."""
    return httpx2.create_ssl_context()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if default is None or not parts.hostname or "@" in parts.netloc:
        raise ValueError("a base address is http:// or https:// with a host and no credentials")
    return f"{parts.scheme}://{parts.hostname}:{parts.port or default}"
