"""Absences over JSON: who is away when and who stands in, entered and ended by them, whoever leads them, or admins."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field, StringConstraints

from api import absences
from api.parts import Asking, With
from api.problems import responses
from api.shapes import FactName, Line, Shape, Taken
from models.tables.people import AbsenceRow

router = APIRouter(prefix="/api/absences", tags=["people"])
EVERYWHERE = ("sign_in_needed", "unreadable", "database_down")
REFUSALS = ("wrong_role", "forged_form", "too_large", "wrong_media", "not_allowed", "invalid")
When = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[\x20-\x7e]+$")]
Party = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_:.-]{0,79}$")]
AbsenceId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$")]


class EnterAbsence(Taken):
    """A time somebody is away. Without `person` it is yours; without `delegate` requests wait."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "person": "noor", "starts": "2026-12-21", "ends": "2027-01-02", "delegate": "daniel",
                    "below": "50000", "currency": "USD", "note": "Winter leave",
                }
            ]
        },
    )  # fmt: skip
    person: Line | None = None
    starts: When = Field(description="a day, a local time, or an instant with its offset")
    ends: When = Field(description="the same; a day counts to its end")
    zone: Annotated[str, StringConstraints(max_length=60, pattern=r"^[\x20-\x7e]*$")] = Field(
        default="", description="the IANA zone of days and local times; by default the person's own"
    )
    delegate: Line | None = None
    roles: list[Party] = Field(default_factory=list, max_length=20, description="only requests to these roles")
    facts: dict[FactName, Line] = Field(default_factory=dict, max_length=10, description="only deals that read so")
    below: Decimal | None = Field(default=None, gt=0, le=Decimal("1e15"), description="only deals of less than this")
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = "USD"
    note: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""

    def wanted(self, me: str) -> absences.Wanted:
        """Return what is to be entered, for oneself where nobody is named."""
        return absences.Wanted(
            person=self.person or me, starts=self.starts, ends=self.ends, zone=self.zone,
            delegate=self.delegate or "", roles=self.roles, facts=self.facts, below=self.below,
            currency=self.currency, note=self.note,
        )  # fmt: skip


class AbsenceLine(Shape):
    """An absence. `ends` is exclusive; `ended_at` is when it was cut short or taken back."""

    id: str
    person: str
    delegate: str | None
    starts: datetime
    ends: datetime
    zone: str
    scope: dict[str, object]
    note: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    state: Literal["planned", "running", "over", "taken back"]


class AbsenceEntered(Shape):
    """What was entered. `requests` of the person are open now; those that fit move when the absence begins."""

    absence: AbsenceLine
    notes: list[str]
    requests: int


@router.get("", responses=responses(*EVERYWHERE))
async def list_absences(
    parts: With, caller: Asking, *, over: Annotated[bool, Query(description="past ones too")] = False
) -> list[AbsenceLine]:
    """List absences: yours, those of the people you lead, and those you stand in for; an admin sees all."""
    now = parts.now()
    async with parts.database.read() as session:
        return [line(row, now) for row in await absences.visible(session, caller, now, over=over)]


@router.post("", responses=responses(*EVERYWHERE, *REFUSALS))
async def enter_absence(given: EnterAbsence, parts: With, caller: Asking) -> AbsenceEntered:
    """Enter an absence. What is open already moves to whoever stands in when it begins, and comes back when it ends."""
    entered = await absences.enter(parts, caller, given.wanted(caller.id))
    return AbsenceEntered(absence=line(entered.row, parts.now()), notes=entered.notes, requests=entered.waiting)


@router.post("/{absence_id}/end", responses=responses(*EVERYWHERE, *REFUSALS, "not_found"))
async def end_absence(absence_id: AbsenceId, parts: With, caller: Asking) -> AbsenceLine:
    """End an absence now, or take it back before it begins: requests not answered yet come back."""
    return line(await absences.end(parts, caller, absence_id), parts.now())


def line(row: AbsenceRow, now: datetime) -> AbsenceLine:
    """Return an absence as programs read it."""
    return AbsenceLine.model_validate({**row.model_dump(), "state": absences.state_of(row, now)})
