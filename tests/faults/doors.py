"""Every door an approver can use, on the real workflow: each answers in its own way and says what it was told."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import re
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from sqlmodel import col, select
from temporalio.client import WorkflowHandle

from cli.main import run
from connectors.database import Database
from connectors.sandbox.start import Sandbox
from models.tables.journal import JournalRow
from tests.api.browsing import form_token, sign_in
from tests.workflows.worlds import Company

VERDICTS = {"yes": "approve", "no": "reject"}


@dataclass
class World:
    """The deals, the doors in front of them, and the mail server and Slack behind."""

    url: str
    company: Company
    sandbox: Sandbox

    @property
    def database(self) -> Database:
        return self.company.database

    async def journal(self, handle: WorkflowHandle, kind: str) -> list[JournalRow]:
        mine = (col(JournalRow.deal_id) == handle.id) & (col(JournalRow.kind) == kind)
        async with self.database.read() as session:
            return list(await session.scalars(select(JournalRow).where(mine).order_by(col(JournalRow.position))))

    async def held(self, system: str, kind: str, enough: int, **like: str) -> list[dict[str, Any]]:
        """Return what a vendor holds that has these parts, once there is enough of it."""
        found: list[dict[str, Any]] = []
        for _ in range(600):
            everything = self.sandbox.vendors[system].store.all(kind)
            found = [each for each in everything if all(part in str(each[name]) for name, part in like.items())]
            if len(found) >= enough:
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"{system} holds {len(found)} {kind} like {like}, not {enough}")


def member(person: str) -> str:
    """Return a person's member id in Slack."""
    return f"U0{person.upper()}"


class Door(Protocol):
    """One person in front of one request."""

    channel: str

    async def ready(self) -> None:
        """Open what has to be open before an answer can be given."""

    async def decide(self, verdict: str) -> str:
        """Answer, and return what was told, a refusal too."""

    async def ask(self, question: str) -> None:
        """Ask for information first."""


class Page:
    """The request's own page."""

    channel = "page"

    def __init__(self, world: World, request: str, person: str) -> None:
        self.world, self.request, self.person = world, request, person
        deal, step, number = request.split("|")
        self.path = f"/requests/{deal.removeprefix('deal/')}/{step}/{number}"
        self._held = contextlib.AsyncExitStack()

    async def ready(self) -> None:
        self._client = await self._held.enter_async_context(sign_in(self.world.url, self.person))
        await self._open()

    async def close(self) -> None:
        await self._held.aclose()

    async def decide(self, verdict: str) -> str:
        answer = await self._post(act=VERDICTS[verdict], reason="because")
        return words(answer.text if answer.status_code != 303 else (await self._client.get(self.path)).text)

    async def ask(self, question: str) -> None:
        answer = await self._post(act="ask_information", reason=question)
        assert answer.status_code == 303, answer.text[:2000]
        await self._open()

    async def _open(self) -> None:
        opened = await self._client.get(self.path)
        assert opened.status_code in {200, 410}, words(opened.text)[:500]
        self._token = form_token(opened.text)

    async def _post(self, **fields: str) -> httpx2.Response:
        data = {"form_token": self._token, "edition": "1", "key": secrets.token_hex(8), **fields}
        return await self._client.post(self.path, data=data, timeout=60)


class MailLink(Page):
    """The link of the mail, opened in a browser that is signed in."""

    channel = "mail"

    async def ready(self) -> None:
        self.path = await link(self.world, self.request, self.person)
        await super().ready()


class Slack:
    """The buttons of the message in Slack."""

    channel = "slack"

    def __init__(self, world: World, request: str, person: str) -> None:
        self.world, self.request, self.person = world, request, person

    async def ready(self) -> None:
        [message] = await self.world.held("slack", "messages", 1, key=f"{self.request}|{self.person}|slack")
        self._message = f"{message['channel']}/{message['ts']}"

    async def decide(self, verdict: str) -> str:
        assert verdict == "yes", "a no opens a form"
        store = self.world.sandbox.vendors["slack"].store
        before = len(self._whispers())
        came = await self._press("approve")
        for _ in range(600):
            message = store.get("messages", self._message) or {}
            if len(self._whispers()) > before:
                return words(str(self._whispers()[-1]["blocks"]))
            if came["status"] != 200 and message.get("edited_at"):  # Slack gave up on us: the message itself says it
                return words(str(message["blocks"]))
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.person} was told nothing in Slack: {came}")

    def _whispers(self) -> list[dict[str, Any]]:
        everything = self.world.sandbox.vendors["slack"].store.all("ephemerals")
        return [each for each in everything if each["to"] == member(self.person)]

    async def ask(self, question: str) -> None:
        await self._press("ask_information")
        [view] = await self.world.held("slack", "views", 1, user=member(self.person), state="open")
        await self._in_slack("send", {"view": view["id"], "question": question})

    async def _press(self, action: str) -> dict[str, Any]:
        return await self._in_slack("press", {"message": self._message, "action": action, "user": member(self.person)})

    async def _in_slack(self, what: str, asked: dict[str, str]) -> dict[str, Any]:
        """Do it, and return what Slack heard from us; where fifty press at once it may give up waiting."""
        page = self.world.sandbox.pages["SLACK_PAGE"]
        async with httpx2.AsyncClient(base_url=page, timeout=60, trust_env=False) as client:
            came: dict[str, Any] = (await client.post(f"_sandbox/{what}", json=asked)).raise_for_status().json()
        return came


