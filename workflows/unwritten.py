"""How long a workflow waits before it writes once more to a database that did not answer."""

from __future__ import annotations

from datetime import datetime, timedelta

_SHORTEST, LONGEST = timedelta(seconds=30), timedelta(minutes=15)


def pause(since: datetime, now: datetime) -> timedelta:
    """Return as long again as the database has been away, within limits: a long outage must not fill the history."""
    return min(max(now - since, _SHORTEST), LONGEST)
