"""Answering in Slack: signed, once, by the person who pressed; the message says what became of it, whoever answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update
from sqlmodel import col

import api.chat
from api.app import create
from connectors.database import Database
from connectors.sandbox.slack_people import signed
from models.tables.inbound import InboundCounter
from models.tables.outbound import Outbound
from models.tables.people import Person
from tests.api.chats import World, asked, chatting, closed, forge, journal, member, pressed_value, request
from tests.api.company import TOKENS
from tests.api.conftest import as_token, settings
from tests.conftest import settings_for


@pytest.fixture(scope="module")
async def world(
    database: Database, database_url: str, temporal_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("sandbox")
    async with chatting(database, database_url, temporal_server.address, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
async def corvane(world: World) -> str:
    """A deal that waits for Joel, and still does after every test."""
    return await asked(world, "9105")


async def in_channel(world: World, database: Database, deal: str) -> str:
    """Say what Joel is asked in a channel too, where others read and press."""
    await world.message(deal, "joel")
    async with database.write() as session:
        key = f"deal/{deal}|approval:discount|1|joel|slack"
        own = (await session.execute(select(Outbound).where(col(Outbound.id) == key))).scalar_one()
        body = {**own.body, "to": "C0DEALS01"}
        session.add(Outbound(id=f"{key}|channel", kind="slack", deal_id=own.deal_id, person="joel", body=body))
    await world.deliver()
    posted = [m for m in await world.outside.objects("slack", "messages") if m["key"] == f"{key}|channel"]
    return f"{posted[0]['channel']}/{posted[0]['ts']}"


async def test_a_press_approves_and_the_message_says_who_did(world: World) -> None:
    deal = await asked(world, "9101")
    message = await world.message(deal, "joel")
    text, actions = await world.shown(message)
    assert "Discount 20 % &gt; 15 %" in text
    assert actions == ["approve", "reject", "ask_changes", "ask_information", "open"]
    assert (await world.press(message, "approve"))["status"] == 200
    await world.hears("joel", "Recorded: you approved.")
    found = await closed(world, deal)
    assert (found["outcome"], found["answered_by"]) == ("approved", "joel")
    [given] = [e for e in await journal(world, deal) if e["kind"] == "decided"]
    assert given["who"] == "joel"
    await world.deliver()
    await world.press(message, "open")  # Slack tells of a link too; nothing follows
    text, actions = await world.shown(message)
    assert "Joel Marsh" in text
    assert actions == ["open"]


async def test_a_decision_on_another_door_is_what_a_late_press_is_told(world: World) -> None:
    deal = await asked(world, "9102")
    message = await world.message(deal, "joel")
    act = {"do": "decide", "step": "approval:discount", "round": 1, "edition": 1, "verdict": "approve"}
    async with as_token(world.url, "joel") as joel:
        given = await joel.post(f"/api/deals/{deal}/acts", json=act, headers={"Idempotency-Key": "chat-9102"})
        assert given.status_code == 200, given.text
    await closed(world, deal)
    value = await pressed_value(world, message)
    await world.deliver()
    text, actions = await world.shown(message)
    assert "Approved by Joel Marsh" in text
    assert actions == ["open"]
    for action in ("approve", "reject"):
        await forge(world, message, action, value)
        await world.hears("joel", "This request is closed: approved by Joel Marsh.")
    assert (await world.shown(message))[1] == ["open"]
    assert len([e for e in await journal(world, deal) if e["kind"] == "decided"]) == 1


async def test_a_no_needs_its_reason_in_a_form_and_sends_the_deal_back(world: World) -> None:
    deal = await asked(world, "9103")
    message = await world.message(deal, "joel")
    await world.press(message, "reject")
    assert (await request(world, deal))["state"] == "open", "opening a form decides nothing"
    assert (await world.fill())["errors"] == {"reason": "Please complete this required field."}
    spaces = await world.fill(reason="   ")
    assert "Say why" in spaces["said"] or "say why" in spaces["said"]
    assert (await world.fill(reason="Margin too thin"))["said"] == ""
    found = await closed(world, deal)
    assert (found["outcome"], found["answered_by"]) == ("rejected", "joel")
    assert any("Margin too thin" in e["text"] for e in await journal(world, deal))


async def test_a_question_is_answered_in_slack_and_then_approved_in_the_same_round(world: World) -> None:
    deal = await asked(world, "9104")
    message = await world.message(deal, "joel")
    await world.press(message, "ask_information")
    await world.fill(question="Which sites?")
    text, actions = await world.shown(message)
    assert "Joel Marsh asked a question" in text
    assert "approve" in actions
    owners = await world.message(deal, "dana")
    assert "give_information" in (await world.shown(owners))[1]
    await world.press(owners, "give_information")
    await world.fill(answer="Elgin and Joliet.")
    await world.hears("dana", "Recorded: you answered.")
    await world.press(message, "approve")
    found = await closed(world, deal)
    assert (found["round"], found["outcome"], found["answered_by"]) == (1, "approved", "joel")


async def test_only_the_person_who_presses_counts(world: World, database: Database, corvane: str) -> None:
    message = await in_channel(world, database, corvane)
    for person in ("noor", "dana"):  # neither is asked; dana owns the deal
        await world.press(message, "approve", by=person)
        await world.hears(person, "This is not yours to answer. ")
    await world.press(message, "approve", by="stranger")
    await world.hears("stranger", "This is not yours to answer: the Slack member U0STRANGER is nobody here")
    await gone(database, "hanna", active=False)
    await world.press(message, "approve", by="hanna")
    await world.hears("hanna", "This is not yours to answer: Hanna Voss is no longer active here")
    await gone(database, "hanna", active=True)
    await world.press(message, "reject", by="noor")
    assert "This is not yours to answer" in (await world.fill(reason="No"))["said"]
    assert (await request(world, corvane))["state"] == "open"
    refused = [(e["who"], e["body"]["code"]) for e in await journal(world, corvane) if e["kind"] == "refused"]
    assert refused == [
        ("noor", "not_yours"),
        ("dana", "not_yours"),
        ("slack:U0STRANGER", "unknown_person"),
        ("slack:U0HANNA", "unknown_person"),
        ("noor", "not_yours"),
    ]


async def test_a_forged_replayed_or_expired_request_decides_nothing(
    world: World, database: Database, corvane: str
) -> None:
    message = await world.message(corvane, "joel")
    await world.press(message, "ask_changes")  # a genuine press, whose bytes are known now
    genuine = (await world.outside.objects("slack", "interactions"))[-1]
    body = genuine["body"].replace("ask_changes", "approve").encode()
    before = await counted(database)
    later = int(time.time()) + 3600  # not just past the five minutes: on a slow machine that time comes
    async with httpx2.AsyncClient(base_url=world.url, timeout=30) as anyone:
        for headers, code in (
            (signed("0" * 32, body), "bad_signature"),
            (genuine["headers"], "bad_signature"),
            ({}, "bad_signature"),
            (signed(world.secret, body, int(time.time()) - 301), "stale_signature"),
            (signed(world.secret, body, later), "stale_signature"),
            (signed(world.secret, b"payload=nothing"), "unreadable"),
        ):
            sent = b"payload=nothing" if code == "unreadable" else body
            answer = await anyone.post("/webhooks/slack", content=sent, headers=headers)
            assert (answer.json()["code"], answer.json()["next"] != "") == (code, True), answer.text
        for _ in range(2):
            replayed = await anyone.post(
                "/webhooks/slack", content=genuine["body"].encode(), headers=genuine["headers"]
            )
            assert (replayed.status_code, replayed.json()["code"]) == (401, "replayed")
    found = await request(world, corvane)
    assert (found["state"], found["answered_by"]) == ("open", None)
    after = await counted(database)
    assert {what: after[what] - before.get(what, 0) for what in after} == {
        "forged": 3, "stale": 2, "unreadable": 1, "replayed": 2
    }  # fmt: skip


async def test_a_button_that_is_not_ours_is_told_so(world: World, corvane: str) -> None:
    message = await world.message(corvane, "joel")
    for value in ("", "{}", '{"message": "deal/hubspot/1|approval:x|1|joel|slack"}'):
        answer = await forge(world, message, "approve", value)
        assert answer.status_code == 200
    await world.hears("joel", "There is no such request")
    assert (await request(world, corvane))["state"] == "open"


async def test_what_changed_since_the_message_is_said_and_shown_before_it_is_signed(world: World) -> None:
    deal = await asked(world, "9108")
    message = await world.message(deal, "joel")
    stale = await pressed_value(world, message)
    async with as_token(world.url, "dana") as dana:
        act = {
            "do": "revise", "source": "person", "at": "2026-11-18T10:00:00-06:00",
            "facts": {"discount": {"t": "percent", "value": "25"}},
        }  # fmt: skip
        given = await dana.post(f"/api/deals/{deal}/acts", json=act, headers={"Idempotency-Key": "chat-9108"})
        assert given.status_code == 200, given.text
    for _ in range(200):
        if (await request(world, deal))["edition"] > 1:
            break
        await asyncio.sleep(0.05)
    assert (await forge(world, message, "approve", stale)).status_code == 200
    await world.hears("joel", "The content changed while you were reading.")
    text, actions = await world.shown(message)
    assert "Discount 25 % &gt; 15 %" in text
    assert actions[0] == "approve"
    await world.press(message, "approve")
    assert (await closed(world, deal))["outcome"] == "approved"


async def test_an_answer_is_taken_back_within_the_minute(world: World) -> None:
    deal = await asked(world, "9109", "35")
    message = await world.message(deal, "joel")
    await world.press(message, "approve")
    whisper = [w for w in await world.outside.objects("slack", "ephemerals") if w["to"] == member("joel")][-1]
    await world.press(f"E{whisper['channel']}/{whisper['ts']}", "undo")
    await world.hears("joel", "Recorded: you took the answer back.")
    for _ in range(200):
        if (await request(world, deal))["state"] == "open":
            break
        await asyncio.sleep(0.05)
    assert any(e["kind"] == "undone answer" for e in await journal(world, deal))
    await world.deliver()
    assert (await world.shown(message))[1][0] == "approve"
    await world.press(message, "approve")
    assert (await closed(world, deal))["outcome"] == "approved"
    await world.deliver()
    assert (await world.shown(message))[1] == ["open"], "the second closing is shown as the first was"


async def test_slack_is_answered_in_time_and_the_outcome_said_when_it_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = await asked(world, "9110")
    message = await world.message(deal, "joel")
    await world.press(message, "reject")
    monkeypatch.setattr(api.chat, "IN_TIME", 0.0)
    late = await world.fill(reason="Too thin")
    assert late["status"] == 200
    assert "is on its way" in late["said"]
    await closed(world, deal)
    await world.hears("joel", "Recorded: you rejected.")


async def test_a_door_without_a_chat_says_what_is_missing(database_url: str) -> None:
    app = create(settings(8080), database=Database.at(settings_for(database_url)), tokens=TOKENS, relaying=False)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        answer = await client.post("/webhooks/slack", content=b"payload={}")
    await app.state.parts.database.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
    assert "SLACK_SIGNING_SECRET" in answer.json()["detail"]


async def counted(database: Database) -> dict[str, int]:
    async with database.read() as session:
        found = await session.scalars(select(InboundCounter).where(col(InboundCounter.source) == "slack"))
        return {each.what: each.count for each in found}


async def gone(database: Database, person: str, *, active: bool) -> None:
    async with database.write() as session:
        await session.execute(update(Person).where(col(Person.id) == person).values(active=active))
