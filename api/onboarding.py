"""Onboardings over JSON: list them, read one with its tasks, hand it an act."""

from __future__ import annotations

from fastapi import APIRouter

from api import queries
from api.acting import ONBOARDING_ACT, ActBody, made_by, onboard
from api.deals import MaybeKey
from api.parts import Asking, With
from api.problems import Problem, responses
from api.shapes import OnboardingLine, OnboardingWhole, ReceiptShape, Slug, SourceId, TaskLine

router = APIRouter(prefix="/api/onboardings", tags=["onboarding"])
EVERYWHERE = ("sign_in_needed", "unreadable", "database_down")


def onboarding_id_of(source: str, source_id: str) -> str:
    """Return the onboarding id of an address."""
    return f"onboarding/{source}/{source_id}"


@router.get("", responses=responses(*EVERYWHERE))
async def list_onboardings(parts: With) -> list[OnboardingLine]:
    """List onboardings, the least float first."""
    async with parts.database.read() as session:
        rows = await queries.onboardings(session)
    return [OnboardingLine.model_validate(row, from_attributes=True) for row, _ in rows]


@router.get("/{source}/{source_id}", responses=responses(*EVERYWHERE, "unknown_onboarding"))
async def read_onboarding(source: Slug, source_id: SourceId, parts: With) -> OnboardingWhole:
    """Return one onboarding with its tasks."""
    wanted = onboarding_id_of(source, source_id)
    async with parts.database.read() as session:
        row = await queries.onboarding(session, wanted)
        tasks = await queries.tasks(session, [wanted])
    if row is None:
        raise Problem("unknown_onboarding")
    lines = [TaskLine.model_validate(task, from_attributes=True) for task in tasks]
    return OnboardingWhole.model_validate({**row.model_dump(), "tasks": lines})


ACT_REFUSALS = ("not_allowed", "unknown_step", "reason_needed", "ended", "invalid", "key_needed", "closed", "stale")
TO_WORKFLOW = ("wrong_role", "forged_form", "temporal_down", "worker_down", "too_large", "wrong_media")


@router.post(
    "/{source}/{source_id}/acts", responses=responses(*EVERYWHERE, *TO_WORKFLOW, *ACT_REFUSALS, "unknown_onboarding")
)
async def act_on_onboarding(
    source: Slug, source_id: SourceId, act: ActBody, parts: With, caller: Asking, key: MaybeKey = None
) -> ReceiptShape:
    """Start, complete, block or unblock a task in your name."""
    made = made_by(ONBOARDING_ACT, act, caller.id, key)
    receipt = await onboard(parts, caller, onboarding_id_of(source, source_id), made.task, made, made.do)
    return ReceiptShape.model_validate(receipt.model_dump())
