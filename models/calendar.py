"""Business time: spans, and arithmetic on a calendar already expanded to UTC working intervals."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_REMINDERS = 60
DEFAULT_DAYS = 400
MOST_DAYS = 2000


class HorizonTooNear(Exception):
    """The answer lies outside the days this calendar was expanded to."""

    def __init__(self, working: Working) -> None:
        super().__init__(
            f"the calendar covers {working.start:%Y-%m-%d} to {working.horizon:%Y-%m-%d} only; "
            "expand it further and ask again"
        )
        self.horizon = working.horizon


class Unit(StrEnum):
    """What a span counts. The two business units count working time only; the others count elapsed time."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BUSINESS_HOURS = "business hours"
    BUSINESS_DAYS = "business days"

    @property
    def business(self) -> bool:
        return self in (Unit.BUSINESS_HOURS, Unit.BUSINESS_DAYS)


class Span(BaseModel):
    """A length of time as an author writes it: Span(n=2, unit="business days")."""

    model_config = ConfigDict(frozen=True)
    n: int = Field(ge=0)
    unit: Unit

    def length(self, day: timedelta) -> timedelta:
        """Return the amount of time it stands for, where a business day is `day` long."""
        match self.unit:
            case Unit.MINUTES:
                return timedelta(minutes=self.n)
            case Unit.HOURS | Unit.BUSINESS_HOURS:
                return timedelta(hours=self.n)
            case Unit.DAYS:
                return timedelta(days=self.n)
            case Unit.BUSINESS_DAYS:
                return self.n * day

    def __str__(self) -> str:
        return f"{self.n} {self.unit.removesuffix('s') if self.n == 1 else self.unit}"


def minutes(n: int) -> Span:
    """Return `n` elapsed minutes."""
    return Span(n=n, unit=Unit.MINUTES)


def hours(n: int) -> Span:
    """Return `n` elapsed hours."""
    return Span(n=n, unit=Unit.HOURS)


def days(n: int) -> Span:
    """Return `n` elapsed days of 24 hours."""
    return Span(n=n, unit=Unit.DAYS)


def business_hours(n: int) -> Span:
    """Return `n` hours of working time, on the calendar of the company."""
    return Span(n=n, unit=Unit.BUSINESS_HOURS)


def business_days(n: int) -> Span:
    """Return `n` working days, on the calendar of the company: weekends and holidays do not count."""
    return Span(n=n, unit=Unit.BUSINESS_DAYS)


class CalendarSpec(BaseModel):
    """When somebody works: a zone, hours per weekday, a country's holidays, extra days off."""

    model_config = ConfigDict(frozen=True)
    zone: str
    country: str | None = None
    region: str | None = None
    # Monday first; local wall times. time(0) as an end means midnight at the end of that day.
    week: tuple[tuple[tuple[time, time], ...], ...] = (((time(9), time(17)),),) * 5 + ((), ())
    days_off: tuple[date, ...] = ()

    @field_validator("week")
    @classmethod
    def _seven_days_in_order(
        cls, week: tuple[tuple[tuple[time, time], ...], ...]
    ) -> tuple[tuple[tuple[time, time], ...], ...]:
        if len(week) != 7:
            raise ValueError("a week has seven days, Monday first")
        if not any(week):
            raise ValueError("a calendar without working hours would never let anything fall due")
        for shifts in week:
            edges = [edge for shift in shifts for edge in shift]
            if any(a >= b for a, b in pairwise(edges) if b != time(0)) or time(0) in edges[1:-1]:
                raise ValueError("the hours of a day must be in order and must not overlap")
        return week


Pause = tuple[datetime, datetime]
"""A time that does not count, from its first instant until just before its last."""


class Working(BaseModel):
    """A calendar expanded to UTC working intervals from `start` to `horizon`; outside of them it knows nothing.

    `dates` are the local dates on which the intervals begin; without them, dates are those of UTC.
    """

    model_config = ConfigDict(frozen=True)
    start: datetime
    horizon: datetime
    intervals: tuple[tuple[datetime, datetime], ...]
    dates: tuple[date, ...] = ()
    day: timedelta = Field(gt=timedelta(0))
    zone: str

    @model_validator(mode="after")
    def _sorted_utc(self) -> Self:
        edges = [self.start, *(edge for interval in self.intervals for edge in interval), self.horizon]
        if any(edge.utcoffset() != timedelta(0) for edge in edges):
            raise ValueError("working intervals are UTC")
        if any(a > b for a, b in pairwise(edges)) or any(a >= b for a, b in self.intervals):
            raise ValueError("working intervals must be in order, not overlap, and lie between start and horizon")
        if self.dates and len(self.dates) != len(self.intervals):
            raise ValueError("there must be one date for each working interval")
        return self

    @cached_property
    def opens(self) -> tuple[datetime, ...]:
        """The beginnings of the intervals."""
        return tuple(a for a, _ in self.intervals)

    @cached_property
    def worked(self) -> tuple[timedelta, ...]:
        """The working time before each interval, and before the horizon."""
        return tuple(accumulate((b - a for a, b in self.intervals), initial=timedelta(0)))

    def clock(self, at: datetime) -> timedelta:
        """Return the working time between the start and `at`."""
        if not self.start <= at <= self.horizon:
            raise HorizonTooNear(self)
        i = bisect_right(self.opens, at) - 1
        if i < 0:
            return timedelta(0)
        a, b = self.intervals[i]
        return self.worked[i] + min(at, b) - a

    def date_of(self, at: datetime) -> date:
        """Return the local date of the last work begun by `at`, so an end of work on Friday evening is Friday."""
        i = bisect_right(self.opens, at) - 1
        return self.dates[i] if self.dates and i >= 0 else at.astimezone(UTC).date()

    def without(self, pauses: Iterable[Pause]) -> Working:
        """Return the calendar in which nobody works during `pauses`; they may overlap."""
        left = [(*interval, i) for i, interval in enumerate(self.intervals)]
        for start, end in pauses:
            left = (
                [
                    (a, b, i)
                    for opens, closes, i in left
                    for a, b in ((opens, min(closes, start)), (max(opens, end), closes))
                    if a < b
                ]
                if start < end
                else left
            )
        return Working(
            start=self.start,
            horizon=self.horizon,
            intervals=tuple((a, b) for a, b, _ in left),
            dates=tuple(self.dates[i] for _, _, i in left) if self.dates else (),
            day=self.day,
            zone=self.zone,
        )

    def end_of(self, day: date) -> datetime:
        """Return when work ends on `day`, or on the last working day before it."""
        days_ = self.dates or tuple(a.date() for a in self.opens)
        i = bisect_right(days_, day) - 1
        if i < 0 or day > self.horizon.date():
            raise HorizonTooNear(self)
        return self.intervals[i][1]


