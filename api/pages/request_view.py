"""What the page of one request shows to one reader: why they are asked, what they may do, and what to weigh it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request

from api import inboxes, queries, supporting
from api.auth import Caller
from api.bodies import AskedPerson, Body, Change, ClockTimes, Difference, FactLine, read_body
from api.pages import addresses
from api.pages.answered import just_answered
from api.pages.answering import Wrong
from api.pages.frame import words_of
from api.pages.papers import Sheet, moved, sheets
from api.pages.words import Words, readable
from api.parts import Parts
from api.policy import OPERATORS
from api.problems import Problem
from connectors.database import ReadSession
from models.deal import Receipt
from models.quote import Quote
from models.tables.deals import Deal
from models.tables.documents import Document
from models.tables.people import Person
from models.tables.requests import Request as Asked


@dataclass(frozen=True)
class Shown:
    """What happened to an answer just given, when the page is shown again instead of left."""

    problem: Problem | None = None
    receipt: Receipt | None = None
    wrong: Wrong | None = None
    form: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rights:
    """Which acts around the answer this reader is offered."""

    move: Sequence[tuple[str, str]] = ()
    """Whose place they may give to somebody else: what is sent, what is shown."""
    add: bool = False
    nudge: bool = False
    recall: bool = False
    override: bool = False

    def __bool__(self) -> bool:
        return bool(self.move or self.add or self.nudge or self.recall or self.override)


@dataclass(frozen=True)
class Paper:
    """A document the answer covers, section by section."""

    document: Document
    pages: Sequence[Sheet]
    moved: int | None


@dataclass(frozen=True)
class Tick:
    """A moment on the clock's bar, in percent of it."""

    at: float
    words: str


async def request_context(
    request: Request,
    parts: Parts,
    me: Caller,
    name: str,
    shown: Shown,
    *,
    path: str,
    seen: int | None = None,
    answered: str | None = None,
    told: int | None = None,
) -> dict[str, Any]:
    """Return what `request.html` prints. Raises Problem for a request nobody knows."""
    now = parts.now()
    async with parts.database.read() as session:
        asked = await queries.request(session, name)
        deal = await queries.deal(session, asked.deal_id) if asked else None
        if asked is None or deal is None:
            raise Problem("unknown_request")
        body = read_body(asked.body)
        people = await queries.people(session)
        context = {
            **await _weighed(session, asked, deal, body, me, now),
            "next": await _next(session, asked, me, now),
            "talk": await supporting.said(session, asked),
            "answered": await just_answered(session, answered or name, me.id, now),
            "told": await _told(session, asked, told, me),
            "newer": await _newer(session, asked),
        }
    named = names(people)
    open_now = asked.state == "open"
    mine = [each for each in body.asked if each.person == me.id]
    return context | {
        "asked": asked,
        "deal": deal,
        "body": body,
        "figs": body.facts or _figures(request, deal),
        "people": people,
        "names": named,
        "who_waits": [named.get(p, p) for p in asked.people],
        "may": open_now and (me.id in asked.people or _may_help(me, asked, deal)),
        "named": me.id in asked.people or bool(mine),
        "reasons": [_how(each, named) for each in mine],
        "barred": next((each.barred for each in mine if each.barred), "") if open_now else "",
        "rights": _rights(me, asked, body, deal, people) if open_now else Rights(),
        "shown": shown,
        "since": _since(body, me),
        "changes": _changes(shown, body, asked, seen),
        "moved_on": seen is not None and seen != asked.edition,
        "ticks": _ticks(words_of(request), body.clock, asked) if body.clock and open_now else None,
        "path": path,
        "own_path": addresses.request_path(asked.id),
        "deal_path": addresses.deal_path(deal.id),
        "deal_path_of": addresses.deal_path,
        "files_path": addresses.deal_path(deal.id) + "/attachments/",
        "choices": [p for p in people.values() if p.active and p.id != me.id],
    }


