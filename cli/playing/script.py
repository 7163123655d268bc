"""Scripted people: they read their inboxes, answer what their part says, and leave the rest to whoever watches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.playing.company import BY_ID, DELIVERY, OPERATIONS, Sale
from cli.playing.doors import Answer, Patience, Person, Refused, Visitor
from cli.playing.vendors import Vendors, links

# What a door says when somebody or something else was faster; the next look at the inbox shows what is left.
_OVERTAKEN = frozenset({"closed", "stale", "held", "ended", "unknown_step", "not_yours", "already_answered", "invalid"})


@dataclass(frozen=True)
class Say:
    """What somebody answers."""

    verdict: str = "approve"
    reason: str = ""


@dataclass
class Part:
    """What is played for one deal. People answer everything except the steps they leave."""

    sale: Sale
    leaves: frozenset[str] = frozenset()
    says: Mapping[str, Say] = field(default_factory=dict)
    """By step, or by step and person: "approval:security hiro"."""
    signs: bool = True
    tasks_done: int = 0
    deal: str = ""
    """Its id in the CRM, once entered."""

    @property
    def id(self) -> str:
        return f"deal/hubspot/{self.deal}"

    def say(self, step: str, person: str) -> Say | None:
        """Return what this person answers at this step; None: it is left open."""
        if step in self.leaves or f"{step} {person}" in self.leaves:
            return None
        return self.says.get(f"{step} {person}") or self.says.get(step) or Say()


@dataclass(frozen=True)
class Asked:
    """A request as those who were asked saw it."""

    id: str
    title: str
    kind: str
    people: tuple[str, ...]
    opened_at: str


@dataclass(frozen=True)
class Answered:
    """One answer: who gave it, to what, and when it counted."""

    request: str
    person: str
    verdict: str
    at: str


@dataclass
class Cast:
    """Everybody who plays, with what they were asked and what they answered."""

    url: str
    vendors: Vendors
    patience: Patience
    asked: dict[str, Asked] = field(default_factory=dict)
    answered: list[Answered] = field(default_factory=list)
    _people: dict[str, Person] = field(default_factory=dict, init=False)

    def person(self, name: str) -> Person:
        if name not in self._people:
            self._people[name] = Person(self.url, name, self.patience)
        return self._people[name]

    def close(self) -> None:
        for each in self._people.values():
            each.close()

    def answer(self, parts: Mapping[str, Part], people: Iterable[str], *, once_told: bool) -> bool:
        """Let these people answer what is in their inbox for these deals; True when somebody did.

        With `once_told` they answer only after every mail and message about the request has come.
        """
        busy = False
        for name in people:
            for line in self.person(name).inbox():
                part = parts.get(line["deal_id"])
                if part is None:
                    continue
                self.asked.setdefault(line["id"], _asked(line))
                say = part.say(line["step"], name)
                if say is not None and (not once_told or self._told(line)):
                    busy = self._act(name, line, say) or busy
        return busy

    def sign(self, part: Part) -> bool:
        """Let the customer read the newest mail with a link, open it, and sign; True when there was one to sign."""
        address = part.sale.customer.mail
        mails = [m for m in self.vendors.held("Mail", "mails") if m["to"] == address]
        found = [link.removeprefix(self.url) for m in mails for link in links(m) if "/sign/" in link]
        visitor = Visitor(self.url, self.patience)
        try:
            for page in reversed(found):
                if 'name="typed_name"' not in visitor.get(page).text:
                    continue
                name = part.sale.customer.signer
                signed = visitor.submit(page, page, typed_name=name, agree="yes", act="sign")
                if signed.status_code < 400 or signed.status_code == 410:
                    return True
        finally:
            visitor.close()
        return False

    def clear_doubts(self, part: Part) -> None:
        """Let sales operations look for every mail that may or may not have been sent, and say what they found."""
        effects = self.person(OPERATIONS.id).read(f"/api/deals/hubspot/{part.deal}/effects") or ()
        for effect in effects:
            if effect["state"] == "unknown" and effect["system"] == "Mail":
                self._clear(effect)

    def begin_delivery(self, part: Part, tasks: int) -> bool:
        """Let the delivery manager start and complete the first tasks; True once that many are done."""
        manager, address = self.person(DELIVERY.id), f"onboardings/hubspot/{part.deal}"
        plan: Answer | None = manager.read(f"/api/{address}")
        if plan is None:
            return False
        done = [task for task in plan["tasks"] if task["state"] == "done"]
        if len(done) >= tasks:
            return True
        task = next((t for t in plan["tasks"] if t["state"] in ("ready", "started")), None)
        if task is not None:
            do = "start" if task["state"] == "ready" else "complete"
            self.attempt(lambda: manager.act(address, key(address, task["task"], do), do=do, task=task["task"]))
        return False

    @staticmethod
    def attempt(do: Callable[[], Answer]) -> Answer | None:
        """Do it unless somebody was faster; then the next look shows what is left. Raises Refused for anything else."""
        try:
            return do()
        except Refused as no:
            if no.code not in _OVERTAKEN:
                raise
            return None

    def _clear(self, effect: Answer) -> None:
        mark = _mark(effect["step"].removeprefix("outbound:"))
        there = [m["message_id"] for m in self.vendors.held("Mail", "mails") if mark in m["message_id"]]
        found = {"outcome": "happened", "reference": there[0]} if there else {"outcome": "did_not_happen"}
        said = {"key": effect["key"], "evidence": f"the mail server holds {len(there)} of it", **found}
        self.attempt(lambda: self.person(OPERATIONS.id).post("/api/effects/settle", said))

    def _act(self, name: str, line: Answer, say: Say) -> bool:
        act = _act_of(line, say)
        if act is None:
            return False
        thing = f"deals/{line['deal_id'].removeprefix('deal/')}"
        once = key(line["id"], str(line["edition"]), name, say.verdict)
        receipt = self.attempt(lambda: self.person(name).act(thing, once, **act))
        if receipt is None:
            return False
        self.answered.append(Answered(line["id"], name, receipt["outcome"], receipt["at"]))
        return True

    def _told(self, line: Answer) -> bool:
        """Say whether everybody who is asked has had the mail and the message."""
        mails = [m["message_id"] for m in self.vendors.held("Mail", "mails")]
        keys = {m["key"] for m in self.vendors.held("Slack", "messages")}
        owed = [f"{line['id']}|{each}" for each in line["people"] if each in BY_ID]
        return all(f"{row}|slack" in keys and any(_mark(f"{row}|mail") in name for name in mails) for row in owed)


def key(*parts: str) -> str:
    """Return a one-time key that is the same whenever the same is done again."""
    return "play-" + hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


def _mark(row: str) -> str:
    """Return what the Message-ID of a mail that was owed holds, by which it can be told from all others."""
    return hashlib.sha256(row.encode()).hexdigest()[:40]


def _asked(line: Answer) -> Asked:
    return Asked(line["id"], line["title"], line["kind"], tuple(line["people"]), line["opened_at"])


def _act_of(line: Answer, say: Say) -> dict[str, Any] | None:
    """Return the act that answers a request; None for what scripted people leave to those who watch."""
    where = {"step": line["step"], "round": line["round"]}
    match line["kind"]:
        case "approval":
            return {"do": "decide", **where, "edition": line["edition"], "verdict": say.verdict, "reason": say.reason}
        case "handoff":
            verdict = "accept" if say.verdict == "approve" else say.verdict
            return {"do": "decide", **where, "edition": line["edition"], "verdict": verdict, "reason": say.reason}
        case "task":
            return {"do": "complete", **where}
        case _:
            return None
