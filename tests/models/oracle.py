"""Slow judges that share nothing with what they judge: who could still decide a request, and when its time is up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import ClassVar, NamedTuple
from zoneinfo import ZoneInfo

import holidays

from models.asking import Group
from models.calendar import Span

MINUTE = timedelta(minutes=1)


class Seats(NamedTuple):
    """One party of a policy: `need` different people of those who may speak for it; one no ends it if it is `brittle`.

    A role speaks with one voice, so the first no of it stands; of a group others may still agree.
    """

    people: frozenset[str]
    need: int = 1
    brittle: bool = True


def seats(who, people: Iterable[str]) -> Seats:
    """Return a party of a flow as the oracle counts it."""
    if isinstance(who, Group):
        return Seats(frozenset(people), who.need, brittle=False)
    return Seats(frozenset(people))


def wanted(parties: Collection[Seats], need: int | str) -> int:
    """Return how many parties have to agree."""
    return len(parties) if need == "all" else 1 if need == "any" else min(int(need), len(parties))


@lru_cache(maxsize=200_000)
def agreed(parties: tuple[Seats, ...], count: int, yes: frozenset[str]) -> bool:
    """Whether `count` parties can be filled by these people, each of them in one seat: every seating is tried."""
    if count <= 0:
        return True

    def seat(people: tuple[str, ...], left: tuple[int, ...]) -> bool:
        if sum(n == 0 for n in left) >= count:
            return True
        if not people:
            return False
        person, rest = people[0], people[1:]
        if seat(rest, left):
            return True
        return any(
            seat(rest, (*left[:i], n - 1, *left[i + 1 :]))
            for i, n in enumerate(left)
            if n and person in parties[i].people
        )

    return seat(tuple(sorted(yes)), tuple(p.need for p in parties))


def possible(parties: tuple[Seats, ...], count: int) -> bool:
    """Whether the policy could hold at all, with everybody who may answer saying yes."""
    return agreed(parties, count, frozenset().union(*(p.people for p in parties)))


def decided(parties: tuple[Seats, ...], count: int, yes: Collection[str], noes: Collection[str]) -> bool | None:
    """Return yes, no, or None while both are still possible: every outcome of the answers not given yet is tried."""
    if agreed(parties, count, frozenset(yes)):
        return True
    alive = tuple(p for p in parties if not (p.brittle and p.people & set(noes)))
    silent = frozenset().union(*(p.people for p in alive), yes) - set(noes)
    return None if agreed(alive, count, silent) else False


class Wall:
    """Somebody with a watch, a wall calendar and a list of days away, who counts every minute of working time."""

    def __init__(self, zone: str, week, *, off: Collection[date] = (), country: str | None = None,
                 region: str | None = None, away: Iterable[tuple[datetime, datetime]] = ()) -> None:  # fmt: skip
        self.zone, self.week, self.off, self.away = ZoneInfo(zone), week, set(off), tuple(away)
        self.public = holidays.country_holidays(country, subdiv=region, years=[2025, 2026, 2027]) if country else {}
        # The same wall hangs in many rooms: its minutes are counted once, and each person crosses out their own days.
        self.kept = Wall.drawn.setdefault((zone, week, frozenset(off), country, region), {})
        self.frees: dict[date, bool] = {}

    drawn: ClassVar[dict[tuple, dict[int, bytes]]] = {}

    @classmethod
    def of(cls, spec, away=()) -> Wall:
        return cls(spec.zone, spec.week, off=spec.days_off, country=spec.country, region=spec.region, away=away)

    def works(self, minute: datetime) -> bool:
        """Whether somebody works in the minute that begins now."""
        return self._open(minute) and not any(a <= minute < b for a, b in self.away)

    def _open(self, minute: datetime) -> bool:
        local = minute.astimezone(self.zone)
        if self._free(local.date()):
            return False
        now = local.time()
        return any(a <= now and (now < b or b == time(0)) for a, b in self.week[local.weekday()])

    def _free(self, day: date) -> bool:
        if day not in self.frees:
            self.frees[day] = day in self.off or day in self.public
        return self.frees[day]

    def later(self, start: datetime, count: int) -> datetime:
        """Return the end of the `count`-th working minute after `start`."""
        return self.passed(start, count, business=True)

    def between(self, a: datetime, b: datetime) -> int:
        """Return the working minutes from `a` to `b`."""
        return sum(self._day(at // 1440)[at % 1440] for at in range(_minute(a), _minute(b)))

    def after(self, start: datetime, span: Span, paused: Iterable[tuple[datetime, datetime]] = ()) -> datetime:
        """Return when `span` has passed since `start`, not counting the minutes in which the clock stood still."""
        return self.passed(start, self.minutes(span), business=span.unit.business, paused=paused)

    def passed(self, start: datetime, count: int, *, business: bool, paused=()) -> datetime:
        """Return when `count` minutes have passed: of work, or of the day and night."""
        still = [(_minute(a), _minute(b)) for a, b in paused]
        at = _minute(start)
        while count > 0:
            first = at - at % 1440
            left = bytearray(self._day(first // 1440) if business else b"\x01" * 1440)
            for a, b in still:  # crossed out on the calendar before the minutes are counted
                if a < first + 1440 and b > first:
                    begin, end = max(a - first, 0), min(b - first, 1440)
                    left[begin:end] = bytes(end - begin)
            there = left.count(1, at - first)
            if there < count:
                count, at = count - there, first + 1440
                continue
            at += list(accumulate(left[at - first :])).index(count) + 1
            count = 0
        return _instant(at)

    def minutes(self, span: Span) -> int:
        """Return a span in minutes; a business day is as long as most days of the week are."""
        return int(span.length(self.day()) / MINUTE)

    def day(self) -> timedelta:
        """Return how long most days of work are; of two lengths as common, the longer."""
        lengths = [sum((b.hour or 24 * (b == time(0))) * 60 + b.minute - a.hour * 60 - a.minute for a, b in day)
                   for day in self.week if day]  # fmt: skip
        return max(sorted(lengths, reverse=True), key=lengths.count) * MINUTE

    def _day(self, number: int) -> bytes:
        first = EPOCH + timedelta(days=number)
        if number not in self.kept:
            self.kept[number] = bytes(self._open(first + i * MINUTE) for i in range(1440))
        there = [(a, b) for a, b in self.away if a < first + timedelta(days=1) and b > first]
        if not there:
            return self.kept[number]
        drawn = bytearray(self.kept[number])
        for i in range(1440):
            if drawn[i]:
                drawn[i] = not any(a <= first + i * MINUTE < b for a, b in there)
        return bytes(drawn)


EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


def _minute(at: datetime) -> int:
    return int((at - EPOCH) / MINUTE)


def _instant(minute: int) -> datetime:
    return EPOCH + minute * MINUTE


def worse(covered: Mapping[str, str], signed: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    """Return which plain numbers got worse since they were signed, said for each way in words of its own."""
    found = set()
    for name, way in covered.items():
        before, after = signed.get(name), now.get(name)
        if before is None and after is None:
            continue
        rose = None not in (before, after) and after > before
        fell = None not in (before, after) and after < before
        fine = before == after or (way == "higher" and fell) or (way == "lower" and rose)
        if not fine:
            found.add(name)
    return found
