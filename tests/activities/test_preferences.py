"""When people are told: by their own clock, also on the days it jumps, and always by some channel."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from activities.preferences import preferences


def person(zone: str = "America/Chicago", slack: str | None = "U1", **notify: Any) -> SimpleNamespace:
    return SimpleNamespace(zone=zone, slack=slack, notify=notify)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("told", "channels"),
    [
        (person(), ("mail", "slack")),
        (person(slack=None), ("mail",)),
        (person(channels=["slack"]), ("slack",)),
        (person(channels=["slack"], slack=None), ("mail",)),
        (person(channels=[]), ("mail",)),
        (person(channels=["pigeon"]), ("mail",)),
        (person(channels="slack"), ("mail", "slack")),
    ],
)
def test_everybody_is_told_on_a_channel_that_reaches_them(told: Any, channels: tuple[str, ...]) -> None:
    assert preferences(told).channels == channels


NIGHT = ["20:00", "07:00"]


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "until"),
    [
        ("America/Chicago", NIGHT, "2026-11-17T01:59Z", None),
        ("America/Chicago", NIGHT, "2026-11-17T02:00Z", "2026-11-17T13:00Z"),
        ("America/Chicago", NIGHT, "2026-11-17T12:59Z", "2026-11-17T13:00Z"),
        ("America/Chicago", NIGHT, "2026-11-17T13:00Z", None),
        ("Asia/Tokyo", NIGHT, "2026-11-17T12:00Z", "2026-11-17T22:00Z"),
        ("America/Chicago", ["12:00", "13:00"], "2026-11-17T18:30Z", "2026-11-17T19:00Z"),
        ("America/Chicago", ["12:00", "12:00"], "2026-11-17T18:00Z", None),
        ("America/Chicago", NIGHT, "2026-03-08T03:00Z", "2026-03-08T12:00Z"),  # an hour less that night
        ("Europe/Berlin", NIGHT, "2026-10-24T20:00Z", "2026-10-25T06:00Z"),  # an hour more
        ("Europe/Atlantis", NIGHT, "2026-11-17T23:00Z", "2026-11-18T07:00Z"),  # a zone nobody knows is UTC
        ("America/Chicago", ["8 pm", "7 am"], "2026-11-17T02:00Z", None),
        ("America/Chicago", ["20:00"], "2026-11-17T02:00Z", None),
    ],
)
def test_nobody_is_told_in_their_night(zone: str, quiet: list[str], now: str, until: str | None) -> None:
    assert preferences(person(zone, quiet=quiet)).quiet_until(at(now)) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("digest", "now", "goes"),
    [
        ("08:30", "2026-11-17T14:00Z", "2026-11-17T14:30Z"),
        ("08:30", "2026-11-17T14:29:30Z", "2026-11-18T14:30Z"),  # the one that is going out is not waited for
        ("08:30", "2026-11-17T14:30Z", "2026-11-18T14:30Z"),
        ("08:30", "2026-03-07T15:00Z", "2026-03-08T13:30Z"),
        ("", "2026-11-17T14:00Z", None),
        ("at eight", "2026-11-17T14:00Z", None),
    ],
)
def test_a_digest_goes_out_at_its_hour(digest: str, now: str, goes: str | None) -> None:
    assert preferences(person(digest=digest)).next_digest(at(now)) == (at(goes) if goes else None)
