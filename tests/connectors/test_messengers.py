"""What reaches people: Slack messages and mail, on the sandboxes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.contract import (
    AccessDenied,
    Ambiguous,
    DuplicateSafety,
    ExternalRef,
    Link,
    Message,
    Messenger,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.slack.connector import Slack
from connectors.smtp.connector import Smtp
from tests.connectors.outside import Outside, fresh_key, message


async def test_they_are_messengers(slack: Slack, mail: Smtp) -> None:
    both: tuple[Messenger, ...] = (slack, mail)
    for each in both:
        await each.ping()
    assert mail.manifest.duplicate_safety["message"] is DuplicateSafety.AT_MOST_ONCE


async def test_a_slack_message_shows_text_and_link_and_carries_its_key(slack: Slack, outside: Outside) -> None:
    key, link = fresh_key("approval:discount"), Link(label="Open the request", url="https://t.example/requests/1")
    sent = await slack.send(key, message("U0JOEL01").model_copy(update={"link": link}))
    stored = next(each for each in await outside.objects("slack", "messages") if each["key"] == key)
    assert sent.id == f"{stored['channel']}/{stored['ts']}"
    assert stored["to"] == "U0JOEL01"
    assert "&lt;more&gt;" in stored["blocks"][0]["text"]["text"]
    assert stored["blocks"][1]["elements"][0]["url"] == link.url


async def test_a_slack_message_is_found_on_a_later_page(slack: Slack, outside: Outside) -> None:
    await outside.limit("slack", "post", 1000, 60)
    key = fresh_key()
    sent = await slack.send(key, message("U0PAGES01"))
    for number in range(205):
        await slack.send(fresh_key(), message("U0PAGES01", f"Message {number}"))
    assert await slack.find(key, "U0PAGES01") == sent
    assert await slack.find(key, "U0OTHER01") is None


async def test_a_slack_message_is_rewritten_and_still_found(slack: Slack, outside: Outside) -> None:
    key = fresh_key()
    sent = await slack.send(key, message("U0VERA001"))
    await slack.rewrite(sent, message("U0VERA001", "Approved by Vera"))
    stored = next(each for each in await outside.objects("slack", "messages") if each["key"] == key)
    assert "Approved by Vera" in stored["text"]
    assert stored["edited_at"]
    assert await slack.find(key, "U0VERA001") == sent


async def test_slack_says_what_is_wrong_inside_a_200(slack: Slack, outside: Outside) -> None:
    with pytest.raises(NotFound, match="user_not_found"):
        await slack.send(fresh_key(), message("U-nobody"))
    await outside.fault("slack", "answer", status=403, path="chat.postMessage")
    with pytest.raises(AccessDenied, match="missing_scope"):
        await slack.send(fresh_key(), message("U0JOEL01"))


async def test_slack_limits_a_channel_and_says_for_how_long(slack: Slack, outside: Outside) -> None:
    await outside.limit("slack", "post", 2, 30)
    try:
        await slack.send(fresh_key(), message("U0BUSY001"))
        await slack.send(fresh_key(), message("U0BUSY001"))
        with pytest.raises(RateLimited) as limited:
            await slack.send(fresh_key(), message("U0BUSY001"))
    finally:
        await outside.limit("slack", "post", 1000, 60)
    assert limited.value.retry_after
    assert 0 < limited.value.retry_after.total_seconds() <= 30


async def test_a_mail_arrives_with_a_message_id_made_from_its_key(mail: Smtp, outside: Outside) -> None:
    key = fresh_key("approval:discount")
    link = Link(label="Open the request", url="https://t.example/requests/1")
    letter = Message(to="noor@halden.example", subject="Zürich:\nplease", text="Grüße", html="<p>Grüße</p>", link=link)
    sent = [await mail.send(key, letter) for _ in range(2)]
    assert sent[0] == sent[1] == ExternalRef(id=mail.message_id(key))
    stored = [each for each in await outside.objects("mail", "mails") if each["message_id"] == sent[0].id]
    assert len(stored) == 2  # mail knows no duplicates: the ledger sends once, and readers drop repeats by this id
    assert stored[0]["to"] == "noor@halden.example"
    assert stored[0]["subject"] == "Zürich: please"
    assert "Open the request: https://t.example/requests/1" in stored[0]["text"]
    assert "<p>Grüße</p>" in stored[0]["html"]


async def test_a_mail_cannot_be_looked_up_or_rewritten(mail: Smtp) -> None:
    with pytest.raises(Ambiguous, match=r"ask noor@halden\.example"):
        await mail.find(fresh_key(), "noor@halden.example")
    with pytest.raises(Refused, match="cannot be changed"):
        await mail.rewrite(ExternalRef(id="<x@y>"), message("noor@halden.example"))


@pytest.mark.parametrize(
    ("fault", "failure", "arrives"),
    [
        ({"fault": "answer", "status": 550, "method": "RCPT"}, Refused, 0),
        ({"fault": "answer", "status": 451, "method": "RCPT"}, Unavailable, 0),
        ({"fault": "drop", "method": "RCPT"}, Unavailable, 0),
        ({"fault": "answer", "status": 552, "method": "DATA"}, Refused, 0),
        ({"fault": "answer", "status": 451, "method": "DATA"}, Unavailable, 0),
        ({"fault": "drop", "method": "DATA"}, Ambiguous, 0),
        ({"fault": "drop_after", "method": "DATA"}, Ambiguous, 1),
    ],
    ids=["bad address", "grey-listed", "cut before", "too large", "try later", "cut during", "answer lost"],
)
async def test_a_mail_that_failed_says_whether_it_may_have_gone(
    mail: Smtp, outside: Outside, fault: dict[str, Any], failure: type[Exception], arrives: int
) -> None:
    key = fresh_key()
    await outside.fault("mail", **fault)
    with pytest.raises(failure):
        await mail.send(key, message("noor@halden.example"))
    stored = [each for each in await outside.objects("mail", "mails") if each["message_id"] == mail.message_id(key)]
    assert len(stored) == arrives


async def test_an_address_that_is_none_is_refused_before_anything_is_sent(mail: Smtp) -> None:
    for wrong in ("nobody", "a@b@c", "", "a@b.example\nBcc: all@halden.example"):
        with pytest.raises(Refused, match="cannot address"):
            await mail.send(fresh_key(), message(wrong))


async def test_a_mail_server_that_is_down_or_silent_is_unavailable(unused_tcp_port: int) -> None:
    away = Smtp("127.0.0.1", unused_tcp_port, "t@halden.example")
    with pytest.raises(Unavailable, match="is not reached"):
        await away.send(fresh_key(), message("noor@halden.example"))


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """The port of a server that takes connections and says nothing."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in held:
        writer.close()
    server.close()


async def test_a_mail_server_that_says_nothing_is_unavailable_at_the_deadline(silent: int) -> None:
    mute = Smtp("127.0.0.1", silent, "t@halden.example")
    mute.manifest = mute.manifest.model_copy(update={"deadline": timedelta(seconds=0.3)})
    with pytest.raises(Unavailable):
        await mute.ping()
