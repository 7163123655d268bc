"""Many answers in one request: each is judged by itself, gets a result of its own and its own entry in the journal."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from api import queries
from api.acting import ACT, carry_out, new_key, update_id
from api.auth import Caller
from api.parts import Parts
from api.problems import Problem
from api.refusals import journal_refusal
from api.shapes import BulkDecide, BulkItem, ItemResult
from models.acts import Decide
from models.tables.requests import Request

AT_ONCE = 8
DECIDABLE = {"approval": "approve", "handoff": "accept"}


async def decide_many(
    parts: Parts, caller: Caller, items: Sequence[BulkItem], channel: str = "page"
) -> list[ItemResult]:
    """Give each answer in this person's name, in any order; the same item under the same key is one answer."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: BulkItem) -> ItemResult:
        async with gate:
            try:
                return await _decide(parts, caller, item, channel)
            except Problem as no:
                return ItemResult(
                    request=item.request, deal=_deal(item), done=False, message=no.detail, code=no.code,
                    next=no.kind.next,
                )  # fmt: skip

    return list(await asyncio.gather(*(one(item) for item in items)))


def completed(item: BulkItem, whole: BulkDecide, key: str) -> BulkItem:
    """Return an item with what the whole says where it says nothing itself."""
    unsaid = {"verdict": whole.verdict, "reason": whole.reason, "key": f"{key}:{_short(item.request)}"}
    return item.model_copy(update={name: said for name, said in unsaid.items() if not getattr(item, name)})


async def _decide(parts: Parts, caller: Caller, item: BulkItem, channel: str) -> ItemResult:
    request = await _request(parts, caller, item)
    act = await _act(parts, caller, item, request, channel)
    receipt = await carry_out(parts, caller, request.deal_id, act, act.do, act.step)
    return ItemResult(
        request=item.request,
        deal=request.deal_id,
        done=True,
        message=receipt.message,
        outcome=receipt.outcome,
        by=receipt.by,
        seq=receipt.seq,
        code="already_answered" if receipt.repeated else "",
    )


def _deal(item: BulkItem) -> str:
    return item.request.partition("|")[0]


async def _request(parts: Parts, caller: Caller, item: BulkItem) -> Request:
    deal_id = _deal(item)
    async with parts.database.read() as session:
        request = await queries.request(session, item.request)
        known = request is not None or await queries.deal(session, deal_id) is not None
    if request is None:
        no = Problem("unknown_request", f"There is no request {item.request}.")
        if known:
            await journal_refusal(parts, deal_id, caller.id, "decide", None, no.code, no.detail)
        raise no
    return request


async def _act(parts: Parts, caller: Caller, item: BulkItem, request: Request, channel: str) -> Decide:
    """Return the act; one that cannot be made is refused and journalled as the workflow's own refusals are."""
    no = None
    if request.kind not in DECIDABLE:
        no = Problem("invalid", f"{request.title} is a {request.kind}; open it to answer it.")
    else:
        verdict = DECIDABLE[request.kind] if item.verdict in {"", "approve"} else item.verdict
        fields: dict[str, Any] = {
            "do": "decide", "by": caller.id, "key": update_id(caller.id, item.key or new_key()),
            "channel": channel, "step": request.step, "round": request.round, "edition": item.edition,
            "verdict": verdict, "reason": item.reason.strip(), "to_stage": item.to_stage,
            "form": item.form,
        }  # fmt: skip
        try:
            act: Decide = ACT.validate_python(fields)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            no = Problem("unreadable", f"{first['loc'][-1]}: {first['msg']}")
        else:
            return act
    await journal_refusal(parts, request.deal_id, caller.id, "decide", request.step, no.code, no.detail)
    raise no


def _short(request: str) -> str:
    return hashlib.sha256(request.encode()).hexdigest()[:24]
