"""The page of time away: mine, that of people I lead, whom I stand in for, and the form that enters more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import absences, queries
from api.auth import Caller
from api.delegations import EnterAbsence
from api.pages.frame import show, words_of
from api.pages.words import Words, readable
from api.parts import Asking, Parts, With
from api.problems import FieldError, Problem
from models.tables.people import AbsenceRow, Person

router = APIRouter()
FIELDS = (
    *("person", "from", "from_time", "until", "until_time", "zone", "delegate"),
    *("roles", "fact", "value", "below", "currency", "note"),
)
_PLACES = {"starts": "from", "ends": "until", "facts": "value"}


@dataclass(frozen=True)
class Row:
    """An absence as the list shows it."""

    id: str
    who: str
    when: str
    state: str
    stands_in: str
    only: str
    note: str
    may_end: bool


@router.get("/absences")
async def time_away(
    request: Request,
    parts: With,
    me: Asking,
    *,
    over: bool = False,
    entered: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Show who is away and the form."""
    return await _page(request, parts, me, over=over, entered=entered)


@router.post("/absences")
async def enter(request: Request, parts: With, me: Asking) -> Response:
    """Enter an absence; what is wrong with it is said beside its field and nothing typed is lost."""
    form = await request.form()
    written = {name: _said(form, name) for name in FIELDS}
    try:
        entered = await absences.enter(parts, me, _wanted(written, me))
    except Problem as problem:
        errors = problem.extra.get("errors")
        if not errors:
            raise
        wrong = {_PLACES.get(e.field, e.field): e.message for e in reversed(errors)}
        return await _page(request, parts, me, written=written, wrong=wrong, status=422)
    return RedirectResponse(f"/absences?entered={entered.row.id}", 303)


@router.post("/absences/{absence_id}/end")
async def end(absence_id: Annotated[str, Path(max_length=40)], parts: With, me: Asking) -> Response:
    """End an absence now, or take it back."""
    await absences.end(parts, me, absence_id)
    return RedirectResponse(f"/absences?entered={absence_id}", 303)


async def _page(
    request: Request,
    parts: Parts,
    me: Caller,
    *,
    over: bool = False,
    entered: str | None = None,
    written: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    words, now = words_of(request), parts.now()
    async with parts.database.read() as session:
        people = await queries.people(session)
        found = await absences.visible(session, me, now, over=over)
        waiting = await queries.waiting_for(session, me.id)
        new = await session.get(AbsenceRow, entered) if entered else None
    mine = [row for row in found if row.person == me.id]
    theirs = [row for row in found if row.person != me.id and row.delegate == me.id]
    others = [row for row in found if me.id not in {row.person, row.delegate}]
    context = {
        "mine": [_row(row, me, people, words) for row in mine],
        "standing_in": [_row(row, me, people, words) for row in theirs],
        "others": [_row(row, me, people, words) for row in others],
        "away": next((_row(row, me, people, words) for row in mine if absences.state_of(row, now) == "running"), None),
        "entered": _row(new, me, people, words) if new and absences.may_enter(me, new.person, people) else None,
        "whom": [(p.id, p.name) for p in people.values() if p.active and absences.may_enter(me, p.id, people)],
        "colleagues": [(p.id, p.name) for p in people.values() if p.active],
        "written": {**dict.fromkeys(FIELDS, ""), "person": me.id, "currency": "USD", **(written or {})},
        "wrong": wrong or {},
        "my_zone": me.zone,
        "my_roles": ", ".join(sorted(me.roles)),
        "over": over,
        "open_now": waiting,
    }
    return await show(request, "absences.html", context, status)


def _wanted(written: Mapping[str, str], me: Caller) -> absences.Wanted:
    """Return what the form says. Raises Problem as entering does, so that both are shown alike."""
    below = None
    if written["below"]:
        try:
            below = Decimal(written["below"].replace(",", "").replace(" ", ""))
        except InvalidOperation:
            raise _wrong("below", "Give an amount such as 50000.") from None
    if bool(written["fact"]) != bool(written["value"]):
        raise _wrong("value", "Say both which fact and what it has to be, or neither.")
    given = {
        "person": written["person"] or me.id,
        "starts": _instant(written["from"], written["from_time"]),
        "ends": _instant(written["until"], written["until_time"]),
        "zone": written["zone"],
        "delegate": written["delegate"] or None,
        "roles": [role.strip().lower().replace(" ", "_") for role in written["roles"].split(",") if role.strip()],
        "facts": {written["fact"].lower().replace(" ", "_"): written["value"]} if written["fact"] else {},
        "below": below,
        "currency": (written["currency"] or "USD").upper(),
        "note": written["note"],
    }
    try:
        entry = EnterAbsence.model_validate(given)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        said = {"starts": "Say on which day it begins.", "ends": "Say on which day it ends."}
        place = str(first["loc"][0])
        raise _wrong(place, said.get(place, f"{first['msg']}.")) from wrong
    return entry.wanted(me.id)


def _wrong(place: str, message: str) -> Problem:
    return Problem("invalid", message, errors=[FieldError(field=place, message=message)])


def _instant(day: str, clock: str) -> str:
    return f"{day}T{clock}" if clock else day


def _row(row: AbsenceRow, me: Caller, people: Mapping[str, Person], words: Words) -> Row:
    called = {person.id: person.name for person in people.values()}
    state = absences.state_of(row, words.now)
    return Row(
        id=row.id,
        who=called.get(row.person, row.person),
        when=f"{words.moment(row.starts)} to {words.moment(row.ended_at or row.ends)}",
        state=state,
        stands_in=called.get(row.delegate, row.delegate) if row.delegate else "",
        only=_only(row),
        note=row.note,
        may_end=state in {"planned", "running"} and absences.may_enter(me, row.person, people),
    )


def _only(row: AbsenceRow) -> str:
    """Say which requests are meant: "as finance, region is west, below USD 50,000"; nothing when all are."""
    said: list[str] = []
    if roles := row.scope.get("roles"):
        said.append("as " + " or ".join(readable(str(role)) for role in roles))
    said += [f"{readable(str(fact))} is {value}" for fact, value in (row.scope.get("facts") or {}).items()]
    if below := row.scope.get("below"):
        said.append(f"below {Decimal(str(below['amount'])):,.0f} {below['currency']}")
    return ", ".join(said)


def _said(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip()[:500] if isinstance(value, str) else ""