async def _weighed(
    session: ReadSession, asked: Asked, deal: Deal, body: Body, me: Caller, now: datetime
) -> dict[str, Any]:
    """Return the evidence beside an approval: documents, margin, similar deals."""
    covers = {each.name for each in body.documents}
    documents = await queries.documents(session, deal.id)
    context: dict[str, Any] = {
        "documents": [d for d in documents if not covers or d.name in covers][:3],
        "papers": [],
        "margin": None,
        "similar": supporting.Similar(),
    }
    if asked.kind != "approval":
        return context
    context["papers"] = await _papers(session, deal.id, body, _since(body, me))
    quote = await supporting.quote_of(session, deal)
    context["margin"] = _margin(quote, body) if quote is not None else None
    context["similar"] = await supporting.similar(session, asked, deal, now)
    return context


async def _papers(session: ReadSession, deal_id: str, body: Body, since: Difference | None) -> list[Paper]:
    """Return the covered documents as sections, compared with the version the reader signed before."""
    signed = since.documents if since is not None else {}
    hashes = {each.sha256 for each in body.documents if each.sha256} | set(signed.values())
    found = await supporting.papers(session, deal_id, hashes) if hashes else {}
    papers = []
    for each in body.documents:
        if each.sha256 not in found:
            continue
        document, html = found[each.sha256]
        _, before = found.get(signed.get(each.name, ""), (None, None))
        pages = sheets(html, before)
        papers.append(Paper(document, pages, moved(pages) if before is not None else None))
    return papers


def _margin(quote: Quote, body: Body) -> dict[str, Any]:
    """Return the quote with the price at which its margin would be what policy wants."""
    bound = next((line for line in body.limits if line.label == "margin" and line.outside and not line.above), None)
    wanted = None
    if bound is not None:
        share = Decimal(bound.bound.removesuffix("%").strip()) / 100
        if share < 1:
            price = (quote.totals.cost.amount / (1 - share)).quantize(Decimal("0.01"))
            listed = quote.totals.list_price.amount
            wanted = {
                "share": bound.bound,
                "price": quote.totals.cost.model_copy(update={"amount": price}),
                "discount": (100 * (1 - price / listed)).quantize(Decimal("0.1")) if listed else None,
            }
    return {"quote": quote, "wanted": wanted}


async def _next(session: ReadSession, asked: Asked, me: Caller, now: datetime) -> tuple[str, str] | None:
    name = await inboxes.following(session, me.id, asked.id, now)
    other = await queries.request(session, name) if name else None
    deal = await queries.deal(session, other.deal_id) if other else None
    return (deal.account or deal.title, addresses.request_path(other.id)) if other and deal else None


async def _told(session: ReadSession, asked: Asked, told: int | None, me: Caller) -> str:
    """Return what the reader has just done, from the journal; nothing for a number that is not theirs."""
    entry = await supporting.entry(session, asked.deal_id, told) if told else None
    return entry.text if entry is not None and entry.who == me.id else ""


async def _newer(session: ReadSession, asked: Asked) -> str | None:
    """Return where the same step is asked anew, for a reader of an older round."""
    if asked.state == "open":
        return None
    later = select(col(Asked.id)).where(
        col(Asked.deal_id) == asked.deal_id, col(Asked.step) == asked.step, col(Asked.state) == "open"
    )
    found = (await session.scalars(later.limit(1))).first()
    return addresses.request_path(found) if found else None


def _may_help(me: Caller, asked: Asked, deal: Deal) -> bool:
    repairs = asked.kind in {"incident", "question", "wait", "revise"}
    return repairs and (me.id == deal.owner or bool(me.roles & {*OPERATORS, "operations"}))


