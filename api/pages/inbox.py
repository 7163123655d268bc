"""The inbox: what waits for me, what I answer for somebody away, what waits for my team, and what I decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import inboxes, queries, teams
from api.auth import Caller
from api.inboxes import Heap, Line, Narrowed, Order, Whose
from api.pages.addresses import request_path
from api.pages.answered import just_answered
from api.pages.answering import Wrong
from api.pages.frame import show, words_of
from api.pages.words import Due, Words, readable
from api.parts import Asking, Parts, With
from models.tables.people import AbsenceRow, Person

router = APIRouter()
Tab = Literal["all", "mine", "delegated", "team", "decided"]
LISTS: tuple[Whose, ...] = ("mine", "delegated", "team")
GLANCE = 10
"""How many of each list the tab of everything shows."""
TOGETHER = 100
"""How many requests may be answered at once."""


@dataclass(frozen=True)
class View:
    """What the address says: which list, in which order, how far in, narrowed to what."""

    tab: Tab = "mine"
    order: Order = "weight"
    page: Annotated[int, Query(ge=1, le=10_000)] = 1
    ask: Annotated[str, Query(max_length=200)] = ""
    person: Annotated[str, Query(max_length=100)] = ""
    late: bool = False

    def at(self, **change: Any) -> str:
        """Return the address of this view with something changed; a change of filter starts at page 1."""
        given = {**vars(self), "page": 1, **change}
        told = {name: "true" if value is True else value for name, value in given.items()}
        kept = {name: value for name, value in told.items() if given[name] != getattr(View, name, None)}
        return f"/inbox?{urlencode(kept)}" if kept else "/inbox"


@dataclass(frozen=True)
class Row:
    """One request as the list shows it."""

    id: str
    pick: str
    """What a tick sends: the edition shown and the request; nothing for one that is answered on its own page."""
    path: str
    account: str
    title: str
    round: int
    asked_by: str
    instead_of: str
    why: str
    amount: str
    beside: str
    age: str
    weight: int
    weight_words: str
    waits_for: str
    due: Due | None
    stopped: bool
    kind: str
    outcome: str


@dataclass(frozen=True)
class Section:
    """One list on the page."""

    whose: Whose
    rows: Sequence[Row]
    of: int
    pages: int


@dataclass(frozen=True)
class Tried:
    """A joint answer that could not be taken: what was sent, and what is wrong with it."""

    wrong: Wrong | None = None
    picked: Sequence[str] = ()
    act: str = ""
    reason: str = ""


Viewed = Annotated[View, Depends()]


@router.get("/inbox")
async def inbox(
    request: Request,
    parts: With,
    me: Asking,
    view: Viewed,
    answered: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """Show the requests, the weightiest first unless asked otherwise."""
    return await page(request, parts, me, view, answered=answered)


@router.get("/inbox/next")
async def go_on(parts: With, me: Asking, answered: Annotated[str | None, Query(max_length=300)] = None) -> Response:
    """Lead to the request to answer next, or to the inbox when nothing is left."""
    async with parts.database.read() as session:
        name = await inboxes.following(session, me.id, answered, parts.now())
    told = f"?answered={quote(answered)}" if answered else ""
    return RedirectResponse((request_path(name) if name else "/inbox") + told, 303)


async def page(
    request: Request,
    parts: Parts,
    me: Caller,
    view: View,
    *,
    answered: str | None = None,
    tried: Tried = Tried(),
    status: int = 200,
) -> Response:
    """Show a view of an inbox, with a joint answer that could not be taken still in its form."""
    now = parts.now()
    async with parts.database.read() as session:
        people = await queries.people(session)
        who = await inboxes.reader(session, me.id, teams.colleagues(me.id, me.roles, people), now)
        heaps = await inboxes.heaps(session, who, now)
        found = await _found(session, who, view, heaps, parts)
        decided = await queries.decided(session, me.id) if view.tab == "decided" else []
        done = await just_answered(session, answered, me.id, now)
    words = words_of(request)
    context = {
        "view": view,
        "heaps": heaps,
        "worth": _worth(words, heaps["mine"], heaps["delegated"]),
        "sections": [_section(words, whose, lines, view, people, me) for whose, lines in found],
        "asks": _asks(heaps, view),
        "away": [_away(words, each, people) for each in who.away if each.starts <= now < each.ends],
        "decided": [_decided(words, each, people) for each in decided],
        "narrowed": bool(view.ask or view.person or view.late),
        "person": people[view.person].name if view.person in people else view.person,
        "answered": done,
        "tried": tried,
        "together": TOGETHER,
    }
    return await show(request, "inbox.html", context, status)


async def _found(
    session: Any, who: inboxes.Reader, view: View, heaps: Mapping[Whose, Heap], parts: Parts
) -> list[tuple[Whose, list[Line]]]:
    wanted = [whose for whose in LISTS if view.tab in (whose, "all") and heaps[whose].count]
    want = Narrowed(view.ask, view.person, view.late)
    size, number = (GLANCE, 1) if view.tab == "all" else (inboxes.PAGE, view.page)
    return [
        (whose, await inboxes.lines(session, who, whose, want, view.order, parts.now(), number, size))
        for whose in wanted
    ]


def _worth(words: Words, *heaps: Heap) -> str:
    """Return what the requests of these lists are worth together, by currency."""
    found: dict[str, Decimal] = {}
    for heap in heaps:
        for currency, amount in heap.worth.items():
            found[currency] = found.get(currency, Decimal(0)) + amount
    return " and ".join(words.money(found[currency], currency) for currency in sorted(found))


def _asks(heaps: Mapping[Whose, Heap], view: View) -> list[str]:
    """Return the titles to filter by, the most frequent first."""
    counts: dict[str, int] = {}
    for whose in LISTS:
        if view.tab in (whose, "all"):
            for title, count in heaps[whose].asks.items():
                counts[title] = counts.get(title, 0) + count
    return sorted(counts, key=lambda title: (-counts[title], title))


def _section(
    words: Words, whose: Whose, lines: Sequence[Line], view: View, people: Mapping[str, Person], me: Caller
) -> Section:
    weights = [float(line.amount or 0) * (words.now - line.opened_at).total_seconds() / 86_400 for line in lines]
    most = max(weights, default=0) or 1
    rows = [_row(words, whose, each, weight, most, people, me) for each, weight in zip(lines, weights, strict=True)]
    of = lines[0].of if lines else 0
    return Section(whose, rows, of, 1 if view.tab == "all" else -(-of // inboxes.PAGE))


def _row(
    words: Words, whose: Whose, line: Line, weight: float, most: float, people: Mapping[str, Person], me: Caller
) -> Row:
    answers_here = line.kind == "approval" and not line.has_form and whose != "team"
    return Row(
        id=line.id,
        pick=f"{line.edition} {line.id}" if answers_here else "",
        path=request_path(line.id),
        account=line.account or line.deal_title,
        title=line.title,
        round=line.round,
        asked_by=_named(line.asked_by or line.owner, people),
        instead_of=_named(line.stands_in.get(me.id, ""), people) if whose != "team" else "",
        why=line.why,
        amount=words.money(line.amount, line.currency),
        beside=_beside(words, line),
        age=words.since(line.opened_at),
        weight=max(2, round(100 * weight / most)),
        weight_words=f"{words.money(Decimal(round(weight)), line.currency)} days",
        waits_for=", ".join(_named(person, people) for person in line.people) if whose == "team" else "",
        due=words.due(line.due_at),
        stopped=line.stopped,
        kind=line.kind,
        outcome="",
    )


def _decided(words: Words, answered: queries.Answered, people: Mapping[str, Person]) -> Row:
    request, deal = answered.request, answered.deal
    outcome = (request.outcome or "").replace("_", " ")
    if answered.verdict:
        own = f"you said {readable(answered.verdict)}"
        outcome = f"{own}, others are asked" if request.state == "open" else f"{outcome or 'closed'}, {own}"
    return Row(
        id=request.id,
        pick="",
        path=request_path(request.id),
        account=deal.account or deal.title,
        title=request.title,
        round=request.round,
        asked_by=_named(deal.owner, people),
        instead_of="",
        why=request.reason,
        amount=words.money(deal.amount, deal.currency),
        beside="",
        age=words.since(answered.at),
        weight=0,
        weight_words="",
        waits_for="",
        due=None,
        stopped=False,
        kind=request.kind,
        outcome=outcome,
    )


def _beside(words: Words, line: Line) -> str:
    if line.margin is not None:
        return f"margin {words.percent(line.margin)}"
    return f"discount {words.percent(line.discount)}" if line.discount else ""


def _away(words: Words, absence: AbsenceRow, people: Mapping[str, Person]) -> str:
    person = people.get(absence.person)
    title = f", {person.title}" if person is not None and person.title else ""
    back = words.moment(absence.ends)
    return f"For {_named(absence.person, people)}{title}, away until {back}; what you have not answered goes back then."


def _named(person: str, people: Mapping[str, Person]) -> str:
    return people[person].name if person in people else person
