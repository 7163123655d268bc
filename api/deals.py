"""Deals over JSON: start one, list them, read one with its journal, documents and effects, hand it an act."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from api import queries
from api.acting import ACT, ActBody, carry_out, made_by, update_id
from api.gateway import NotRunning, Refused, Unreachable
from api.intake import NewDeal, Unclaimed
from api.once import Answer, once
from api.parts import Asking, Parts, With
from api.problems import Problem, responses
from api.shapes import (
    DealLine,
    DealPage,
    DealWhole,
    DocumentLine,
    EffectLine,
    Explained,
    JournalLine,
    JournalPage,
    ReceiptShape,
    Slug,
    SourceId,
    StartDeal,
    Started,
)
from models.tables.deals import Deal

router = APIRouter(prefix="/api/deals", tags=["deals"])
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=120, pattern=r"^[A-Za-z0-9._:-]+$")]
MaybeKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=8, max_length=120, pattern=r"^[A-Za-z0-9._:-]+$")
]
Limit = Annotated[int, Query(ge=1, le=200)]
Word = Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
EVERYWHERE = ("sign_in_needed", "wrong_role", "unreadable", "database_down")
TO_WORKFLOW = (*EVERYWHERE, "forged_form", "temporal_down", "worker_down", "too_large", "wrong_media")


def deal_id_of(source: str, source_id: str) -> str:
    """Return the deal id of an address."""
    return f"deal/{source}/{source_id}"


BEGUN: dict[int | str, dict[str, Any]] = {
    200: {"model": Started, "description": "It was started under this key before"}
}


@router.post(
    "",
    status_code=201,
    responses=BEGUN
    | responses(*TO_WORKFLOW, *("key_reused", "same_key_running", "no_flow"), *("ended", "invalid", "closed", "held")),
)
async def start_deal(new: StartDeal, key: Key, parts: With, caller: Asking, response: Response) -> Started:
    """Start a deal. Repeating the request with the same key returns the first answer."""

    async def begin() -> Answer:
        deal = deal_id_of(new.source, new.source_id)
        try:
            given = parts.intake.begin(
                NewDeal(
                    deal=deal,
                    source=new.source,
                    at=new.at,
                    by=caller.id,
                    key=update_id(caller.id, key),
                    flow=new.flow,
                    facts=dict(new.facts),
                    title=new.title,
                    account=new.account,
                    owner=new.owner,
                )
            )
            receipt = await parts.gateway.start(deal, given.given, given.first)
        except Unclaimed as nobody:
            raise Problem("no_flow", str(nobody)) from nobody
        except Refused as no:
            raise Problem(no.code, no.message) from no
        except NotRunning as gone:
            raise Problem("ended") from gone
        except Unreachable as silent:
            raise Problem("worker_down" if silent.worker else "temporal_down", str(silent)) from silent
        started = Started(
            deal=deal,
            receipt=ReceiptShape.model_validate(receipt.model_dump()),
            url=f"{parts.settings.public_url}/deals/{deal.removeprefix('deal/')}",
        )
        return Answer(201, started.model_dump(mode="json"))

    answer = await once(parts, caller.id, key, "POST /api/deals", new.model_dump_json(), begin)
    response.status_code = 200 if answer.repeated else answer.status
    return Started.model_validate(answer.body)


@router.get("", responses=responses(*EVERYWHERE))
async def list_deals(
    parts: With,
    status: Word = None,
    stage: Word = None,
    owner: Word = None,
    flow: Word = None,
    waiting_on: Word = None,
    text: Word = None,
    *,
    incidents: bool = False,
    after: Annotated[str | None, Query(max_length=400)] = None,
    limit: Limit = 50,
) -> DealPage:
    """List deals, the newest change first."""
    want = queries.DealFilter(status, stage, owner, flow, waiting_on, incidents, text)
    async with parts.database.read() as session:
        try:
            rows, further = await queries.deals(session, want, after, limit)
        except ValueError as wrong:
            raise Problem("unreadable", str(wrong)) from wrong
    return DealPage(deals=[DealLine.model_validate(row, from_attributes=True) for row in rows], next=further)


@router.get("/{source}/{source_id}", responses=responses(*EVERYWHERE, "unknown_deal"))
async def read_deal(source: Slug, source_id: SourceId, parts: With) -> DealWhole:
    """Return one deal with its facts, path and waits."""
    return DealWhole.model_validate(await _deal(parts, source, source_id), from_attributes=True)


@router.get("/{source}/{source_id}/explain", responses=responses(*EVERYWHERE, "unknown_deal"))
async def explain_deal(source: Slug, source_id: SourceId, parts: With) -> Explained:
    """Say why the deal stands where it stands, and which act moves it."""
    deal = await _deal(parts, source, source_id)
    return Explained(deal=deal.id, stage=deal.stage, status=deal.status, waits=deal.waits)


@router.get("/{source}/{source_id}/journal", responses=responses(*EVERYWHERE, "unknown_deal"))
async def read_journal(
    source: Slug, source_id: SourceId, parts: With, after: Annotated[int, Query(ge=0, lt=2**62)] = 0, limit: Limit = 50
) -> JournalPage:
    """Return the deal's journal, oldest entry first."""
    deal = await _deal(parts, source, source_id)
    async with parts.database.read() as session:
        rows = await queries.journal(session, deal.id, after, limit)
    entries = [JournalLine.model_validate(row, from_attributes=True) for row in rows]
    return JournalPage(deal=deal.id, entries=entries, next=entries[-1].position if len(entries) == limit else None)


@router.get("/{source}/{source_id}/documents", responses=responses(*EVERYWHERE, "unknown_deal"))
async def read_documents(source: Slug, source_id: SourceId, parts: With) -> list[DocumentLine]:
    """Return the documents of the deal, newest first."""
    deal = await _deal(parts, source, source_id)
    async with parts.database.read() as session:
        rows = await queries.documents(session, deal.id)
    return [DocumentLine.model_validate(row, from_attributes=True) for row in rows]


@router.get("/{source}/{source_id}/effects", responses=responses(*EVERYWHERE, "unknown_deal"))
async def read_effects(source: Slug, source_id: SourceId, parts: With) -> list[EffectLine]:
    """Return what was done for the deal in other systems."""
    deal = await _deal(parts, source, source_id)
    async with parts.database.read() as session:
        rows = await queries.effects(session, deal.id)
    return [EffectLine.model_validate(row, from_attributes=True) for row in rows]


ACT_REFUSALS = (
    "not_yours",
    "not_allowed",
    "closed",
    "stale",
    "unknown_step",
    "reason_needed",
    "held",
    "ended",
    "invalid",
    "key_needed",
)


@router.post("/{source}/{source_id}/acts", responses=responses(*TO_WORKFLOW, *ACT_REFUSALS, "unknown_deal"))
async def act_on_deal(
    source: Slug, source_id: SourceId, act: ActBody, parts: With, caller: Asking, key: MaybeKey = None
) -> ReceiptShape:
    """Hand an act to the deal in your name. A late or repeated answer returns what was recorded."""
    made = made_by(ACT, act, caller.id, key)
    receipt = await carry_out(parts, caller, deal_id_of(source, source_id), made, made.do, getattr(made, "step", None))
    return ReceiptShape.model_validate(receipt.model_dump())


async def _deal(parts: Parts, source: str, source_id: str) -> Deal:
    async with parts.database.read() as session:
        deal = await queries.deal(session, deal_id_of(source, source_id))
    if deal is None:
        raise Problem("unknown_deal", f"There is no deal {source}/{source_id}.")
    return deal
