"""Entering and ending absences: who may, what is wrong with one in words, and what each leaves for the sweep."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select, text, update
from sqlmodel import col

from activities.people import absence_of
from api import queries
from api.auth import Caller
from api.parts import Parts
from api.people_changes import keys_of, note_change
from api.problems import FieldError, Problem
from connectors.database import ReadSession, WriteSession
from models.absence import Absence, Scope, problems
from models.money import Money
from models.tables.people import AbsenceRow, PeopleChange, Person
from models.tables.requests import Request

LONGEST, OLDEST = timedelta(days=3 * 366), timedelta(days=366)
# Entering checks for circles among all absences, so two are never entered at once.
_FACTS = text("select distinct jsonb_object_keys(definition -> 'facts') from flow_version")
_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(7402119)")


@dataclass(frozen=True)
class Wanted:
    """An absence as somebody wrote it down. A day as the end is its whole day; times are those of the zone."""

    person: str
    starts: str
    ends: str
    zone: str = ""
    delegate: str = ""
    roles: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    below: Decimal | None = None
    currency: str = "USD"
    note: str = ""


@dataclass(frozen=True)
class Entered:
    """What was entered, what to know about it, and how many open requests ask the person now."""

    row: AbsenceRow
    notes: list[str]
    waiting: int


async def enter(parts: Parts, caller: Caller, wanted: Wanted) -> Entered:
    """Enter an absence. Raises Problem with one error for each field that cannot be meant."""
    now = parts.now()
    async with parts.database.write() as session:
        await session.execute(_ONE_AT_A_TIME)
        people = await _people(session)
        person = people.get(wanted.person)
        if person is None:
            said = f"There is no person {wanted.person!r}. Give the id of somebody of the company."
            raise Problem("invalid", said, errors=[FieldError(field="person", message=said)])
        _allow(caller, person, people)
        existing = await _running(session, now)
        starts, ends, errors = _times(wanted, person, now)
        errors += await _strange_facts(session, wanted)
        errors += _mistakes(wanted, person, [a for row in existing if (a := absence_of(row))], people, starts, ends)
        if errors:
            raise Problem("invalid", " ".join(e.message for e in errors), errors=errors)
        assert starts is not None, "otherwise there were errors"
        assert ends is not None, "otherwise there were errors"
        row = AbsenceRow(
            id=uuid.uuid4().hex[:12], person=person.id, delegate=wanted.delegate or None, starts=starts, ends=ends,
            zone=wanted.zone or person.zone, scope=_scope(wanted).model_dump(mode="json", exclude_defaults=True),
            note=wanted.note, created_by=caller.id, created_at=now,
        )  # fmt: skip
        session.add(row)
        await _sweeps(session, row, person, now)
        theirs = select(func.count()).select_from(Request).where(col(Request.state) == "open", queries.mine(person.id))
        waiting = (await session.execute(theirs)).scalar_one()
        await session.flush()
        session.expunge(row)
    return Entered(row, _notes(row, existing, people), waiting)


async def end(parts: Parts, caller: Caller, absence_id: str) -> AbsenceRow:
    """End an absence now, or take it back before it begins. One that is over stays as it is."""
    now = parts.now()
    async with parts.database.write() as session:
        row = await session.get(AbsenceRow, absence_id, with_for_update=True)
        if row is None:
            raise Problem("not_found", f"There is no absence {absence_id}.")
        people = await _people(session)
        _allow(caller, people[row.person], people)
        if row.ended_at is None and row.ends > now:
            row.ended_at = now
            of_it = col(PeopleChange.id).like(f"absence/{row.id}/%"), col(PeopleChange.done_at).is_(None)
            await session.execute(update(PeopleChange).where(*of_it).values(done_at=now))
            if row.starts <= now or row.delegate is None:
                person = people[row.person]
                reason = f"{person.name} is back"
                await _note(session, row, person, "ended", now, reason)
            await session.flush()
        session.expunge(row)
    return row


async def visible(session: ReadSession, caller: Caller, now: datetime, *, over: bool = False) -> list[AbsenceRow]:
    """Return the absences of the caller, of everybody below them, and those they stand in for; an admin sees all."""
    people = await queries.people(session)
    query = select(AbsenceRow).order_by(col(AbsenceRow.starts), col(AbsenceRow.id)).limit(500)
    if not over:
        query = query.where(col(AbsenceRow.ends) > now, col(AbsenceRow.ended_at).is_(None))
    if "admin" not in caller.roles:
        theirs = [p for p in people if p == caller.id or caller.id in above(p, people)]
        query = query.where(col(AbsenceRow.person).in_(theirs) | (col(AbsenceRow.delegate) == caller.id))
    return list(await session.scalars(query))


def state_of(row: AbsenceRow, now: datetime) -> str:
    """Return where an absence stands: planned, running, over or taken back."""
    if row.ended_at is not None:
        return "taken back" if row.ended_at <= row.starts else "over"
    return "planned" if now < row.starts else "running" if now < row.ends else "over"


def above(person: str, people: Mapping[str, Person]) -> list[str]:
    """Return everybody who leads a person, nearest first."""
    found: list[str] = []
    at = people.get(person)
    while at is not None and at.manager is not None and at.manager not in found:
        found.append(at.manager)
        at = people.get(at.manager)
    return found


def may_enter(caller: Caller, person: str, people: Mapping[str, Person]) -> bool:
    """Return whether somebody may enter and end a person's absences: they, whoever leads them, and admins."""
    return caller.id == person or "admin" in caller.roles or caller.id in above(person, people)


