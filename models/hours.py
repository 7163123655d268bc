"""Working hours as people write them: "9:00-17:00" for Monday to Friday, or a text for each day that is worked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import time
from zoneinfo import available_timezones

from models.calendar import CalendarSpec
from models.mistakes import Mistake

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
USUAL = "9:00-17:00"
_HOURS = re.compile(r"(\d{1,2})(?::(\d\d))?\s*-\s*(\d{1,2})(?::(\d\d))?")
_EXAMPLE = '"9:00-17:00", or {"mon": "9-12, 13-17", "sat": "9-12"}'

Shifts = tuple[tuple[time, time], ...]


def calendar_of(
    zone: str, hours: str | Mapping[str, str] = USUAL, country: str | None = None, region: str | None = None
) -> CalendarSpec:
    """Return a calendar. Raises Mistake for a zone nobody knows and for hours that are none."""
    if zone not in available_timezones():
        near = difflib.get_close_matches(zone, available_timezones(), n=1, cutoff=0.5)
        raise Mistake(f"there is no zone {zone!r}", f"did you mean {near[0]!r}?" if near else 'write "Europe/Berlin"')
    try:
        return CalendarSpec(zone=zone, country=country, region=region, week=week(hours))
    except ValueError as wrong:
        said = str(wrong).partition("Value error, ")[2].partition(" [")[0]
        raise Mistake(said or f"{hours!r} are no hours", f"write hours={_EXAMPLE}") from None


def week(written: str | Mapping[str, str]) -> tuple[Shifts, ...]:
    """Return the shifts of each day, Monday first. Raises Mistake."""
    if not isinstance(written, Mapping):
        return (_shifts(written),) * 5 + ((), ())
    strange = next((day for day in written if day not in DAYS), None)
    if strange is not None:
        raise Mistake(f"{strange!r} is no day", f"the days are {', '.join(DAYS)}")
    return tuple(_shifts(written[day]) if day in written else () for day in DAYS)


def hours_words(calendar: CalendarSpec) -> str:
    """Return a calendar of a request's own as a page says it: "in Asia/Tokyo, Mon to Fri 9:00-17:00"."""
    days = [", ".join(f"{_wall(a)}-{_wall(b)}" for a, b in shifts) for shifts in calendar.week]
    found: list[str] = []
    for first, shifts in enumerate(days):
        if not shifts or (first and days[first - 1] == shifts):
            continue
        last = first
        while last < 6 and days[last + 1] == shifts:
            last += 1
        names = DAYS[first].capitalize() + (f" to {DAYS[last].capitalize()}" if last > first else "")
        found.append(f"{names} {shifts}")
    country = f", holidays of {calendar.country}" if calendar.country else ""
    return f"in {calendar.zone}, {'; '.join(found)}{country}"


def _shifts(written: str) -> Shifts:
    found = []
    for part in str(written).split(","):
        match = _HOURS.fullmatch(part.strip())
        try:
            a, b, c, d = (int(each or 0) for each in match.groups()) if match else (99, 0, 0, 0)
            found.append((time(a, b), time(0 if c == 24 else c, d)))
        except ValueError:
            raise Mistake(f"{part.strip()!r} are no hours", f"write {_EXAMPLE}") from None
    return tuple(found)


def _wall(at: time) -> str:
    return f"{at.hour or 24}:{at:%M}" if at == time(0) else f"{at.hour}:{at:%M}"
