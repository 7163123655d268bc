"""Changing a person: who may, what cannot be meant, and the deals that have to find out anew whom they ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlmodel import col

from activities.people import calendar
from api.absences import above
from api.auth import Caller
from api.parts import Parts
from api.people_changes import affected, keys_of, note_change
from api.problems import FieldError, Problem
from connectors.database import WriteSession
from models.tables.people import AbsenceRow, Person
from models.tables.requests import Request

OWN = frozenset({"zone", "country", "calendar", "notify"})
"""What people may change of themselves."""
ASKED_BY = frozenset({"active", "roles", "manager", "zone", "country", "calendar"})
"""What decides whom requests ask and when they are due."""
_NEVER_EMPTY = frozenset({"active", "roles", "zone", "country", "notify"})
_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(7402119)")


@dataclass(frozen=True)
class Changed:
    """The person as they are now, what to look after, and how many deals are being told."""

    person: Person
    notes: list[str]
    deals: int


async def change(parts: Parts, caller: Caller, person_id: str, wanted: Mapping[str, Any]) -> Changed:
    """Change what is named of a person. Raises Problem with one error for each field that cannot be meant."""
    now = parts.now()
    if wanted.get("calendar") is not None:  # the usual hours have one spelling: none of their own
        wanted = {**wanted, "calendar": {name: value for name, value in wanted["calendar"].items() if value} or None}
    async with parts.database.write() as session:
        await session.execute(_ONE_AT_A_TIME)
        people = {p.id: p for p in (await session.execute(select(Person))).scalars()}
        person = people.get(person_id)
        if person is None:
            raise Problem("not_found", f"There is no person {person_id!r}.")
        if "admin" not in caller.roles and (caller.id != person_id or not OWN.issuperset(wanted)):
            raise Problem("not_allowed", "Only admins change people; hours and messages are also their own to change.")
        errors = _mistakes(person, wanted, people)
        if errors:
            raise Problem("invalid", " ".join(e.message for e in errors), errors=errors)
        before = person.model_dump()
        for name, value in wanted.items():
            setattr(person, name, list(dict.fromkeys(value)) if name == "roles" else value)
        moved = {name for name in wanted if before[name] != getattr(person, name)}
        await session.flush()
        keys, deals = keys_of(person, before["roles"]), list[str]()
        if moved & ASKED_BY:
            deals = await affected(session, [person.id], keys)
            reason = f"{person.name}: {_told(moved, person, before)} (by {caller.name})"
            await note_change(session, reason, [person.id], keys, caller.id, now)
        notes = await _notes(session, person, before, people) if moved & {"active", "roles"} else []
        session.expunge(person)
    return Changed(person, notes, len(deals))


def mistaken(field: str, message: str) -> Problem:
    """Return the refusal of one field."""
    return Problem("invalid", message, errors=[FieldError(field=field, message=message)])


def _mistakes(person: Person, wanted: Mapping[str, Any], people: Mapping[str, Person]) -> list[FieldError]:
    errors = [
        FieldError(field=name, message=f"The {name} cannot be empty. Leave it out to keep it.")
        for name in wanted
        if name in _NEVER_EMPTY and wanted[name] is None
    ]
    if errors:
        return errors
    boss = wanted.get("manager")
    if boss is not None and (problem := _led_by(person, boss, people)):
        errors.append(FieldError(field="manager", message=problem))
    if {"zone", "country", "calendar"} & set(wanted):
        try:
            calendar(
                wanted.get("zone", person.zone),
                wanted.get("country", person.country),
                wanted.get("calendar", person.calendar),
            )
        except ValueError as wrong:
            said = f"{str(wrong)[:1].upper()}{str(wrong)[1:]}."
            place = "zone" if "time zone" in said else "country" if "holidays" in said else "calendar"
            errors.append(FieldError(field=place, message=said))
    if problem := _telling(person, wanted):
        errors.append(FieldError(field="notify", message=problem))
    stays = wanted.get("active", person.active) and "admin" in wanted.get("roles", person.roles)
    others = any(p.active and "admin" in p.roles for p in people.values() if p.id != person.id)
    if person.active and "admin" in person.roles and not stays and not others:
        said = f"{person.name} is the only admin. Make somebody else admin first."
        errors.append(FieldError(field="roles" if "roles" in wanted else "active", message=said))
    return errors


def _led_by(person: Person, boss: str, people: Mapping[str, Person]) -> str:
    leader = people.get(boss)
    if leader is None:
        return f"There is no person {boss!r}. Give the id of somebody of the company."
    if boss == person.id:
        return f"{person.name} cannot lead themselves."
    if not leader.active:
        return f"{leader.name} is not active. Name somebody who is."
    if person.id in above(boss, people):
        return f"{leader.name} is led by {person.name}. Change that first."
    return ""


def _telling(person: Person, wanted: Mapping[str, Any]) -> str:
    notify = wanted.get("notify") or {}
    quiet, slack = notify.get("quiet") or [], wanted.get("slack", person.slack)
    if len(quiet) == 1 or (quiet and quiet[0] == quiet[1]):
        return "Quiet hours need two different times, from and until."
    if notify.get("channels") == ["slack"] and slack is None:
        return f"{person.name} has no Slack user id. Choose mail, or let an admin enter it."
    return ""


def _told(moved: set[str], person: Person, before: Mapping[str, Any]) -> str:
    said: list[str] = []
    if "active" in moved:
        said.append("active again" if person.active else "no longer active")
    if "roles" in moved:
        more = [r for r in person.roles if r not in before["roles"]]
        less = [r for r in before["roles"] if r not in person.roles]
        said += [f"now {', '.join(more)}"] * bool(more) + [f"no longer {', '.join(less)}"] * bool(less)
    if "manager" in moved:
        said.append(f"led by {person.manager or 'nobody'}")
    if moved & {"zone", "country", "calendar"}:
        said.append("other working hours")
    return "; ".join(said)


async def _notes(
    session: WriteSession, person: Person, before: Mapping[str, Any], people: Mapping[str, Person]
) -> list[str]:
    """Say what to look after: roles nobody holds any more but requests ask for, absences they stand in for."""
    notes: list[str] = []
    gone = [r for r in before["roles"] if not person.active or r not in person.roles]
    for role in (r for r in gone if not any(p.active and r in p.roles for p in people.values())):
        asking = select(func.count()).select_from(Request)
        asking = asking.where(col(Request.state) == "open", col(Request.asks).contains([f"role:{role}"]))
        count = (await session.execute(asking)).scalar_one()
        waiting = f": {count} open {'request asks' if count == 1 else 'requests ask'} for it" if count else ""
        notes.append(f"Nobody holds {role} any more{waiting}. Give it to somebody, or name a fallback in the flow.")
    if not person.active:
        theirs = col(AbsenceRow.delegate) == person.id, col(AbsenceRow.ends) > func.now()
        rows = select(AbsenceRow).where(*theirs, col(AbsenceRow.ended_at).is_(None))
        away = {row.person for row in (await session.execute(rows)).scalars()}
        notes += [f"They stood in for {people[p].name}, who is asked again. Name somebody else." for p in sorted(away)]
    return notes
