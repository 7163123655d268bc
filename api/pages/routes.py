"""All pages together."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.pages import (
    approvals,
    attached,
    bulk,
    deals,
    delegation,
    delivery,
    flows,
    inbox,
    links,
    operations,
    people,
    policies,
    preview,
    rehearsal,
    requests,
    signing,
    signing_in,
    team,
)
from api.pages.frame import show
from api.problems import TABLE, Problem

router = APIRouter()
for each in (
    signing_in,
    inbox,
    bulk,
    team,
    approvals,
    policies,
    requests,
    deals,
    delivery,
    flows,
    rehearsal,
    operations,
    delegation,
    people,
    signing,
    links,
    attached,
    preview,
):
    router.include_router(each.router)


@router.get("/problems/{code}")
async def problem(request: Request, code: str) -> Response:
    """Explain a problem's code: the `type` of every problem document leads here."""
    if code not in TABLE:
        raise Problem("not_found")
    return await show(request, "problem.html", {"problem": Problem(code).body("", "")})
