"""What people are owed: once per request, round and channel; by day or in a digest; rewritten when it is answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from activities.links import hashed, link_token
from connectors.database import Database
from models import acts
from models.money import percent
from tests.activities.telling import KEY, NOW, Line, hire, recorder, send
from tests.models.flying import flow_of
from workflows.flows.facts import deal
from workflows.language import Approval, Stage, days

NIGHT = datetime(2026, 11, 17, 3, tzinfo=UTC)  # 21:00 in Chicago


@pytest.fixture(scope="module")
async def company(database: Database) -> Database:
    await hire(database, dana=["account_executive"], hanna=["legal"], noor=["finance"], omar=["finance"], vera=["cfo"])
    await hire(database, iris=["sales_ops"])
    await hire(database, notify={"channels": ["mail"], "quiet": ["20:00", "07:00"]}, quinn=["asleep"])
    await hire(database, notify={"digest": "08:30"}, dora=["daily"])
    await hire(database, notify={"channels": ["slack"]}, sam=["chatty"])
    return database


def asks(role: str, **more: object) -> Line:
    """Return a deal with one approval."""
    within = more.pop("within", days(2))
    step = Approval("terms", by=role, when=deal.discount > percent(5), within=within, **more)
    return Line(flow_of(Stage("Review", step)))


def two_steps() -> Line:
    over = deal.discount > percent(5)
    terms = Approval("terms", by="legal", when=over, within=days(2))
    return Line(flow_of(Stage("Review", terms, Approval("money", by="cfo", when=over, within=days(2)))))


async def owed(database: Database, where: str, **values: object) -> list[dict]:
    query = text(f"select * from outbound where kind <> 'crm' and {where} order by number")
    async with database.read() as session:
        return [dict(row) for row in (await (await session.connection()).execute(query, values)).mappings()]


async def of(database: Database, line: Line, **how: str) -> list[dict]:
    """Return what is owed for a deal, without the part of the ids that says which."""
    found = await owed(database, "deal_id = :deal", deal=line.id)
    return [{**row, "id": row["id"].removeprefix(f"{line.id}|approval:terms|1|")} for row in found]


async def ids(database: Database, line: Line) -> list[str]:
    return [row["id"] for row in await of(database, line)]


async def told(database: Database, line: Line, at: datetime = NOW) -> list[str]:
    """Record everything, and return the ids of what is owed anew."""
    before = await ids(database, line)
    await line.settled(recorder(database, at))
    return [each for each in await ids(database, line) if each not in before]


def rewritten(owed: list[str]) -> list[str]:
    """Return whose message in chat is to say that they are no longer asked, or are again."""
    return sorted(name.rpartition("|asked-")[0] for name in owed if "|asked-" in name)


async def test_people_are_told_on_the_channels_they_chose(company: Database) -> None:
    assert await told(company, asks("chatty")) == ["sam|slack"]
    assert await told(company, asks("asleep")) == ["quinn|mail"]
    assert await told(company, asks("legal")) == ["hanna|mail", "hanna|slack"]


async def test_what_comes_at_night_is_held_until_the_morning(company: Database) -> None:
    line = asks("asleep")
    assert await told(company, line, NIGHT) == ["quinn|mail"]
    [row] = await of(company, line)
    assert row["not_before"] == datetime(2026, 11, 17, 13, tzinfo=UTC)
    assert row["state"] == "waiting"


async def test_what_is_due_in_the_night_is_told_at_once(company: Database) -> None:
    line = asks("asleep", within=days(0))
    line.now = NIGHT
    await told(company, line, NIGHT)
    [row] = await of(company, line)
    assert row["not_before"] == row["created_at"]


async def test_a_digest_gathers_what_is_asked_until_it_goes_out(company: Database) -> None:
    lines = [asks("daily") for _ in range(3)]
    for line in lines:
        worker = recorder(company)
        await line.settled(worker)
        await send(worker, line.batch())
        await send(recorder(company), line.batch())
    found = await owed(company, "person = 'dora' and body ->> 'template' = 'digest'")
    assert [row["id"] for row in found] == [f"dora|digest|2026-11-17T14:30|{channel}" for channel in ("mail", "slack")]
    for row in found:
        assert row["not_before"] == datetime(2026, 11, 17, 14, 30, tzinfo=UTC)
        asked = [(item["request"], item["question"]) for item in row["body"]["items"]]
        assert asked == [(f"{line.id}|approval:terms|1", "Approve terms?") for line in lines]
    for line in lines:  # told as parts of the digest, so nothing of theirs is sent by itself
        assert {row["state"] for row in await of(company, line) if row["body"].get("template") != "digest"} == {"sent"}


async def test_a_digest_holds_back_nothing_that_would_be_due_before_it(company: Database) -> None:
    line = asks("daily", within=days(0))
    await told(company, line)
    assert {row["state"] for row in await of(company, line)} == {"waiting"}


async def test_whoever_is_late_is_reminded_by_number(company: Database) -> None:
    line = asks("legal", remind_every=days(1))
    await told(company, line)
    line.wait(days=1, hours=2)
    again = await told(company, line, line.now)
    assert len(again) == 2
    assert all("|reminder-" in each for each in again)


async def test_what_is_overdue_is_told_to_its_owner_and_sales_operations_each_week(company: Database) -> None:
    line = asks("legal")
    await told(company, line)
    for _ in range(2):
        line.wait(days=7)
        told_now = await told(company, line, line.now)
        assert {each.partition("|")[0] for each in told_now} == {"dana", "iris"}
        assert all("|overdue-" in each for each in told_now)


async def test_a_nudge_reaches_whoever_is_waited_for(company: Database) -> None:
    line = asks("finance")
    await told(company, line)
    line.do(acts.Nudge(key="n", by="dana", step="approval:terms", round=1, note="the customer leaves on Friday"))
    again = await told(company, line)
    assert sorted(each.partition("|")[0] for each in again) == ["noor", "noor", "omar", "omar"]
    nudge = (await of(company, line))[-1]["body"]
    assert (nudge["template"], nudge["by"], nudge["note"]) == ("nudge", "dana", "the customer leaves on Friday")


async def test_a_question_goes_to_the_owner_once_and_its_answer_to_whoever_asked(company: Database) -> None:
    line = asks("finance")
    await told(company, line)
    line.do(acts.AskInformation(key="q", by="noor", step="approval:terms", round=1, question="Why so low?"))
    asked = await told(company, line)
    assert [each.split("|")[0] for each in asked] == ["dana", "dana"]
    assert all("|question-" in each for each in asked)
    line.do(acts.GiveInformation(key="a", by="dana", step="approval:terms", round=1, answer="They are new."))
    answered = await told(company, line)
    assert [each.split("|")[0] for each in answered] == ["noor", "noor"]
    body = (await of(company, line))[-1]["body"]
    wanted = ("answered", "dana", "Why so low?", "They are new.")
    assert (body["template"], body["by"], body["asked_what"], body["answer"]) == wanted


async def test_a_comment_reaches_everybody_concerned_but_its_author(company: Database) -> None:
    line = asks("finance")
    await told(company, line)
    line.do(acts.Comment(key="c", by="noor", step="approval:terms", round=1, text="I know them."))
    again = await told(company, line)
    assert sorted({each.split("|")[0] for each in again}) == ["dana", "omar"]
    body = (await of(company, line))[-1]["body"]
    assert (body["template"], body["by"], body["text"]) == ("comment", "noor", "I know them.")


async def test_whoever_is_asked_again_in_a_round_is_not_told_again(company: Database) -> None:
    line = asks("legal")
    await told(company, line)
    move = {"by": "hanna", "step": "approval:terms", "round": 1, "reason": "away"}
    line.do(acts.Reassign(key="m1", of="hanna", to="vera", **move))
    moved = await told(company, line)
    assert rewritten(moved) == ["hanna|slack"]
    assert set(moved) > {"vera|mail", "vera|slack"}
    assert len(moved) == 3
    line.do(acts.Reassign(key="m2", of="vera", to="hanna", **{**move, "by": "vera"}))
    back = await told(company, line)
    assert rewritten(back) == ["hanna|slack", "vera|slack"], "one has buttons again, the other no longer"
    assert len(back) == 2


async def test_an_answer_rewrites_every_chat_message_about_it_once(company: Database) -> None:
    line = asks("finance")
    await told(company, line)
    line.do(acts.Nudge(key="n", by="dana", step="approval:terms", round=1))
    await told(company, line)
    chats = [row["id"] for row in await of(company, line) if row["kind"] == "slack"]
    line.decide("noor", "terms")
    sent = await line.told(recorder(company))
    await line.settled(recorder(company))
    await send(recorder(company), sent)
    rewritten = [row for row in await of(company, line) if "rewrites" in row["body"]]
    assert sorted(row["id"] for row in rewritten) == sorted(f"{each}|closed" for each in chats)
    for row in rewritten:
        assert row["body"]["rewrites"] == f"{line.id}|approval:terms|1|{row['id'].removesuffix('|closed')}"
        assert (row["kind"], row["body"]["template"]) == ("slack", "closed")
        assert row["body"]["to"] == f"U-{row['person']}"


async def test_an_answer_that_is_taken_back_opens_the_chat_messages_again(company: Database) -> None:
    line = two_steps()
    await told(company, line)
    line.decide("hanna", "terms")
    await told(company, line)
    line.now += timedelta(seconds=30)
    line.do(acts.Undo(key="u", by="hanna", step="approval:terms", round=1))
    again = await told(company, line)
    assert "hanna|slack|open" in again
    line.decide("hanna", "terms")
    assert f"hanna|slack|closed-{line.state.seq}" in await told(company, line)


async def links(database: Database, line: Line) -> dict[str, tuple]:
    query = text("select person, token_hash, request_id, step, round, expires_at from door_link where deal_id = :deal")
    async with database.read() as session:
        return {row[0]: tuple(row[1:]) for row in await (await session.connection()).execute(query, {"deal": line.id})}


async def test_a_mail_carries_a_link_of_its_own_until_the_request_is_answered(company: Database) -> None:
    line, request = asks("finance"), "approval:terms|1"
    await told(company, line)
    found = await links(company, line)
    link = (f"{line.id}|{request}", "approval:terms", 1, None)
    assert {person: each[1:] for person, each in found.items()} == {"noor": link, "omar": link}
    assert found["noor"][0] == hashed(link_token(KEY, f"{line.id}|{request}", "noor"))
    line.decide("noor", "terms")
    await told(company, line)
    assert all(each[-1] is not None for each in (await links(company, line)).values())
