"""Several people are asked one thing in Slack: whoever answered elsewhere has no buttons left, and has them back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.database import Database
from tests.api.chats import World, asked, chatting, closed, request
from tests.api.conftest import as_token

SECURITY = "approval:security"
BUTTONS = ["approve", "reject", "ask_changes", "ask_information", "open"]


@pytest.fixture(scope="module")
async def world(
    database: Database, database_url: str, temporal_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("sandbox")
    async with chatting(database, database_url, temporal_server.address, folder) as opened:
        yield opened


async def test_an_answer_on_another_door_takes_the_buttons_away_while_others_are_asked(world: World) -> None:
    deal = await in_review(world, "9301")
    hers, his = await world.message(deal, "sofia"), await world.message(deal, "hiro")
    assert (await world.shown(his))[1][0] == "approve"
    await act(world, deal, "hiro", do="decide", verdict="approve")
    text = await world.shows(his, "Approved by Hiro Tanabe", ["open"])
    assert "Others are still asked." in text
    assert (await world.shown(hers))[1][0] == "approve", "she is asked as before"

    await act(world, deal, "hiro", do="undo")
    await world.shows(his, "Approve security?", BUTTONS)


async def test_whoever_is_no_longer_asked_is_told_so(world: World) -> None:
    deal = await in_review(world, "9302")
    his = await world.message(deal, "hiro")
    await act(world, deal, "hiro", do="reassign", to="noor", reason="She knows their data")
    await world.shows(his, "Hiro Tanabe is no longer asked", ["open"])


async def test_while_a_question_is_open_everybody_asked_may_still_answer(world: World) -> None:
    deal = await in_review(world, "9303")
    hers, his = await world.message(deal, "sofia"), await world.message(deal, "hiro")
    await world.press(hers, "ask_information")
    await world.fill(question="Which data leaves the site?")
    await act(world, deal, "hiro", do="decide", verdict="approve")
    await world.shows(his, "Approved by Hiro Tanabe", ["open"])
    assert (await world.shown(hers))[1][0] == "approve"


async def test_a_message_shows_the_content_as_it_is_now_and_its_buttons_answer_that(world: World) -> None:
    deal = await asked(world, "9304")
    message = await world.message(deal, "joel")
    await act(world, deal, "dana", do="revise", source="person", at="2026-11-18T10:00:00-06:00",
              facts={"discount": {"t": "percent", "value": "25"}})  # fmt: skip
    text = await world.shows(message, "Discount 25 % &gt; 15 %", BUTTONS)
    assert "20 %" not in text
    await world.press(message, "approve")
    assert (await closed(world, deal))["answered_by"] == "joel"


async def in_review(world: World, number: str) -> str:
    """Return a deal whose security review waits for both of its people."""
    deal = await asked(world, number, data_class={"t": "text", "v": "restricted"})
    await act(world, deal, "joel", step="approval:discount", do="decide", verdict="approve")
    for _ in range(200):
        found = await request(world, deal, SECURITY)
        if found.get("people") and set(found["people"]) == {"hiro", "sofia"}:
            return deal
        await asyncio.sleep(0.05)
    raise AssertionError(f"security was never asked: {found}")


async def act(world: World, deal: str, person: str, step: str = SECURITY, **said: Any) -> None:
    edition = (await request(world, deal, step)).get("edition")
    about = {} if said["do"] == "revise" else {"step": step, "round": 1}
    body = about | said | ({"edition": edition} if said["do"] == "decide" else {})
    key = {"Idempotency-Key": f"quorum-{deal.rpartition('/')[2]}-{person}-{said['do']}"}
    async with as_token(world.url, person) as client:
        given = await client.post(f"/api/deals/{deal}/acts", json=body, headers=key)
    assert given.status_code == 200, given.text
