"""The pages of the people: who works here and is away, and one person's hours, messages, roles and place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlmodel import col
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import queries, staff
from api.auth import Caller
from api.pages.frame import show, words_of
from api.parts import Asking, Parts, With
from api.people import ChangePerson
from api.people_changes import last
from api.problems import Problem
from api.working_week import DAYS, shifts, written
from models.tables.people import AbsenceRow, Person

router = APIRouter()
PersonId = Annotated[str, Path(max_length=100)]
_OPEN = text(
    "select person, count(*) as waiting from request, unnest(people) as person where state = 'open' group by person"
)


@dataclass(frozen=True)
class Row:
    """Somebody as the list shows them."""

    person: Person
    led_by: str
    waiting: int
    away: str


@router.get("/people")
async def everybody(request: Request, parts: With) -> Response:
    """List everybody: roles, who leads them, who is away, what waits for them."""
    words, now = words_of(request), parts.now()
    async with parts.database.read() as session:
        people = await queries.people(session)
        waiting = {row.person: row.waiting for row in await session.execute(_OPEN)}
        running = col(AbsenceRow.starts) <= now, col(AbsenceRow.ends) > now, col(AbsenceRow.ended_at).is_(None)
        away = {row.person: row for row in await session.scalars(select(AbsenceRow).where(*running))}
    rows = []
    for person in sorted(people.values(), key=lambda p: (not p.active, p.name)):
        gone = away.get(person.id)
        stands_in = people.get(gone.delegate or "") if gone else None
        until = f"until {words.moment(gone.ends)}" if gone else ""
        rows.append(
            Row(
                person=person,
                led_by=people[person.manager].name if person.manager in people else person.manager or "",
                waiting=waiting.get(person.id, 0),
                away=f"{until}; {stands_in.name} stands in" if stands_in else until,
            )
        )
    return await show(request, "people.html", {"rows": rows})


@router.get("/people/{person_id}")
async def one(request: Request, person_id: PersonId, parts: With, me: Asking, *, saved: bool = False) -> Response:
    """Show a person, with forms for whoever may change them."""
    return await _page(request, parts, me, person_id, saved=saved)


@router.post("/people/{person_id}")
async def change(request: Request, person_id: PersonId, parts: With, me: Asking) -> Response:
    """Change a person; what cannot be meant is said beside its field."""
    form = await request.form()
    try:
        given = _given(form)
        changed = await staff.change(parts, me, person_id, given.model_dump(mode="json", exclude_unset=True))
    except ValidationError as no:
        first = no.errors(include_url=False, include_context=False)[0]
        place = first["loc"][1] if first["loc"][0] == "calendar" and len(first["loc"]) > 1 else first["loc"][0]
        wrong = {str(place): f"{first['msg'].removeprefix('Value error, ')}."}
        return await _page(request, parts, me, person_id, form=form, wrong=wrong, status=422)
    except Problem as problem:
        errors = problem.extra.get("errors")
        if not errors:
            raise
        wrong = {e.field: e.message for e in reversed(errors)}
        return await _page(request, parts, me, person_id, form=form, wrong=wrong, status=422)
    if changed.notes or changed.deals:
        return await _page(request, parts, me, person_id, saved=True, changed=changed)
    return RedirectResponse(f"/people/{person_id}?saved=true", 303)


async def _page(
    request: Request,
    parts: Parts,
    me: Caller,
    person_id: str,
    *,
    saved: bool = False,
    changed: staff.Changed | None = None,
    form: FormData | None = None,
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with parts.database.read() as session:
        people = await queries.people(session)
        person = people.get(person_id)
        if person is None:
            raise Problem("not_found", f"There is no person {person_id!r}.")
        changes = await last(session, parts.now(), 10, person_id)
        open_now = await queries.waiting_for(session, person_id)
    fields = _fields(person)
    if form is not None:
        fields |= {name: str(form.get(name, "")) for name in fields if form.get("what") == _FORM[name]}
    context = {
        "person": person,
        "led_by": people[person.manager].name if person.manager in people else "",
        "leads": [p for p in people.values() if p.manager == person.id and p.active],
        "others": [
            (p.id, p.name) for p in people.values() if p.id != person.id and (p.active or p.id == person.manager)
        ],
        "names": {p.id: p.name for p in people.values()},
        "admin": "admin" in me.roles,
        "own": me.id == person.id,
        "fields": fields,
        "days": DAYS,
        "saved": saved,
        "changed": changed,
        "wrong": wrong or {},
        "changes": changes,
        "open_now": open_now,
    }
    return await show(request, "person.html", context, status)


_PLACE = ("active", "roles", "manager", "slack")
_HOURS = ("zone", "country", "region", "days_off", *DAYS)
_TELLING = ("mail", "by_slack", "digest", "quiet_from", "quiet_until")
_FORM = {
    **dict.fromkeys(_PLACE, "place"),
    **dict.fromkeys(_HOURS, "hours"),
    **dict.fromkeys(_TELLING, "telling"),
}


def _fields(person: Person) -> dict[str, str]:
    """Return what the forms show of a person, each field as text."""
    own, notify = person.calendar or {}, person.notify
    channels = notify.get("channels", ["mail", "slack"])
    quiet = notify.get("quiet") or ["", ""]
    return {
        "active": "yes" if person.active else "",
        "roles": ", ".join(person.roles),
        "manager": person.manager or "",
        "slack": person.slack or "",
        "zone": person.zone,
        "country": person.country,
        "region": own.get("region") or "",
        "days_off": ", ".join(own.get("days_off") or []),
        **dict(zip(DAYS, written(own.get("week")), strict=True)),
        "mail": "yes" if "mail" in channels else "",
        "by_slack": "yes" if "slack" in channels else "",
        "digest": notify.get("digest") or "",
        "quiet_from": quiet[0],
        "quiet_until": quiet[1],
    }


def _given(form: FormData) -> ChangePerson:
    """Return what one of the forms says. Raises ValidationError and Problem."""
    match _said(form, "what"):
        case "place":
            return ChangePerson.model_validate(
                {
                    "active": bool(_said(form, "active")),
                    "roles": _listed(_said(form, "roles").lower()),
                    "manager": _said(form, "manager") or None,
                    "slack": _said(form, "slack") or None,
                }
            )
        case "hours":
            hours: dict[str, Any] = {
                "week": shifts([_said(form, day) for day in DAYS]),
                "days_off": _listed(_said(form, "days_off")),
                "region": _said(form, "region") or None,
            }
            place = {"zone": _said(form, "zone"), "country": _said(form, "country").upper()}
            return ChangePerson.model_validate({**place, "calendar": hours})
        case "telling":
            channels = [name for name, field in (("mail", "mail"), ("slack", "by_slack")) if _said(form, field)]
            quiet = [each for each in (_said(form, "quiet_from"), _said(form, "quiet_until")) if each]
            telling = {"channels": channels, "digest": _said(form, "digest"), "quiet": quiet}
            if not channels:
                raise staff.mistaken("notify", "Choose at least one way to be told.")
            return ChangePerson.model_validate({"notify": telling})
        case _:
            raise Problem("unreadable", "The form does not say what it changes.")


def _listed(given: str) -> list[str]:
    return [part.strip().replace(" ", "_") for part in given.split(",") if part.strip()]


def _said(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip()[:2000] if isinstance(value, str) else ""
