"""Clicks and forms of Slack: whose signature is right, what we take, and what the sandbox sends and shows."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from slack_sdk.models.blocks import ActionsBlock
from slack_sdk.models.views import View
from slack_sdk.signature import Clock, SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.chat import Click, Field, Filled, Form, Unmeant
from connectors.contract import Button, ExternalRef, Forged, Link, Message, Refused, Stale, Unavailable, Unreadable
from connectors.sandbox.serving import Server, bind
from connectors.sandbox.slack_people import signed
from connectors.sandbox.start import Sandbox
from connectors.slack.blocks import content, modal
from connectors.slack.connector import Slack
from connectors.slack.interactions import signature
from tests.connectors.outside import Outside, fresh_key

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PLACE = ExternalRef(id="D0JOEL/1795000000.000100")
PRESSED = {
    "type": "block_actions",
    "user": {"id": "U0JOEL01"},
    "container": {"type": "message", "message_ts": "1795000000.000100", "channel_id": "D0JOEL"},
    "trigger_id": "1.2.abc",
    "actions": [{"type": "button", "action_id": "approve", "value": "v", "action_ts": "1795000001.5"}],
}
BUTTONS = (
    Button(label="Approve", action="approve", value="v", tone="yes"),
    Button(label="Reject…", action="reject", value="v", tone="no"),
)
TITLE, STAGE = "Reject this request, which is long", (("quote", "quote"),)
FIELDS = (
    Field(name="reason", label="Why?"),
    Field(name="to_stage", label="To", kind="choice", options=STAGE, needed=False),
)
FORM = Form(action="reject", value="v", place=PLACE, title=TITLE, intro="Why <no>?", send="Reject", fields=FIELDS)


def body_of(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def heard(body: bytes, headers: dict[str, str], at: datetime | None = None) -> Any:
    return Slack("https://slack.com/api", "xoxb-1", SECRET).hear(headers, body, at or datetime.now(UTC))


def word(body: bytes, headers: dict[str, str]) -> str:
    """Return what our verifier says, as one word."""
    try:
        heard(body, headers)
    except (Forged, Stale) as problem:
        return type(problem).__name__.lower()
    return "taken"


def test_our_signature_is_slacks_own() -> None:
    for body in (body_of(PRESSED), b"", "payload=ü".encode()):
        stamp = str(int(time.time()))
        theirs = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
        assert signature(SECRET, stamp, body) == theirs == signed(SECRET, body, int(stamp))["X-Slack-Signature"]


class _At(Clock):
    def __init__(self, at: float) -> None:
        self._at = at

    def now(self) -> float:
        return self._at


@pytest.mark.parametrize(
    ("change", "ours"),
    [
        ({}, "taken"),
        ({"secret": "another"}, "forged"),
        ({"body": b"payload=%7B%7D"}, "forged"),
        ({"at": -290}, "taken"),
        ({"at": -310}, "stale"),
        ({"at": 310}, "stale"),
        ({"headers": {"X-Slack-Signature": "v0=00"}}, "forged"),
        ({"headers": {"X-Slack-Signature": "v0=ü"}}, "forged"),
        ({"headers": {"X-Slack-Signature": ""}}, "forged"),
        ({"headers": {"X-Slack-Request-Timestamp": "soon"}}, "forged"),
    ],
    ids=["right", "secret", "body", "young", "old", "ahead", "zero", "not ascii", "none", "no time"],
)
def test_we_refuse_what_slacks_own_verifier_refuses(change: dict[str, Any], ours: str) -> None:
    now, body = int(time.time()), body_of(PRESSED)
    headers = signed(change.get("secret", SECRET), body, now + change.get("at", 0)) | change.get("headers", {})
    body = change.get("body", body)
    assert word(body, headers) == ours
    try:
        theirs = SignatureVerifier(SECRET, _At(now)).is_valid_request(body, headers)
    except (ValueError, TypeError):  # theirs stumbles over a time that is none, and over letters
        theirs = False
    assert theirs == (ours == "taken")


def test_a_press_says_who_pressed_what_where() -> None:
    body = body_of(PRESSED)
    press = heard(body, signed(SECRET, body))
    assert isinstance(press, Click)
    assert (press.who, press.action, press.value, press.place) == ("U0JOEL01", "approve", "v", PLACE)
    assert press.opener == "1.2.abc"
    link = {**PRESSED, "actions": [{"type": "button", "action_id": "open", "action_ts": "1"}]}
    for unmeant in (link, {"type": "view_closed"}, {"type": "shortcut"}, {**PRESSED, "actions": []}):
        assert isinstance(heard(body_of(unmeant), signed(SECRET, body_of(unmeant))), Unmeant)


def test_a_form_comes_back_with_what_it_carried_for_us() -> None:
    view = modal(FORM) | {"id": "V1"}
    view["state"] = {
        "values": {"reason": {"said": {"value": "Too thin"}}, "to_stage": {"said": {"selected_option": None}}}
    }
    body = body_of({"type": "view_submission", "user": {"id": "U0JOEL01"}, "view": view})
    filled = heard(body, signed(SECRET, body))
    assert isinstance(filled, Filled)
    assert (filled.action, filled.value, filled.place, filled.answers) == ("reject", "v", PLACE, {"reason": "Too thin"})


@pytest.mark.parametrize(
    "body",
    [b"", b"payload=", b"payload=%5B", b"other=1", b"\xff\xfe", body_of({"type": "block_actions"}),
     body_of({"type": "view_submission", "user": {"id": "U1"}, "view": {"id": "V1", "private_metadata": "theirs"}})],
    ids=["empty", "no payload", "half", "other", "bytes", "half a press", "a form of another"],
)  # fmt: skip
def test_signed_bytes_that_are_no_interaction_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        heard(body, signed(SECRET, body))


def test_without_our_own_secret_nothing_is_taken() -> None:
    with pytest.raises(Unavailable, match="SLACK_SIGNING_SECRET"):
        Slack("https://slack.com/api", "xoxb-1").hear({}, b"", datetime.now(UTC))


def test_slacks_own_models_find_nothing_wrong_with_our_blocks() -> None:
    long = Message(
        to="U1",
        subject="Approve?",
        text="& < > " * 2000,
        buttons=BUTTONS,
        link=Link(label="Open", url="https://t.example"),
    )
    whole = content(long)
    assert len(whole["blocks"][0]["text"]["text"]) <= 3000
    assert whole["blocks"][0]["text"]["text"].endswith((";…", " …"))
    assert len(whole["blocks"][0]["text"]["text"]) > 2990
    ActionsBlock(**whole["blocks"][1]).validate_json()
    view = modal(FORM)
    View(**view).validate_json()
    assert view["title"]["text"] == "Reject this request, wh…"


class Door:
    """Takes interactions as the app's door does, and answers what the test says."""

    def __init__(self) -> None:
        self.got: list[Click | Filled | Unmeant] = []
        self.answer: dict[str, Any] | None = None
        self.form: Form | None = None
        self.slack: Slack | None = None

    async def take(self, request: Request) -> Response:
        assert self.slack is not None
        said = self.slack.hear(dict(request.headers), await request.body(), datetime.now(UTC))
        self.got.append(said)
        if isinstance(said, Click) and self.form is not None:
            await self.slack.open_form(said.opener, self.form)
        return Response() if self.answer is None else JSONResponse(self.answer)


