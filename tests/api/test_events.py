"""The live stream: what is committed is told at once, in commit order, and a reconnect misses nothing."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from activities.journal import append
from api.events import KEPT, Cursor, Feed
from connectors.database import Database
from models.journal import JournalEntry
from tests.api.browsing import sign_in
from tests.api.conftest import as_token

Event = tuple[str, dict[str, object], str]


def entry(text: str) -> JournalEntry:
    return JournalEntry(seq=None, at=datetime.now(UTC), who="test", kind="noted", text=text)


@asynccontextmanager
async def listening(url: str, query: str = "", last: str = "") -> AsyncIterator[AsyncIterator[Event]]:
    async with as_token(url, "dana") as client:
        headers = {"Last-Event-ID": last} if last else {}
        async with client.stream("GET", f"/api/events{query}", headers=headers, timeout=20) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")

            async def events() -> AsyncIterator[Event]:
                found: dict[str, str] = {}
                async for line in answer.aiter_lines():
                    name, _, value = line.partition(": ")
                    if not line and "event" in found:
                        yield found["event"], json.loads(found.get("data", "{}")), found.get("id", "")
                        found = {}
                    elif name:
                        found[name] = value

            yield events()


async def test_a_change_is_told_to_whoever_listens(doors: str, database: Database) -> None:
    async with listening(doors) as events:
        assert (await anext(events))[0] == "hello"
        async with database.write() as session:
            await append(session, "deal/hubspot/5012345", [entry("something")])
        name, moved, _ = await asyncio.wait_for(anext(events), 5)
        assert name == "moved"
        assert moved["deal"] == "deal/hubspot/5012345"


async def test_a_stream_of_one_deal_hears_nothing_of_others(doors: str, database: Database) -> None:
    async with listening(doors, "?deal=hubspot/5012345") as events:
        await anext(events)
        for deal in ("deal/hubspot/5012346", "deal/hubspot/5012345"):
            async with database.write() as session:
                await append(session, deal, [entry("something")])
        _, moved, _ = await asyncio.wait_for(anext(events), 5)
        assert moved["deal"] == "deal/hubspot/5012345"


async def test_a_reconnect_is_told_at_once_that_something_was_missed(doors: str, database: Database) -> None:
    async with listening(doors) as events:
        _, _, seen = await anext(events)
    async with listening(doors) as others:  # when they have heard of it, it is past
        await anext(others)
        async with database.write() as session:
            await append(session, "deal/hubspot/5012345", [entry("while away")])
        await asyncio.wait_for(anext(others), 5)
    async with listening(doors, last=seen) as events:
        assert (await anext(events))[0] == "hello"
        _, moved, _ = await asyncio.wait_for(anext(events), 5)
        assert moved["kind"] == "missed"


async def test_what_happens_between_a_page_and_its_stream_is_told_when_the_stream_begins(
    doors: str, database: Database
) -> None:
    async with sign_in(doors, "dana") as browser:
        page = (await browser.get("/deals/hubspot/5012345")).text
    [stream] = re.findall(r'hx-sse:connect="/api/events(\?since=[0-9]+-[0-9]+&amp;deal=[^"]+)"', page)
    query = html.unescape(stream)
    async with database.write() as session:
        await append(session, "deal/hubspot/5012346", [entry("another deal")])
    async with listening(doors, query) as events:
        assert (await anext(events))[0] == "hello"
        async with database.write() as session:
            await append(session, "deal/hubspot/5012345", [entry("while it listens")])
        _, moved, _ = await asyncio.wait_for(anext(events), 5)
        assert moved["kind"] == "noted"  # of the other deal it was told nothing
    async with listening(doors, query) as events:
        assert (await anext(events))[0] == "hello"
        _, moved, _ = await asyncio.wait_for(anext(events), 5)
        assert moved["kind"] == "missed"


async def test_what_is_too_long_ago_to_be_known_counts_as_missed(database: Database) -> None:
    feed = Feed(database)
    poller = asyncio.create_task(feed.run())
    begun = await feed.position()
    assert begun is not None
    assert not feed.missed(begun, "deal/test/any")
    assert feed.missed(Cursor(), "deal/test/any")
    async with feed.listen() as notices:
        async with database.write() as session:
            await append(session, "deal/test/flood", [entry(f"entry {i}") for i in range(KEPT + 1)])
        async with database.write() as session:
            await append(session, "deal/test/last", [entry("after the flood")])
        while (await asyncio.wait_for(notices.get(), 5)).moved.deal != "deal/test/last":
            pass
    assert feed.missed(begun, "deal/test/any")
    poller.cancel()
    await asyncio.gather(poller, return_exceptions=True)


async def test_a_page_is_read_even_when_the_journals_end_is_not_known_in_time(database: Database) -> None:
    nobody_polls = Feed(database)
    assert await nobody_polls.position() is None


async def test_an_entry_that_commits_late_is_still_told(database: Database) -> None:
    feed = Feed(database)
    poller = asyncio.create_task(feed.run())
    heard: list[str] = []
    async with feed.listen() as notices:
        async with database.write() as slow:
            await append(slow, "deal/test/slow", [entry("begun first")])
            async with database.write() as quick:
                await append(quick, "deal/test/quick", [entry("committed first")])
            await asyncio.sleep(0.6)
        while len(heard) < 2:
            heard.append((await asyncio.wait_for(notices.get(), 5)).moved.deal)
    poller.cancel()
    await asyncio.gather(poller, return_exceptions=True)
    assert sorted(heard) == ["deal/test/quick", "deal/test/slow"]


async def test_a_slow_listener_is_told_that_everything_moved(database: Database) -> None:
    feed = Feed(database)
    poller = asyncio.create_task(feed.run())
    async with feed.listen() as notices:
        async with database.write() as session:
            await append(session, "deal/test/many", [entry(f"entry {i}") for i in range(150)])
        await asyncio.sleep(1)
        heard = [notices.get_nowait().moved.deal for _ in range(notices.qsize())]
    poller.cancel()
    await asyncio.gather(poller, return_exceptions=True)
    assert "*" in heard
    assert len(heard) <= 100


def test_a_cursor_survives_the_browser_and_rubbish_does_not() -> None:
    assert Cursor.parse(str(Cursor(12, 5))) == Cursor(12, 5)
    for rubbish in ("", "1", "a-b", "1-2-3", "-1-2", "1" * 50 + "-1"):
        assert Cursor.parse(rubbish) is None