class ExpandCalendar(BaseModel):
    """Which calendar to expand, from which instant on, and for how many days."""

    model_config = ConfigDict(frozen=True)
    spec: CalendarSpec
    start: datetime
    days: int = Field(default=DEFAULT_DAYS, ge=1, le=MOST_DAYS)


class Instants(BaseModel):
    """When a request falls due, when each rung of its ladder has had its time, and when people are reminded.

    At `due` the first rung is asked; `rungs[i]` is when rung i's own `within` ends and the next one is asked.
    """

    model_config = ConfigDict(frozen=True)
    due: datetime
    rungs: tuple[datetime, ...] = ()
    reminders: tuple[datetime, ...] = ()
    within: Span
    remind_every: Span | None = None


def add(working: Working, start: datetime, span: Span, pauses: Sequence[Pause] = ()) -> datetime:
    """Return the earliest instant by which `span` has passed since `start`, leaving out when the clock stood still.

    For working time the calendar has to leave the pauses out itself, as `Working.without` does.
    """
    length = span.length(working.day)
    if span.unit.business:
        return later(working, start, length)
    end = start.astimezone(UTC) + length
    for began, ended in sorted(pauses):
        if began < end and ended > start:
            end += ended - max(began, start)
    return end


def later(working: Working, start: datetime, amount: timedelta) -> datetime:
    """Return the earliest instant by which `amount` of working time has passed since `start`."""
    if amount <= timedelta(0):
        return start.astimezone(UTC)
    target = working.clock(start) + amount
    i = bisect_left(working.worked, target) - 1
    if i >= len(working.intervals):
        raise HorizonTooNear(working)
    return working.opens[i] + (target - working.worked[i])


def earlier(working: Working, end: datetime, span: Span) -> datetime:
    """Return the latest instant from which `span` passes by `end`, at the earliest the calendar's start."""
    length = span.length(working.day)
    if not span.unit.business or not length:
        return end.astimezone(UTC) - length
    target = working.clock(end) - length
    if target < timedelta(0):
        return working.start
    i = min(bisect_right(working.worked, target), len(working.intervals)) - 1
    return working.opens[i] + (target - working.worked[i])


def between(working: Working, a: datetime, b: datetime) -> timedelta:
    """Return the working time from `a` to `b`; nothing when `b` is not after `a`."""
    return max(working.clock(b) - working.clock(a), timedelta(0)) if b > a else timedelta(0)


def next_open(working: Working, at: datetime) -> datetime:
    """Return the first instant from `at` on at which somebody works."""
    i = bisect_right(working.opens, at) - 1
    if i >= 0 and at < working.intervals[i][1]:
        return at.astimezone(UTC)
    if i + 1 >= len(working.intervals):
        raise HorizonTooNear(working)
    return working.opens[i + 1]


def instants(
    working: Working,
    opened: datetime,
    within: Span,
    rungs: int = 0,
    remind_every: Span | None = None,
    pauses: Sequence[Pause] = (),
) -> Instants:
    """Return every instant of a request opened at `opened`; each of its `rungs` has `within` again.

    The clock stands still during `pauses`: what had rung before stays, everything else keeps its remaining time.
    """  # fmt: skip
    running = working.without(pauses) if pauses else working
    due = add(running, opened, within, pauses)
    climbs = list(accumulate([within] * rungs, lambda at, span: add(running, at, span, pauses), initial=due))[1:]
    found = reminders(running, opened, remind_every, due, pauses)
    return Instants(due=due, rungs=tuple(climbs), reminders=found, within=within, remind_every=remind_every)


def reminders(
    running: Working, at: datetime, every: Span | None, until: datetime, pauses: Sequence[Pause] = ()
) -> tuple[datetime, ...]:
    """Return when people are reminded between `at` and `until`; `running` leaves `pauses` out already."""
    found: list[datetime] = []
    while every is not None and every.n and len(found) < MOST_REMINDERS:
        try:
            at = add(running, at, every, pauses)
        except HorizonTooNear:
            if until > running.horizon:
                raise
            break
        if at >= until:
            break
        found.append(at)
    return tuple(found)
