"""Slack as our chat: messages that carry their key as metadata, have buttons, and can be rewritten afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from connectors.chat import Click, Filled, Form, Unmeant
from connectors.contract import (
    AccessDenied,
    Ambiguous,
    Button,
    ExternalRef,
    Message,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.http import Answer, HttpConnector
from connectors.manifest import load_manifest
from connectors.slack import blocks, interactions

_EVENT = "throughline_request"
_LOOK_BACK = timedelta(days=30)  # a message older than any request's reminders is not looked for
_PAGE = 200
# Slack says what is wrong inside a 200 ("chat.postMessage", "Errors"); these are not about the message.
_DENIED = {
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
    "no_permission",
    "not_allowed_token_type", "ekm_access_denied", "team_access_not_granted", "access_denied", "org_login_required",
}  # fmt: skip
_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_MISSING = {"channel_not_found", "message_not_found", "user_not_found", "thread_not_found"}
_BROKEN = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}


class Slack(HttpConnector):
    """A Chat. A reference's id is `<channel>/<ts>`."""

    reason_keys = ("error",)

    def __init__(self, base_url: str, token: str, signing_secret: str = "") -> None:
        super().__init__(
            load_manifest(Path(__file__).parent),
            base_url,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token, signing_secret),
        )
        self._signing_secret = signing_secret
        self._conversations: dict[str, str] = {}

    async def ping(self) -> None:
        await self._api("auth.test", "see who this token belongs to", {}, reads=True)

    async def find(self, key: str, to: str) -> ExternalRef | None:
        channel = await self._conversation(to)
        oldest = f"{time.time() - _LOOK_BACK.total_seconds():.6f}"
        cursor = ""
        while True:
            query = {"channel": channel, "oldest": oldest, "limit": str(_PAGE), "include_all_metadata": "true"}
            # Reading methods take no JSON body everywhere; a query always works ("Using the Web API").
            answer = await self.call(
                "GET",
                "/conversations.history",
                what="look for the message",
                params=query | ({"cursor": cursor} if cursor else {}),
            )
            page = self.read(answer, _History)
            for message in page.messages:
                if message.metadata and message.metadata.event_payload.get("key") == key:
                    return ExternalRef(id=f"{channel}/{message.ts}")
            cursor = page.response_metadata.next_cursor
            if not cursor:
                return None

    async def send(self, key: str, message: Message) -> ExternalRef:
        body = {
            "channel": await self._conversation(message.to),
            **blocks.content(message),
            "metadata": {"event_type": _EVENT, "event_payload": {"key": key}},
            "unfurl_links": False,
        }
        sent = self.read(await self._api("chat.postMessage", "send the message", body), _Sent)
        return ExternalRef(id=f"{sent.channel}/{sent.ts}")

    async def rewrite(self, ref: ExternalRef, message: Message) -> None:
        channel, _, ts = ref.id.partition("/")
        await self._api("chat.update", "rewrite the message", {"channel": channel, "ts": ts, **blocks.content(message)})

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Click | Filled | Unmeant:
        if not self._signing_secret:
            raise Unavailable("Slack", "SLACK_SIGNING_SECRET is not set, so no interaction can be verified")
        return interactions.hear(self._signing_secret, headers, body, now)

    async def open_form(self, opener: str, form: Form) -> None:
        # Nothing of ours depends on whether it opened: whoever clicked sees it, or clicks again.
        await self._api("views.open", "open the form", {"trigger_id": opener, "view": blocks.modal(form)}, reads=True)

    async def tell(self, place: ExternalRef, who: str, text: str, buttons: Sequence[Button] = ()) -> None:
        said = {"channel": place.id.partition("/")[0], "user": who, **blocks.word(text, buttons)}
        await self._api("chat.postEphemeral", "tell somebody", said, reads=True)

    def field_wrong(self, field: str, why: str) -> dict[str, Any]:
        return {"response_action": "errors", "errors": {field: why}}

    def form_over(self, title: str, text: str) -> dict[str, Any]:
        return {"response_action": "update", "view": blocks.notice(title, text)}

    async def _conversation(self, to: str) -> str:
        """Return the channel to write to; a person's is opened once, opening it again returns the same."""
        if not to.startswith(("U", "W")):
            return to
        if to not in self._conversations:
            answer = await self._api("conversations.open", "open the conversation", {"users": to}, reads=True)
            self._conversations[to] = self.read(answer, _Opened).channel.id
        return self._conversations[to]

    async def _api(self, method: str, what: str, body: dict[str, Any], *, reads: bool = False) -> Answer:
        return await self.call("POST", f"/{method}", what=what, body=body, reads=reads)

    def judge(self, answer: Answer) -> None:
        super().judge(answer)
        said = self.read(answer, _Verdict)
        if said.ok:
            return
        why = f"cannot {answer.call.what}: {said.error}"
        match said.error:
            case error if error in _DENIED:
                raise AccessDenied("Slack", f"{why} (needs {said.needed})" if said.needed else why)
            case error if error in _LIMITED:
                raise RateLimited("Slack", why)
            case error if error in _MISSING:
                raise NotFound("Slack", why)
            case error if error in _BROKEN:
                raise (Unavailable if answer.call.reads else Ambiguous)("Slack", why)
            case _:
                raise Refused("Slack", why)


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Verdict(_Wire):
    ok: bool
    error: str = ""
    needed: str = ""


class _Channel(_Wire):
    id: str


class _Opened(_Wire):
    channel: _Channel


class _Sent(_Wire):
    channel: str
    ts: str


class _Metadata(_Wire):
    event_type: str = ""
    event_payload: dict[str, Any] = {}


class _HistoryMessage(_Wire):
    ts: str
    metadata: _Metadata | None = None


class _Cursor(_Wire):
    next_cursor: str = ""


class _History(_Wire):
    messages: list[_HistoryMessage]
    response_metadata: _Cursor = Field(default_factory=_Cursor)
