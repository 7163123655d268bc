"""The outbound queue: every message once, whatever the other side does and however often the sender dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.effects import Ledger
from activities.outbound import Delivery, Sender, resume
from connectors.contract import DuplicateSafety, ExternalRef
from connectors.database import Database
from connectors.failures import AccessDenied, Ambiguous, ConnectorFailure, RateLimited, Refused, Unavailable
from models.tables.outbound import Outbound
from tests.activities.outside import Killed

SECOND = timedelta(seconds=1)


class Mailbox:
    """Takes messages, and does what it is told to with the next ones."""

    def __init__(self, database: Database, safety: DuplicateSafety = DuplicateSafety.AT_MOST_ONCE) -> None:
        self.got: list[str] = []
        self.next: list[BaseException] = []
        self.slow = timedelta(0)
        find = None if safety is DuplicateSafety.AT_MOST_ONCE else self.find
        self.delivery = Delivery(
            system="Mailbox",
            connector="mailbox",
            safety=safety,
            deadline=5 * SECOND,
            commit_lag=timedelta(0),
            send=self.send,
            find=find,
        )
        self.sender = Sender(
            database.write,
            Ledger(database.write),
            {"mail": self.delivery, "crm": self.delivery},
            idle=timedelta(milliseconds=20),
            lease=10 * SECOND,
            first_pause=SECOND,
        )

    async def send(self, row: Outbound) -> ExternalRef:
        await asyncio.sleep(self.slow.total_seconds())
        fate = self.next.pop(0) if self.next else None
        if fate is None or isinstance(fate, Ambiguous | Killed):
            self.got.append(row.id)
        if fate is not None:
            raise fate
        return ExternalRef(id=f"<{row.id}>")

    async def find(self, row: Outbound) -> ExternalRef | None:
        return ExternalRef(id=f"<{row.id}>") if row.id in self.got else None


@pytest.fixture(autouse=True)
async def an_empty_queue(database: Database) -> None:
    async with database.write() as session:
        await (await session.connection()).execute(text("delete from outbound"))
        await (await session.connection()).execute(text("delete from effect"))


async def queue(database: Database, *ids: str, kind: str = "mail", deal: str = "deal/hubspot/1") -> None:
    async with database.write() as session:
        for each in ids:
            session.add(Outbound(id=each, kind=kind, deal_id=deal, person="vera", body={"subject": "Please decide"}))
            await session.flush()


async def rows(database: Database) -> dict[str, Any]:
    query = text(
        "select id, state, tries, error, sent_at, extract(epoch from not_before - now()) as pause from outbound"
    )
    async with database.read() as session:
        return {each.id: each for each in (await (await session.connection()).execute(query)).all()}


async def later(database: Database, by: timedelta) -> None:
    async with database.write() as session:
        connection = await session.connection()
        await connection.execute(
            text("update outbound set not_before = not_before - :by, lease_until = lease_until - :by"), {"by": by}
        )
        await connection.execute(text("update effect set lease_until = lease_until - :by"), {"by": by})


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is awaited happens in a task under test
            await asyncio.sleep(0.01)


async def test_what_is_queued_is_delivered_once_and_marked(database: Database) -> None:
    mailbox = Mailbox(database)
    await queue(database, "r1|vera|mail", "r1|joel|mail")
    assert await mailbox.sender.work_once() == 2
    assert await mailbox.sender.work_once() == 0
    assert sorted(mailbox.got) == ["r1|joel|mail", "r1|vera|mail"]
    assert {each.state for each in (await rows(database)).values()} == {"sent"}
    assert all(each.sent_at for each in (await rows(database)).values())


async def test_several_senders_deliver_each_message_once(database: Database) -> None:
    mailboxes = [Mailbox(database) for _ in range(4)]
    ids = [f"r{number}|vera|mail" for number in range(60)]
    await queue(database, *ids)
    got: list[str] = []
    for each in mailboxes:
        each.got = got
    while any(await asyncio.gather(*(each.sender.work_once() for each in mailboxes))):
        pass
    assert sorted(got) == sorted(ids)


async def test_a_sender_that_dies_after_sending_leaves_mail_to_a_person(database: Database) -> None:
    mailbox = Mailbox(database)
    mailbox.next = [Killed()]
    await queue(database, "r1|vera|mail")
    with pytest.raises(Killed):
        await mailbox.sender.work_once()
    await later(database, 60 * SECOND)
    await mailbox.sender.work_once()
    assert mailbox.got == ["r1|vera|mail"]
    assert (await rows(database))["r1|vera|mail"].state == "unknown"
    ledger = Ledger(database.write)
    await ledger.settle("r1|vera|mail", "retry", "the mail log shows nothing", "iris")
    async with database.write() as session:
        assert await resume(session, "r1|vera|mail")
        assert not await resume(session, "r1|vera|mail")
    await mailbox.sender.work_once()
    assert (await rows(database))["r1|vera|mail"].state == "sent"


async def test_where_messages_can_be_found_a_dead_senders_message_is_found(database: Database) -> None:
    mailbox = Mailbox(database, DuplicateSafety.SEARCH_FIRST)
    mailbox.next = [Killed()]
    await queue(database, "r1|vera|slack")
    with pytest.raises(Killed):
        await mailbox.sender.work_once()
    await later(database, 60 * SECOND)
    await mailbox.sender.work_once()
    assert mailbox.got == ["r1|vera|slack"]
    assert (await rows(database))["r1|vera|slack"].state == "sent"


@pytest.mark.parametrize(
    ("failure", "least", "most"),
    [
        (Unavailable("Mailbox", "away"), 0.5, 1),
        (RateLimited("Mailbox", "slower", retry_after=40 * SECOND), 39, 40),
        (AccessDenied("Mailbox", "password changed"), 500, 600),
        (Unavailable("Mailbox", "away", retry_after=7 * SECOND), 6, 7),
    ],
)
async def test_what_may_pass_is_tried_again_after_the_pause_that_was_asked_for(
    database: Database, failure: ConnectorFailure, least: float, most: float
) -> None:
    mailbox = Mailbox(database)
    mailbox.next = [failure]
    await queue(database, "r1|vera|mail")
    await mailbox.sender.work_once()
    kept = (await rows(database))["r1|vera|mail"]
    assert (kept.state, kept.tries) == ("waiting", 1)
    assert least <= kept.pause <= most
    assert await mailbox.sender.work_once() == 0
    await later(database, 600 * SECOND)
    await mailbox.sender.work_once()
    assert mailbox.got == ["r1|vera|mail"]


async def test_pauses_grow_with_every_try_up_to_the_longest(database: Database) -> None:
    mailbox = Mailbox(database)
    await queue(database, "r1|vera|mail")
    pauses = []
    for _ in range(12):
        mailbox.next = [Unavailable("Mailbox", "away")]
        await mailbox.sender.work_once()
        pauses.append(round((await rows(database))["r1|vera|mail"].pause))
        await later(database, 601 * SECOND)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]


async def test_a_refused_message_is_kept_with_its_reason_and_the_others_go_on(database: Database) -> None:
    mailbox = Mailbox(database)
    mailbox.next = [Refused("Mailbox", "no such address"), KeyError("a defect")]
    await queue(database, "r1|gone|mail", "r1|vera|mail", "r1|joel|mail")
    await mailbox.sender.work_once()
    kept = await rows(database)
    assert sorted(each.state for each in kept.values()) == ["refused", "sent", "unknown"]
    assert any("no such address" in (each.error or "") for each in kept.values())


async def test_the_crm_is_told_a_deals_news_in_their_order(database: Database) -> None:
    mailbox = Mailbox(database, DuplicateSafety.SERVER_KEY)
    mailbox.next = [Unavailable("CRM", "away")]
    await queue(database, "d1|crm|9", "d1|crm|10", kind="crm", deal="d1")
    await mailbox.sender.work_once()
    await queue(database, "d2|crm|1", kind="crm", deal="d2")
    while await mailbox.sender.work_once():
        pass
    assert mailbox.got == ["d2|crm|1"]
    await later(database, 60 * SECOND)
    while await mailbox.sender.work_once():
        pass
    assert mailbox.got == ["d2|crm|1", "d1|crm|9", "d1|crm|10"]


async def test_it_runs_beside_the_worker_and_stops_after_what_is_on_its_way(database: Database) -> None:
    mailbox = Mailbox(database)
    mailbox.slow = timedelta(milliseconds=150)
    async with mailbox.sender.running() as sender:
        await queue(database, "r1|vera|mail")
        sender.wake()
        await asyncio.sleep(0.1)
    assert mailbox.got == ["r1|vera|mail"]
    assert (await rows(database))["r1|vera|mail"].state == "sent"


async def test_it_outlives_a_database_that_is_away(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox(database)
    async with database.write() as session:
        await (await session.connection()).execute(text("alter table outbound rename to outbound_away"))
    async with mailbox.sender.running():
        await until(lambda: "cannot be read" in caplog.text)
        async with database.write() as session:
            await (await session.connection()).execute(text("alter table outbound_away rename to outbound"))
        await queue(database, "r1|vera|mail")
        await until(lambda: mailbox.got == ["r1|vera|mail"])