class Api:
    """A program with the person's token."""

    channel = "api"

    def __init__(self, world: World, request: str, person: str) -> None:
        self.world, self.person = world, person
        deal, self.step, _ = request.split("|")
        self.address = f"/api/deals/{deal.removeprefix('deal/')}/acts"

    async def ready(self) -> None: ...

    async def decide(self, verdict: str) -> str:
        told = await self.post(do="decide", edition=1, verdict=VERDICTS[verdict], reason="because")
        return str(told.get("message") or told["detail"])

    async def ask(self, question: str) -> None:
        await self.post(do="ask_information", question=question)

    async def post(self, **act: Any) -> dict[str, Any]:
        """Hand in an act; return the receipt, or the problem."""
        headers = {"Authorization": f"Bearer token-of-{self.person}", "Idempotency-Key": secrets.token_hex(8)}
        async with httpx2.AsyncClient(base_url=self.world.url, headers=headers, timeout=60) as client:
            answer = await client.post(self.address, json={"step": self.step, "round": 1, **act})
        told: dict[str, Any] = answer.json()
        return told


class Terminal:
    """The command line, one command after the other."""

    channel = "command line"
    _one = asyncio.Lock()

    def __init__(self, world: World, request: str, person: str) -> None:
        deal, step, _ = request.split("|")
        self.person, self.name = person, f"{deal.removeprefix('deal/')}/{step}"

    async def ready(self) -> None: ...

    async def decide(self, verdict: str) -> str:
        reason = [] if verdict == "yes" else ["--reason", "because"]
        return await self._typed(VERDICTS[verdict], self.name, "--as", self.person, *reason)

    async def ask(self, question: str) -> None:
        await self._typed("ask", self.name, "--as", self.person, "--question", question)

    async def _typed(self, *typed: str) -> str:
        async with self._one:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                await asyncio.to_thread(run, ["approval", *typed])
        return printed.getvalue()


class Signal:
    """Another workflow, or the Temporal command line: nobody is told anything, the journal says what came of it."""

    channel = "signal"

    def __init__(self, world: World, request: str, person: str) -> None:
        self.world, self.request, self.person = world, request, person

    async def ready(self) -> None: ...

    async def decide(self, verdict: str) -> str:
        deal, step, _ = self.request.split("|")
        handle = self.world.company.client.get_workflow_handle(deal)
        given = {"by": self.person, "step": step, "round": 1, "edition": 1, "verdict": VERDICTS[verdict],
                 "reason": "because"}  # fmt: skip
        await handle.signal("decide", given)
        for _ in range(600):
            for kind in ("decided", "refused"):
                mine = [each for each in await self.world.journal(handle, kind) if each.who == self.person]
                if mine:
                    return mine[0].text
            await asyncio.sleep(0.2)
        raise AssertionError(f"the journal says nothing of the signal of {self.person}")

    async def ask(self, question: str) -> None:
        await Api(self.world, self.request, self.person).ask(question)  # a signal only decides


def mark(request: str, person: str) -> str:
    """Return what the Message-ID of a person's mail about a request holds."""
    return hashlib.sha256(f"{request}|{person}|mail".encode()).hexdigest()[:40]


async def link(world: World, request: str, person: str) -> str:
    """Return where the link in a person's mail about a request leads."""
    [mail] = await world.held("mail", "mails", 1, message_id=mark(request, person))
    found = re.search(r"https?://[^/\s]+(/a/[0-9a-f]+)", str(mail["text"]))
    assert found, f"the mail of {person} has no link"
    return found[1]


def words(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page).split())
