"""Owes people messages: who is told what when a request opens, waits or is late."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from connectors.database import WriteSession
from models.deal import DealState, Entry
from models.people import Directory
from models.progress import Wait
from models.tables.outbound import Outbound
from models.tables.people import Person


async def notify(
    session: WriteSession,
    state: DealState,
    asked: Sequence[Wait],
    directory: Directory[Person],
    entries: Sequence[Entry],
) -> None:
    """Owe everybody who is asked one message per channel; reminders are owed by their number."""
    rows: list[dict[str, Any]] = []
    for wait in asked:
        request = request_id(state, wait)
        reminded = [f"|reminder-{e.seq}" for e in entries if e.kind == "reminder" and e.step == wait.step]
        if wait.kind == "signature":
            for address in wait.waiting_on:
                rows += [_signing_mail(state, wait, request, address, suffix) for suffix in ("", *reminded)]
            continue
        late = "escalated" if wait.late and wait.kind not in ("incident", "question") else "request"
        for person in (directory.people[p] for p in wait.waiting_on if p in directory.people):
            rows += _messages(state, wait, person, request, late, "")
            for suffix in reminded:
                rows += _messages(state, wait, person, request, "reminder", suffix)
            for inquiry in (e for e in entries if e.kind == "information asked" and e.step == wait.step):
                rows += _messages(state, wait, person, request, "request", f"|question-{inquiry.seq}")
    if rows:
        await session.execute(insert(Outbound).on_conflict_do_nothing(), rows)


def _messages(
    state: DealState, wait: Wait, person: Person, request: str, template: str, suffix: str
) -> list[dict[str, Any]]:
    body = {
        "template": template, "request": request, "deal": state.deal, "to": person.email, "name": person.name,
        "zone": person.zone, "title": wait.title, "kind": wait.kind, "reason": wait.reason, "who": wait.who,
        "deal_title": str(state.facts.get("title", "")), "account": str(state.facts.get("account", "")),
        "amount": str(state.facts.get("amount", "")), "since": wait.since.isoformat(),
        "due": wait.due.isoformat() if wait.due else None, "next": wait.next.what if wait.next else "",
    }  # fmt: skip
    common = {"deal_id": state.deal, "person": person.id}
    mail = {"id": f"{request}|{person.id}|mail{suffix}", "kind": "mail", "body": body, **common}
    if person.slack is None:
        return [mail]
    slack = {
        "id": f"{request}|{person.id}|slack{suffix}",
        "kind": "slack",
        "body": {**body, "to": person.slack},
        **common,
    }
    return [mail, slack]


def _signing_mail(state: DealState, wait: Wait, request: str, address: str, suffix: str) -> dict[str, Any]:
    name = parseaddr(str(state.facts.get("signatory", "")))[0] or address
    body = {
        "template": "signing", "request": request, "deal": state.deal, "to": address, "name": name,
        "title": wait.title, "kind": wait.kind, "reason": wait.reason, "account": str(state.facts.get("account", "")),
        "deal_title": str(state.facts.get("title", "")), "due": wait.due.isoformat() if wait.due else None,
    }  # fmt: skip
    return {
        "id": f"{request}|{address}|mail{suffix}",
        "kind": "mail",
        "deal_id": state.deal,
        "person": None,
        "body": body,
    }


def signing_token(key: bytes, request: str, address: str) -> str:
    """Return the token of a signer's link: the same for the same request, not to be guessed without the key."""
    return hmac.new(key, f"{request}|{address}".encode(), hashlib.sha256).hexdigest()


def request_id(state: DealState, wait: Wait) -> str:
    """Return the id under which a wait is asked of people."""
    return f"{state.deal}|{wait.id}"
