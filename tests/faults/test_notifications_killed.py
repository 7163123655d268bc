"""Worker, API and Temporal die between a decision and the messages it owes: nobody is told twice, a doubt is shown."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.local.places import Places
from cli.local.progress import Quiet
from cli.local.stack import Stack, running
from cli.playing.company import BIG_SALE, BY_ID, OPERATIONS
from cli.playing.once import open_stage
from cli.playing.script import Cast, Part
from tests.conftest import remove_state
from tests.faults.killing import kill, with_ports_of_its_own

REVIEW = {"approval:legal": "hanna", "approval:finance": "noor", "approval:security": "hiro"}


@pytest.fixture
def stack(tmp_path: Path, temporal_program: Path) -> Iterator[Stack]:
    """A whole company running in a folder of its own."""
    places = with_ports_of_its_own(Places(tmp_path / "state"))
    with running(places, Quiet()) as started:
        yield started
    remove_state(places)


@pytest.mark.timeout(480)
def test_nobody_is_told_twice_whatever_dies_between_a_decision_and_its_messages(stack: Stack) -> None:
    cast = open_stage(stack.pages, stack.vendors, stack.env, 400)
    told = Told(cast, Part(BIG_SALE))
    _script(cast, "Mail", fault="slow", seconds=20, method="DATA", path=BY_ID["joel"].mail)
    told.part.deal = cast.vendors.enter(BIG_SALE)

    # The mail server has the mail, the worker dies before it hears so.
    cast.patience.until("the mail is there", lambda: told.mails("joel", "approval:discount"))
    assert kill(stack.places, "worker")
    cast.patience.until("the doubt is shown", lambda: told.effect("joel", "approval:discount", "mail") == "unknown")
    cast.patience.until("Slack completes it", lambda: told.messages("joel", "approval:discount"))

    # Slack has the message, the worker dies before it hears so; API and Temporal die on the decision.
    _script(cast, "Slack", fault="slow", seconds=20, path="chat.postMessage")
    told.approve("joel", "approval:discount")
    assert kill(stack.places, "api")
    assert kill(stack.places, "temporal")
    cast.patience.until("the message is there", lambda: told.messages("daniel", "approval:deep-discount"))
    assert kill(stack.places, "worker")
    told.until_told("daniel", "approval:deep-discount")

    # Decided, and the worker dies; one mail is lost on its way.
    _script(cast, "Mail", fault="drop", method="DATA", path=BY_ID["noor"].mail)
    told.approve("daniel", "approval:deep-discount")
    assert kill(stack.places, "worker")
    for step, person in REVIEW.items():
        cast.patience.until(f"{person} is told", lambda step=step, person=person: told.messages(person, step))
    cast.patience.until("the loss is shown", lambda: told.effect("noor", "approval:finance", "mail") == "unknown")
    cast.patience.until("all is settled", told.settled)
    assert told.mails("noor", "approval:finance") == 0
    assert told.wrong() == []

    # A person looks, and completes what is missing.
    cast.clear_doubts(told.part)
    told.until_told("noor", "approval:finance")
    assert told.wrong() == []
    assert told.doubts() == []
    cast.close()


class Told:
    """Who has which messages about one deal, as mail catcher and Slack hold them."""

    def __init__(self, cast: Cast, part: Part) -> None:
        self.cast, self.part = cast, part

    def approve(self, person: str, step: str) -> None:
        """Say yes once the request is in the inbox."""
        self.cast.patience.until(f"{person} can answer {step}", lambda: self._said(person, step))

    def until_told(self, person: str, step: str) -> None:
        """Wait until both channels have reached the person."""
        both = lambda: self.mails(person, step) and self.messages(person, step)  # noqa: E731
        self.cast.patience.until(f"{person} is told by mail and Slack", both)

    def mails(self, person: str, step: str) -> int:
        mark = hashlib.sha256(self._row(person, step, "mail").encode()).hexdigest()[:40]
        return sum(mark in mail["message_id"] for mail in self.cast.vendors.held("Mail", "mails"))

    def messages(self, person: str, step: str) -> int:
        key = self._row(person, step, "slack")
        return sum(message["key"] == key for message in self.cast.vendors.held("Slack", "messages"))

    def effect(self, person: str, step: str, channel: str) -> str:
        """Return what the deal's page says of a message."""
        row = f"outbound:{self._row(person, step, channel)}"
        return next((str(effect["state"]) for effect in self._effects() if effect["step"] == row), "")

    def doubts(self) -> list[str]:
        return [str(effect["step"]) for effect in self._effects() if effect["state"] == "unknown"]

    def settled(self) -> bool:
        return not [effect for effect in self._effects() if effect["state"] == "intended"]

    def wrong(self) -> list[str]:
        """Return everybody who has two messages of a round in one channel, or none and no doubt that says so."""
        found = []
        asked = {request: people for request, people in self._asked().items() if people}
        per_person = Counter(person for people in asked.values() for person in people)
        for request, people in asked.items():
            step = request.split("|")[1]
            for person in people:
                mails, messages = self.mails(person, step), self.messages(person, step)
                doubted = self.effect(person, step, "mail") == "unknown"
                if mails > 1 or messages != 1 or not (mails or doubted):
                    found.append(f"{person} has {mails} mails and {messages} messages of {request}")
        for person, requests in per_person.items():
            for vendor, kind, address in (("Mail", "mails", "mail"), ("Slack", "messages", "slack")):
                held = [
                    each
                    for each in self.cast.vendors.held(vendor, kind)
                    if each["to"] == getattr(BY_ID[person], address)
                ]
                if len(held) > requests:
                    found.append(f"{person} has {len(held)} in {vendor} for {requests} requests")
        return found

    def _row(self, person: str, step: str, channel: str) -> str:
        return f"{self.part.id}|{step}|1|{person}|{channel}"

    def _said(self, person: str, step: str) -> bool:
        asked = [line for line in self.cast.person(person).inbox() if line["deal_id"] == self.part.id]
        if not [line for line in asked if line["step"] == step]:
            return False
        self.cast.answer({self.part.id: self.part}, [person], once_told=False)
        return True

    def _asked(self) -> dict[str, list[str]]:
        deal = self.cast.person(OPERATIONS.id).read(f"/api/deals/hubspot/{self.part.deal}")
        waiting = {f"{self.part.id}|{wait['step']}|1": wait["waiting_on"] for wait in deal["waits"]}
        return {f"{self.part.id}|approval:discount|1": ["joel"], f"{self.part.id}|approval:deep-discount|1": ["daniel"],
                **waiting}  # fmt: skip

    def _effects(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] | None
        listed = self.cast.person(OPERATIONS.id).read(f"/api/deals/hubspot/{self.part.deal}/effects")
        return listed or []


def _script(cast: Cast, vendor: str, **script: Any) -> None:
    """Let a vendor do something wrong once."""
    address = f"{cast.vendors.pages[vendor].rstrip('/')}/_sandbox/faults"
    httpx2.post(address, json=script, trust_env=False, timeout=20).raise_for_status()
