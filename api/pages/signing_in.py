"""Sign in by picking a person: the demo's way, on this machine only and only when switched on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from sqlalchemy import func, select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.auth import on_loopback
from api.pages.addresses import local_only
from api.pages.frame import keep, show
from api.parts import Parts, With
from api.problems import Problem
from models.tables.people import Person
from models.tables.requests import Request as Asked

router = APIRouter()


@router.get("/")
async def start() -> Response:
    """Lead to what waits."""
    return RedirectResponse("/inbox", 303)


@router.get("/sign-in")
async def choose(
    request: Request, parts: With, then: Annotated[str, Query(alias="next", max_length=500)] = "/"
) -> Response:
    """Show the people to pick from."""
    offered = _offered(request, parts)
    people: list[Person] = []
    counts: dict[str, int] = {}
    if offered:
        person = func.unnest(col(Asked.people))
        waiting = select(person, func.count()).where(col(Asked.state) == "open").group_by(person)
        async with parts.database.read() as session:
            people = list(await session.scalars(select(Person).where(col(Person.active)).order_by(col(Person.name))))
            counts = {str(row[0]): int(row[1]) for row in (await session.execute(waiting)).all()}
    context = {"offered": offered, "people": people, "counts": counts, "next": local_only(then)}
    return await show(request, "sign_in.html", context)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: With,
    person: Annotated[str, Form(max_length=100)],
    then: Annotated[str, Form(alias="next", max_length=500)] = "/",
) -> Response:
    """Sign in as the picked person. The session is a new one: an old cookie is worth nothing afterwards."""
    if not _offered(request, parts):
        raise Problem("wrong_role", "Picking a person is open on this machine only, and only when switched on.")
    async with parts.database.read() as session:
        found = await session.get(Person, person)
    if found is None or not found.active:
        raise Problem("sign_in_needed", "There is no such person.")
    _, cookie = parts.sessions.issue(found.id, int(parts.now().timestamp()))
    response = RedirectResponse(local_only(then), 303)
    keep(response, parts, cookie)
    return response


@router.post("/sign-out")
async def sign_out(parts: With) -> Response:
    """Forget who this is."""
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(parts.sessions.cookie, path="/", secure=parts.sessions.https, httponly=True, samesite="lax")
    return response


def _offered(request: Request, parts: Parts) -> bool:
    return parts.settings.demo_sign_in and on_loopback(request)
