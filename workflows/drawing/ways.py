"""Where the ways back and out run: below the lanes they leave, on tracks that do not run into each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from models.flow import StepId
from models.graph import Graph
from workflows.drawing.words import Aside, long

TRACK = 21
"""From one track to the next."""
CHANNEL = 9
"""From one way up along the left side to the next."""
APART = 14
NARROW = 70
"""A way narrower than this has its words beside it."""


@dataclass(frozen=True)
class Drawn:
    """A way back or out as it is drawn."""

    aside: Aside
    d: str
    head: tuple[int, int] | None
    """Where its arrow points up; None for a way out, which ends in a square at `stop`."""
    stop: tuple[int, int] | None
    x: int
    y: int
    """Where its words begin."""


@dataclass
class _Course:
    """One way while the rows are laid out."""

    aside: Aside
    row: int
    target_row: int
    channel: int = -1
    start: int = 0
    end: int = 0
    bottom: int = 0
    target_bottom: int = 0
    track: int = 0
    target_track: int = 0
    text: int = 0
    beside: bool = False

    @property
    def here(self) -> bool:
        """Whether it stays below one row."""
        return self.row == self.target_row

    def width(self, left: int) -> int:
        return 0 if self.aside.kind == "ends" else self.start - (self.end if self.here else left)

    def said(self, right: int) -> int:
        return min(long(self.aside.says), right - 8)

    def verticals(self, row: int) -> list[int]:
        """Return where it crosses what is above its track below this row."""
        ends = [self.start] if self.row == row else []
        return [*ends, self.end] if self.target_row == row and self.aside.kind == "back" else ends

    def track_in(self, row: int) -> int:
        return self.track if self.row == row else self.target_track


@dataclass
class Router:
    """Gives every way its tracks, row by row from the top."""

    graph: Graph
    asides: Sequence[Aside]
    row_of: Mapping[StepId, int]
    courses: list[_Course] = field(default_factory=list)
    channels: int = 0

    def __post_init__(self) -> None:
        self._first: dict[str, StepId] = {}
        for station in self.graph.stations.values():
            self._first.setdefault(station.stage, station.id)
        for aside in self.asides:
            row = max(self.row_of[s.id] for s in aside.senders)
            target = self.row_of[self._first[aside.target]] if aside.kind == "back" else row
            course = _Course(aside, row, target)
            if target != row:
                course.channel, self.channels = self.channels, self.channels + 1
            self.courses.append(course)

    def below(self, row: int, bottom: int, right: int, left: int, at: Mapping[StepId, int]) -> int:
        """Lay the ways of one row; return how far down they reach. `at` are the stations placed so far."""
        taken: list[list[tuple[int, int]]] = []
        self._enter(row, bottom, at)
        here = [course for course in self.courses if row in (course.row, course.target_row)]
        for course in here:
            course.beside = course.row == row and course.width(left) < NARROW
        for course in sorted(here, key=lambda c: (c.beside, c.width(left))):
            if course.row != row:
                course.target_track = _free(taken, (4, course.end))
            elif course.beside:
                self._say_beside(course, right, [c for c in here if c is not course], taken)
            else:
                self._say_above(course, right, left, [c for c in here if c is not course], taken)
        return 12 + TRACK * len(taken) if taken else 0

    def _enter(self, row: int, bottom: int, at: Mapping[StepId, int]) -> None:
        left_by: dict[int, int] = {}
        entered: dict[str, int] = {}
        for course in self.courses:
            if course.row == row:
                x = max(at[s.id] for s in course.aside.senders if self.row_of[s.id] == row)
                course.start = x + APART // 2 + APART * left_by.setdefault(x, 0)
                left_by[x] += 1
                course.bottom = bottom
            if course.target_row == row and course.aside.kind == "back":
                target = course.aside.target
                x = at[self._first[target]]
                course.end = x - APART // 2 - min(46, APART * entered.setdefault(target, 0))
                entered[target] += 1
                course.target_bottom = bottom

    def _say_above(
        self, course: _Course, right: int, left: int, others: Sequence[_Course], taken: list[list[tuple[int, int]]]
    ) -> None:
        """Give a way the first free track, its words in the widest gap between the lines that cross it."""
        said, low = course.said(right), course.end if course.here else left
        inside = sorted(x for c in others for x in c.verticals(course.row) if low < x < course.start)
        gaps = [(a, b) for a, b in pairwise([low, *inside, course.start]) if b - a > said + 8]
        a, b = max(gaps, key=lambda gap: gap[1] - gap[0], default=(low, course.start))
        course.text = max(4, min((a + b - said) // 2, right - said))
        far = low if course.here else 4
        course.track = _free(taken, (min(far, course.text) - 8, max(course.start, course.text + said) + 8))
        if course.here:
            course.target_track = course.track

    def _say_beside(
        self, course: _Course, right: int, others: Sequence[_Course], taken: list[list[tuple[int, int]]]
    ) -> None:
        """Give a short way a track on which its words, right or left of it, cross no line that goes deeper."""
        said, low = course.said(right), course.start if course.aside.kind == "ends" else course.end
        fits = course.start + 10 + said < right
        course.text = course.start + 10 if fits else max(4, low - 10 - said)
        span = (min(low, course.text) - 8, max(course.start, course.text + said) + 8)
        crossed = [
            c.track_in(course.row) for c in others if any(span[0] < x < span[1] for x in c.verticals(course.row))
        ]
        course.track = course.target_track = _free(taken, span, max(crossed, default=-1) + 1)

    def drawn(self) -> list[Drawn]:
        """Return all ways once every row was laid."""
        return [_draw(course) for course in self.courses]


def _free(taken: list[list[tuple[int, int]]], span: tuple[int, int], above: int = 0) -> int:
    """Return the first track from `above` on which nothing stands within `span`, and take it."""
    for track in range(above, len(taken)):
        if all(span[1] < low or high < span[0] for low, high in taken[track]):
            taken[track].append(span)
            return track
    taken.append([span])
    return len(taken) - 1


def _draw(course: _Course) -> Drawn:
    y = course.bottom + 16 + TRACK * course.track
    start, end = course.start, course.end
    if course.aside.kind == "ends":
        return Drawn(course.aside, f"M{start} {course.bottom}V{y - 4}", None, (start, y - 1), course.text, y + 3)
    if course.row == course.target_row:
        r = max(1, min(8, (start - end) // 2))
        d = f"M{start} {course.bottom}V{y - r}Q{start} {y} {start - r} {y}H{end + r}Q{end} {y} {end} {y - r}"
    else:
        x, up = 8 + CHANNEL * course.channel, course.target_bottom + 16 + TRACK * course.target_track
        d = (
            f"M{start} {course.bottom}V{y - 8}Q{start} {y} {start - 8} {y}H{x + 6}Q{x} {y} {x} {y - 6}"
            f"V{up + 6}Q{x} {up} {x + 6} {up}H{end - 8}Q{end} {up} {end} {up - 8}"
        )
    head = (end, course.target_bottom)
    return Drawn(course.aside, f"{d}V{head[1] + 8}", head, None, course.text, y + 3 if course.beside else y - 5)
