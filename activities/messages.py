"""Delivers what people are told, by mail and chat: short, one link that opens a page, nothing in it that decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, TemplateNotFound, select_autoescape
from pydantic import AwareDatetime, BaseModel, ConfigDict

from activities.notifying import signing_token
from activities.outbound import Delivery
from connectors.contract import DuplicateSafety, ExternalRef, Link, Message, Messenger, Refused
from connectors.database import Database
from models.tables.outbound import Outbound
from models.tables.requests import Request

TEMPLATES = Path(__file__).parent.parent / "templates" / "messages"
WITHDRAWN = ExternalRef(id="withdrawn")
"""Stands for a message whose request was closed before it could be sent."""
_ASKS = ("request", "reminder", "escalated", "signing")


class Told(BaseModel):
    """What a message is made of: the row's body, and what its request's page shows."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    template: str
    to: str
    name: str = ""
    zone: str = "UTC"
    request: str = ""
    deal: str = ""
    title: str = ""
    question: str = ""
    kind: str = ""
    reason: str = ""
    rule: str = ""
    deal_title: str = ""
    account: str = ""
    amount: str = ""
    due: AwareDatetime | None = None
    facts: list[dict[str, str]] = []
    follows: dict[str, str] = {}
    outcome: str = ""
    by: str = ""

    @property
    def asked(self) -> str:
        """The question, which is the title of every message."""
        return self.question or f"{self.title.capitalize()}?"

    @property
    def about(self) -> str:
        """The deal in a few words."""
        return ", ".join(part for part in (self.account, self.deal_title, self.amount) if part)

    @property
    def due_words(self) -> str:
        """When an answer is due, in words, by the reader's clock."""
        return "" if self.due is None else in_words(self.due, self.zone)


class Messages:
    """Delivers outbound rows of one kind, "mail" or "slack"; the row's id is the message's key."""

    def __init__(self, database: Database, messenger: Messenger, *, public_url: str, signing_key: bytes) -> None:
        self._database, self._messenger = database, messenger
        self._url, self._signing_key = public_url.rstrip("/"), signing_key
        self._texts = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def delivery(self) -> Delivery:
        """Return how the sender delivers such a row."""
        manifest = self._messenger.manifest
        safety = manifest.duplicate_safety["message"]
        looks = safety is not DuplicateSafety.AT_MOST_ONCE
        return Delivery(
            system=manifest.title,
            connector=manifest.name,
            safety=safety,
            deadline=manifest.deadline,
            commit_lag=manifest.max_commit_lag,
            send=self.send,
            find=self.find if looks else None,
        )

    async def send(self, row: Outbound) -> ExternalRef:
        """Send the message, unless its request is closed by now: nobody is asked what is answered."""
        request = await self._request(str(row.body.get("request", "")))
        if request is not None and request.state == "closed" and row.body.get("template") in _ASKS:
            return WITHDRAWN
        return await self._messenger.send(row.id, self.message(row.body, request))

    async def find(self, row: Outbound) -> ExternalRef | None:
        """Return the message if it was sent."""
        return await self._messenger.find(row.id, str(row.body["to"]))

    def message(self, body: Mapping[str, Any], request: Request | None = None) -> Message:
        """Return the message a row's body means. Raises Refused where there is no text for it."""
        told = Told.model_validate({**(_shown(request) if request else {}), **body})
        link = self._link(told)
        values = {"m": told, "link": link}
        try:
            subject, _, text = self._texts.get_template(f"{told.template}.txt.j2").render(values).partition("\n")
            html = self._texts.get_template(f"{told.template}.html.j2").render(values)
        except TemplateNotFound as missing:
            raise Refused("Messages", f"there is no text {missing.name}; add it to templates/messages") from missing
        return Message(to=told.to, subject=subject.strip(), text=text.strip(), html=html, link=link)

    def _link(self, told: Told) -> Link:
        if told.template == "signing":
            token = signing_token(self._signing_key, told.request, told.to)
            return Link(label="Read and sign", url=f"{self._url}/sign/{token}")
        if told.request and told.template != "closed":
            return Link(label="Open the request", url=self._url + request_path(told.request))
        return Link(label="Open the deal", url=f"{self._url}/deals/{quote(told.deal.removeprefix('deal/'))}")

    async def _request(self, request: str) -> Request | None:
        async with self._database.read() as session:
            return await session.get(Request, request) if request else None


def request_path(request: str) -> str:
    """Return the address of a request's page; it asks who reads it to sign in."""
    deal, _, rest = request.partition("|")
    return f"/requests/{quote(deal.removeprefix('deal/'))}/{quote(rest.replace('|', '/'), safe='/:[]')}"


def in_words(due: datetime, zone: str) -> str:
    """Return an instant as its reader says it: "Tuesday 24 November, 17:00 (America/Chicago)"."""
    try:
        there = due.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        there, zone = due, "UTC"
    return f"{there:%A} {there.day} {there:%B}, {there:%H:%M} ({zone})"


def _shown(request: Request) -> dict[str, Any]:
    """Return what the request's page shows and a message may repeat."""
    body = request.body
    rule = body.get("rule") or {}
    return {
        "question": body.get("question", ""),
        "rule": rule.get("text", "") if isinstance(rule, dict) else str(rule),
        "facts": body.get("facts", []),
        "follows": body.get("follows", {}),
        "outcome": request.outcome or "",
        "by": request.answered_by or "",
    }
