"""Every page's frame: who reads, what waits for them, nonce and form token; how a template becomes an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api import queries
from api.acting import new_key
from api.auth import SESSION_SECONDS, Caller
from api.pages.drawings import mark_of, sign_named
from api.pages.words import Words, first_up, initials, readable
from api.parts import Parts, parts_of

TEMPLATES = Path(__file__).parents[2] / "templates" / "pages"


def environment() -> jinja2.Environment:
    """Return the templates of the pages; a name a template misspells is an error, not an empty space."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=False,
    )
    made.filters |= {
        "readable": readable,
        "initials": initials,
        "first_up": first_up,
        "pairs": pairs,
        "fields": fields,
        "named": named,
        "instant": instant,
    }
    made.globals |= {"new_key": new_key, "mark": mark_of, "sign": sign_named}
    return made


def pairs(values: Iterable[Any]) -> list[tuple[str, str]]:
    """Return values as options: what is sent, what is shown."""
    return [(str(value), readable(str(value))) for value in values]


def named(key: str, names: Mapping[str, str]) -> str:
    """Return what an id is called."""
    return names.get(key, key)


def instant(raw: Any) -> datetime | None:
    """Return the instant a JSON column holds as text."""
    return datetime.fromisoformat(raw) if isinstance(raw, str) and raw else raw or None


def fields(schema: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the fields of a form's JSON schema, each with what a control needs to know of it."""
    found = []
    for name, spec in schema.get("properties", {}).items():
        whole = _resolved(spec, schema)
        known = {key: whole.get(key, "") for key in ("title", "type", "format", "description")}
        found.append((name, {**known, "enum": whole.get("enum", []), "required": name in schema.get("required", [])}))
    return found


def _resolved(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    for part in (spec, *spec.get("allOf", ()), *spec.get("anyOf", ())):
        if "$ref" in part:
            return {**schema.get("$defs", {}).get(part["$ref"].rpartition("/")[2], {}), **spec}
        if part is not spec and part.get("type") != "null":
            return {**part, **spec}
    return dict(spec)


_PAGES = environment()


def words_of(request: Request) -> Words:
    """Return how this reader is told times and amounts."""
    parts = parts_of(request)
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        return Words(parts.now())
    return Words(parts.now(), caller.zone, caller.country)


async def show(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    bare: bool = False,
) -> Response:
    """Return a page. A `bare` one asks nothing of the database: it is what people see when that is down."""
    parts = parts_of(request)
    caller: Caller | None = getattr(request.state, "caller", None)
    session = getattr(request.state, "session", None)
    cookie = None
    if session is None and not bare:
        session, cookie = parts.sessions.issue(None, int(parts.now().timestamp()))
    waiting = 0
    if caller is not None and not bare:
        async with parts.database.read() as reading:
            waiting = await queries.waiting_for(reading, caller.id)
    page = _PAGES.get_template(template).render(
        {
            **context,
            "w": words_of(request),
            "me": caller,
            "waiting": waiting,
            "nonce": request.state.nonce,
            "form_token": parts.sessions.form_token(session) if session else "",
            "here": request.url.path,
            "this": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "live": not bare and caller is not None,
            "stream_from": getattr(request.state, "stream_from", None) or "",
        }
    )
    response = HTMLResponse(page, status, dict(headers or {}))
    if cookie:
        keep(response, parts, cookie)
    return response


def keep(response: Response, parts: Parts, cookie: str) -> None:
    """Give the browser its session."""
    response.set_cookie(
        parts.sessions.cookie,
        cookie,
        max_age=SESSION_SECONDS,
        path="/",
        secure=parts.sessions.https,
        httponly=True,
        samesite="lax",
    )
