"""Requests over JSON: what waits for me, one request, and everything that is stuck."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path

from api import queries
from api.bulk import completed, decide_many
from api.parts import Asking, With
from api.problems import Problem, responses
from api.shapes import BulkAnswer, BulkDecide, InboxLine, RequestWhole
from models.tables.requests import Request

router = APIRouter(prefix="/api", tags=["requests"])
EVERYWHERE = ("sign_in_needed", "unreadable", "database_down")
Order = Literal["weight", "due", "value"]
BulkKey = Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=120, pattern=r"^[A-Za-z0-9._:-]+$")]
RequestId = Annotated[str, Path(max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


@router.get("/inbox", responses=responses(*EVERYWHERE))
async def read_inbox(parts: With, caller: Asking, order: Order = "weight") -> list[InboxLine]:
    """List the open requests that wait for you: value times age, due or value first."""
    async with parts.database.read() as session:
        return [in_list(asked) for asked in await queries.inbox(session, queries.mine(caller.id), order)]


@router.get("/incidents", responses=responses(*EVERYWHERE))
async def read_incidents(parts: With) -> list[InboxLine]:
    """List everything that is stuck and waits for a person, the most urgent first."""
    async with parts.database.read() as session:
        return [in_list(asked) for asked in await queries.incidents(session)]


@router.post("/requests/decide", responses=responses(*EVERYWHERE, "forged_form", "wrong_media"))
async def decide(given: BulkDecide, parts: With, caller: Asking, key: BulkKey) -> BulkAnswer:
    """Answer up to a hundred requests in your name, each with its own result. The same key gives the same results."""
    results = await decide_many(parts, caller, [completed(item, given, key) for item in given.items], "api")
    done = sum(each.done for each in results)
    return BulkAnswer(done=done, refused=len(results) - done, results=results)


@router.get("/requests/{request_id:path}", responses=responses(*EVERYWHERE, "unknown_request"))
async def read_request(request_id: RequestId, parts: With) -> RequestWhole:
    """Return one request by its id, `deal/<source>/<id>|<step>|<round>`."""
    async with parts.database.read() as session:
        request = await queries.request(session, request_id)
    if request is None:
        raise Problem("unknown_request")
    return RequestWhole.model_validate(request, from_attributes=True)


def in_list(asked: queries.Asked) -> InboxLine:
    """Return a request as a list shows it, with its deal."""
    request: Request = asked.request
    deal = asked.deal
    return InboxLine.model_validate(
        {
            **{name: getattr(request, name) for name in Request.model_fields},
            "account": deal.account,
            "deal_title": deal.title,
            "amount": deal.amount,
            "currency": deal.currency,
        }
    )