@pytest.fixture
async def door(sandbox: Sandbox) -> AsyncIterator[Door]:
    listening = bind("127.0.0.1", None)
    made, told = Door(), sandbox.settings
    made.slack = Slack(told["SLACK_BASE_URL"], told["SLACK_TOKEN"], told["SLACK_SIGNING_SECRET"])
    server = Server(Starlette(routes=[Route("/webhooks/slack", made.take, methods=["POST"])]), listening)
    running = asyncio.create_task(server.run_here())
    await server.ready.wait()
    sandbox.aim_interactions(f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/slack")
    yield made
    server.should_exit = True
    await running
    await made.slack.aclose()
    sandbox.aim_interactions("")


async def asked(door: Door, to: str = "U0JOEL01") -> ExternalRef:
    """Send a message with buttons."""
    assert door.slack is not None
    return await door.slack.send(fresh_key(), Message(to=to, subject="Approve?", text="Yes?", buttons=BUTTONS))


async def test_a_person_presses_a_button_in_the_sandbox_and_is_told(door: Door, outside: Outside) -> None:
    assert door.slack is not None
    sent = await asked(door)
    pressed = await outside.ask("slack", "press", {"message": sent.id, "action": "approve"})
    [press] = door.got
    assert isinstance(press, Click)
    assert (pressed["status"], press.who, press.action, press.place) == (200, "U0JOEL01", "approve", sent)
    await door.slack.tell(sent, press.who, "Recorded: <you> approved.", (BUTTONS[0],))
    whisper = (await outside.objects("slack", "ephemerals"))[-1]
    assert (whisper["to"], whisper["text"]) == ("U0JOEL01", "Recorded: &lt;you&gt; approved.")
    with pytest.raises(Refused, match="user_not_in_channel"):
        await door.slack.tell(sent, "U0NOBODY1", "Psst")
    await outside.ask("slack", "replay", {"interaction": pressed["interaction"]})
    assert door.got[0] == door.got[1], "the very same bytes"


async def test_a_form_opens_once_soon_after_the_press_and_comes_back_filled_in(door: Door, outside: Outside) -> None:
    assert door.slack is not None
    door.form = FORM
    sent = await asked(door, "C0DEALS01")  # in a channel anybody may press
    await outside.ask("slack", "press", {"message": sent.id, "action": "reject", "user": "U0NOOR01"})
    view = (await outside.objects("slack", "views"))[-1]
    assert (view["user"], view["state"]) == ("U0NOOR01", "open")
    press = door.got[0]
    assert isinstance(press, Click)
    with pytest.raises(Refused, match="exchanged_trigger_id"):
        await door.slack.open_form(press.opener, FORM)
    with pytest.raises(Refused, match="invalid_trigger_id"):
        await door.slack.open_form("1.2.3", FORM)
    missing = await outside.ask("slack", "send", {"view": view["id"], "reason": ""})
    assert missing["errors"] == {"reason": "Please complete this required field."}
    assert len(door.got) == 1, "an empty form does not leave Slack"
    door.answer = door.slack.field_wrong("reason", "Say more.")
    await outside.ask("slack", "send", {"view": view["id"], "reason": "No", "to_stage": "quote"})
    filled = door.got[1]
    assert isinstance(filled, Filled)
    assert (filled.who, filled.answers) == ("U0NOOR01", {"reason": "No", "to_stage": "quote"})
    kept = next(each for each in await outside.objects("slack", "views") if each["id"] == view["id"])
    assert (kept["state"], kept["errors"]) == ("open", {"reason": "Say more."})
    door.answer = door.slack.form_over("Already answered", "Vera approved.")
    await outside.ask("slack", "send", {"view": view["id"], "reason": "Too thin"})
    over = next(each for each in await outside.objects("slack", "views") if each["id"] == view["id"])
    assert (over["state"], over["shown"]) == ("said", "Vera approved.")


async def test_the_sandbox_refuses_blocks_as_slack_does(door: Door) -> None:
    assert door.slack is not None
    twice = Message(to="U0JOEL01", subject="x", text="y", buttons=(BUTTONS[0], BUTTONS[0]))
    with pytest.raises(Refused, match="invalid_blocks"):
        await door.slack.send(fresh_key(), twice)
    too_long = Message(to="U0JOEL01", subject="x", text="y", buttons=(Button(label="A", action="a", value="v" * 2001),))
    with pytest.raises(Refused, match="invalid_blocks"):
        await door.slack.send(fresh_key(), too_long)


async def test_a_person_answers_on_the_sandboxs_page(door: Door, outside: Outside, sandbox: Sandbox) -> None:
    door.form = FORM
    sent = await asked(door)
    page = sandbox.pages["SLACK_PAGE"]
    browser = {"Accept": "text/html", "Origin": page.rstrip("/")}
    async with httpx2.AsyncClient(base_url=page, headers=browser, trust_env=False, timeout=30) as client:
        shown = (await client.get("/")).text
        assert f'value="{sent.id}"' in shown
        assert ">Approve</button>" in shown
        pressed = {"message": sent.id, "action": "reject", "user": ""}
        assert (await client.post("/_sandbox/press", data=pressed)).status_code == 303
        view = (await outside.objects("slack", "views"))[-1]
        assert "Why?" in (await client.get("/")).text
        assert (await client.post("/_sandbox/send", data={"view": view["id"], "reason": "No"})).status_code == 303
        assert isinstance(door.got[-1], Filled)
        assert (await client.post("/_sandbox/press", data=pressed | {"message": "D1/1"})).status_code == 404
        assert (await client.post("/_sandbox/press", data=pressed | {"user": "U0NOOR01"})).status_code == 403


async def test_a_door_that_is_down_is_shown_to_who_pressed(door: Door, outside: Outside, sandbox: Sandbox) -> None:
    sent = await asked(door)
    sandbox.aim_interactions("http://127.0.0.1:9/webhooks/slack")
    pressed = await outside.ask("slack", "press", {"message": sent.id, "action": "approve"})
    assert (pressed["status"], pressed["said"].partition(" ")[0]) == (0, "operation_timeout")


def test_a_window_is_five_minutes_either_way() -> None:
    body, at = body_of(PRESSED), datetime(2026, 11, 22, 12, tzinfo=UTC)
    headers = signed(SECRET, body, int(at.timestamp()))
    for seconds, fits in ((-300, True), (300, True), (-301, False), (301, False)):
        try:
            heard(body, headers, at + timedelta(seconds=seconds))
            taken = True
        except Stale:
            taken = False
        assert taken == fits, seconds
