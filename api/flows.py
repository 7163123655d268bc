"""Flows over JSON: every definition a deal was given, and how many running deals follow it."""

from __future__ import annotations

from fastapi import APIRouter

from api import queries
from api.parts import With
from api.problems import responses
from api.shapes import FlowLine

router = APIRouter(prefix="/api/flows", tags=["flows"])


@router.get("", responses=responses("sign_in_needed", "unreadable", "database_down"))
async def list_flows(parts: With) -> list[FlowLine]:
    """List the definitions deals run on, newest version of each flow first."""
    async with parts.database.read() as session:
        rows = await queries.flows(session)
        running = await queries.running_by_digest(session)
    return [
        FlowLine.model_validate({**row.model_dump(exclude={"definition"}), "running": running.get(row.digest, 0)})
        for row in rows
    ]
