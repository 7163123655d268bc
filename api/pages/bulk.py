"""Several requests answered together from the inbox: one result each, and what to do about those that were refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import inboxes, queries
from api.auth import Caller
from api.bulk import decide_many
from api.pages.addresses import request_path
from api.pages.answered import Answered, just_answered
from api.pages.answering import REASON, Wrong
from api.pages.frame import show
from api.pages.inbox import TOGETHER, Tried, Viewed, page
from api.pages.requests import names, visible
from api.parts import Asking, Parts, With
from api.problems import Problem
from api.shapes import BulkItem, ItemResult
from connectors.database import ReadSession

router = APIRouter()
VERDICTS = {"approve": "", "reject": "reject_reason", "ask_changes": "changes_reason"}
"""What a button says, and the field its reason is written in."""


class Result(NamedTuple):
    """What came of one answer."""

    account: str
    title: str
    path: str
    state: Literal["done", "before", "refused"]
    says: str
    by: str
    answered: Answered | None


@router.post("/inbox")
async def answer(request: Request, parts: With, me: Asking, view: Viewed) -> Response:
    """Answer what was selected. One that is recorded leads on in the list; of several each is told."""
    form = await request.form()
    verdict, picked = str(form.get("act", "")), list(dict.fromkeys(str(value) for value in form.getlist("pick")))
    if verdict not in VERDICTS:
        raise Problem("unreadable", "The form does not say what to answer.")
    reason = str(form.get(VERDICTS[verdict], "")).strip()
    try:
        items = _items(picked, verdict, reason, _key(form))
    except Wrong as wrong:
        tried = Tried(wrong, picked, verdict, reason)
        return await page(request, parts, me, view, tried=tried, status=422)
    results = await decide_many(parts, me, items)
    for each in results:
        await visible(parts, each.deal, each.seq)
    if len(results) == 1 and results[0].done and not results[0].code:
        return RedirectResponse(view.at(page=view.page, answered=results[0].request), 303)
    return await _told(request, parts, me, results, view.at(page=view.page))


def _items(picked: Sequence[str], verdict: str, reason: str, key: str) -> list[BulkItem]:
    """Return the answers a form stands for. Raises Wrong for what the reader has to put right first."""
    if not picked:
        raise Wrong("pick", "Select at least one request.")
    if len(picked) > TOGETHER:
        raise Wrong("pick", f"Select at most {TOGETHER} requests at once; {len(picked)} are selected.")
    if verdict in REASON and not reason:
        raise Wrong("reason", REASON[verdict])
    items = []
    for each in picked:
        edition, _, name = each.partition(" ")
        if not (edition.isascii() and edition.isdecimal() and len(edition) < 7 and 0 < len(name) <= 300):
            raise Problem("unreadable", "The form names something that is no request.")
        own = f"{key}:{hashlib.sha256(name.encode()).hexdigest()[:24]}"
        items.append(BulkItem(request=name, edition=int(edition), verdict=verdict, reason=reason, key=own))
    return items


def _key(form: FormData) -> str:
    key = str(form.get("key", ""))
    if not key or len(key) > 64:
        raise Problem("key_needed", "The form has no one-time key; open the inbox again.")
    return key


async def _told(request: Request, parts: Parts, me: Caller, results: Sequence[ItemResult], address: str) -> Response:
    async with parts.database.read() as session:
        people = names(await queries.people(session))
        told = [await _result(session, each, me, parts.now(), people) for each in results]
        following = await inboxes.following(session, me.id, None, parts.now())
    context = {
        "told": sorted(told, key=lambda each: each.state != "refused"),
        "counts": Counter(each.state for each in told),
        "address": address,
        "next": request_path(following) if following else "",
    }
    return await show(request, "answered_together.html", context)


async def _result(session: ReadSession, of: ItemResult, me: Caller, now: datetime, people: Mapping[str, str]) -> Result:
    asked = await queries.request(session, of.request)
    deal = await queries.deal(session, of.deal) if asked else None
    state: Literal["done", "before", "refused"] = "refused" if not of.done else "before" if of.code else "done"
    return Result(
        account=(deal.account or deal.title) if deal else of.request,
        title=asked.title if asked else "",
        path=request_path(of.request) if asked else "",
        state=state,
        says=f"{of.message.rstrip('.')}. {of.next}" if state == "refused" else "",
        by=people.get(of.by, of.by),
        answered=await just_answered(session, of.request, me.id, now) if state == "done" else None,
    )
