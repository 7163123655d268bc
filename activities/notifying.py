"""Owes people messages: who is told what when a request opens, waits, is late, is talked about or is answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from activities.links import hashed, link_token
from activities.preferences import Preferences, preferences
from activities.read_side import Row, request_id, signer
from models.deal import DealState, Entry
from models.parties import owners
from models.people import FALLBACK_ROLE, Directory
from models.progress import Wait
from models.tables.people import Person
from models.turn import title


@dataclass(frozen=True)
class News:
    """One thing to say about a request: to whom, in which words, and what makes its messages' ids their own."""

    request: str
    step: str
    round: int
    template: str
    people: tuple[str, ...]
    about: Row
    suffix: str = ""
    due: datetime | None = None


@dataclass
class Post:
    """What is owed: rows for the queue of messages, and the links their mails carry."""

    rows: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)


class Desk:
    """Says what people are owed after one batch of a deal; `now` decides about quiet hours and digests."""

    def __init__(
        self, state: DealState, directory: Directory[Person], entries: Sequence[Entry], now: datetime, key: bytes
    ) -> None:
        self.state, self.directory, self.entries, self.now, self.key = state, directory, entries, now, key
        self.deal = {
            "deal": state.deal, "deal_title": str(state.facts.get("title", "")),
            "account": str(state.facts.get("account", "")), "amount": str(state.facts.get("amount", "")),
        }  # fmt: skip

    def post(self, asked: Sequence[Wait], questions: Mapping[str, str], owed: Collection[str]) -> Post:
        """Return what is owed for the open requests and the news about them, except what is `owed` already."""
        post = Post()
        for wait in asked:
            if wait.kind == "signature":
                post.rows += self._to_signers(wait)
        for news in self._all(asked, questions):
            for person in (self.directory.people[p] for p in news.people if p in self.directory.people):
                self._tell(news, person, owed, post)
        return post

    def _all(self, asked: Sequence[Wait], questions: Mapping[str, str]) -> Iterator[News]:
        open_now = {wait.step: wait for wait in asked if wait.step is not None}
        for wait in asked:
            if wait.kind != "signature":
                yield from self._of_request(wait, questions.get(request_id(self.state, wait), ""))
        for entry in self._said("comment"):
            yield self._comment(entry, open_now.get(entry.step or ""), questions)

    def _of_request(self, wait: Wait, question: str) -> Iterator[News]:
        about = {
            **self.deal, "title": wait.title, "kind": wait.kind, "reason": wait.reason, "who": wait.who,
            "question": question, "since": wait.since.isoformat(), "due": wait.due.isoformat() if wait.due else None,
            "next": wait.next.what if wait.next else "",
        }  # fmt: skip
        inquiry = self.state.record(wait.step or "").inquiry

        def news(template: str, suffix: str = "", people: Iterable[str] = wait.waiting_on, **more: str) -> News:
            told = about | more
            whom = tuple(dict.fromkeys(people))
            return News(
                request_id(self.state, wait), wait.step or "", wait.round, template, whom, told, suffix, wait.due
            )

        if inquiry is None or inquiry.answer:  # else its owner is waited for, who is sent the question
            late = wait.late and wait.kind not in ("incident", "question")
            yield news("escalated" if late else "request")
        for entry in self._said("reminder", wait):
            yield news("reminder", f"|reminder-{entry.seq}")
        for entry in self._said("information asked", wait):
            yield news("request", f"|question-{entry.seq}")
        for entry in self._said("overdue", wait):  # nobody is left to ask; somebody has to look after it
            yield news("overdue", f"|overdue-{entry.seq}", [*owners(self.state), *self.directory.having(FALLBACK_ROLE)])
        for entry in self._said("nudged", wait):
            yield news("nudge", f"|nudge-{entry.seq}", by=entry.who, note=str(entry.body.get("note", "")))
        for entry in self._said("information given", wait):
            if inquiry is not None:
                answer = {"by": entry.who, "asked_what": inquiry.question, "answer": _words(entry)}
                yield news("answered", f"|answered-{entry.seq}", (inquiry.by,), **answer)

    def _comment(self, entry: Entry, wait: Wait | None, questions: Mapping[str, str]) -> News:
        """A remark goes to everybody the request concerns: who is asked, who has answered, and the deal's owner."""
        step, state = entry.step or "", self.state
        record = state.record(step)
        request = request_id(state, wait) if wait else f"{state.deal}|{step}|{record.round}"
        answered = [d.person for d in record.decisions if d.round == record.round]
        concerned = dict.fromkeys([*(wait.waiting_on if wait else ()), *owners(state), *answered])
        about = {
            **self.deal, "title": title(step), "kind": wait.kind if wait else "", "by": entry.who,
            "question": questions.get(request, ""), "text": _words(entry),
        }  # fmt: skip
        people = tuple(person for person in concerned if person != entry.who)
        return News(request, step, record.round, "comment", people, about, f"|comment-{entry.seq}")

    def _said(self, kind: str, wait: Wait | None = None) -> list[Entry]:
        return [each for each in self.entries if each.kind == kind and (wait is None or each.step == wait.step)]

    def _tell(self, news: News, person: Person, owed: Collection[str], post: Post) -> None:
        wanted = preferences(person)
        for channel in wanted.channels:
            name = f"{news.request}|{person.id}|{channel}{news.suffix}"
            if name in owed:
                continue
            body = {
                **news.about, "template": news.template, "request": news.request, "name": person.name,
                "zone": person.zone, "to": person.slack if channel == "slack" else person.email,
            }  # fmt: skip
            row = {"id": name, "kind": channel, "deal_id": self.state.deal, "person": person.id, "body": body}
            post.rows.append(row | self._when(news, person, wanted, body))
            if channel == "mail":
                post.links.append(self._link(news, person))

    def _when(self, news: News, person: Person, wanted: Preferences, body: Row) -> Row:
        """Return until when a message is held back. Nobody hears too late because of it."""
        digest = wanted.next_digest(self.now) if news.template == "request" and not news.suffix else None
        if digest is not None and (news.due is None or digest < news.due):
            named = f"{person.id}|digest|{digest:%Y-%m-%dT%H:%M}|{'slack' if body['to'] == person.slack else 'mail'}"
            # It is told as a part of the digest, so it needs no sending of its own.
            return {"state": "sent", "not_before": digest, "body": {**body, "digest": named}}
        quiet = wanted.quiet_until(self.now)
        return {"not_before": quiet} if quiet is not None and (news.due is None or quiet < news.due) else {}

    def _link(self, news: News, person: Person) -> Row:
        return {
            "token_hash": hashed(link_token(self.key, news.request, person.id)), "deal_id": self.state.deal,
            "request_id": news.request, "step": news.step, "round": news.round, "person": person.id,
        }  # fmt: skip

    def _to_signers(self, wait: Wait) -> list[Row]:
        request, state = request_id(self.state, wait), self.state
        rows = []
        for address in wait.waiting_on:
            body = {
                **self.deal, "template": "signing", "request": request, "to": address, "name": signer(state, address),
                "title": wait.title, "kind": wait.kind, "reason": wait.reason,
                "due": wait.due.isoformat() if wait.due else None,
            }  # fmt: skip
            for suffix in ("", *(f"|reminder-{entry.seq}" for entry in self._said("reminder", wait))):
                name = f"{request}|{address}|mail{suffix}"
                rows.append({"id": name, "kind": "mail", "deal_id": state.deal, "person": None, "body": body})
        return rows


def _words(entry: Entry) -> str:
    """Return what somebody said, without the name of the step that the journal puts before it."""
    return entry.text.removeprefix(f"{title(entry.step or '')}: ")
