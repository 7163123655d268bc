"""Figures of many rehearsed deals: times by stage, who is waited for, what went wrong, added up deal by deal."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.flow import FlowDef
from workflows.rehearsal.flight import DATE, MACHINES, ONBOARDING, OPEN, PLAN_TASK, Flight
from workflows.rehearsal.people import Company, Diary

CUSTOMERS = "customer"
"""All who sign, taken together."""
_WEEK = timedelta(weeks=1)
_COUNTED = ("escalated", "incident", "rework", "reminder", "overdue")


@dataclass(frozen=True)
class Spread:
    """How long something took: in half of the cases, in four of five, in nineteen of twenty."""

    n: int
    p50: timedelta
    p80: timedelta
    p95: timedelta


@dataclass(frozen=True)
class StageFigures:
    """Times in one stage, all stays of a deal taken together."""

    stage: str
    elapsed: Spread
    working: Spread


@dataclass(frozen=True)
class PersonFigures:
    """How long deals waited for somebody, in their own working hours."""

    who: str
    name: str
    roles: tuple[str, ...]
    asked: int
    answered: int
    total: timedelta
    working: Spread
    share: float
    """Of all the time deals waited for people."""
    busy: float
    """Of their working time while deals arrived, how much answers took."""
    queued: timedelta
    """How long requests lay there because they were at another one."""


@dataclass(frozen=True)
class Figures:
    """What many rehearsed deals came to."""

    flow: str
    version: int
    deals: int
    start: datetime
    until: datetime
    outcomes: Mapping[str, int]
    to_close: Spread
    to_live: Spread
    stages: tuple[StageFigures, ...]
    people: tuple[PersonFigures, ...]
    systems: tuple[tuple[str, Spread], ...]
    happened: Mapping[str, int]
    """How often, by kind."""
    touched: Mapping[str, int]
    """How many deals it happened to, by kind."""
    late_live: int
    """Deals that went live after the promise."""
    lived: int
    weeks: tuple[tuple[int, int], ...]
    """By week: deals that arrived, and deals open at its end."""
    still: tuple[tuple[str, str], ...]
    """Some deals that were still open, with what they wait for."""

    @property
    def bottleneck(self) -> PersonFigures | None:
        """Whom of the company deals waited for most."""
        return next((each for each in self.people if each.who != CUSTOMERS), None)

    def verdict(self) -> str:
        """Return in a sentence who the bottleneck is."""
        worst = self.bottleneck
        if worst is None:
            return "Nobody of the company was asked anything."
        outside = next((each.share for each in self.people if each.who == CUSTOMERS), 0.0)
        told = f"The bottleneck is {worst.name}: {worst.share:.0%} of all waiting for people"
        return f"{told}; customers take {outside:.0%}." if outside else f"{told}."


class Tally:
    """Adds deals up one by one, so that no more than figures is kept of them."""

    def __init__(self, flow: FlowDef, company: Company) -> None:
        self._flow, self._company = flow, company
        self.deals = 0
        self._outcomes: Counter[str] = Counter()
        self._elapsed: dict[str, array[float]] = {}
        self._working: dict[str, array[float]] = {}
        self._waits: dict[str, array[float]] = {}
        self._answered: Counter[str] = Counter()
        self._systems: dict[str, array[float]] = {}
        self._close, self._live = array("d"), array("d")
        self._happened: Counter[str] = Counter()
        self._touched: Counter[str] = Counter()
        self._late = 0
        self._arrived, self._over = array("d"), array("d")
        self._still: list[tuple[str, str]] = []

    def add(self, flight: Flight) -> None:
        """Add one deal."""
        self.deals += 1
        self._outcomes[flight.outcome] += 1
        self._arrived.append(flight.arrived.timestamp())
        self._over.append((flight.closed or flight.until).timestamp())
        for kind in _COUNTED:
            self._happened[kind] += flight.counts.get(kind, 0)
            self._touched[kind] += kind in flight.counts
        self._add_times(flight)
        for wait in flight.waited:
            if wait.kind == MACHINES:
                self._systems.setdefault(wait.who, array("d")).append(wait.elapsed.total_seconds())
            elif wait.kind not in (DATE, PLAN_TASK) and (wait.answered or wait.until == flight.until):
                self._waits.setdefault(wait.who, array("d")).append(wait.working.total_seconds())
                self._answered[wait.who] += wait.answered
        if flight.outcome == OPEN and len(self._still) < 5:
            self._still.append((flight.deal, flight.why))

    def figures(self, start: datetime, until: datetime, diary: Diary, arrivals: timedelta) -> Figures:
        """Return what it came to by `until`, deals having arrived for a time of `arrivals`."""
        order = [*self._flow.stage_names, ONBOARDING]
        stages = [stage for stage in order if stage in self._elapsed]
        return Figures(
            flow=self._flow.name, version=self._flow.version, deals=self.deals, start=start, until=until,
            outcomes=dict(sorted(self._outcomes.items())),
            to_close=spread(self._close), to_live=spread(self._live),
            stages=tuple(StageFigures(s, spread(self._elapsed[s]), spread(self._working[s])) for s in stages),
            people=self._people(start, diary, arrivals),
            systems=tuple((name, spread(found)) for name, found in sorted(self._systems.items())),
            happened=dict(self._happened), touched=dict(self._touched), late_live=self._late, lived=len(self._live),
            weeks=self._weeks(start), still=tuple(self._still),
        )  # fmt: skip

    def _add_times(self, flight: Flight) -> None:
        if flight.closed is not None and flight.outcome == "won":
            self._close.append((flight.closed - flight.arrived).total_seconds())
        if flight.went_live is not None:
            self._live.append(flight.elapsed.total_seconds())
            self._late += flight.promised is not None and flight.went_live > flight.promised
        elapsed: Counter[str] = Counter()
        working: Counter[str] = Counter()
        for stay in flight.stages:
            elapsed[stay.stage] += stay.elapsed.total_seconds()  # type: ignore[assignment]
            working[stay.stage] += stay.working.total_seconds()  # type: ignore[assignment]
        for stage, seconds in elapsed.items():
            self._elapsed.setdefault(stage, array("d")).append(seconds)
            self._working.setdefault(stage, array("d")).append(working[stage])

    def _people(self, start: datetime, diary: Diary, arrivals: timedelta) -> tuple[PersonFigures, ...]:
        everything = sum(sum(found) for found in self._waits.values()) or 1.0
        merged: dict[str, tuple[array[float], int, list[str]]] = {}
        for who, found in self._waits.items():
            key = who if who in self._company.named else self._company.find(who).id if "@" not in who else CUSTOMERS
            whole, answered, ids = merged.get(key, (array("d"), 0, []))
            merged[key] = (whole + found, answered + self._answered[who], [*ids, who])
        made = []
        for who, (found, answered, ids) in merged.items():
            person = self._company.find(who)
            available = diary.worked(person, start, start + arrivals).total_seconds() * max(1, len(ids))
            busy = sum((diary.busy.get(each, timedelta(0)) for each in ids), timedelta(0)).total_seconds()
            queued = sum((diary.queued.get(each, timedelta(0)) for each in ids), timedelta(0))
            name = "Customers" if who == CUSTOMERS else person.name
            made.append(PersonFigures(
                who, name, person.roles, len(found), answered, timedelta(seconds=sum(found)), spread(found),
                sum(found) / everything, busy / available if available else 0.0, queued,
            ))  # fmt: skip
        return tuple(sorted(made, key=lambda each: (-each.total, each.who)))

    def _weeks(self, start: datetime) -> tuple[tuple[int, int], ...]:
        if not self._arrived:
            return ()
        last = max(*self._over, *self._arrived)
        edges: list[float] = []
        at = start
        while at.timestamp() <= last and len(edges) < 200:
            at += _WEEK
            edges.append(at.timestamp())
        arrived, over = sorted(self._arrived), sorted(self._over)
        found, before = [], 0
        for edge in edges:
            came, gone = _until(arrived, edge), _until(over, edge)
            found.append((came - before, came - gone))
            before = came
        return tuple(found)


def spread(seconds: Iterable[float]) -> Spread:
    """Return how times are spread; all nothing where there are none."""
    found = sorted(seconds)
    return Spread(len(found), *(timedelta(seconds=round(_at(found, share))) for share in (0.5, 0.8, 0.95)))


def _at(found: list[float], share: float) -> float:
    if not found:
        return 0.0
    place = share * (len(found) - 1)
    low = int(place)
    high = min(low + 1, len(found) - 1)
    return found[low] + (found[high] - found[low]) * (place - low)


def _until(found: list[float], edge: float) -> int:
    from bisect import bisect_right

    return bisect_right(found, edge)
