"""Expand calendars: zones and public holidays become UTC working intervals, which pure code can count in."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from temporalio import activity
from temporalio.exceptions import ApplicationError

from models.calendar import DEFAULT_DAYS, CalendarSpec, ExpandCalendar, Working


class UnknownCalendar(ValueError):
    """The zone, country or region of a calendar is not one we know."""


def working(spec: CalendarSpec, start: datetime, horizon_days: int = DEFAULT_DAYS) -> Working:
    """Return `spec` as UTC working intervals, from the local day before `start` to `horizon_days` after it."""
    zone = _zone(spec.zone)
    return _expanded(spec, start.astimezone(zone).date() - timedelta(days=1), horizon_days + 1)


@activity.defn(name="expand_calendar")
async def expand_calendar(wanted: ExpandCalendar) -> Working:
    """Expand a calendar for a workflow, which may not read zones or holidays itself."""
    try:
        return working(wanted.spec, wanted.start, wanted.days)
    except UnknownCalendar as unknown:
        raise ApplicationError(str(unknown), type="unknown_calendar", non_retryable=True) from unknown


@lru_cache(maxsize=64)
def _expanded(spec: CalendarSpec, first: date, count: int) -> Working:
    zone = _zone(spec.zone)
    off = _days_off(spec, first, first + timedelta(days=count))
    intervals: list[tuple[datetime, datetime]] = []
    dates: list[date] = []
    for day in (first + timedelta(days=i) for i in range(count)):
        for opens, closes in () if day in off else spec.week[day.weekday()]:
            last = day + timedelta(days=1) if closes == time(0) else day
            begin, end = _utc(day, opens, zone), _utc(last, closes, zone)
            if begin < end:  # a shift inside the hour that spring skips is no time at all
                intervals.append((begin, end))
                dates.append(day)
    return Working(
        start=_utc(first, time(0), zone),
        horizon=_utc(first + timedelta(days=count), time(0), zone),
        intervals=tuple(intervals),
        dates=tuple(dates),
        day=_nominal_day(spec),
        zone=spec.zone,
    )


def _utc(day: date, wall: time, zone: ZoneInfo) -> datetime:
    # PEP 495 with fold 0: of an hour that happens twice the first, out of a skipped hour forward by the gap.
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def _nominal_day(spec: CalendarSpec) -> timedelta:
    """Return the most common length of a working day, the longer one of two equally common."""
    anchor = date(2026, 1, 5)
    lengths = [
        sum(
            (
                datetime.combine(anchor + timedelta(days=closes == time(0)), closes) - datetime.combine(anchor, opens)
                for opens, closes in shifts
            ),
            timedelta(0),
        )
        for shifts in spec.week
        if shifts
    ]
    return max(Counter(lengths).items(), key=lambda item: (item[1], item[0]))[0]


def _days_off(spec: CalendarSpec, first: date, last: date) -> frozenset[date]:
    if spec.country is None:
        return frozenset(spec.days_off)
    try:
        public = holidays.country_holidays(
            spec.country, subdiv=spec.region, years=range(first.year, last.year + 1), observed=True
        )
    except NotImplementedError as unknown:
        place = spec.country if spec.region is None else f"{spec.country}, {spec.region}"
        raise UnknownCalendar(
            f"no public holidays are known for {place}; use an ISO 3166 code such as US, or name the days off"
        ) from unknown
    return frozenset(spec.days_off) | frozenset(public)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as unknown:
        raise UnknownCalendar(f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin") from unknown
