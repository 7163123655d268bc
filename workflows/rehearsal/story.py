"""One rehearsed deal told as a timeline: date and time in the company's zone, who, what, why, and the gaps between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from email.utils import parseaddr

from models.calendar import Working
from models.deal import Entry, base
from models.delivery import SYNC_FAILED
from models.flow import FlowDef
from models.turn import title
from workflows.rehearsal.flight import MACHINES, ONBOARDING, OPEN, PLAN_TASK, Flight, Waited
from workflows.rehearsal.people import Company, Zone

_WORKDAY = timedelta(hours=8)
_QUIET = frozenset({"started", "settled", "question closed", "refreshed", "forecast", "project", "ended", "released"})
"""Kinds of entries that say nothing another line does not say better."""
_MARKS: Mapping[str, str] = {
    "opened": "asks", "decided": "answers", "signed": "answers", "completed": "answers", "done": "does",
    "escalated": "late", "overdue": "late", "reminder": "late", "silence": "late", "incident": "wrong",
    "question": "wrong", "rework": "back", "declined": "back", "risk": "late", "hold": "wrong", "ending": "ends",
    "complete": "does", "start": "does", "onboarding": "ends", "skipped": "skips", "arrived": "ends",
}  # fmt: skip
_NAMES: Mapping[str, str] = {"throughline": "Throughline", "crm": "CRM", "erp": "ERP", "silence": "Silence"}


@dataclass(frozen=True)
class Line:
    """One thing that happened."""

    at: datetime
    """In the company's zone."""
    stage: str
    who: str
    what: str
    mark: str
    """asks, answers, does, skips, late, wrong, back, ends, or nothing."""
    kind: str
    """The kind of journal entry."""
    waited: timedelta | None = None
    """How long the deal had waited for this answer, in the working hours of who gave it."""


@dataclass(frozen=True)
class Gap:
    """Days on which nothing happened, and whom the deal waited for."""

    first: date
    last: date
    why: str


@dataclass(frozen=True)
class Story:
    """A deal's timeline."""

    title: str
    lines: tuple[Line | Gap, ...]
    ending: str


def story(flight: Flight, flow: FlowDef, company: Company, working: Working) -> Story:
    """Return the timeline of a flight whose journal was kept; `working` is the company's calendar."""
    zone, company = Zone(working.zone), knowing(company, flight)
    told = list(_lines(flight, flow, company, zone))
    return Story(_title(flight), tuple(_with_gaps(told, flight, company, working, zone)), ending(flight))


def knowing(company: Company, flight: Flight) -> Company:
    """Return the company with the deal's customers known by the names its facts give them."""
    found = [parseaddr(str(value)) for value in flight.facts.values() if "@" in str(value)]
    signers = [replace(company.signer, id=address, name=name) for name, address in found if name and address]
    return replace(company, people=(*company.people, *signers))


def ending(flight: Flight) -> str:
    """Return how a flight ended, in one sentence."""
    took = days_words((flight.closed or flight.until) - flight.arrived)
    if flight.outcome == OPEN:
        return f"Still open when the rehearsal ended, after {took}: {flight.why}."
    live = _went_live(flight)
    return f"The deal ended {flight.why.partition(';')[0]} after {took}.{live}"


def plain(told: Story) -> list[str]:
    """Return a story as short lines, without what its wording would change: for a test of a flow."""
    lines = [line for line in told.lines if isinstance(line, Line) and line.mark and line.kind != "risk"]
    said = [line.what.partition(":")[0].partition(";")[0] if line.kind == "onboarding" else line.what for line in lines]
    who = [f"{line.at:%a %d %b %Y %H:%M}  {line.who}" for line in lines]
    return [*(f"{each}: {what}" for each, what in zip(who, said, strict=True)), told.ending]


