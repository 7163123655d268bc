"""The list of deals, the page of one, its journal, and its documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import queries
from api.acting import carry_out
from api.auth import Caller
from api.deals import deal_id_of
from api.pages import addresses
from api.pages.answering import Wrong, act_of
from api.pages.drawings import deal_path
from api.pages.frame import show, words_of
from api.pages.requests import SHOWN_AGAIN, names, visible
from api.pages.words import readable, spoken
from api.parts import Asking, Parts, With
from api.policy import OPERATORS
from api.problems import Problem
from api.security import DOCUMENT_POLICY
from models.tables.content import Content
from models.tables.deals import Deal
from models.tables.effects import EffectRow
from models.tables.requests import Request as Asked

router = APIRouter()
Source = Annotated[str, Path(max_length=40)]
Part = Annotated[str, Path(max_length=120)]
Status = Literal["running", "hold", "won", "lost", "cancelled", "merged"]
Text = Annotated[str, Query(max_length=80)]
MESSAGE = "outbound:"  # the step of a message or a write-back in the ledger
SERVED = frozenset({"application/pdf", "text/html"})


@router.get("/deals")
async def deals(
    request: Request,
    parts: With,
    me: Asking,
    status: Status | None = None,
    owner: Text = "",
    text: Text = "",
    incidents: Annotated[bool, Query()] = False,
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """List deals; the filters live in the address."""
    want = queries.DealFilter(status=status, owner=owner or None, text=_clean(text) or None, incidents=incidents)
    async with parts.database.read() as session:
        try:
            rows, further = await queries.deals(session, want, after, queries.PAGE)
        except ValueError as wrong:
            raise Problem("unreadable", str(wrong)) from wrong
        counts = await queries.deal_counts(session)
        people = await queries.people(session)
    context = {
        "rows": [(deal, addresses.deal_path(deal.id)) for deal in rows],
        "next": further,
        "counts": counts,
        "names": names(people),
        "want": {"status": status, "owner": owner, "text": _clean(text), "incidents": incidents},
        "filtered": bool(status or owner or text or incidents),
        "first": after is None,
        "mine": me.id,
    }
    return await show(request, "deals.html", context)


@router.get("/deals/{source}/{source_id}")
async def deal(request: Request, source: Source, source_id: Part, parts: With, me: Asking) -> Response:
    """Show where the deal is, whom it waits for and what moves it."""
    return await _page(request, parts, me, deal_id_of(source, source_id))


@router.post("/deals/{source}/{source_id}/acts")
async def act(request: Request, source: Source, source_id: Part, parts: With, me: Asking) -> Response:
    """Carry out an act of the deal page: hold, release, cancel, resubmit, end, recall and the like."""
    deal_id = deal_id_of(source, source_id)
    form = await request.form()
    step = form.get("step")
    try:
        made = act_of(form, me.id, step=step if isinstance(step, str) and step else None)
        receipt = await carry_out(parts, me, deal_id, made, made.do, getattr(made, "step", None))
    except Wrong as wrong:
        return await _page(request, parts, me, deal_id, wrong=wrong, tried=str(form.get("act", "")), status=422)
    except Problem as problem:
        if problem.code not in SHOWN_AGAIN:
            raise
        return await _page(request, parts, me, deal_id, problem=problem, status=problem.kind.status)
    await visible(parts, deal_id, receipt.seq)
    return RedirectResponse(addresses.deal_path(deal_id), 303)


async def _page(
    request: Request,
    parts: Parts,
    me: Caller,
    deal_id: str,
    *,
    problem: Problem | None = None,
    wrong: Wrong | None = None,
    tried: str = "",
    status: int = 200,
) -> Response:
    async with parts.database.read() as session:
        found = await queries.deal(session, deal_id)
        if found is None:
            raise Problem("unknown_deal", f"There is no deal {deal_id.removeprefix('deal/')}.")
        people = await queries.people(session)
        asked = await queries.requests_of(session, deal_id)
        journal = await queries.journal(session, deal_id, limit=14, newest_first=True)
        documents = await queries.documents(session, deal_id)
        effects = await queries.effects(session, deal_id)
        version = await queries.flow(session, found.flow_digest)
        sent = await queries.sent_back(session, deal_id)
    called = names(people)
    owner = people.get(found.owner)
    context: dict[str, Any] = {
        "deal": found,
        "owner": owner.name if owner else found.owner,
        "waits": [_wait(wait, asked, people, me) for wait in found.waits],
        "way": deal_path(found, version, sent, called, words_of(request)),
        "journal": journal,
        "documents": documents,
        "effects": [row for row in effects if not row.step.startswith(MESSAGE)],
        "told": [_told(row, called) for row in effects if row.step.startswith(MESSAGE)],
        "names": called,
        "address": addresses.deal_path(deal_id),
        "rules": found.status in {"running", "hold"}
        and (me.id == found.owner or (owner and me.id == owner.manager) or bool(me.roles & set(OPERATORS))),
        "problem": problem,
        "wrong": wrong,
        "tried": tried,
        "onboarding": addresses.onboarding_path(deal_id.replace("deal/", "onboarding/", 1)),
    }
    return await show(request, "deal.html", context, status)


@dataclass(frozen=True)
class Told:
    """One message to a person, or one write-back to the CRM, in the reader's words."""

    what: str
    system: str
    safety: str
    state: str
    at: datetime
    error: str


