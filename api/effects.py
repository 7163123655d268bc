"""Settling an effect whose end nobody knows: a person has looked into the other system and says what is there."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from activities.effects import Ledger, NotAllowed
from activities.journal import append
from activities.outbound import resume
from api.parts import Asking, With
from api.problems import Problem, responses
from api.shapes import EffectLine, Line, Taken
from connectors.contract import ExternalRef
from models.journal import JournalEntry
from models.tables.effects import EffectRow

router = APIRouter(prefix="/api/effects", tags=["effects"])
REFUSALS = (
    "sign_in_needed",
    "wrong_role",
    "forged_form",
    "unreadable",
    "wrong_media",
    "too_large",
    "database_down",
    "unknown_effect",
    "invalid",
)
_OUTBOUND = "outbound:"


class Settling(Taken):
    """What somebody found in the other system. `reference` is the id of the record there, when there is one."""

    key: Annotated[str, Field(min_length=1, max_length=700, pattern=r"^[^\x00-\x1f\x7f]+$")]
    outcome: Literal["happened", "did_not_happen"]
    evidence: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*\S[^\x00]*$")]
    reference: Line | None = None


@router.post("/settle", responses=responses(*REFUSALS))
async def settle(found: Settling, parts: With, caller: Asking) -> EffectLine:
    """Record what happened to an effect in doubt: it is there, or it is not and is done again. Kept in the journal."""
    happened = found.outcome == "happened"
    ref = ExternalRef(id=found.reference) if happened and found.reference else None
    async with parts.database.read() as session:
        row = await session.get(EffectRow, found.key)
    if row is None:
        raise Problem("unknown_effect", f"There is no effect {found.key}.")
    try:
        await Ledger(parts.database.write).settle(
            found.key, "confirmed" if happened else "retry", found.evidence, caller.id, ref
        )
    except NotAllowed as no:
        raise Problem("invalid", no.what) from no
    said = "is there" if happened else "is not there and is done again"
    entry = JournalEntry(
        seq=None, at=parts.now(), who=caller.id, kind="settled", step=row.step, body={"effect": found.key},
        text=f"{row.system}: what was in doubt {said}: {found.evidence}",
    )  # fmt: skip
    async with parts.database.write() as session:
        if row.step.startswith(_OUTBOUND):
            await resume(session, row.step.removeprefix(_OUTBOUND))
        await append(session, row.deal_id, [entry])
    async with parts.database.read() as session:
        return EffectLine.model_validate(await session.get(EffectRow, found.key), from_attributes=True)