def _rights(me: Caller, asked: Asked, body: Body, deal: Deal, people: Mapping[str, Person]) -> Rights:
    """Return what this reader may do beside answering, as api/policy.py and the deal's workflow will judge it."""
    if asked.kind not in {"approval", "handoff"} and not body.nobody:
        return Rights()
    operator = bool(me.roles & set(OPERATORS))
    owner = people.get(deal.owner)
    owns = me.id == deal.owner or (owner is not None and owner.manager == me.id)
    named = me.id in {*asked.people, *(each.person for each in body.asked)}
    called = names(people)
    move: list[tuple[str, str]] = [("", "your own place")] if named and not body.nobody else []
    if body.nobody and operator:
        move = [("", "the place nobody fills")]
    if operator and asked.kind == "approval":
        known = [*(each.person for each in body.asked), *asked.people]
        others = dict.fromkeys(person for person in known if person != me.id)
        move += [(person, called.get(person, person)) for person in others]
    approval = asked.kind == "approval"
    return Rights(
        move=move if approval or body.nobody else (),
        add=approval and (named or operator or owns),
        nudge=not body.nobody and (named or operator or owns),
        recall=not body.nobody and (operator or owns),
        override="admin" in me.roles and body.override != "none" and approval,
    )


def _how(each: AskedPerson, called: Mapping[str, str]) -> str:
    """Say how somebody came to be asked, to themselves."""
    why = f": {each.reason}" if each.reason else ""
    if each.stands_in:
        return f"You stand in for {called.get(each.stands_in, each.stands_in)}, who is away ({each.words})."
    if each.added_by:
        return f"{called.get(each.added_by, each.added_by)} added you, {each.place} the others{why}."
    if each.moved_by:
        of = f" in place of {called.get(each.of, each.of)}" if each.of else ""
        return f"{called.get(each.moved_by, each.moved_by)} handed it to you{of}{why}."
    if each.role:
        return f"You hold the role {readable(each.role)}."
    return f"You are asked as {each.words}." if each.words else ""


def _since(body: Body, me: Caller) -> Difference | None:
    """Return what moved since the reader's own last answer, else since the last one of anybody."""
    return body.before.get(me.id) or body.difference


def _changes(shown: Shown, body: Body, asked: Asked, seen: int | None) -> list[Change]:
    """Return what moved since the edition the reader answered or has open."""
    told = shown.problem.extra.get("changed") if shown.problem else None
    if isinstance(told, dict):
        return [Change(label=readable(name), was=str(then), now=str(new)) for name, (then, new) in told.items()]
    over = seen is not None and seen != asked.edition
    return body.difference.changes if body.difference and (over or shown.problem) else []


def _ticks(words: Words, clock: ClockTimes, asked: Asked) -> dict[str, Any] | None:
    """Return the request's time as a bar: what is used of it, reminders, and when others are asked too."""
    end = max([clock.due, *(rung.at for rung in clock.rungs)])
    whole = words.working_time(clock.since, end)
    if asked.stopped or whole is None or whole.total_seconds() <= 0:
        return None

    def share(at: datetime) -> float:
        part = words.working_time(clock.since, at) if at > clock.since else None
        return round(100 * (part / whole), 1) if part is not None else 0.0

    ticks = [Tick(share(at), "reminder") for at in clock.reminders if at < end]
    ticks += [Tick(share(rung.at), rung.who) for rung in clock.rungs] or [Tick(share(clock.due), "due")]
    return {"used": min(100.0, share(words.now)), "ticks": ticks, "end": words.moment(end)}


def _figures(request: Request, deal: Deal) -> list[FactLine]:
    words = words_of(request)
    lines = [
        ("Amount", words.money(deal.amount, deal.currency)),
        ("Margin", words.percent(deal.margin)),
        ("Discount", words.percent(deal.discount)),
        ("Stage", deal.stage),
    ]
    return [FactLine(label=label, value=value) for label, value in lines if value]


def names(people: Mapping[str, Person]) -> dict[str, str]:
    """Return how everybody is called."""
    return {person.id: person.name for person in people.values()}
