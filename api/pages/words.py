"""How a page says amounts, shares, times and facts, for one reader at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from activities.calendars import UnknownCalendar, working
from models.calendar import CalendarSpec, HorizonTooNear, between
from models.money import Money
from models.values import Value

SOON = timedelta(hours=8)
LONGEST = timedelta(days=300)
"""What is longer is said by the calendar alone, not in working time."""
_VALUE: TypeAdapter[Any] = TypeAdapter(cast(Any, Value))


@dataclass(frozen=True)
class Due:
    """When an answer is due: in words, by the clock, and how urgent it is."""

    words: str
    clock: str
    tone: str
    iso: str


@dataclass(frozen=True)
class Words:
    """The reader's zone and working calendar, and now."""

    now: datetime
    zone: str = "UTC"
    country: str = ""

    def local(self, at: datetime) -> datetime:
        """Return the instant on the reader's clock."""
        return at.astimezone(ZoneInfo(self.zone))

    def moment(self, at: datetime | None) -> str:
        """Say an instant: "today 14:20", "Mon 16 Nov 10:30", "5 Nov 2025 10:30"."""
        if at is None:
            return ""
        there, here = self.local(at), self.local(self.now)
        away = (there.date() - here.date()).days
        if away in _NEAR:
            return f"{_NEAR[away]} {there:%H:%M}"
        if abs(away) < 7:
            return f"{there:%a} {there.day} {there:%b %H:%M}"
        year = f" {there.year}" if there.year != here.year else ""
        return f"{there.day} {there:%b}{year} {there:%H:%M}"

    def short(self, at: datetime) -> str:
        """Say an instant in a narrow column: "today 14:20", "Mon 10:30", "5 Nov 14:31"."""
        there, here = self.local(at), self.local(self.now)
        away = (here.date() - there.date()).days
        if 1 < away < 7:
            return f"{there:%a %H:%M}"
        return self.moment(at) if away in {0, 1} else f"{there.day} {there:%b %H:%M}"

    def day(self, at: date | None) -> str:
        """Say a date: "8 Jan", with the year when it is another one."""
        if at is None:
            return ""
        year = f" {at.year}" if at.year != self.local(self.now).year else ""
        return f"{at.day} {at:%b}{year}"

    def now_in_words(self) -> str:
        """Say now and where: "Tuesday 17 November, 14:20 in Chicago"."""
        here = self.local(self.now)
        return f"{here:%A} {here.day} {here:%B}, {here:%H:%M} in {self.zone.rpartition('/')[2].replace('_', ' ')}"

    def since(self, at: datetime | None) -> str:
        """Say how long ago: "3 h", "1.5 days"."""
        return length(self.now - at) if at else ""

    def spent(self, a: datetime, b: datetime) -> str:
        """Say how long something took, in working time."""
        return self._worked(a, b)

    def due(self, at: datetime | None) -> Due | None:
        """Say when an answer is due, in working time, and how urgent that is."""
        if at is None:
            return None
        clock, iso = self.moment(at), at.isoformat()
        if at <= self.now:
            return Due(f"late by {self._worked(at, self.now)}", clock, "late", iso)
        left = self.working_time(self.now, at)
        tone = "due" if (left if left is not None else at - self.now) <= SOON else ""
        return Due(f"in {self._worked(self.now, at)}", clock, tone, iso)

    def money(self, amount: Decimal | None, currency: str = "USD", *, cents: bool = False) -> str:
        """Say an amount, without cents unless they are wanted."""
        if amount is None:
            return ""
        shown = amount if cents else amount.quantize(Decimal(1), ROUND_HALF_EVEN)
        return str(Money(amount=shown, currency=currency))

    def percent(self, share: Decimal | None) -> str:
        """Say a share with one digit: "24.6 %"."""
        return "" if share is None else f"{share.quantize(Decimal('0.1'), ROUND_HALF_EVEN)} %"

    def fact(self, raw: Any) -> str:
        """Say a tagged value; anything else as it is."""
        try:
            value = _VALUE.validate_python(raw)
        except ValidationError:
            return str(raw)
        if isinstance(getattr(value, "v", None), datetime):
            return self.moment(value.v)
        return str(value)

    def _worked(self, a: datetime, b: datetime) -> str:
        time = self.working_time(a, b)
        if time is None:
            return length(b - a)
        if time < timedelta(minutes=1):
            return "less than a working minute" if b - a < timedelta(hours=1) else length(b - a)
        if time < timedelta(hours=1):
            return _counted(int(time.total_seconds() // 60), "working minute")
        hours = round(time.total_seconds() / 3600)
        if hours < 40:
            return _counted(hours, "working hour")
        return _counted(round(hours / 8), "working day")

    def working_time(self, a: datetime, b: datetime) -> timedelta | None:
        """Return how much of the reader's working time lies between; None where that is not known."""
        if abs(b - a) > LONGEST:
            return None
        try:
            spec = CalendarSpec(zone=self.zone, country=self.country or None)
            since = a if a >= self.now else min(a, self.now - LONGEST)  # one calendar for all that is late
            return between(working(spec, since), a.astimezone(UTC), b.astimezone(UTC))
        except (HorizonTooNear, UnknownCalendar):
            return None


_NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}


def length(time: timedelta) -> str:
    """Say how long something takes: "40 min", "3 h 20 min", "1.5 days"."""
    minutes = int(time.total_seconds() // 60)
    if minutes < 1:
        return "a moment"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 36 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"
    return f"{minutes / 1440:.1f} days"


def worked_length(time: timedelta) -> str:
    """Say how much working time something takes, in hours, as days of work are not alike: "40 min", "12.5 h"."""
    if not time:
        return "none of it"
    hours = time.total_seconds() / 3600
    return length(time) if hours < 10 else f"{hours:.1f}".removesuffix(".0") + " h"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def first_up(text: str) -> str:
    """Return the text as a sentence begins."""
    return text[:1].upper() + text[1:]


def readable(name: str) -> str:
    """Return an id as words: "delivery_manager" is "delivery manager"."""
    return name.replace("_", " ").replace("-", " ")


def spoken(text: str, names: Mapping[str, str]) -> str:
    """Return a text of the read model with people by name: "joel, 5 Nov" is "Joel Marsh, 5 Nov"."""
    first, comma, rest = text.partition(",")
    if comma and first in names:
        return f"{names[first]},{rest}"
    head, opened, inside = text.rpartition("(")
    people = [name.strip() for name in inside.removesuffix(")").split(",")]
    if opened and all(name in names for name in people):
        return f"{head}({', '.join(names[name] for name in people)})"
    return text


def initials(name: str) -> str:
    """Return the letters of an avatar."""
    parts = name.split()
    return "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)).upper()