async def _people(session: WriteSession) -> dict[str, Person]:
    return {p.id: p for p in (await session.execute(select(Person))).scalars()}


async def _running(session: WriteSession, now: datetime) -> list[AbsenceRow]:
    query = select(AbsenceRow).where(col(AbsenceRow.ends) > now, col(AbsenceRow.ended_at).is_(None))
    return list((await session.execute(query)).scalars())


def _allow(caller: Caller, person: Person, people: Mapping[str, Person]) -> None:
    if not may_enter(caller, person.id, people):
        raise Problem("not_allowed", f"Only {person.name}, whoever leads them, and admins enter their absences.")


def _times(wanted: Wanted, person: Person, now: datetime) -> tuple[datetime | None, datetime | None, list[FieldError]]:
    zone = wanted.zone or person.zone
    errors: list[FieldError] = []
    if not _known(zone):
        said = f"There is no time zone {zone!r}. Use an IANA name such as Europe/Berlin."
        return None, None, [FieldError(field="zone", message=said)]
    found: dict[str, datetime] = {}
    for name, written in (("starts", wanted.starts), ("ends", wanted.ends)):
        try:
            found[name] = _instant(written, zone, whole_day=name == "ends")
        except (ValueError, OverflowError):
            said = "Give a day such as 2026-12-01, or a time such as 2026-12-01T13:00."
            errors.append(FieldError(field=name, message=said))
    starts, ends = found.get("starts"), found.get("ends")
    if starts is not None and not now - OLDEST < starts < now + LONGEST:
        errors.append(
            FieldError(field="starts", message="This begins too far away: at most a year ago, or in 3 years.")
        )
    elif starts is not None and ends is not None:
        if ends <= starts:
            day = starts.astimezone(ZoneInfo(zone))
            said = f"The absence ends before it begins. Give an end after {day.day} {day:%b %Y}."
            errors.append(FieldError(field="ends", message=said))
        elif ends <= now:
            errors.append(FieldError(field="ends", message="This absence is over already. Give an end to come."))
        elif ends - starts > LONGEST:
            said = "This is longer than three years. Let somebody deactivate the person instead."
            errors.append(FieldError(field="ends", message=said))
    return starts, ends, errors


