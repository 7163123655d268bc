"""One request on one page: read it, answer it, say something beside it, steer who is asked; whatever its kind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import queries
from api.acting import carry_out
from api.attachments import LARGEST, MOST, POST_LIMIT, clean, keep, media_of
from api.auth import Caller
from api.pages import addresses
from api.pages.answering import FIELD, Wrong, act_of
from api.pages.frame import show
from api.pages.request_view import Shown, names, request_context
from api.parts import Asking, Parts, With
from api.problems import Problem
from models.acts import Attachment
from models.deal import Receipt
from models.tables.people import Person
from models.tables.requests import Request as Asked
from models.values import digest_of

__all__ = ["names"]  # other pages call people by it

router = APIRouter()
Source = Annotated[str, Path(max_length=40)]
Part = Annotated[str, Path(max_length=300)]
VISIBLE_WITHIN = 1.0
SHOWN_AGAIN = frozenset(
    {
        *("stale", "not_yours", "not_allowed", "closed", "held", "ended", "reason_needed", "invalid", "not_ready"),
        *("lost_role", "forbidden_file"),
    }
)
STAYS = frozenset({"comment", "reassign", "add_approver", "nudge", "override", "undo"})
"""Acts after which the reader goes on with the same request."""


@dataclass(frozen=True)
class Door:
    """How somebody came to the request: by its own address, or by the link of a mail."""

    request: str
    path: str
    channel: str = "page"
    key: str = ""
    """Under a link, what makes all its answers one: a link decides once."""


@router.get("/requests/{source}/{source_id}/{rest:path}")
async def read(
    request: Request,
    source: Source,
    source_id: Part,
    rest: Part,
    parts: With,
    me: Asking,
    seen: Annotated[int | None, Query(ge=0, le=10**6)] = None,
    answered: Annotated[str | None, Query(max_length=300)] = None,
    told: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
) -> Response:
    """Show the request. `seen` is the edition the reader's open form answers, `told` what they have just done."""
    name = addresses.request_id(source, source_id, rest)
    door = Door(name, addresses.request_path(name))
    return await read_page(request, parts, me, door, seen=seen, answered=answered, told=told)


@router.post("/requests/{source}/{source_id}/{rest:path}", max_body_size=POST_LIMIT)
async def answer(
    request: Request,
    source: Source,
    source_id: Part,
    rest: Part,
    parts: With,
    me: Asking,
) -> Response:
    """Take the answer; a late one is shown the recorded outcome, an outdated one what changed."""
    name = addresses.request_id(source, source_id, rest)
    door = Door(name, addresses.request_path(name))
    taken = await take(request, parts, me, door)
    if isinstance(taken, Response):
        return taken
    act, receipt = taken
    if act.do in STAYS:
        return RedirectResponse(f"{door.path}?told={receipt.seq}", 303)
    return RedirectResponse(f"/inbox/next?answered={quote(name)}", 303)


async def take(request: Request, parts: Parts, me: Caller, door: Door) -> Response | tuple[Any, Receipt]:
    """Carry out what a form asks for; the page with what is wrong where that cannot be done, and nothing is lost."""
    try:
        return await _take(request, parts, me, door, await request.form())
    finally:
        await request.close()


async def _take(
    request: Request, parts: Parts, me: Caller, door: Door, form: FormData
) -> Response | tuple[Any, Receipt]:
    async with parts.database.read() as session:
        asked = await queries.request(session, door.request)
        people = await queries.people(session)
    if asked is None:
        raise Problem("unknown_request")
    try:
        act = await _act(parts, form, me, asked, people, door)
        receipt = await carry_out(parts, me, asked.deal_id, act, act.do, asked.step)
    except Wrong as wrong:
        return await _again(request, parts, me, door, Shown(wrong=wrong, form=_kept(form)), 422)
    except Problem as problem:
        if problem.code not in SHOWN_AGAIN:
            raise
        beside = problem.extra.get("field")
        if isinstance(beside, str):
            own = asked.kind == "task" or beside in _form_fields(asked)
            at_field = Wrong(FIELD + beside if own else beside, problem.detail)
            return await _again(request, parts, me, door, Shown(wrong=at_field, form=_kept(form)), 422)
        shown = Shown(problem=problem, form=_kept(form))
        return await _again(request, parts, me, door, shown, problem.kind.status)
    if receipt.repeated:
        return await _again(request, parts, me, door, Shown(receipt=receipt), 200)
    await visible(parts, asked.deal_id, receipt.seq)
    return act, receipt


async def read_page(
    request: Request,
    parts: Parts,
    me: Caller,
    door: Door,
    *,
    seen: int | None = None,
    answered: str | None = None,
    told: int | None = None,
) -> Response:
    """Return the page of a request as it is now."""
    context = await request_context(
        request, parts, me, door.request, Shown(), seen=seen, answered=answered, told=told, path=door.path
    )
    return await show(request, "request.html", context)


async def visible(parts: Parts, deal_id: str, seq: int) -> None:
    """Wait a moment until the pages show what was just recorded, so that people see their own answer."""
    try:
        async with asyncio.timeout(VISIBLE_WITHIN):
            while True:
                async with parts.database.read() as session:
                    deal = await queries.deal(session, deal_id)
                if deal is None or deal.seq >= seq:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        return


async def _again(request: Request, parts: Parts, me: Caller, door: Door, shown: Shown, status: int) -> Response:
    context = await request_context(request, parts, me, door.request, shown, path=door.path)
    return await show(request, "request.html", context, status)


async def _act(parts: Parts, form: FormData, me: Caller, asked: Asked, people: Mapping[str, Person], door: Door) -> Any:
    """Return the act; files are kept only once everything else about it is sound."""
    sent = [each for each in form.getlist("files") if isinstance(each, UploadFile) and each.filename]
    files = await _checked(sent)
    act = act_of(form, me.id, request=asked, channel=door.channel, people=people, files=files)
    if door.key and act.do == "decide":
        act = act.model_copy(update={"key": f"link:{door.key}"})
    if act.do == "comment":
        for each in sent:
            await keep(parts, await each.read(), each.filename or "")
    return act


async def _checked(sent: list[UploadFile]) -> list[Attachment]:
    """Return what an act names of the files sent. Raises Wrong for the first that may not be attached."""
    if len(sent) > MOST:
        raise Wrong("files", f"At most {MOST} files go with one comment; this has {len(sent)}.")
    files = []
    for each in sent:
        data = await each.read(LARGEST + 1)
        await each.seek(0)
        name = clean(each.filename or "")
        try:
            media = media_of(data, name)
        except Problem as no:
            raise Wrong("files", no.detail) from no
        files.append(Attachment(sha256=digest_of(data), name=name, media=media, size=len(data)))
    return files


def _form_fields(asked: Asked) -> frozenset[str]:
    form = asked.body.get("form")
    properties = form.get("properties", {}) if isinstance(form, dict) else {}
    return frozenset(properties)


def _kept(form: FormData) -> dict[str, Any]:
    return {name: value for name, value in form.multi_items() if isinstance(value, str) and name != "form_token"}
