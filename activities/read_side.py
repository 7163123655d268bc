"""What the board, the inbox and the sign page show of a deal, as rows: pure, from its state alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import Any, NamedTuple, Self

from activities.links import hashed, signing_token
from models.deal import DealState, Record
from models.money import Money, Percent
from models.path import path
from models.progress import Wait, stage_now
from models.prompt import prompt
from models.values import Digest

REQUESTS = ("approval", "task", "handoff", "signature", "wait", "revise", "question", "incident")
Row = dict[str, Any]


class Asking(NamedTuple):
    """What has to be known of a request to say later what became of it, and whose messages no longer show it right."""

    kind: str
    step: str
    round: int
    edition: int = 1
    answering: frozenset[str] = frozenset()

    @classmethod
    def of(cls, kind: str, step: str, round_: int, edition: int, people: Iterable[str], body: Row) -> Self:
        """Return what is known of an open request's row."""
        return cls(kind, step, round_, edition, answering(people, body))

    def moved(self, since: Self) -> frozenset[str]:
        """Return who may answer and could not before, or the other way round, or is now asked about other content."""
        other = self.answering if self.edition != since.edition else frozenset()
        return other | (self.answering ^ since.answering)


def answering(people: Iterable[str], body: Row) -> frozenset[str]:
    """Return who may answer a request: who is waited for, or, while that is its owner, everybody asked before."""
    if not body.get("question_asked"):
        return frozenset(people)
    answered = {each["person"] for each in body.get("answers", []) if "at" in each}
    return frozenset(each["person"] for each in body.get("asked", []) if not each.get("barred")) - answered


def deal_row(state: DealState, waits: Sequence[Wait], now: datetime, digest: str) -> Row:
    """Return the deal as the board shows it; `delivery` belongs to the onboarding."""
    _, source, source_id = state.deal.split("/", 2)
    facts, amount = state.facts, state.facts.get("amount")
    people = dict.fromkeys(p for wait in waits for p in wait.waiting_on if wait.kind != "running")
    status = "hold" if state.hold is not None else "running"
    if state.ended and state.ending is not None:
        status = state.ending.outcome
    return {
        "id": state.deal, "source": source, "source_id": source_id.partition("~")[0], "life": state.life,
        "title": str(facts.get("title", state.deal)), "account": str(facts.get("account", "")),
        "owner": str(facts.get("owner", "")), "flow": state.flow.name, "flow_version": state.flow.version,
        "flow_digest": digest, "stage": stage_now(state), "status": status,
        "amount": amount.amount if isinstance(amount, Money) else None,
        "currency": amount.currency if isinstance(amount, Money) else "USD",
        "discount": _percent(facts.get("discount")), "margin": _percent(facts.get("margin")),
        "waiting_on": list(people), "waits": list(waits), "path": path(state), "facts": facts, "crm_url": state.url,
        "seq": state.seq, "opened_at": state.opened_at, "changed_at": now, "stage_since": now,
        "ended_at": now if state.ended else None, "incidents": sum(wait.kind == "incident" for wait in waits),
    }  # fmt: skip


def request_row(state: DealState, wait: Wait) -> Row:
    """Return an open request as the inbox shows it."""
    record = state.record(wait.step or "")
    return {
        "id": request_id(state, wait), "deal_id": state.deal, "step": wait.step or "", "round": wait.round,
        "edition": wait.edition, "kind": wait.kind, "title": wait.title, "reason": wait.reason,
        "people": wait.waiting_on, "asks": _asks(record), "who": wait.who, "state": "open",
        "outcome": None, "answered_by": None, "closed_at": None, "opened_at": wait.since, "due_at": wait.due,
        "escalates_at": wait.next.at if wait.next else None, "escalates_to": wait.next.what if wait.next else None,
        "stopped": record.clock is not None and record.clock.stopped_at is not None, "body": prompt(state, wait),
    }  # fmt: skip


def _asks(record: Record) -> list[str]:
    """Return the names by which a change of people finds the request: its parties, and everybody in them by now."""
    return list(dict.fromkeys([*record.asked, *(f"person:{p}" for people in record.asked.values() for p in people)]))


def closed_row(state: DealState, request: str, asking: Asking) -> Row:
    """Return what became of a request that is no longer open, and who answered it."""
    outcome, person = _outcome(state, asking)
    return {"id": request, "outcome": outcome, "answered_by": person}


def signing_rows(state: DealState, asked: Iterable[Wait], key: bytes) -> list[Row]:
    """Return the link of every signer of an open signature request."""
    rows: list[Row] = []
    for wait in asked:
        record = state.record(wait.step or "")
        document = next((v for v in record.read.values() if isinstance(v, Digest)), None)
        if wait.kind != "signature" or document is None:
            continue
        for address in wait.waiting_on:
            token = signing_token(key, request_id(state, wait), address)
            rows.append({
                "token_hash": hashed(token), "deal_id": state.deal, "step": wait.step, "round": wait.round,
                "document_sha256": document.sha256, "signer_name": signer(state, address), "signer_email": address,
                "state": "open", "opened_at": wait.since, "expires_at": wait.due,
            })  # fmt: skip
    return rows


def crm_view(row: Row) -> dict[str, str]:
    """Return what the CRM is told of a deal."""
    found = {"throughline_stage": row["stage"], "throughline_status": row["status"]}
    if row["amount"] is not None:
        found["amount"] = str(row["amount"])
    return found


def write_back(state: DealState, seq: int, old: dict[str, str], new: dict[str, str]) -> list[Row]:
    """Return what the CRM is owed: the values that changed, one row per change, delivered in order."""
    _, source, source_id = state.deal.split("/", 2)
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    if source != "hubspot" or not changed:
        return []
    body = {"object_id": source_id.partition("~")[0], "properties": changed}
    row = {"id": f"{state.deal}|crm|{seq}", "kind": "crm", "deal_id": state.deal, "person": None, "body": body}
    return [row]


def request_id(state: DealState, wait: Wait) -> str:
    """Return the id under which a wait is asked of people."""
    return f"{state.deal}|{wait.id}"


def signer(state: DealState, address: str) -> str:
    """Return the name of whoever signs."""
    return parseaddr(str(state.facts.get("signatory", "")))[0] or address


def _outcome(state: DealState, asking: Asking) -> tuple[str, str | None]:
    if asking.kind in ("question", "incident", "revise"):
        return "settled", None
    record: Record = state.record(asking.step)
    given = [d for d in record.decisions if d.round == asking.round]
    answered_by = given[-1].person if given else None
    if record.round != asking.round:
        word = {"yes": "approved", "no": "rejected"}
        return (word[given[-1].verdict] if given else record.reason or "closed"), answered_by
    return record.outcome or record.reason or record.state.value, answered_by


def _percent(value: Any) -> Any:
    return value.value if isinstance(value, Percent) else None
