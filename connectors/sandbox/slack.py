"""Slack's Web API as docs.slack.dev documents it, small: conversations, messages with metadata and buttons, forms.

Sources, method pages: auth.test, chat.postMessage, chat.postEphemeral, chat.update, chat.getPermalink,
conversations.open, conversations.history, users.lookupByEmail, views.open; "Rate limits"; "Message metadata";
"Using the Web API" (errors in a 200).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox.desk import Refusal, Vendor, body_of, done
from connectors.sandbox.faults import Limit
from connectors.sandbox.slack_checks import wrong_blocks
from connectors.sandbox.slack_people import People
from connectors.sandbox.store import Record, Store, now_iso

_BOT = {"user_id": "U0THROUGHL", "bot_id": "B0THROUGHL", "team_id": "T0HALDEN00", "team": "Halden Managed IT"}
_STATUS_OF = {400: "invalid_arguments", 401: "invalid_auth", 403: "missing_scope", 404: "unknown_method"}


class SlackSandbox(Vendor):
    name = "slack"
    title = "Slack"
    template = "slack.html"
    shown: ClassVar = {
        "messages": {"to": "to", "text": "text", "key": "key", "edited": "edited_at"},
        "ephemerals": {"only for": "to", "text": "text", "at": "at"},
        "views": {"for": "user", "form": "callback_id", "state": "state"},
        "interactions": {"at": "at", "who": "who", "what": "what", "answered": "answered"},
        "users": {"name": "name", "mail": "email"},
    }

    def __init__(self, store: Store, keys: Mapping[str, str]) -> None:
        super().__init__(store, keys)
        self.people = People(store, keys["SLACK_SIGNING_SECRET"])

    def newest(self) -> list[tuple[str, str, Record]]:
        """Return what people saw last, newest first, as (kind, id, message)."""
        said = [(kind, id_, each) for kind in ("messages", "ephemerals") for id_, each in self.store.items(kind)]
        return sorted(said, key=lambda each: float(each[2]["ts"]), reverse=True)[:30]

    def routes(self) -> Sequence[BaseRoute]:
        methods = {
            "auth.test": self._auth_test,
            "conversations.open": self._open,
            "conversations.history": self._history,
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._whisper,
            "chat.update": self._update,
            "chat.getPermalink": self._permalink,
            "users.lookupByEmail": self._by_email,
            "views.open": self._view,
        }

        def route(method: str, work: Any) -> Route:
            async def answer(request: Request) -> Response:
                arguments = await self._arguments(request)
                wait = self.limits.setdefault("all", Limit(600, 60)).wait(method)
                if wait:
                    _limited(wait)
                answered: Record = work(arguments)
                return JSONResponse({"ok": True, **answered})

            return Route(f"/api/{method}", answer, methods=["GET", "POST"])

        return [route(method, work) for method, work in methods.items()]

    def controls(self) -> Sequence[BaseRoute]:
        async def users(request: Request) -> Response:
            for user in (listed := await body_of(request)):
                self.store.put("users", user["id"], user)
            return done(request, {"users": len(listed)})

        async def aim(request: Request) -> Response:
            self.people.aim(str((await body_of(request)).get("url", "")))
            return done(request, {"url": self.people.target})

        async def press(request: Request) -> Response:
            """Press a button: {message, action, user?}; in a channel anybody may."""
            asked = await body_of(request)
            pressed = await self.people.press(asked["message"], asked["action"], str(asked.get("user") or ""))
            return done(request, pressed)

        async def send(request: Request) -> Response:
            """Send a form off: {view, and one value for each field}; `cancel` closes it instead."""
            asked = await body_of(request)
            if asked.get("cancel"):
                self.people.close(asked["view"])
                return done(request, {"closed": asked["view"]})
            return done(request, await self.people.send(asked["view"], asked))

        async def replay(request: Request) -> Response:
            return done(request, await self.people.replay(str((await body_of(request))["interaction"])))

        return [
            Route("/_sandbox/users", users, methods=["POST"]),
            Route("/_sandbox/interactions", aim, methods=["POST"]),
            Route("/_sandbox/press", press, methods=["POST"]),
            Route("/_sandbox/send", send, methods=["POST"]),
            Route("/_sandbox/replay", replay, methods=["POST"]),
        ]

    def error(self, status: int) -> Response:
        if status == 429:
            return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers={"Retry-After": "30"})
        if status >= 500:
            return Response("upstream error", status, media_type="text/plain")
        # Everything else is said inside a 200.
        return JSONResponse({"ok": False, "error": _STATUS_OF.get(status, "invalid_arguments")})

    async def _arguments(self, request: Request) -> Record:
        """Return the arguments, however they were sent, after the token was checked."""
        arguments: Record = dict(request.query_params)
        if request.method == "POST":
            given = await body_of(request)
            arguments |= given if isinstance(given, dict) else {}
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        token = bearer or arguments.get("token", "")
        if not token:
            _no("not_authed")
        if token != self.keys["SLACK_TOKEN"]:
            _no("invalid_auth")
        for name in ("metadata", "blocks", "attachments", "view"):
            if isinstance(arguments.get(name), str):
                arguments[name] = json.loads(arguments[name] or "null")
        return arguments

    def _auth_test(self, _arguments: Record) -> Record:
        return {"url": f"{self.base_url}/", "user": "throughline", **_BOT}

    def _open(self, arguments: Record) -> Record:
        user = str(arguments.get("users") or "")
        if not user:
            _no("users_list_not_supplied")
        # The workspace is the whole company: any well-formed member id belongs to somebody.
        if not re.fullmatch(r"[UW][A-Z0-9]{2,}", user):
            _no("user_not_found")
        channel = "D" + hashlib.sha256(user.encode()).hexdigest()[:9].upper()
        known = self.store.get("conversations", channel)
        if known is None:
            self.store.put("conversations", channel, {"id": channel, "user": user})
        return {"channel": {"id": channel}, "no_op": known is not None, "already_open": known is not None}

    def _history(self, arguments: Record) -> Record:
        channel = self._channel(arguments)
        # conversations.history: 100 by default, at most 999; a cursor leads to the next page.
        limit = min(int(arguments.get("limit") or 100), 999)
        oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or math.inf)
        listed = [m for m in self.store.all("messages") if m["channel"] == channel and oldest < float(m["ts"]) < latest]
        listed.sort(key=lambda message: float(message["ts"]), reverse=True)
        start = int(str(arguments.get("cursor") or "at:0").partition(":")[2] or 0)
        page, more = listed[start : start + limit], len(listed) > start + limit
        with_metadata = str(arguments.get("include_all_metadata", "")).lower() in ("true", "1")
        return {
            "messages": [_shown(message, with_metadata=with_metadata) for message in page],
            "has_more": more,
            "pin_count": 0,
            "response_metadata": {"next_cursor": f"at:{start + limit}" if more else ""},
        }

    def _post(self, arguments: Record) -> Record:
        channel = str(arguments.get("channel") or "")
        if re.fullmatch(r"[UW][A-Z0-9]{2,}", channel):
            channel = self._open({"users": channel})["channel"]["id"]
        channel = self._channel({"channel": channel})
        if not (arguments.get("text") or arguments.get("blocks") or arguments.get("attachments")):
            _no("no_text")
        if len(arguments.get("text") or "") > 40_000:
            _no("msg_too_long")
        if wrong_blocks(arguments.get("blocks") or []):
            _no("invalid_blocks")
        # "Rate limits": about one message a second and channel; short bursts are let through.
        if wait := self.limits.setdefault("post", Limit(60, 60)).wait(channel):
            _limited(wait)
        ts = f"{time.time():.3f}{self.store.number('ts') % 1000:03d}"
        metadata = arguments.get("metadata") or None
        message = {
            "channel": channel,
            "ts": ts,
            "to": (self.store.get("conversations", channel) or {}).get("user", channel),
            "text": arguments.get("text") or "",
            "blocks": arguments.get("blocks") or [],
            "metadata": metadata,
            "key": ((metadata or {}).get("event_payload") or {}).get("key", ""),
            "thread_ts": arguments.get("thread_ts"),
            "edited_at": None,
        }
        self.store.put("messages", f"{channel}/{ts}", message)
        return {"channel": channel, "ts": ts, "message": _shown(message, with_metadata=False)}

    def _update(self, arguments: Record) -> Record:
        channel = self._channel(arguments)
        message = self.store.get("messages", f"{channel}/{arguments.get('ts')}")
        if message is None:
            _no("message_not_found")
        if wrong_blocks(arguments.get("blocks") or []):
            _no("invalid_blocks")
        # chat.update: what is not given stays, blocks go with a text given without them, metadata stays.
        changed = message | {"edited_at": f"{time.time():.6f}"}
        if arguments.get("text") is not None:
            changed |= {"text": arguments["text"], "blocks": arguments.get("blocks") or []}
        elif arguments.get("blocks") is not None:
            changed["blocks"] = arguments["blocks"]
        self.store.put("messages", f"{channel}/{message['ts']}", changed)
        return {
            "channel": channel,
            "ts": message["ts"],
            "text": changed["text"],
            "message": _shown(changed, with_metadata=False),
        }

    def _whisper(self, arguments: Record) -> Record:
        channel, user = self._channel(arguments), str(arguments.get("user") or "")
        if (self.store.get("conversations", channel) or {}).get("user", user) != user or not user:
            _no("user_not_in_channel")
        if wrong_blocks(arguments.get("blocks") or []):
            _no("invalid_blocks")
        ts = f"{time.time():.3f}{self.store.number('ts') % 1000:03d}"
        said = {"channel": channel, "ts": ts, "to": user, "text": arguments.get("text") or "", "at": now_iso()}
        # chat.postEphemeral: it is in no history and cannot be changed; this keeps it for the page alone.
        self.store.put("ephemerals", f"E{channel}/{ts}", said | {"blocks": arguments.get("blocks") or []})
        return {"message_ts": ts}

    def _view(self, arguments: Record) -> Record:
        opened = self.people.opened(str(arguments.get("trigger_id") or ""), arguments.get("view") or {})
        if isinstance(opened, str):
            _no(opened)
        return {"view": opened}

    def _permalink(self, arguments: Record) -> Record:
        channel, ts = self._channel(arguments), str(arguments.get("message_ts") or "")
        if self.store.get("messages", f"{channel}/{ts}") is None:
            _no("message_not_found")
        return {"channel": channel, "permalink": f"{self.base_url}/#messages-{channel}/{ts}"}

    def _by_email(self, arguments: Record) -> Record:
        user = next((each for each in self.store.all("users") if each.get("email") == arguments.get("email")), None)
        if user is None:
            _no("users_not_found")
        profile = {"real_name": user.get("name", ""), "email": user["email"]}
        return {"user": {"id": user["id"], "name": user.get("name", ""), "deleted": False, "profile": profile}}

    def _channel(self, arguments: Record) -> str:
        channel = str(arguments.get("channel") or "")
        if self.store.get("conversations", channel) is None and not re.fullmatch(r"[CG][A-Z0-9]{2,}", channel):
            _no("channel_not_found")
        return channel


def _shown(message: Record, *, with_metadata: bool) -> Record:
    shown = {"type": "message", "ts": message["ts"], "text": message["text"], "blocks": message["blocks"]}
    shown |= {"user": _BOT["user_id"], "bot_id": _BOT["bot_id"], "team": _BOT["team_id"]}
    if message["edited_at"]:
        shown["edited"] = {"user": _BOT["user_id"], "ts": message["edited_at"]}
    # "Message metadata": history carries it only with include_all_metadata.
    if message["metadata"] and with_metadata:
        shown["metadata"] = message["metadata"]
    return shown


def _no(error: str) -> NoReturn:
    raise Refusal(JSONResponse({"ok": False, "error": error}))


def _limited(wait: float) -> NoReturn:
    headers = {"Retry-After": str(math.ceil(wait))}
    raise Refusal(JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers=headers))
