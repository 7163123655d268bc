"""The one place every request passes: who asks, may they, and does the post come from our own page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from api.auth import Caller, bearer
from api.parts import Parts, parts_of
from api.policy import Policy, policy_of
from api.problems import Problem
from models.tables.people import Person

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def enforce(request: Request) -> None:
    """Let the request through or raise. Runs before every route; a route without a policy is closed."""
    policy = policy_of(request.method, _template(request))
    if policy is None:
        raise Problem("no_policy")
    parts = parts_of(request)
    if policy.door == "webhook":
        return
    await _identify(request, parts)
    caller: Caller | None = request.state.caller
    if not policy.allows(caller):
        if caller is None:
            raise Problem("sign_in_needed")
        raise Problem("wrong_role", f"This is open to: {policy.says}.")
    if request.method not in SAFE:
        await _protect(request, parts, policy)
    # Learned before the page is read: whatever happens while it is, its stream tells at once.
    request.state.stream_from = await parts.feed.position() if policy.door == "page" and caller is not None else None


def _template(request: Request) -> str:
    route: Any = request.scope.get("route")
    return str(getattr(route, "path", ""))


async def _identify(request: Request, parts: Parts) -> None:
    request.state.session = None
    request.state.caller = None
    token = bearer(request)
    if token is not None:
        person = parts.tokens.person(token)
        if person is None:
            raise Problem("sign_in_needed", "The token is not known.")
        request.state.caller = await _person(parts, person, "token")
        if request.state.caller is None:
            raise Problem("sign_in_needed", "The token's person is not active.")
        return
    now = int(parts.now().timestamp())
    session = parts.sessions.read(request.cookies.get(parts.sessions.cookie), now)
    request.state.session = session
    if session and session.person:
        request.state.caller = await _person(parts, session.person, "session")


async def _person(parts: Parts, person_id: str, via: Any) -> Caller | None:
    async with parts.database.read() as session:
        person = await session.get(Person, person_id)
    return Caller.of(person, via) if person and person.active else None


async def _protect(request: Request, parts: Parts, policy: Policy) -> None:
    """Refuse a post another site made the browser send. Tokens are never sent by a browser on its own."""
    caller: Caller | None = request.state.caller
    if caller is not None and caller.via == "token":
        return
    if not _same_origin(request):
        raise Problem("forged_form", "The request came from another site.")
    if policy.door == "page":
        if not request.headers.get("content-type", "").startswith(FORMS):
            raise Problem("wrong_media", "This address takes forms.")
        form = await request.form()
        if not parts.sessions.form_token_fits(request.state.session, str(form.get("form_token", ""))):
            await request.close()  # files that came along
            raise Problem("forged_form", "The form is too old, or was not made for this visit.")


def _same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
