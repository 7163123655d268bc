"""When and how a person wants to be told: on which channels, not at night, or once a day all together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CHANNELS = ("mail", "slack")
_MARGIN = timedelta(minutes=1)
"""A digest that is due within this time is as good as sent: what comes now goes into the next one."""


class Told(Protocol):
    """Somebody who is told things."""

    @property
    def zone(self) -> str: ...
    @property
    def slack(self) -> str | None: ...
    @property
    def notify(self) -> Mapping[str, Any]: ...


class Preferences(NamedTuple):
    """What one person chose, or what everybody has who chose nothing."""

    channels: tuple[str, ...]
    digest: time | None
    quiet: tuple[time, time] | None
    zone: tzinfo

    def quiet_until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours end that it is in now; None when it may be told."""
        if self.quiet is None or self.quiet[0] == self.quiet[1]:
            return None
        begins, ends = self.quiet
        there = now.astimezone(self.zone)
        at = there.timetz().replace(tzinfo=None)
        over_night = begins > ends
        if not (at >= begins or at < ends if over_night else begins <= at < ends):
            return None
        return self._at(there, ends, later=over_night and at >= begins)

    def next_digest(self, now: datetime) -> datetime | None:
        """Return when the next digest goes out; None for whoever is told one by one."""
        if self.digest is None:
            return None
        there = (now + _MARGIN).astimezone(self.zone)
        return self._at(there, self.digest, later=there.timetz().replace(tzinfo=None) >= self.digest)

    def _at(self, there: datetime, clock: time, *, later: bool) -> datetime:
        day = there.date() + timedelta(days=1 if later else 0)
        return datetime.combine(day, clock, tzinfo=self.zone).astimezone(UTC)


def preferences(person: Told) -> Preferences:
    """Return what a person chose. What cannot be read of it counts as not chosen: they are told all the same."""
    chosen = person.notify or {}
    listed = chosen.get("channels")
    wanted = [each for each in listed if each in CHANNELS] if isinstance(listed, list) else list(CHANNELS)
    able = tuple(each for each in CHANNELS if each in wanted and (each == "mail" or person.slack is not None))
    quiet = chosen.get("quiet")
    hours = [_clock(each) for each in quiet] if isinstance(quiet, list) and len(quiet) == 2 else []
    known = [each for each in hours if each is not None]
    return Preferences(
        channels=able or ("mail",),
        digest=_clock(chosen.get("digest")),
        quiet=(known[0], known[1]) if len(known) == 2 else None,
        zone=_zone(person.zone),
    )


def _clock(said: Any) -> time | None:
    try:
        return time.fromisoformat(said) if isinstance(said, str) and said else None
    except ValueError:
        return None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
