"""The door of a mail's link: it opens a page for the person it was sent to, and a signed-in post answers, once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.attachments import POST_LIMIT
from api.auth import Caller
from api.links import STATUS, Link, Standing, link_of, spend, standing
from api.pages.addresses import request_path
from api.pages.answered import just_answered
from api.pages.frame import show
from api.pages.requests import Door, read_page, take
from api.parts import Parts, With
from api.problems import TABLE
from api.refusals import journal_refusal

router = APIRouter()
Token = Annotated[str, Path(max_length=200)]
FINAL = frozenset({"decide", "complete"})
"""Acts that use a link up: asking something first and answering afterwards both go through one."""


@router.get("/a/{token}")
async def read(
    request: Request, token: Token, parts: With, seen: Annotated[int | None, Query(ge=0, le=10**6)] = None
) -> Response:
    """Show the request to the person the link is for. However often it is opened, nothing is decided."""
    link = await link_of(parts, token)
    me: Caller | None = request.state.caller
    state = standing(link, me, parts.now())
    if state != "open" or me is None:
        return await _explained(request, parts, token, link, me, state)
    return await read_page(request, parts, me, _door(token, link), seen=seen)


@router.post("/a/{token}", max_body_size=POST_LIMIT)
async def answer(request: Request, token: Token, parts: With) -> Response:
    """Take the answer of the person the link is for; anybody else's post is refused and changes nothing."""
    link = await link_of(parts, token)
    me: Caller | None = request.state.caller
    state = standing(link, me, parts.now())
    if state != "open" or me is None:
        if state == "foreign" and me is not None:
            title = TABLE["foreign_link"].title
            await journal_refusal(parts, link.row.deal_id, me.id, "decide", link.row.step, "foreign_link", title)
        await request.close()
        return await _explained(request, parts, token, link, me, state)
    taken = await take(request, parts, me, _door(token, link))
    if isinstance(taken, Response):
        return taken
    act, _ = taken
    if act.do in FINAL:
        await spend(parts, link)
    return RedirectResponse(f"/a/{token}", 303)


def _door(token: str, link: Link) -> Door:
    return Door(request=link.row.request_id, path=f"/a/{token}", channel="mail", key=link.row.token_hash[:32])


async def _explained(
    request: Request, parts: Parts, token: str, link: Link, me: Caller | None, state: Standing
) -> Response:
    """Say why the link does not open the request, and what to do instead."""
    mine = None
    if me is not None and me.id == link.row.person:
        async with parts.database.read() as session:
            mine = await just_answered(session, link.row.request_id, me.id, parts.now())
    context = {
        "state": state,
        "token": token,
        "whose": link.person.name if link.person else link.row.person,
        "asked": link.request if state not in {"sign in", "foreign"} else None,
        "deal": link.deal if state not in {"sign in", "foreign"} else None,
        "by": link.request.answered_by if link.request and state == "answered" else None,
        "path": request_path(link.row.request_id),
        "newer": request_path(link.newer.id) if link.newer else None,
        "answered": mine,
        "link": link.row,
    }
    return await show(request, "link.html", context, 200 if mine else STATUS.get(state, 200))