def words(span: timedelta) -> str:
    """Return a length of time as people say it: 6 h 27 min, 2 d 3 h."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def days_words(span: timedelta) -> str:
    """Return a length of time in days, or in smaller units when it is shorter."""
    days = span / timedelta(days=1)
    return words(span) if days < 1 else f"{days:.0f} days" if days >= 10 else f"{days:.1f} days"


def work_words(span: timedelta) -> str:
    """Return working time in working hours, and in working days of eight where that is longer than two."""
    return words(span) if span < 2 * _WORKDAY else f"{span / _WORKDAY:.1f} working days"


def _title(flight: Flight) -> str:
    about = [str(flight.facts[path]) for path in ("account", "title") if path in flight.facts]
    return " · ".join(about) or flight.deal


def _went_live(flight: Flight) -> str:
    if flight.went_live is None:
        rest = flight.why.partition("; ")[2]
        return f" {rest[0].upper()}{rest[1:]}." if rest else ""
    promised = flight.promised
    late = (flight.went_live - promised).days if promised else 0
    how = f", {abs(late)} days {'after' if late > 0 else 'before'} the promise of {promised:%d %b %Y}" if late else ""
    return f" It went live on {flight.went_live:%a %d %b %Y}{how or ', as promised'}."


def _lines(flight: Flight, flow: FlowDef, company: Company, zone: Zone) -> Iterator[Line]:
    stage = flow.stages[0].name
    asked: dict[tuple[datetime, str], list[Waited]] = {}
    for each in flight.waited:
        asked.setdefault((each.since, each.title), []).append(each)
    passing = _passing(flight)
    for entry in flight.entries:
        stage = _stage(flow, entry, stage)
        if _quiet(entry) or (entry.kind == "question" and entry.seq in passing):
            continue
        people = asked.get((entry.at, title(entry.step)), []) if entry.step else []
        who = _NAMES.get(entry.who) or company.name(entry.who)
        if entry.kind == "opened" and people:
            who = f"→ {' or '.join(sorted(company.name(each.who) for each in people))}"
        yield Line(
            entry.at.astimezone(zone),
            stage,
            who,
            _text(entry, company),
            "wrong" if entry.kind == "project" else _MARKS.get(entry.kind, ""),
            entry.kind,
            _took(flight, entry),
        )


def _quiet(entry: Entry) -> bool:
    return entry.kind in _QUIET and not entry.text.startswith(SYNC_FAILED)


def _stage(flow: FlowDef, entry: Entry, stage: str) -> str:
    if entry.kind in ("onboarding", "project", "start", "complete", "block", "unblock"):
        return ONBOARDING
    if stage == ONBOARDING:
        return stage
    # Steps of later stages are skipped as soon as that is known; the deal is not there yet.
    placed = flow.steps.get(base(entry.step)) if entry.step and entry.kind != "skipped" else None
    return str(entry.body.get("to_stage")) if entry.kind == "rework" else placed.stage.name if placed else stage


def _passing(flight: Flight) -> set[int]:
    """Return questions that closed in the instant they came up: the deal had not been told its facts yet."""
    closed = {(e.at, e.step) for e in flight.entries if e.kind == "question closed"}
    return {e.seq for e in flight.entries if e.kind == "question" and (e.at, e.step) in closed}


def _took(flight: Flight, entry: Entry) -> timedelta | None:
    if entry.step is None or entry.kind not in ("decided", "signed", "completed", "done", "declined"):
        return None
    found = [
        w for w in flight.waited if w.who == entry.who and w.until == entry.at and w.kind not in (MACHINES, PLAN_TASK)
    ]
    return next((w.working for w in found if w.title == title(entry.step)), None)


def _text(entry: Entry, company: Company) -> str:
    # What exists outside is invented in a rehearsal, and so are its numbers.
    text = entry.text.rpartition(" (")[0] or entry.text if entry.kind == "done" else entry.text
    for reason in (": in order", f"{entry.who} answered "):
        text = text.replace(reason, "")
    for person in company.people:
        text = text.replace(f" {person.id} is asked", f" {person.name} is asked").replace(
            f", {person.id} ", f", {person.name} "
        )
    return text


def _with_gaps(
    lines: list[Line], flight: Flight, company: Company, working: Working, zone: Zone
) -> Iterator[Line | Gap]:
    before: Line | None = None
    for line in lines:
        if before is not None:
            first, last = before.at.date() + timedelta(days=1), line.at.date() - timedelta(days=1)
            if first <= last:
                yield Gap(first, last, _why(first, last, before.at, line.at, flight, company, working, zone))
        yield line
        before = line


def _why(
    first: date, last: date, since: datetime, until: datetime, flight: Flight, company: Company, working: Working,
    zone: Zone,
) -> str:  # fmt: skip
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    worked = {a.astimezone(zone).date() for a, _ in working.intervals}
    free = [day for day in days if day not in worked]
    holidays = [day for day in free if day.weekday() < 5]
    told = [f"{day:%a %d %b} is a holiday" for day in holidays[:3]]
    weekends = len({day.isocalendar()[:2] for day in free if day.weekday() >= 5})
    if weekends:
        told = ["weekend" if weekends == 1 else f"{weekends} weekends", *told]
    idle = len(days) - len(free)
    if idle:
        names = dict.fromkeys(
            company.name(w.who) for w in flight.waited if w.since <= since and w.until >= until and w.kind != MACHINES
        )
        told.append(f"{idle} working {'day' if idle == 1 else 'days'}{f' with {_some(names)}' if names else ''}")
    return ", ".join(told)


def _some(names: Mapping[str, None]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
