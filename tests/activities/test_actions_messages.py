"""What people are told: the question first, the rule, when it is due in words, one link, sent once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import insert

from activities.composing import Addressed, Composer, Pressed, request_path
from activities.effects import Ledger
from activities.links import link_token, signing_token
from activities.messages import WITHDRAWN, Messages
from activities.outbound import Sender
from activities.told import in_words
from api.pages import addresses
from connectors.contract import Message, Refused
from connectors.database import Database
from connectors.slack.connector import Slack
from connectors.smtp.connector import Smtp
from models.tables.outbound import Outbound
from models.tables.people import Person
from models.tables.requests import Request
from tests.activities.calls import fresh_deal
from tests.connectors.outside import Outside

URL, KEY = "https://throughline.halden.example", b"k" * 32
VERA = {"id": "vera", "name": "Vera Lindqvist", "email": "vera@halden.example", "roles": ["vp_sales"]}
DUE = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
CLOSED: dict[str, Any] = {"state": "closed", "outcome": "approved", "answered_by": "vera", "closed_at": DUE}


@pytest.fixture
def mails(database: Database, mail: Smtp) -> Messages:
    return Messages(database, mail, public_url=URL, signing_key=KEY)


@pytest.fixture
def chats(database: Database, slack: Slack) -> Messages:
    return Messages(database, slack, public_url=URL, signing_key=KEY)


def written(body: dict[str, Any], request: Request | None = None, kind: str = "mail", **names: str) -> Message:
    """The message a body becomes, without sending it."""
    to = Addressed(row=f"{body.get('request', '')}|joel|{kind}", channel=kind, person="joel")  # type: ignore[arg-type]
    return Composer(URL, KEY).message(body, request, to, names)


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
        await session.execute(insert(Person).values(VERA).on_conflict_do_nothing())
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
    token = link_token(KEY, f"{deal}|approval:discount|1", "joel")
    [mail] = [each for each in await outside.objects("mail", "mails") if token in each["text"]]
    assert (mail["to"], mail["subject"]) == ("joel@halden.example", "Approve discount? Corvane <Logistics>")
    link = f"{URL}/a/{token}"
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
    token = link_token(KEY, f"{deal}|approval:discount|1", "joel")
    arrived = [each for each in await outside.objects("mail", "mails") if token in each["text"]]
    assert [each["subject"] for each in arrived] == ["Still waiting for you: Approve discount? Corvane <Logistics>"]


async def test_chat_gets_buttons_that_answer_and_one_that_opens_the_page(
    database: Database, chats: Messages, outside: Outside
) -> None:
    deal = fresh_deal()
    await a_request(database, deal, edition=4)
    await delivered(database, chats, row("slack", "request", deal, to="U0JOEL"))
    posted = [each for each in await outside.objects("slack", "messages") if deal in str(each["metadata"])]
    [section, actions] = posted[0]["blocks"]
    assert "*Approve discount? Corvane &lt;Logistics&gt;*" in section["text"]["text"]
    *answering, page = actions["elements"]
    assert [each["action_id"] for each in answering] == ["approve", "reject", "ask_changes", "ask_information"]
    told = {Pressed.read(each["value"]) for each in answering if each["value"]}
    assert told == {Pressed(message=f"{deal}|approval:discount|1|joel|slack", edition=4)}
    assert page["url"] == f"{URL}/requests/{deal.removeprefix('deal/')}/approval:discount/1"
    assert "value" not in page, "the button that is a link decides nothing"


@pytest.mark.parametrize(
    ("kind", "more", "people", "actions"),
    [
        ("approval", {}, ["joel"], ["approve", "reject", "ask_changes", "ask_information"]),
        ("approval", {"question_asked": "Which sites?"}, ["joel"], ["give_information"]),
        (
            "approval",
            {"question_asked": "Which sites?", "asked": [{"person": "joel"}]},
            ["dana"],
            ["approve", "reject", "ask_changes", "ask_information"],
        ),
        ("approval", {}, ["dana"], []),
        (
            "approval",
            {
                "question_asked": "Which sites?",
                "asked": [{"person": "joel"}],
                "answers": [{"person": "joel", "state": "approved", "at": "2026-11-18T10:00:00Z"}],
            },
            ["dana"],
            [],
        ),
        ("handoff", {}, ["joel"], ["accept", "reject", "ask_information"]),
        ("task", {}, ["joel"], []),
        ("incident", {}, ["joel"], []),
    ],
    ids=["approval", "question to me", "my own question", "not asked", "answered", "handoff", "task", "incident"],
)
async def test_chat_offers_what_can_be_answered_there(
    database: Database, kind: str, more: dict[str, Any], people: list[str], actions: list[str]
) -> None:
    deal = fresh_deal()
    request = await a_request(database, deal, kind=kind, people=people, body={"question": "Approve?", **more})
    message = written(body("request", deal), request, "slack")
    assert [button.action for button in message.buttons] == actions
    assert not written(body("request", deal), request).buttons, "mail has none"


def test_a_customer_gets_the_link_to_sign_and_nothing_of_ours() -> None:
    deal = fresh_deal()
    to, request = "mara@corvane.example", f"{deal}|signature:sow|1"
    message = written(body("signing", deal, to=to, request=request, name="Mara Oduya", reason="margin 20 %"))
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
    message = written(closed.body, await _request(database, deal), vera="Vera Lindqvist")
    assert message.subject == "Approve discount? Corvane <Logistics>: approved by Vera Lindqvist"
    assert "Approved by Vera Lindqvist, Tuesday 24 November, 17:00 (America/Chicago).\n" in message.text


@pytest.mark.parametrize("template", ["request", "reminder", "escalated", "nudge"])
async def test_what_was_held_back_is_not_sent_to_who_is_no_longer_asked(
    database: Database, mails: Messages, template: str
) -> None:
    deal = fresh_deal()
    await a_request(database, deal, people=["vera"])  # it was Joel's, in whose quiet hours it was moved
    assert await mails.send(row("mail", template, deal)) == WITHDRAWN
    kept = row("mail", "overdue", deal, reason="margin 20 % < 22 %")
    assert await mails.send(kept) != WITHDRAWN, "it is not asked of its reader in the first place"


async def test_an_answer_from_anywhere_rewrites_what_stands_in_chat(
    database: Database, chats: Messages, outside: Outside
) -> None:
    deal = fresh_deal()
    asked = await a_request(database, deal)
    sent = row("slack", "nudge", deal, to="U0JOEL", by="dana")
    await delivered(database, chats, sent)
    closed = row("slack", "closed", deal, to="U0JOEL", by="dana", rewrites=sent.id)
    closed.id = f"{sent.id}|closed"
    assert await delivered(database, chats, Outbound(**{**closed.model_dump(), "id": f"{sent.id}|early"})) == "sent"
    [posted] = [each for each in await outside.objects("slack", "messages") if deal in str(each["metadata"])]
    assert posted["text"].startswith("dana asks you to answer"), "it is open again, so nothing is rewritten"
    async with database.write() as session:
        await session.merge(Request(**{**asked.model_dump(), **CLOSED}))
    # At least once is enough: the second rewriting changes nothing.
    assert [await delivered(database, chats, closed) for _ in range(2)] == ["sent", "sent"]
    [posted] = [each for each in await outside.objects("slack", "messages") if deal in str(each["metadata"])]
    assert posted["text"] == "Approve discount? Corvane &lt;Logistics&gt;: approved by Vera Lindqvist"
    assert [each["action_id"] for each in posted["blocks"][1]["elements"]] == ["open"]


async def test_a_message_that_never_went_out_or_is_gone_needs_no_rewriting(
    database: Database, chats: Messages, outside: Outside
) -> None:
    deal = fresh_deal()
    await a_request(database, deal, **CLOSED)
    before = len(await outside.objects("slack", "messages"))
    asked, never = row("slack", "request", deal, to="U0JOEL"), row("slack", "closed", deal, to="U0JOEL")
    never.id, never.body = f"{asked.id}|closed", {**never.body, "rewrites": f"{asked.id}|never-sent"}
    assert await delivered(database, chats, never) == "sent"
    assert await delivered(database, chats, asked) == "sent"  # withdrawn: it is answered
    withdrawn = row("slack", "closed", deal, to="U0JOEL", rewrites=asked.id)
    withdrawn.id = f"{asked.id}|closed-2"
    assert await delivered(database, chats, withdrawn) == "sent"
    assert len(await outside.objects("slack", "messages")) == before


async def test_a_message_on_its_way_is_rewritten_once_it_has_arrived(
    database: Database, chats: Messages, outside: Outside
) -> None:
    deal = fresh_deal()
    asked = await a_request(database, deal)
    sent = row("slack", "request", deal, to="U0JOEL")
    await outside.fault("slack", "answer_after", path="chat.postMessage", status=500)
    assert await delivered(database, chats, sent) == "waiting", "its answer was lost, it is looked for later"
    async with database.write() as session:
        await session.merge(Request(**{**asked.model_dump(), **CLOSED}))
    closed = row("slack", "closed", deal, to="U0JOEL", rewrites=sent.id)
    closed.id = f"{sent.id}|closed"
    assert await delivered(database, chats, closed) == "waiting"


def test_a_digest_lists_each_request_with_its_own_link() -> None:
    items = [
        {"question": "Approve discount?", "account": "Corvane", "amount": "$512,000", "due": DUE.isoformat(),
         "request": "deal/hubspot/1|approval:discount|1"},
        {"question": "Approve terms?", "account": "Aldgate", "request": "deal/hubspot/2|approval:terms|1"},
    ]  # fmt: skip
    about = {"template": "digest", "to": "joel@halden.example", "zone": "America/Chicago", "items": items}
    mail, chat = written(about), written(about, kind="slack")
    assert mail.subject == chat.subject == "2 requests wait for you"
    assert "Approve discount? Corvane, $512,000\nPlease answer by Tuesday 24 November, 17:00" in mail.text
    for item in items:
        assert f"{URL}/a/{link_token(KEY, str(item['request']), 'joel')}" in mail.text
        assert f"{URL}{request_path(str(item['request']))}" in chat.text
    assert mail.link is not None
    assert mail.link.url == f"{URL}/inbox"


async def test_a_digest_leaves_out_what_was_answered_and_is_withdrawn_when_nothing_is_left(
    database: Database, mails: Messages, outside: Outside
) -> None:
    done, waits = fresh_deal(), fresh_deal()
    await a_request(database, done, **CLOSED)
    await a_request(database, waits)
    items = [{"question": "Approve?", "request": f"{deal}|approval:discount|1"} for deal in (done, waits)]

    def digest(of: list[dict[str, str]], day: str) -> Outbound:
        about = {"template": "digest", "to": "digest@halden.example", "items": of}
        return Outbound(id=f"joel|digest|{waits}|{day}", kind="mail", deal_id=waits, person="joel", body=about)

    assert await delivered(database, mails, digest(items, "1")) == "sent"
    assert await delivered(database, mails, digest(items[:1], "2")) == "sent"
    arrived = [each for each in await outside.objects("mail", "mails") if each["to"] == "digest@halden.example"]
    assert [each["subject"] for each in arrived] == ["1 request waits for you"]


def test_an_answer_a_nudge_and_a_comment_say_who_and_what() -> None:
    about = body("answered", "deal/hubspot/1", by="vera", asked_what="Which sites?", answer="Both.")
    answered = written(about, vera="Vera Lindqvist")
    assert answered.subject.startswith("Your question is answered: ")
    assert "You asked: Which sites?\nVera Lindqvist answers: Both.\n" in answered.text
    nudge = written(body("nudge", "deal/hubspot/1", by="vera", note="Corvane waits."), vera="Vera Lindqvist")
    assert nudge.subject.startswith("Vera Lindqvist asks you to answer: ")
    assert "Corvane waits." in nudge.text
    comment = written(body("comment", "deal/hubspot/1", by="vera", text="See <the> SOW."), vera="Vera Lindqvist")
    assert "See <the> SOW." in comment.text
    assert "See &lt;the&gt; SOW." in str(comment.html)


@pytest.mark.parametrize(
    "template", ["request", "reminder", "escalated", "closed", "signing", "answered", "nudge", "comment"]
)
def test_a_message_works_without_what_is_not_known(template: str) -> None:
    bare = {"template": template, "to": "joel@halden.example", "deal": "deal/hubspot/1", "title": "discount"}
    message = written(bare)
    assert "iscount" in message.subject
    assert message.link is not None
    assert "None" not in message.text + str(message.html)


def test_a_message_without_a_text_is_refused() -> None:
    with pytest.raises(Refused, match=r"there is no text nothing\.txt\.j2"):
        written({"template": "nothing", "to": "joel@halden.example"})


async def test_a_mail_whose_answer_was_lost_goes_to_a_person(
    database: Database, mails: Messages, outside: Outside
) -> None:
    deal = fresh_deal()
    await outside.fault("mail", "drop_after", method="DATA")
    owed = row("mail", "request", deal)
    assert await delivered(database, mails, owed) == "unknown"
    token = link_token(KEY, f"{deal}|approval:discount|1", "joel")
    arrived = [each for each in await outside.objects("mail", "mails") if token in each["text"]]
    assert len(arrived) == 1


def test_links_lead_to_the_page_of_the_request() -> None:
    for request in ("deal/hubspot/5|approval:deep-discount|2", "deal/hubspot/5|call:x[line 7]|1"):
        assert request_path(request) == addresses.request_path(request)


def test_an_instant_is_said_by_the_readers_clock() -> None:
    assert in_words(DUE, "Europe/Oslo") == "Wednesday 25 November, 00:00 (Europe/Oslo)"
    assert in_words(DUE, "Nowhere/Land") == "Tuesday 24 November, 23:00 (UTC)"


async def _request(database: Database, deal: str) -> Request | None:
    async with database.read() as session:
        return await session.get(Request, f"{deal}|approval:discount|1")
