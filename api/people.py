"""People over JSON: who works here, and what an admin, or they themselves, may change of it."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field, StringConstraints

from api import queries, staff
from api.parts import Asking, With
from api.problems import responses
from api.shapes import Line, Shape, Taken
from models.tables.people import Person

router = APIRouter(prefix="/api/people", tags=["people"])
EVERYWHERE = ("sign_in_needed", "unreadable", "database_down")
REFUSALS = ("wrong_role", "forged_form", "too_large", "wrong_media", "not_allowed", "invalid", "not_found")
RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
PersonId = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
Shift = tuple[time, time]


class Hours(Taken):
    """When somebody works, if not Monday to Friday from 9 to 17: shifts per weekday from Monday, days off, a region."""

    week: list[list[Shift]] | None = Field(default=None, min_length=7, max_length=7)
    days_off: list[date] = Field(default_factory=list, max_length=400)
    region: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,10}$")] | None = None


class Telling(Taken):
    """How somebody wants to be told: by which channels, in one digest a day, and when not to be disturbed."""

    channels: list[Literal["mail", "slack"]] = Field(default=["mail", "slack"], min_length=1, max_length=2)
    digest: Clock | Literal[""] = Field(default="", description="at which local time; empty: each request at once")
    quiet: list[Clock] = Field(default_factory=list, max_length=2, description="from and until, local times")


class ChangePerson(Taken):
    """What is different now; what is left out stays. Hours and messages are also a person's own to change."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"active": False}, {"roles": ["legal"], "manager": "vera"}]},
    )
    active: bool | None = None
    roles: list[RoleName] | None = Field(default=None, max_length=50)
    manager: Line | None = Field(default=None, description="a person's id; null: nobody leads them")
    zone: Annotated[str, StringConstraints(max_length=60, pattern=r"^[\x20-\x7e]*$")] | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    slack: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")] | None = None
    calendar: Hours | None = Field(default=None, description="null: the usual hours")
    notify: Telling | None = None


class PersonLine(Shape):
    """Somebody of the company."""

    id: str
    name: str
    email: str
    title: str
    roles: list[str]
    manager: str | None
    zone: str
    country: str
    slack: str | None
    active: bool
    calendar: dict[str, object] | None
    notify: dict[str, object]


class PersonChanged(Shape):
    """The person as they are now. `notes` say what to look after, `deals` how many are being told."""

    person: PersonLine
    notes: list[str]
    deals: int


@router.get("", responses=responses(*EVERYWHERE))
async def list_people(parts: With) -> list[PersonLine]:
    """List everybody, those who left too."""
    async with parts.database.read() as session:
        return [line(person) for person in (await queries.people(session)).values()]


@router.patch("/{person_id}", responses=responses(*EVERYWHERE, *REFUSALS))
async def change_person(person_id: PersonId, given: ChangePerson, parts: With, caller: Asking) -> PersonChanged:
    """Change a person. Open requests find out anew whom they ask; what has happened stays as it was written."""
    wanted = given.model_dump(mode="json", exclude_unset=True)
    changed = await staff.change(parts, caller, person_id, wanted)
    return PersonChanged(person=line(changed.person), notes=changed.notes, deals=changed.deals)


def line(person: Person) -> PersonLine:
    """Return a person as programs read them."""
    return PersonLine.model_validate(person, from_attributes=True)
