"""How long a system asks us to wait, in the dialects systems say it in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Longer pauses come from broken clocks and typing mistakes more often than from systems that mean it.
LONGEST = timedelta(hours=6)


def pause(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return the pause asked for, between nothing and LONGEST; None when the system does not say.

    Understands Retry-After as seconds and as an HTTP date (RFC 9110, 10.2.3), X-Retry-After as an instant in epoch
    milliseconds (Rocketlane), and X-RateLimit-Reset as seconds from now or as an instant in epoch seconds.
    """
    asked = {name.lower(): value.strip() for name, value in headers.items()}
    for name, read in (("retry-after", _retry_after), ("x-retry-after", _epoch), ("x-ratelimit-reset", _reset)):
        if name in asked and (found := read(asked[name], now)) is not None:
            return min(max(found, timedelta()), LONGEST)
    return None


def _retry_after(value: str, now: datetime) -> timedelta | None:
    seconds = _number(value)
    if seconds is not None:
        return _span(seconds)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now


def _epoch(value: str, now: datetime) -> timedelta | None:
    number = _number(value)
    return None if number is None else _span(number / 1000 - now.timestamp())


def _reset(value: str, now: datetime) -> timedelta | None:
    number = _number(value)
    if number is None:
        return None
    # A pause is never a year; anything larger is an instant.
    return _span(number if number < 31_536_000 else number - now.timestamp())


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e15 else None


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))
