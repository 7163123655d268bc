"""The customer's page: read the document under a single-use link, then sign it with a typed name, or decline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response

from api.acting import sign as hand_over
from api.auth import hashed
from api.pages.deals import file_of
from api.pages.frame import show
from api.parts import Parts, With
from api.problems import Problem
from models.acts import Decline, Sign
from models.tables.deals import Deal
from models.tables.documents import Document, Signing

router = APIRouter()
Token = Annotated[str, Path(min_length=16, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]


@dataclass(frozen=True)
class Link:
    """What a token opens."""

    signing: Signing
    document: Document | None
    deal: Deal | None

    @property
    def readable(self) -> str:
        """The hash of what the customer reads: the HTML of the document, else its PDF."""
        return (self.document.sha256_html if self.document else "") or self.signing.document_sha256


@router.get("/sign/{token}")
async def read(request: Request, token: Token, parts: With) -> Response:
    """Show the document and the form. Opening the link signs nothing, however often it is opened."""
    return await _page(request, parts, token, await _link(parts, token))


@router.get("/sign/{token}/document")
async def document(token: Token, parts: With) -> Response:
    """Show the document itself."""
    return await file_of(parts, (await _link(parts, token)).readable)


@router.post("/sign/{token}")
async def answer(request: Request, token: Token, parts: With) -> Response:
    """Record the signature or the refusal; a second one is shown the first."""
    link = await _link(parts, token)
    if _state(parts, link) != "open":
        return await _page(request, parts, token, link)
    form = await request.form()
    name = str(form.get("typed_name") or "").strip()[:200]
    reason = str(form.get("reason") or "").strip()[:4000]
    declines = form.get("act") == "decline"
    if declines and not reason:
        return await _page(
            request, parts, token, link, wrong=("reason", "Say why: it goes to whoever sent it."), status=422
        )
    if not declines and not (name and form.get("agree")):
        wrong = ("typed_name", "Type your full name and tick that you agree.")
        return await _page(request, parts, token, link, wrong=wrong, status=422)
    signing = link.signing
    signer = f"customer:{signing.signer_email}"[:100]
    common = {
        "key": f"signing:{signing.token_hash[:32]}:{'decline' if declines else 'sign'}",
        "by": signer,
        "channel": "sign page",
        "step": signing.step,
        "round": signing.round,
    }
    if declines:
        act: Sign | Decline = Decline.model_validate({**common, "reason": reason})
    else:
        evidence = {
            "typed_name": name,
            "at": parts.now().isoformat(),
            "address": request.client.host if request.client else "",
            "browser": request.headers.get("user-agent", "")[:300],
            "request": request.state.request_id,
        }
        signed = {"document": signing.document_sha256, "signer": signing.signer_email, "evidence": evidence}
        act = Sign.model_validate({**common, **signed})
    await hand_over(parts, signing.deal_id, act, act.do, signing.step, signer)
    await _used(
        parts,
        signing,
        {} if declines else {**act.evidence, "name": signing.signer_name} if isinstance(act, Sign) else {},
    )
    return await _page(request, parts, token, await _link(parts, token), done="declined" if declines else "signed")


async def _used(parts: Parts, signing: Signing, evidence: dict[str, str]) -> None:
    """The link is used up; the deal's workflow already holds the answer, so this may be repeated."""
    async with parts.database.write() as session:
        row = await session.get(Signing, signing.token_hash, with_for_update=True)
        if row is not None and row.state == "open":
            row.state, row.signed_at, row.evidence = "used", parts.now(), evidence
            session.add(row)


async def _link(parts: Parts, token: str) -> Link:
    async with parts.database.read() as session:
        signing = await session.get(Signing, hashed(token))
        if signing is None:
            raise Problem("unknown_link")
        wanted = select(Document).where(
            col(Document.deal_id) == signing.deal_id, col(Document.sha256_pdf) == signing.document_sha256
        )
        document = (await session.scalars(wanted)).first()
        deal = await session.get(Deal, signing.deal_id)
    return Link(signing, document, deal)


def _state(parts: Parts, link: Link) -> str:
    over = link.signing.expires_at is not None and link.signing.expires_at <= parts.now()
    return "expired" if link.signing.state == "open" and over else link.signing.state


async def _page(
    request: Request,
    parts: Parts,
    token: str,
    link: Link,
    wrong: tuple[str, str] | None = None,
    done: str = "",
    status: int = 200,
) -> Response:
    state = _state(parts, link)
    if status == 200 and state in {"void", "expired"}:
        status = 410
    context = {
        "token": token,
        "signing": link.signing,
        "document": link.document,
        "account": link.deal.account if link.deal else "",
        "state": state,
        "wrong": wrong,
        "done": done,
    }
    return await show(request, "sign.html", context, status)
