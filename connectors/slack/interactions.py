"""Are these bytes from Slack, from now, and what did somebody click or fill in?"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.chat import Click, Filled, Unmeant
from connectors.contract import ExternalRef, Forged, Stale, Unreadable

# Slack, "Verifying requests from Slack": a timestamp more than five minutes from now may be a replay.
WINDOW = timedelta(minutes=5)
OPEN = "open"
"""The action of a button that is only a link; Slack tells of a click on it all the same."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return X-Slack-Signature: v0= and the hex HMAC-SHA256 over version, timestamp and raw body."""
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def hear(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Click | Filled | Unmeant:
    """Return what one interaction says; raises Forged, Stale or Unreadable."""
    given = {name.lower(): value for name, value in headers.items()}
    signed, timestamp = given.get("x-slack-signature"), given.get("x-slack-request-timestamp")
    if not signed or not timestamp:
        raise Forged("the request carries no Slack signature or no timestamp")
    if not hmac.compare_digest(signature(secret, timestamp, body).encode(), signed.encode()):
        raise Forged("the signature does not fit; check the app's signing secret")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forged("the timestamp is not a number of seconds")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > WINDOW:
        raise Stale("the request is more than five minutes old, or ahead; check this machine's clock")
    return _meaning(_payload(body), delivery=signed)


def _payload(body: bytes) -> Any:
    try:
        return json.loads(parse_qs(body.decode(), strict_parsing=True, max_num_fields=20)["payload"][0])
    except (ValueError, KeyError) as wrong:
        raise Unreadable("not an interaction as Slack documents it: there is no payload in JSON") from wrong


def _meaning(payload: Any, delivery: str) -> Click | Filled | Unmeant:
    kind = payload.get("type") if isinstance(payload, dict) else None
    try:
        if kind == "block_actions":
            return _clicked(_Clicked.model_validate(payload), delivery)
        if kind == "view_submission":
            return _filled(_Submitted.model_validate(payload), delivery)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"not an interaction as Slack documents it ({place}: {first['msg']})") from None
    return Unmeant(delivery=delivery)


def _clicked(said: _Clicked, delivery: str) -> Click | Unmeant:
    pressed = next((each for each in said.actions if each.type == "button" and each.action_id != OPEN), None)
    if pressed is None or not said.container.channel_id:
        return Unmeant(delivery=delivery)
    at = said.container
    return Click(
        who=said.user.id,
        action=pressed.action_id,
        value=pressed.value,
        place=ExternalRef(id=f"{at.channel_id}/{at.message_ts}"),
        opener=said.trigger_id,
        key=f"{at.message_ts}.{pressed.action_ts}",
        delivery=delivery,
    )


def _filled(said: _Submitted, delivery: str) -> Filled:
    answers = {
        block: chosen
        for block, inputs in said.view.state.values.items()
        for given in inputs.values()
        if (chosen := given.value or (given.selected_option.value if given.selected_option else ""))
    }
    try:
        ours = _Ours.model_validate_json(said.view.private_metadata)
    except ValidationError:
        raise Unreadable("the form is not one of ours") from None
    return Filled(
        who=said.user.id,
        action=said.view.callback_id,
        value=ours.value,
        place=ExternalRef(id=ours.place),
        answers=answers,
        key=said.view.id,
        delivery=delivery,
    )


def kept(value: str, place: ExternalRef) -> str:
    """Return what a form carries for us while it is open."""
    return _Ours(value=value, place=place.id).model_dump_json()


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Ours(_Wire):
    value: str
    place: str


class _User(_Wire):
    id: str


class _Container(_Wire):
    channel_id: str = ""
    message_ts: str = ""


class _Action(_Wire):
    type: str
    action_id: str
    value: str = ""
    action_ts: str = ""


class _Clicked(_Wire):
    user: _User
    container: _Container
    trigger_id: str = ""
    actions: list[_Action]


class _Option(_Wire):
    value: str


class _Given(_Wire):
    value: str | None = None
    selected_option: _Option | None = None


class _State(_Wire):
    values: dict[str, dict[str, _Given]] = {}


class _View(_Wire):
    id: str
    callback_id: str = ""
    private_metadata: str = ""
    state: _State = _State()


class _Submitted(_Wire):
    user: _User
    view: _View