def _told(row: EffectRow, called: Mapping[str, str]) -> Told:
    """Return an outbound row by whom it reached: its id is request, round, person and channel."""
    _, _, rest = row.key.partition("|")
    parts = rest.split("|")
    if parts[0] == "crm":
        what = "written back to the CRM"
    else:
        person = parts[2] if len(parts) > 3 else parts[1] if len(parts) > 2 else parts[0]
        about = readable(parts[0].partition(":")[2] or parts[0])
        what = f"{called.get(person, person)}: {about}" + (", reminder" if "reminder" in rest else "")
    return Told(what, row.system, row.duplicate_safety, row.state, row.confirmed_at or row.intended_at, row.error or "")


def _wait(wait: dict[str, Any], asked: list[Asked], people: dict[str, Any], me: Caller) -> dict[str, Any]:
    """Return a wait with the page that answers it and the names of those it waits for."""
    named = [r for r in asked if r.id.partition("|")[2] == wait.get("id") or r.id == wait.get("id")]
    request = next((r for r in (*named, *asked) if r in named or (wait.get("step") and r.step == wait["step"])), None)
    waiting_on = wait.get("waiting_on") or []
    after = wait.get("next")
    return {
        "kind": wait.get("kind", ""),
        "title": wait.get("title", ""),
        "reason": wait.get("reason", ""),
        "who": wait.get("who", ""),
        "people": [people[p].name if p in people else p for p in waiting_on],
        "since": wait.get("since"),
        "due": wait.get("due"),
        "next": {**after, "what": spoken(str(after["what"]), names(people))} if after else None,
        "acts": wait.get("acts") or [],
        "late": bool(wait.get("late")),
        "path": addresses.request_path(request.id) if request else None,
        "yours": me.id in waiting_on,
    }


@router.get("/deals/{source}/{source_id}/journal")
async def journal(
    request: Request,
    source: Source,
    source_id: Part,
    parts: With,
    before: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
) -> Response:
    """Show the whole journal, newest first."""
    deal_id = deal_id_of(source, source_id)
    async with parts.database.read() as session:
        found: Deal | None = await queries.deal(session, deal_id)
        if found is None:
            raise Problem("unknown_deal")
        rows = await queries.journal(session, deal_id, before, 100, newest_first=True)
        people = await queries.people(session)
    context = {
        "deal": found,
        "address": addresses.deal_path(deal_id),
        "rows": rows,
        "names": names(people),
        "next": rows[-1].position if len(rows) == 100 else None,
    }
    return await show(request, "journal.html", context)


@router.get("/documents/{sha256}")
async def document(sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], parts: With) -> Response:
    """Serve a document by its hash: what is read is what the hash says."""
    return await file_of(parts, sha256)


async def file_of(parts: Parts, sha256: str) -> Response:
    """Return stored bytes as a document that can do nothing but be read."""
    async with parts.database.read() as session:
        content = await session.get(Content, sha256)
    media = content.media.partition(";")[0] if content else ""
    if content is None or media not in SERVED:
        raise Problem("unknown_document")
    charset = "; charset=utf-8" if media == "text/html" else ""
    headers = {"Content-Security-Policy": DOCUMENT_POLICY, "Content-Disposition": "inline"}
    return Response(content.bytes, media_type=media + charset, headers=headers)


def _clean(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()
