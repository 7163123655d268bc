"""The path of a deal as a picture: where every station and rail stands. The template draws it with classes only."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict

COLUMN, ROW, TOP = 146, 88, 70
LEFT = 10  # half of the gap between two bands
LINE = 15  # height of a line of text under a station
MOST = 22  # characters of one line


class Station(BaseModel):
    """A step on the path, as the read model keeps it."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    step: str
    kind: str = ""
    name: str = ""
    title: str = ""
    stage: str = ""
    lane: int = 0
    lanes: int = 1
    state: str = "next"
    notes: list[str] = []
    rule: str | None = None
    round: int = 0


@dataclass(frozen=True)
class Label:
    """One line of text under a station."""

    text: str
    kind: str
    y: int


@dataclass(frozen=True)
class Dot:
    """A station where it stands."""

    station: Station
    x: int
    y: int
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Band:
    """The ground of a stage."""

    name: str
    x: int
    width: int
    now: bool


@dataclass(frozen=True)
class Picture:
    """Everything to draw, in drawing order."""

    width: int
    height: int
    bands: tuple[Band, ...]
    rails: tuple[tuple[str, str], ...]
    dots: tuple[Dot, ...]
    says: str


@dataclass
class _Group:
    """Steps that stand together: one alone, or the branches of a Parallel, each a row of columns."""

    stage: str
    lanes: list[list[Station]] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return max(len(lane) for lane in self.lanes)


PASSED = frozenset({"done", "skipped", "void"})
CURRENT = frozenset({"now", "incident", "late"})


def stations(path: Sequence[dict[str, Any]]) -> list[Station]:
    """Return the steps of a stored path."""
    return [Station.model_validate(item) for item in path]


def picture(path: Sequence[Station]) -> Picture | None:
    """Lay a path out; None when there is nothing to draw."""
    groups = _grouped(path)
    if not groups:
        return None
    depth = max(len(group.lanes) for group in groups)
    middle = TOP + (depth - 1) * ROW // 2
    dots: list[Dot] = []
    rails: list[tuple[str, str]] = []
    spans: dict[str, list[int]] = {}
    x, passed = LEFT, True
    for at, group in enumerate(groups):
        width = group.columns * COLUMN
        spans.setdefault(group.stage, [x, 0])[1] = x + width
        placed = _place(group, x, middle)
        dots += [dot for lane in placed for dot in lane]
        rails += _rails(placed, x, width, middle, first=at == 0, last=at == len(groups) - 1)
        if at:
            rails.append(("done" if passed else "", f"M{x - 3} {middle}H{x + 3}"))
        passed = passed and all(dot.station.state in PASSED for lane in placed for dot in lane)
        x += width
    bottom = max(dot.y + (dot.labels[-1].y - dot.y if dot.labels else 0) for dot in dots)
    return Picture(
        width=x + LEFT,
        height=bottom + 22,
        bands=tuple(_bands(spans, path)),
        rails=tuple(sorted(rails, key=lambda rail: ("done" in rail[0]) + 2 * ("now" in rail[0]))),
        dots=tuple(dots),
        says=_says(path),
    )


def _grouped(path: Sequence[Station]) -> list[_Group]:
    groups: list[_Group] = []
    before: Station | None = None
    for station in path:
        together = (
            before is not None
            and station.lanes > 1
            and (before.stage, before.lanes) == (station.stage, station.lanes)
            and before.lane <= station.lane
        )
        if not together:
            groups.append(_Group(station.stage, [[]]))
        elif before is not None and station.lane != before.lane:
            groups[-1].lanes.append([])
        groups[-1].lanes[-1].append(station)
        before = station
    return groups


def _place(group: _Group, x: int, middle: int) -> list[list[Dot]]:
    top = middle - (len(group.lanes) - 1) * ROW // 2
    placed = []
    for row, lane in enumerate(group.lanes):
        inset = (group.columns - len(lane)) * COLUMN // 2
        y = top + row * ROW
        placed.append(
            [
                Dot(station, x + inset + column * COLUMN + COLUMN // 2, y, _labels(station, y))
                for column, station in enumerate(lane)
            ]
        )
    return placed


def _labels(station: Station, y: int) -> tuple[Label, ...]:
    lines: list[tuple[str, str]] = [
        (text, "name dim" if station.state == "skipped" else "name") for text in _wrapped(station.title, 2)
    ]
    tone = {"late": "late", "incident": "late", "now": "now"}.get(station.state, "")
    for note in station.notes[:2]:
        lines += [(text, f"sub {tone}".strip()) for text in _wrapped(note, 2)]
    if station.state == "skipped":
        lines.append(("skipped", "sub"))
        lines += [(text, "rule") for text in _wrapped(station.rule or "", 2)]
    return tuple(Label(text, kind, y + 27 + LINE * at) for at, (text, kind) in enumerate(lines[:4]))


def _wrapped(text: str, most: int) -> list[str]:
    return textwrap.wrap(text, MOST, max_lines=most, placeholder="…") if text else []


def _rails(
    placed: list[list[Dot]], x: int, width: int, middle: int, *, first: bool, last: bool
) -> list[tuple[str, str]]:
    rails = []
    start, end = x + 3, x + width - 3
    for lane in placed:
        y = lane[0].y
        if not (first and y == middle):
            rails.append((_state(lane[0]), _into(start, middle, lane[0].x, y)))
        for a, b in pairwise(lane):
            rails.append((_state(b), f"M{a.x} {y}H{b.x}"))
        if not (last and y == middle):
            rails.append((_left(lane[-1]), _out(lane[-1].x, y, end, middle)))
    return rails


def _into(start: int, middle: int, x: int, y: int) -> str:
    if y == middle:
        return f"M{start} {y}H{x}"
    turn = 10 if y > middle else -10
    down = f"Q{start + 8} {middle} {start + 8} {middle + turn}V{y - turn}"
    return f"M{start} {middle}{down}Q{start + 8} {y} {start + 18} {y}H{x}"


def _out(x: int, y: int, end: int, middle: int) -> str:
    if y == middle:
        return f"M{x} {y}H{end}"
    turn = 10 if y > middle else -10
    return f"M{x} {y}H{end - 18}Q{end - 8} {y} {end - 8} {y - turn}V{middle + turn}Q{end - 8} {middle} {end} {middle}"


def _state(dot: Dot) -> str:
    if dot.station.state in PASSED:
        return "done"
    return "now" if dot.station.state in CURRENT else ""


def _left(dot: Dot) -> str:
    return "done" if dot.station.state in PASSED else ""


def _bands(spans: dict[str, list[int]], path: Sequence[Station]) -> list[Band]:
    current = {station.stage for station in path if station.state in CURRENT}
    return [Band(name, a + 3, b - a - 6, name in current) for name, (a, b) in spans.items()]


def _says(path: Sequence[Station]) -> str:
    parts = []
    for word, states in (("Done", {"done"}), ("Now", CURRENT), ("Skipped", {"skipped"}), ("Next", {"next"})):
        named = [
            f"{s.title}, because {s.rule}" if s.state == "skipped" and s.rule else s.title
            for s in path
            if s.state in states
        ]
        if named:
            parts.append(f"{word}: {'; '.join(named)}.")
    return " ".join(parts)
