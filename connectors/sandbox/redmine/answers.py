"""How Redmine asks and answers: wrapped bodies, pages, 422 with sentences, days and moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.sandbox.desk import Refusal, body_of
from connectors.sandbox.store import Record, Store


async def inside(request: Request, name: str) -> Record:
    body = await body_of(request)
    inside = body.get(name) if isinstance(body, dict) else None
    return inside if isinstance(inside, dict) else {}


def refuse_if(errors: Sequence[str]) -> None:
    if errors:
        raise Refusal(JSONResponse({"errors": list(errors)}, 422))


def page(request: Request, name: str, listed: Sequence[Record]) -> Response:
    # Rest_api, "Collection resources and pagination": offset and limit, 25 by default, 100 at most.
    offset = int(request.query_params.get("offset", "0"))
    limit = min(int(request.query_params.get("limit", "25")), 100)
    return JSONResponse(
        {name: listed[offset : offset + limit], "total_count": len(listed), "offset": offset, "limit": limit}
    )


def day(value: object, label: str, errors: list[str]) -> str | None:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        errors.append(f"{label} is not a valid date")
        return None


def moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find_project(store: Store, named: object) -> Record:
    """Return a project by number or identifier, or answer 404."""
    for project in store.all("projects"):
        if str(named) in (str(project["id"]), project["identifier"]):
            return project
    raise Refusal(Response(status_code=404))
