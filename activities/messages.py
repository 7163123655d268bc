"""Delivers what people are told, by mail and chat, and rewrites in chat what has been answered since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from activities.composing import ASKING, Addressed, Channel, Composer, standing
from activities.outbound import Delivery
from activities.read_side import answering
from connectors.contract import DuplicateSafety, ExternalRef, Messenger, NotFound, Unavailable
from connectors.database import Database, ReadSession
from models.tables.effects import EffectRow
from models.tables.outbound import Outbound
from models.tables.people import Person
from models.tables.requests import Request

WITHDRAWN = ExternalRef(id="withdrawn")
"""Stands for a message whose request was closed before it could be sent."""
NOTHING = ExternalRef(id="nothing to rewrite")
"""Stands for a rewriting that is no longer needed, or whose message never went out."""
_ASKS = (*ASKING, "overdue", "signing")


class Messages:
    """Delivers outbound rows of one kind, "mail" or "slack"; the row's id is the message's key."""

    def __init__(self, database: Database, messenger: Messenger, *, public_url: str, signing_key: bytes) -> None:
        self._database, self._messenger = database, messenger
        self._composer = Composer(public_url, signing_key)

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
        """Send or rewrite the message, unless nothing is left to ask: nobody is asked what is answered."""
        body = row.body
        async with self._database.read() as session:
            request = await _request(session, str(body.get("request", "")))
            if request is not None and body.get("template") in _ASKS and _needless(request, row):
                return WITHDRAWN
            if body.get("template") == "digest":
                body = await _still_open(session, body, row.person)
                if not body["items"]:
                    return WITHDRAWN
            if request is not None and request.state == "open" and body.get("template") == "closed":
                return NOTHING  # it was closed, and is open again
            original = await _original(session, str(body["rewrites"])) if body.get("rewrites") else None
            answered_by = (request.answered_by if request else None) or ""
            names = await names_of(session, str(body.get("by", "")), answered_by, row.person or "")
        if body.get("rewrites") and request is not None:
            body = {**body, **standing(request)}
        message = self._composer.message(body, request, _addressed(row), names)
        if not body.get("rewrites"):
            return await self._messenger.send(row.id, message)
        sent = await self._sent(original, str(body["rewrites"]), message.to)
        if sent is not None:
            try:
                await self._messenger.rewrite(sent, message)
            except NotFound:  # its reader deleted it
                return NOTHING
        return sent or NOTHING

    async def find(self, row: Outbound) -> ExternalRef | None:
        """Return the message if it was sent; a rewriting is never looked for, as doing it again changes nothing."""
        if row.body.get("rewrites"):
            return None
        return await self._messenger.find(row.id, str(row.body["to"]))

    async def _sent(self, original: EffectRow | None, key: str, to: str) -> ExternalRef | None:
        """Return where the original is. None: it never went out, or will be withdrawn when its turn comes."""
        if original is None or original.external_id == WITHDRAWN.id:
            return None
        match original.state:
            case "confirmed" if original.external_id is not None:
                return ExternalRef(id=original.external_id, url=original.external_url)
            case "intended":
                raise Unavailable("Messages", f"{key} is on its way; it is rewritten once it has arrived")
            case "unknown":
                return await self._messenger.find(key, to)
            case _:
                return None


async def names_of(session: ReadSession, *people: str) -> dict[str, str]:
    """Return how these people are called."""
    found = await session.execute(select(col(Person.id), col(Person.name)).where(col(Person.id).in_(people)))
    return {str(person): str(name) for person, name in found}


def _addressed(row: Outbound) -> Addressed:
    channel: Channel = "slack" if row.kind == "slack" else "mail"
    return Addressed(row=row.id, channel=channel, person=row.person or "")


async def _request(session: ReadSession, request: str) -> Request | None:
    return await session.get(Request, request) if request else None


async def _original(session: ReadSession, key: str) -> EffectRow | None:
    return await session.get(EffectRow, key)


def _needless(request: Request, row: Outbound) -> bool:
    """Return whether nothing is left to ask: the request is closed, or its reader has answered or is not asked now."""
    if request.state == "closed" or row.body.get("rewrites") or row.body.get("template") == "overdue":
        return request.state == "closed"
    return row.person is not None and not _concerns(request, row.person)


def _concerns(request: Request, person: str) -> bool:
    return person in request.people or person in answering(request.people, request.body)


async def _still_open(session: ReadSession, body: Mapping[str, Any], person: str | None) -> dict[str, Any]:
    """Return a digest's body without what its reader is no longer asked."""
    asked = [str(item.get("request", "")) for item in body.get("items", [])]
    rows = list(await session.scalars(select(Request).where(col(Request.id).in_(asked))))
    gone = {each.id for each in rows if each.state == "closed" or not _concerns(each, person or "")}
    return {**body, "items": [item for item in body.get("items", []) if item.get("request") not in gone]}