def _instant(written: str, zone: str, *, whole_day: bool) -> datetime:
    if len(written) == len("2026-12-01"):
        day = date.fromisoformat(written) + timedelta(days=whole_day)
        return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    at = datetime.fromisoformat(written)
    return (at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _scope(wanted: Wanted) -> Scope:
    below = None if wanted.below is None else Money(amount=wanted.below, currency=wanted.currency)
    return Scope(roles=tuple(wanted.roles), facts=dict(wanted.facts), below=below)


def _mistakes(
    wanted: Wanted,
    person: Person,
    existing: Sequence[Absence],
    people: Mapping[str, Person],
    starts: datetime | None,
    ends: datetime | None,
) -> list[FieldError]:
    errors: list[FieldError] = []
    delegate = people.get(wanted.delegate)
    if wanted.delegate and delegate is None:
        said = f"There is no person {wanted.delegate!r}. Give the id of somebody of the company, or nobody."
        errors.append(FieldError(field="delegate", message=said))
    foreign = [r for r in wanted.roles if r not in person.roles and not r.startswith(("managers:", "fact:", "person:"))]
    if foreign:
        held = ", ".join(person.roles) or "no role"
        said = f"{person.name} does not hold {' or '.join(foreign)}. They hold {held}."
        errors.append(FieldError(field="roles", message=said))
    if (wanted.roles or wanted.facts or wanted.below is not None) and not wanted.delegate:
        said = "Name who stands in for these requests, or leave out which ones are meant."
        errors.append(FieldError(field="delegate", message=said))
    if starts is None or ends is None or ends <= starts or (wanted.delegate and delegate is None):
        return errors
    new = Absence(person=person.id, starts=starts, ends=ends, delegate=wanted.delegate or None, scope=_scope(wanted))
    for each in existing:
        if each.person == new.person and each.scope == new.scope and each.starts < ends and starts < each.ends:
            first, last = (at.astimezone(ZoneInfo(wanted.zone or person.zone)) for at in (each.starts, each.ends))
            said = f"{person.name} is already away {first.day} {first:%b} to {last.day} {last:%b}. End that one first."
            errors.append(FieldError(field="starts", message=said))
            break
    active = [p.id for p in people.values() if p.active]
    known = problems(existing, active)
    circles = [each for each in problems([new, *existing], active) if "circular" in each and each not in known]
    for problem in [*problems([new], active), *circles[:1]]:
        place = "person" if problem.startswith(f"{person.id} is not") else "delegate"
        errors.append(FieldError(field=place, message=f"{problem[:1].upper()}{problem[1:]}."))
    return errors


async def _strange_facts(session: WriteSession, wanted: Wanted) -> list[FieldError]:
    """A misspelt fact would never fit, and nobody would stand in."""
    known: list[str] = sorted((await session.execute(_FACTS)).scalars()) if wanted.facts else []
    strange = [fact for fact in wanted.facts if known and fact not in known]
    return [
        FieldError(field="facts", message=f"No flow has a fact {fact!r}. They have {', '.join(known)}.")
        for fact in strange[:1]
    ]


async def _sweeps(session: WriteSession, row: AbsenceRow, person: Person, now: datetime) -> None:
    """Leave the start and the end for the sweep; leave nobody stands in for moves clocks as soon as it is known."""
    if row.delegate is None:
        await _note(session, row, person, "entered", now, f"{person.name} will be away")
        return
    await _note(session, row, person, "starts", max(row.starts, now), f"{row.delegate} stands in for {person.name}")
    await _note(session, row, person, "ends", row.ends, f"{person.name} is back")


async def _note(session: WriteSession, row: AbsenceRow, person: Person, what: str, due: datetime, reason: str) -> None:
    people = [row.person, *([row.delegate] if row.delegate else [])]
    await note_change(session, reason, people, keys_of(person), row.created_by, due, f"absence/{row.id}/{what}")


def _notes(row: AbsenceRow, existing: Sequence[AbsenceRow], people: Mapping[str, Person]) -> list[str]:
    if row.delegate is None:
        return ["Nobody stands in: requests wait, and clocks that count a person's own hours leave these days out."]
    away = [e for e in existing if e.person == row.delegate and e.starts < row.ends and row.starts < e.ends]
    name = people[row.delegate].name
    onward = [f"{name} is away too; {people[e.delegate].name} stands in for both." for e in away if e.delegate]
    return onward or [f"{name} is away for part of this and named nobody; those requests wait." for _ in away[:1]]
