"""Several requests answered from the inbox at once: a result and a journal entry for each, whatever the others say."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from sqlmodel import col

from connectors.database import Database
from models.tables.journal import JournalRow
from tests.api.browsing import form_token, sign_in
from tests.api.busy_inbox import WAITING, busy
from tests.api.company import Company, load

MINE = [f"1 deal/hubspot/61{n:02}|approval:finance|1" for n in range(len(WAITING))]
NOT_MINE = "1 deal/hubspot/6300|approval:second|1"


@pytest.fixture(scope="module")
async def rows(database: Database) -> Company:
    """A company whose inboxes are full."""
    await load(database, busy())
    return busy()


async def together(client: httpx2.AsyncClient, picks: list[str], act: str = "approve", **more: Any) -> httpx2.Response:
    page = (await client.get("/deals")).text  # every page has the form that signs out
    data = {"form_token": form_token(page), "act": act, "pick": picks, "key": "0123456789abcdef", **more}
    return await client.post("/inbox", data=data)


async def journalled(database: Database, deals: set[str]) -> list[tuple[str, str]]:
    query = select(col(JournalRow.deal_id), col(JournalRow.kind)).where(col(JournalRow.deal_id).in_(deals))
    async with database.read() as session:
        return [(deal, kind) for deal, kind in await session.execute(query)]


async def test_a_reason_is_needed_for_a_no_and_nothing_is_sent_without_it(doors: str, database: Database) -> None:
    async with sign_in(doors, "noor") as client:
        answer = await together(client, MINE[1:3], "reject", reject_reason="  ")
    assert answer.status_code == 422
    assert "Say why: the owner reads it." in answer.text
    assert answer.text.count(" checked>") == 2
    assert await journalled(database, {"deal/hubspot/6101", "deal/hubspot/6102"}) == []


async def test_nothing_selected_is_said_and_what_is_no_request_is_refused(doors: str) -> None:
    async with sign_in(doors, "noor") as client:
        assert "Select at least one request." in (await together(client, [])).text
        for strange in ("", "1", "x deal/hubspot/6100|approval:finance|1", "1 ", "99999999 deal"):
            assert (await together(client, [strange])).status_code == 422, strange
        assert (await together(client, MINE[:1], "cancel")).status_code == 422
        most = [f"1 deal/hubspot/{n}|approval:finance|1" for n in range(101)]
        assert "at most 100 requests at once; 101 are selected" in (await together(client, most)).text


async def test_of_ten_three_are_refused_with_what_to_do_and_seven_count_each_in_its_own_journal(
    doors: str, database: Database
) -> None:
    unknown = "1 deal/hubspot/6107|approval:nothing|1"
    formed = "1 deal/hubspot/6400|approval:rate|9"
    picks = [*MINE[:7], NOT_MINE, unknown, formed]
    async with sign_in(doors, "noor") as client:
        answer = await together(client, picks)
        twice = await together(client, picks)
        again = await together(client, picks, key="another-form")
    assert answer.status_code == 200
    assert "<h1>7 of 10 recorded</h1>" in answer.text
    assert answer.text.count("Not taken") == 3
    assert "not of you" in answer.text
    assert "There is no request deal/hubspot/6107|approval:nothing|1" in answer.text
    assert answer.text.count("Undo<") == 7
    deals = {f"deal/hubspot/{n}" for n in (*range(6100, 6108), 6300, 6400)}
    kinds = await journalled(database, deals)
    assert sorted(kind for _, kind in kinds if kind == "decided") == ["decided"] * 7
    assert {deal for deal, kind in kinds if kind == "refused"} == {f"deal/hubspot/{n}" for n in (6107, 6300, 6400)}
    assert "<h1>7 of 10 recorded</h1>" in twice.text, "the same form again is told the same"
    assert "<h1>0 of 10 recorded</h1>" in again.text
    assert again.text.count("Answered before") == 7


async def test_a_single_answer_leads_on_in_the_list_and_says_what_was_answered(doors: str) -> None:
    async with sign_in(doors, "noor") as client:
        answer = await together(client, [MINE[8]])
        assert answer.status_code == 303
        page = await client.get(answer.headers["location"])
    assert "Your answer to Inverness Legal" in page.text
    assert 'value="undo"' in page.text
    assert "autofocus" in page.text


async def test_the_next_request_opens_by_itself_and_the_last_leads_to_the_inbox(doors: str) -> None:
    async with sign_in(doors, "noor") as client:
        answer = await client.get("/inbox/next?answered=deal/hubspot/6108%7Capproval:finance%7C1")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/requests/hubspot/")
        assert (await client.get(answer.headers["location"])).status_code == 200
    async with sign_in(doors, "vera") as client:
        assert (await client.get("/inbox/next")).headers["location"] == "/inbox"
