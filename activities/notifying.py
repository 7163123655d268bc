"""Owes people messages: who is told what when a request opens, waits or is late."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from activities.read_side import Row, request_id, signer
from models.deal import DealState, Entry
from models.people import Directory
from models.progress import Wait
from models.tables.people import Person


def messages(
    state: DealState,
    asked: Sequence[Wait],
    directory: Directory[Person],
    entries: Sequence[Entry],
    owed: AbstractSet[str],
) -> list[Row]:
    """Owe everybody who is asked one message per channel; reminders are owed by their number."""
    rows: list[Row] = []
    for wait in asked:
        request = request_id(state, wait)
        reminded = [f"|reminder-{e.seq}" for e in entries if e.kind == "reminder" and e.step == wait.step]
        if wait.kind == "signature":
            for address in wait.waiting_on:
                rows += [_signing_mail(state, wait, request, address, suffix) for suffix in ("", *reminded)]
            continue
        late = "escalated" if wait.late and wait.kind not in ("incident", "question") else "request"
        for person in (directory.people[p] for p in wait.waiting_on if p in directory.people):
            if f"{request}|{person.id}|mail" not in owed:
                rows += _messages(state, wait, person, request, late, "")
            for suffix in reminded:
                rows += _messages(state, wait, person, request, "reminder", suffix)
            for inquiry in (e for e in entries if e.kind == "information asked" and e.step == wait.step):
                rows += _messages(state, wait, person, request, "request", f"|question-{inquiry.seq}")
    return rows


def _messages(state: DealState, wait: Wait, person: Person, request: str, template: str, suffix: str) -> list[Row]:
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
    body = {
        "template": "signing", "request": request, "deal": state.deal, "to": address, "name": signer(state, address),
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
