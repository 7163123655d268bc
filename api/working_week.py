"""A working week as people write it: "09:00-12:30, 13:00-17:00" for each day from Monday."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from api.staff import mistaken

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
USUAL = ("09:00-17:00",) * 5 + ("", "")
_SHIFT = re.compile(r"(\d{1,2}:\d\d)\s*(?:-|–|to)\s*(\d{1,2}:\d\d)")


def shifts(days: Sequence[str]) -> list[list[tuple[str, str]]] | None:
    """Return a week of shifts; None when it is the usual one. Raises Problem for what cannot be read as hours."""
    week = []
    for name, said in zip(DAYS, days, strict=True):
        parts = [part.strip() for part in said.split(",") if part.strip()]
        found = [_SHIFT.fullmatch(part) for part in parts]
        if not all(found):
            raise mistaken(name, f"{name.title()}: write hours such as 09:00-17:00, or leave the day empty.")
        week.append([(_clock(m[1]), _clock(m[2])) for m in found if m])
    return None if written(week) == list(USUAL) else week


def written(week: Sequence[Sequence[Sequence[Any]]] | None) -> list[str]:
    """Return a week as people write it."""
    if not week:
        return list(USUAL)
    return [", ".join(f"{str(a)[:5]}-{str(b)[:5]}" for a, b in day) for day in week]


def _clock(said: str) -> str:
    return said.rjust(5, "0").replace("24:00", "00:00")
