"""What every answer carries: a request id, the headers that keep a browser safe, and a nonce for our scripts."""

from __future__ import annotations

import re
import secrets
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE, Problem

_ID = re.compile(rb"^[A-Za-z0-9._-]{8,64}$")


class Secured:
    """Middleware around everything, the errors included."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app, self._https = app, https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        state["request_id"] = given.decode() if _ID.match(given) else uuid.uuid4().hex
        state["nonce"] = secrets.token_urlsafe(16)
        state["private"] = scope["path"].startswith(("/sign/", "/a/"))

        refusing = False

        async def sending(message: Message) -> None:
            nonlocal refusing
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # The body limit answers from below every exception handler, in plain text.
                refusing = message["status"] == 413 and headers.get("content-type", "").startswith("text/plain")
                if refusing:
                    headers["Content-Type"] = MEDIA_TYPE
                    headers["Content-Length"] = str(len(_too_large(scope["path"], state["request_id"])))
                self._add(headers, state, scope["path"])
            elif refusing:
                message = {**message, "body": _too_large(scope["path"], state["request_id"])}
            await send(message)

        await self._app(scope, receive, sending)

    def _add(self, headers: MutableHeaders, state: dict[str, str], path: str) -> None:
        headers["X-Request-Id"] = state["request_id"]
        headers["X-Content-Type-Options"] = "nosniff"
        # A page under a secret link must not tell anyone its address.
        headers["Referrer-Policy"] = "no-referrer" if state["private"] else "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        headers.setdefault("Content-Security-Policy", policy(state["nonce"]))
        if self._https:
            headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        headers.setdefault("Cache-Control", "public, max-age=3600" if path.startswith("/static/") else "no-store")


def _too_large(path: str, request_id: str) -> bytes:
    return Problem("too_large").body(path, request_id).model_dump_json().encode()


def policy(nonce: str) -> str:
    """Return the content security policy of a page: our own files, scripts by nonce, framed by nobody."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    )


DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""For a rendered document: it may style itself and do nothing else."""
