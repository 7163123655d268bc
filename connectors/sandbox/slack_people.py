"""What people do in Slack: press a button, fill a form in; each reaches the app as one signed request.

Sources: "Handling user interaction" (three seconds to acknowledge, nothing repeated), "block_actions payload",
"view_submission payload" (response_action), "Verifying requests from Slack".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import httpx2
from starlette.responses import JSONResponse

from connectors.sandbox.desk import Refusal
from connectors.sandbox.slack_checks import wrong_view
from connectors.sandbox.store import Record, Store, now_iso

TEAM = {"id": "T0HALDEN00", "domain": "halden"}
_APP = "A0THROUGHL"
_TIMEOUT = 3.0
_TRIGGER_LIVES = 3.0


class People:
    """Presses, fills in, and shows what came back."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store, self._secret = store, secret
        self._triggers: dict[str, tuple[str, float]] = {}  # trigger -> whose, until when

    @property
    def target(self) -> str:
        """Where interactions go."""
        return str((self._store.get("set-up", "interactions") or {}).get("url", ""))

    def aim(self, url: str) -> None:
        """Deliver to this address from now on."""
        self._store.put("set-up", "interactions", {"url": url})

    async def press(self, message_id: str, action: str, user: str) -> Record:
        """Press a button of a message, or of a word only one person sees."""
        kind = "ephemerals" if message_id.startswith("E") else "messages"
        message = self._store.get(kind, message_id)
        button = next((each for each in buttons(message or {}) if each["action_id"] == action), None)
        if message is None or button is None:
            raise Refusal(JSONResponse({"error": "this message has no such button"}, 404))
        trigger = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}.{secrets.token_hex(8)}"
        whose = user or message["to"]
        if message["channel"].startswith("D") and whose != message["to"]:
            raise Refusal(JSONResponse({"error": f"only {message['to']} is in this conversation"}, 403))
        self._triggers[trigger] = (whose, time.monotonic() + _TRIGGER_LIVES)
        pressed = {name: button[name] for name in ("type", "action_id", "text", "value", "style") if name in button}
        container = {"type": "message", "message_ts": message["ts"], "channel_id": message["channel"]}
        return await self._deliver(
            {
                **_common("block_actions", whose),
                "container": container | {"is_ephemeral": kind == "ephemerals"},
                "trigger_id": trigger,
                "channel": {"id": message["channel"], "name": "directmessage"},
                "message": {"type": "message", "ts": message["ts"], "text": message["text"]},
                "actions": [pressed | {"block_id": "actions", "action_ts": f"{time.time():.6f}"}],
            },
            f"pressed {action}",
        )

    def opened(self, trigger: str, view: Record) -> Record | str:
        """Open a form for whoever pressed the button; return the view, or Slack's word for why not."""
        if trigger not in self._triggers:
            return "invalid_trigger_id"
        whose, until = self._triggers[trigger]
        if not whose:
            return "exchanged_trigger_id"
        self._triggers[trigger] = ("", until)
        if time.monotonic() > until:
            return "expired_trigger_id"
        if wrong_view(view):
            return "invalid_arguments"
        number = f"V{self._store.number('view'):09d}"
        whole = view | {"id": number, "user": whose, "state": "open", "errors": {}, "at": now_iso()}
        self._store.put("views", number, whole)
        return {**view, "id": number, "team_id": TEAM["id"], "state": {"values": {}}}

    async def send(self, view_id: str, answers: Record) -> Record:
        """Send a form off, as Slack does once every field that must be filled in is."""
        view = self._store.get("views", view_id)
        if view is None or view["state"] != "open":
            raise Refusal(JSONResponse({"error": "this form is not open"}, 404))
        inputs = [block for block in view["blocks"] if block["type"] == "input"]
        values = {
            block["block_id"]: {"said": _given(block, str(answers.get(block["block_id"]) or ""))} for block in inputs
        }
        missing = {
            block["block_id"]: "Please complete this required field."
            for block in inputs
            if not block.get("optional") and not answers.get(block["block_id"])
        }
        if missing:
            self._store.put("views", view_id, view | {"errors": missing})
            return {"status": 0, "errors": missing}
        shown = {n: v for n, v in view.items() if n not in ("user", "state", "errors", "at", "shown")}
        payload = {
            **_common("view_submission", view["user"]),
            "view": {**shown, "state": {"values": values}},
            "response_urls": [],
        }
        came = await self._deliver(payload, f"sent {view['callback_id']}")
        self._store.put("views", view_id, view | _after(came))
        return came

    def close(self, view_id: str) -> None:
        """Close a form without sending it."""
        view = self._store.get("views", view_id)
        if view is not None:
            self._store.put("views", view_id, view | {"state": "closed"})

    async def replay(self, number: str) -> Record:
        """Send the very bytes of an earlier interaction again, as somebody would who had listened."""
        earlier = self._store.get("interactions", number)
        if earlier is None:
            raise Refusal(JSONResponse({"error": "there was no such interaction"}, 404))
        return await self._post(earlier["body"].encode(), earlier["headers"], earlier["who"], "replayed " + number)

    async def _deliver(self, payload: Record, what: str) -> Record:
        body = urlencode({"payload": json.dumps(payload, ensure_ascii=False)}).encode()
        return await self._post(body, signed(self._secret, body), payload["user"]["id"], what)

    async def _post(self, body: bytes, headers: dict[str, str], who: str, what: str) -> Record:
        status, said = 0, ""
        try:
            async with httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
                answer = await client.post(self.target, content=body, headers=headers)
            status, said = answer.status_code, answer.text
        except (httpx2.HTTPError, httpx2.InvalidURL) as broken:
            said = f"operation_timeout ({type(broken).__name__})"
        number = str(self._store.number("interaction"))
        kept = {"at": now_iso(), "who": who, "what": what, "answered": status, "said": said}
        self._store.put("interactions", number, kept | {"headers": headers, "body": body.decode()})
        return {"interaction": number, "status": status, "said": said}


def signed(secret: str, body: bytes, at: int | None = None) -> dict[str, str]:
    """Return the headers of an interaction."""
    timestamp = str(at if at is not None else int(time.time()))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
    }


def buttons(message: Record) -> list[Record]:
    """Return the buttons of a message."""
    rows = [block for block in message.get("blocks") or [] if block["type"] == "actions"]
    return [element for block in rows for element in block["elements"] if element["type"] == "button"]


def _common(kind: str, user: str) -> Record:
    whose = {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM["id"]}
    return {"type": kind, "user": whose, "team": TEAM, "api_app_id": _APP, "token": "", "is_enterprise_install": False}


def _given(block: Record, said: str) -> Record:
    if block["element"]["type"] == "static_select":
        chosen = next((each for each in block["element"]["options"] if each["value"] == said), None)
        return {"type": "static_select", "selected_option": chosen}
    return {"type": "plain_text_input", "value": said or None}


def _after(came: Record) -> Record:
    """Return how a form looks after the app's answer: closed, still open with errors, or saying something else."""
    if came["status"] != 200:
        return {"errors": {"": "We had some trouble connecting. Try again?"}}
    try:
        answer: Any = json.loads(came["said"] or "{}")
    except ValueError:
        answer = {}
    match answer.get("response_action") if isinstance(answer, dict) else None:
        case "errors":
            return {"errors": answer["errors"]}
        case "update":
            wrong = wrong_view(answer["view"])
            return {"state": "said", "shown": wrong or answer["view"]["blocks"][0]["text"]["text"], "errors": {}}
        case _:
            return {"state": "sent", "errors": {}}
