"""One rehearsed deal told as a timeline: date and time in the company's zone, who, what, why, and the gaps between."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from email.utils import parseaddr

from models.calendar import Working
from models.deal import Entry, base
from models.delivery import SYNC_FAILED
from models.flow import FlowDef, StepId
from models.turn import title
from workflows.rehearsal.flight import DATE, MACHINES, ONBOARDING, OPEN, PLAN_TASK, Flight, Waited, spoken, subflow
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
_ASKED = re.compile(r"(?:[^\s,;]+, )*[^\s,;]+(?= (?:is|are) (?:no longer )?asked| stands in for )")
"""Those of whom an entry says that they are asked."""
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
    asked: dict[tuple[datetime, str, str], list[Waited]] = {}
    for each in flight.waited:
        asked.setdefault((each.since, each.below, each.title), []).append(each)
    passing = _passing(flight)
    for chain, entry in zip(flight.chains, flight.entries, strict=True):
        step, below = subflow(chain)
        stage = _stage(flow, entry, stage, step or entry.step)
        if _quiet(entry) or (entry.kind == "question" and (chain, entry.seq) in passing):
            continue
        waits = asked.get((entry.at, below, title(entry.step)), []) if entry.step and entry.kind == "opened" else []
        who = _NAMES.get(entry.who) or company.name(entry.who)
        people = {company.name(person) for each in waits for person in each.asked or (each.who,)}
        yield Line(
            entry.at.astimezone(zone),
            stage,
            f"→ {' or '.join(sorted(people))}" if people else who,
            _within(below, entry, _text(entry, company) + _awaited(waits)),
            "wrong" if entry.kind == "project" else _MARKS.get(entry.kind, ""),
            entry.kind,
            _took(flight, entry, below),
        )


def _quiet(entry: Entry) -> bool:
    return entry.kind in _QUIET and not entry.text.startswith(SYNC_FAILED)


def _within(below: str, entry: Entry, text: str) -> str:
    """Say which subflow a line is about; its own beginning and end are told under its name."""
    if not below:
        return text
    if entry.kind == "arrived":
        return f"{below} begins; {text.partition('; ')[2]}"
    return text.replace("the deal", below, 1) if entry.kind == "ending" else f"{below}: {text}"


def _awaited(waits: Sequence[Waited]) -> str:
    """Say what a deal waits for, where an answer of those who are asked is not it."""
    if any(each.who == DATE for each in waits):
        return "; the deal waits until its day comes"
    return "; it comes from outside" if any(each.asked for each in waits) else ""


def _stage(flow: FlowDef, entry: Entry, stage: str, step: StepId | None) -> str:
    if entry.kind in ("onboarding", "project", "start", "complete", "block", "unblock"):
        return ONBOARDING
    if stage == ONBOARDING:
        return stage
    # Steps of later stages are skipped as soon as that is known; the deal is not there yet.
    placed = flow.steps.get(base(step)) if step and entry.kind != "skipped" else None
    return str(entry.body.get("to_stage")) if entry.kind == "rework" else placed.stage.name if placed else stage


def _passing(flight: Flight) -> set[tuple[str, int]]:
    """Return questions that closed in the instant they came up: the deal had not been told its facts yet."""
    told = list(zip(flight.chains, flight.entries, strict=True))
    closed = {(chain, e.at, e.step) for chain, e in told if e.kind == "question closed"}
    return {(chain, e.seq) for chain, e in told if e.kind == "question" and (chain, e.at, e.step) in closed}


def _took(flight: Flight, entry: Entry, below: str) -> timedelta | None:
    if entry.step is None or entry.kind not in ("decided", "signed", "completed", "done", "declined"):
        return None
    found = [
        w for w in flight.waited if w.who == entry.who and w.until == entry.at and w.kind not in (MACHINES, PLAN_TASK)
    ]
    return next((w.working for w in found if (w.below, w.title) == (below, title(entry.step))), None)


def _text(entry: Entry, company: Company) -> str:
    # What exists outside is invented in a rehearsal, and so are its numbers.
    text = entry.text.rpartition(" (")[0] or entry.text if entry.kind == "done" else entry.text
    for reason in (": in order", f"{entry.who} answered "):
        text = text.replace(reason, "")
    text = text.removesuffix(f" by {entry.who}")
    if entry.step:
        text = text.replace(title(entry.step), spoken(title(entry.step)), 1)
    text = _ASKED.sub(lambda found: ", ".join(company.called(each) for each in found[0].split(", ")), text)
    for person in company.people:
        text = text.replace(f", {person.id} ", f", {person.name} ")
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
        waits = [w for w in flight.waited if w.since <= since and w.until >= until and w.kind != MACHINES]
        names = dict.fromkeys(company.name(w.who) for w in waits if not w.asked)
        things = dict.fromkeys(f"the {w.title}" for w in waits if w.asked)
        told.append(
            f"{idle} working {'day' if idle == 1 else 'days'}{f' with {_some(names)}' if names else ''}"
            + (f"{' and' if names else ''} waiting for {_some(things)}" if things else "")
        )
    return ", ".join(told)


def _some(names: Mapping[str, None]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
