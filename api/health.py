"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.parts import Parts, With
from api.problems import RETRY_AFTER
from api.shapes import Health

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """Say that the process answers; nothing else is looked at."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Health, "description": "Something is missing"}})
async def ready(parts: With, response: Response) -> Health:
    """Say whether database, Temporal and a worker are there; 503 names what is missing."""
    database, missing = await asyncio.gather(_database(parts), parts.gateway.ready())
    health = Health(
        ready=database and missing is None,
        database="ok" if database else "down",
        temporal="down" if missing == "temporal" else "ok",
        worker="ok" if missing is None else "not seen",
    )
    if not health.ready:
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return health


async def _database(parts: Parts) -> bool:
    try:
        async with asyncio.timeout(3), parts.database.read() as session:
            await (await session.connection()).execute(text("select 1"))
    except (SQLAlchemyError, OSError, TimeoutError):
        return False
    return True
