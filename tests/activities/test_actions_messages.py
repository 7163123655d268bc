"""What people are told: the question first, the rule, when it is due in words, one link, sent once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import insert

from activities.effects import Ledger
from activities.messages import WITHDRAWN, Messages, in_words, request_path
from activities.outbound import Sender
from activities.records import signing_token
from api.pages import addresses
from connectors.contract import Refused
from connectors.database import Database
from connectors.slack.connector import Slack
from connectors.smtp.connector import Smtp
from models.tables.outbound import Outbound
from models.tables.requests import Request
from tests.activities.calls import fresh_deal
from tests.connectors.outside import Outside

URL, KEY = "https://throughline.halden.example", b"k" * 32
DUE = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)


@pytest.fixture
def mails(database: Database, mail: Smtp) -> Messages:
    return Messages(database, mail, public_url=URL, signing_key=KEY)


@pytest.fixture
def chats(database: Database, slack: Slack) -> Messages:
    return Messages(database, slack, public_url=URL, signing_key=KEY)


def body(template: str, deal: str, **more: Any) -> dict[str, Any]:
    """The body `record` writes."""
    return {
        "template": template,
        "request": f"{deal}|approval:discount|1",
        "deal": deal,
        "to": "joel@halden.example",
        "name": "Joel Marsh",
        "zone": "America/Chicago",
        "title": "discount",
        "kind": "approval",
        "reason": "discount 35 % > 15 %",
        "who": "deal desk",
        "deal_title": "Managed services",
        "account": "Corvane <Logistics>",
        "amount": "$512,000",
        "since": "2026-11-20T15:00:00+00:00",
        "due": DUE.isoformat(),
        "next": "",
        **more,
    }


async def a_request(database: Database, deal: str, **more: Any) -> Request:
    """A row of the read side, as `record` writes it."""
    shown = {
        "question": "Approve discount?",
        "rule": {"text": "discount 35 % > 15 %", "terms": []},
        "facts": [
            {"label": "discount", "value": "35 %", "note": "discount > 15 %", "tone": "due"},
            {"label": "margin", "value": "19.5 %", "note": "", "tone": ""},
        ],
        "follows": {"yes": "", "no": "", "silence": "vp sales is asked too"},
    }
    about: dict[str, Any] = {
        "id": f"{deal}|approval:discount|1", "deal_id": deal, "step": "approval:discount", "round": 1, "edition": 1,
        "kind": "approval", "title": "discount", "reason": "discount 35 % > 15 %", "people": ["joel"],
        "who": "deal desk", "state": "open", "opened_at": DUE, "body": shown, "seq": 3,
    }  # fmt: skip
    row = Request(**{**about, **more})
    async with database.write() as session:
        session.add(row)
    return row


def row(kind: str, template: str, deal: str, **more: Any) -> Outbound:
    given = body(template, deal, **more)
    return Outbound(id=f"{given['request']}|joel|{kind}", kind=kind, deal_id=deal, person="joel", body=given)


async def delivered(database: Database, messages: Messages, owed: Outbound) -> str:
    """Owe a message, again if it was sent, and let the sender work the queue off; return what became of it."""
    values = owed.model_dump(include={"id", "kind", "deal_id", "person", "body"})
    async with database.write() as session:
        again = insert(Outbound).values(values).on_conflict_do_update(index_elements=["id"], set_={"state": "waiting"})
        await session.execute(again)
    sender = Sender(database.write, Ledger(database.write), {owed.kind: messages.delivery()})
    while await sender.work_once():
        pass
    async with database.read() as session:
        found = await session.get(Outbound, owed.id)
        assert found is not None
        return found.state


async def test_a_request_is_mailed_with_its_question_rule_due_time_and_one_link(
    database: Database, mails: Messages, outside: Outside
) -> None:
    deal = fresh_deal()
    await a_request(database, deal)
    assert await delivered(database, mails, row("mail", "request", deal)) == "sent"
    [mail] = [each for each in await outside.objects("mail", "mails") if number(deal) in each["text"]]
    assert (mail["to"], mail["subject"]) == ("joel@halden.example", "Approve discount? Corvane <Logistics>")
    link = f"{URL}/requests/{deal.removeprefix('deal/')}/approval:discount/1"
    text = mail["text"].replace("\r\n", "\n")
    assert text.startswith("Corvane <Logistics>, Managed services, $512,000\n\nDiscount 35 % > 15 %\n\n")
    assert "discount: 35 % (discount > 15 %)\nmargin: 19.5 %\n" in text
    due = "Please answer by Tuesday 24 November, 17:00 (America/Chicago). Without an answer: vp sales is asked too."
    assert due in text
    assert text.endswith(f"Open the request: {link}\n")
    html = mail["html"]
    assert "<h1" in html
    assert "Corvane &lt;Logistics&gt;" in html
    assert re.findall(r'href="([^"]+)"', html) == [link]


async def test_a_message_is_sent_once(database: Database, mails: Messages, chats: Messages, outside: Outside) -> None:
    deal = fresh_deal()
    await a_request(database, deal)
    for messages, kind, to in ((mails, "mail", "joel@halden.example"), (chats, "slack", "U0JOEL")):
        owed = row(kind, "reminder", deal, to=to)
        assert [await delivered(database, messages, owed) for _ in range(2)] == ["sent", "sent"]
    arrived = [each for each in await outside.objects("mail", "mails") if number(deal) in each["text"]]
    assert [each["subject"] for each in arrived] == ["Still waiting for you: Approve discount? Corvane <Logistics>"]


async def test_chat_gets_a_button_that_opens_the_page(database: Database, chats: Messages, outside: Outside) -> None:
    deal = fresh_deal()
    await a_request(database, deal)
    await delivered(database, chats, row("slack", "request", deal, to="U0JOEL"))
    posted = [each for each in await outside.objects("slack", "messages") if deal in str(each["metadata"])]
    [section, actions] = posted[0]["blocks"]
    assert "*Approve discount? Corvane &lt;Logistics&gt;*" in section["text"]["text"]
    [button] = actions["elements"]
    assert button["url"] == f"{URL}/requests/{deal.removeprefix('deal/')}/approval:discount/1"
    assert "value" not in button, "a button in chat decides nothing"


async def test_a_customer_gets_the_link_to_sign_and_nothing_of_ours(database: Database, mails: Messages) -> None:
    deal = fresh_deal()
    to, request = "mara@corvane.example", f"{deal}|signature:sow|1"
    message = mails.message(body("signing", deal, to=to, request=request, name="Mara Oduya", reason="margin 20 %"))
    assert message.subject == "Please sign: Managed services"
    assert message.link is not None
    assert message.link.url == f"{URL}/sign/{signing_token(KEY, request, to)}"
    assert "Dear Mara Oduya" in message.text
    assert "margin 20 %" not in message.text + str(message.html)
    assert "The link works until Tuesday 24 November, 17:00 (America/Chicago)." in message.text


async def test_nobody_is_asked_what_is_answered_already(database: Database, mails: Messages, outside: Outside) -> None:
    deal = fresh_deal()
    await a_request(database, deal, state="closed", outcome="approved", answered_by="vera", closed_at=DUE)
    before = len(await outside.objects("mail", "mails"))
    assert await mails.send(row("mail", "request", deal)) == WITHDRAWN
    assert await delivered(database, mails, row("mail", "escalated", deal)) == "sent"
    assert len(await outside.objects("mail", "mails")) == before
    closed = row("mail", "closed", deal)
    message = mails.message(closed.body, await _request(database, deal))
    assert message.subject == "Approve discount? No longer needed: approved by vera"


@pytest.mark.parametrize("template", ["request", "reminder", "escalated", "closed", "signing"])
def test_a_message_works_without_what_is_not_known(mails: Messages, template: str) -> None:
    bare = {"template": template, "to": "joel@halden.example", "deal": "deal/hubspot/1", "title": "discount"}
    message = mails.message(bare)
    assert "iscount" in message.subject
    assert message.link is not None
    assert "None" not in message.text + str(message.html)


def test_a_message_without_a_text_is_refused(mails: Messages) -> None:
    with pytest.raises(Refused, match=r"there is no text nothing\.txt\.j2"):
        mails.message({"template": "nothing", "to": "joel@halden.example"})


async def test_a_mail_whose_answer_was_lost_goes_to_a_person(
    database: Database, mails: Messages, outside: Outside
) -> None:
    deal = fresh_deal()
    await outside.fault("mail", "drop_after", method="DATA")
    owed = row("mail", "request", deal)
    assert await delivered(database, mails, owed) == "unknown"
    arrived = [each for each in await outside.objects("mail", "mails") if number(deal) in each["text"]]
    assert len(arrived) == 1


def test_links_lead_to_the_page_of_the_request() -> None:
    for request in ("deal/hubspot/5|approval:deep-discount|2", "deal/hubspot/5|call:x[line 7]|1"):
        assert request_path(request) == addresses.request_path(request)


def test_an_instant_is_said_by_the_readers_clock() -> None:
    assert in_words(DUE, "Europe/Oslo") == "Wednesday 25 November, 00:00 (Europe/Oslo)"
    assert in_words(DUE, "Nowhere/Land") == "Tuesday 24 November, 23:00 (UTC)"


def number(deal: str) -> str:
    """The part of a deal's id that its links show."""
    return deal.rpartition("/")[2]


async def _request(database: Database, deal: str) -> Request | None:
    async with database.read() as session:
        return await session.get(Request, f"{deal}|approval:discount|1")
