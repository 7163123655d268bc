"""How much room the parts of a stage take, and where their stations and rails stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from models.flow import StepId
from models.graph import Line, Only, Part, Station, Together, joined
from workflows.drawing.words import clock, who, wrapped

PASSED = frozenset({"done", "skipped", "void"})
CURRENT = frozenset({"now", "incident", "late"})
LETTERS = 19
"""How many letters of the small type fit under a station."""
LINE = 15
NAME = 27
"""How far under its station a name stands."""


@dataclass(frozen=True)
class Mark:
    """What a picture shows of a station beside its name. `lines` replaces what the flow itself says there."""

    state: str = ""
    lines: tuple[tuple[str, str], ...] | None = None
    """Texts with their tone: "", "rule", "now", "due", "late", "add", "chg"."""
    pills: tuple[tuple[str, str], ...] = ()
    """Counts above the station with their tone: "hot", "late", "zero"."""


@dataclass(frozen=True)
class Scale:
    """How large a picture is drawn."""

    column: int = 140
    radius: int = 10
    widest: int = 1120
    pad: int = 16
    """What a branch needs on either side to bend."""
    gap: int = 10
    names: bool = True


LARGE = Scale()
SMALL = Scale(column=34, radius=6, widest=306, pad=8, gap=2, names=False)


@dataclass(frozen=True)
class Label:
    """One line of text under a station."""

    text: str
    tone: str


@dataclass(frozen=True)
class Dot:
    """A station where it stands."""

    station: Station
    mark: Mark
    labels: tuple[Label, ...]
    x: int
    y: int


@dataclass(frozen=True)
class Rail:
    """A stretch of the line, and how far the deal is on it."""

    state: str
    d: str


@dataclass(frozen=True)
class Frame:
    """The ground under steps that share a rule."""

    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]


@dataclass
class Sheet:
    """What was placed so far."""

    dots: list[Dot] = field(default_factory=list)
    rails: list[Rail] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)


class Box(NamedTuple):
    """A part with the room it takes, left to right, above and below its line, and how to put it on the sheet."""

    width: int
    up: int
    down: int
    entered: str
    left: str
    place: Callable[[int, int, Sheet], None]
    """Takes x and the line's y."""


def boxed(part: Part, marks: Mapping[StepId, Mark], scale: Scale, *, branch: bool = False) -> Box:
    """Return the room a part takes; a station that is a whole branch is narrower by what the bends need."""
    match part:
        case Station():
            return _spot(part, marks.get(part.id, Mark()), scale, branch=branch)
        case Line():
            return _in_a_row([boxed(child, marks, scale) for child in part.parts], scale)
        case Together():
            return _stacked([boxed(child, marks, scale, branch=True) for child in part.branches], scale)
        case Only():
            return _framed(part, boxed(part.part, marks, scale), scale)


def _spot(station: Station, mark: Mark, scale: Scale, *, branch: bool) -> Box:
    width = scale.column - (2 * scale.pad if branch else 0)
    labels = tuple(_labels(station, mark, 17 if branch else LETTERS)) if scale.names else ()
    up = scale.radius + (32 if mark.pills else 8) if scale.names else scale.radius + 4
    down = NAME + LINE * (len(labels) - 1) + 8 if labels else scale.radius + 4
    entered = "done" if mark.state in PASSED else "now" if mark.state in CURRENT else ""
    left = "done" if mark.state in PASSED else ""

    def place(x: int, y: int, sheet: Sheet) -> None:
        middle = x + width // 2
        sheet.rails += [Rail(entered, f"M{x} {y}H{middle}"), Rail(left, f"M{middle} {y}H{x + width}")]
        sheet.dots.append(Dot(station, mark, labels, middle, y))

    return Box(width, up, down, entered, left, place)


def _labels(station: Station, mark: Mark, letters: int) -> Iterator[Label]:
    dim = " dim" if mark.state in ("skipped", "void", "removed") else ""
    yield from (Label(line, f"name{dim}") for line in wrapped(station.title, letters - 3, 2))
    if mark.lines is not None:
        for said, tone in mark.lines:
            yield from (
                Label(line, "rule" if tone == "rule" else f"sub {tone}".strip()) for line in wrapped(said, letters, 3)
            )
        return
    for said in filter(None, (who(station.step, station.where), clock(station.step))):
        yield from (Label(line, "sub") for line in wrapped(said, letters, 3))
    if station.advisory:
        yield Label("advice only", "sub")
    if station.own:
        yield from (Label(line, "rule") for line in wrapped(f"if {joined(station.own)}", letters + 1, 3))


def _in_a_row(boxes: Sequence[Box], scale: Scale) -> Box:
    if not boxes:
        return _nothing(scale)

    def place(x: int, y: int, sheet: Sheet) -> None:
        for box in boxes:
            box.place(x, y, sheet)
            x += box.width

    left = "done" if all(box.left for box in boxes) else ""
    width = sum(box.width for box in boxes)
    return Box(width, max(b.up for b in boxes), max(b.down for b in boxes), boxes[0].entered, left, place)


def _nothing(scale: Scale) -> Box:
    def place(x: int, y: int, sheet: Sheet) -> None:
        sheet.rails.append(Rail("", f"M{x} {y}H{x + scale.column}"))

    return Box(scale.column, scale.radius + 8, scale.radius + 8, "", "", place)


def _stacked(boxes: Sequence[Box], scale: Scale) -> Box:
    if not boxes:
        return _nothing(scale)
    tops = [0]
    for above, below in pairwise(boxes):
        tops.append(tops[-1] + above.down + scale.gap + below.up)
    # An odd number of branches keeps its middle one on the line.
    middle = (tops[(len(boxes) - 1) // 2] + tops[len(boxes) // 2]) // 2
    offsets = [top - middle for top in tops]
    width = max(box.width for box in boxes) + 2 * scale.pad

    def place(x: int, y: int, sheet: Sheet) -> None:
        for box, offset in zip(boxes, offsets, strict=True):
            at, start = y + offset, x + (width - box.width) // 2
            sheet.rails += [
                Rail(box.entered, _bent(x, y, start, at, scale.pad // 2)),
                Rail(box.left, _bent(x + width, y, start + box.width, at, -scale.pad // 2)),
            ]
            box.place(start, at, sheet)

    entered = "now" if any(b.entered == "now" for b in boxes) else boxes[0].entered
    left = "done" if all(box.left for box in boxes) else ""
    return Box(width, boxes[0].up - offsets[0], offsets[-1] + boxes[-1].down, entered, left, place)


def _bent(fork: int, y: int, end: int, at: int, bend: int) -> str:
    """Return the way from a fork on the line to where a branch begins, or back with a negative bend."""
    if y == at:
        return f"M{fork} {y}H{end}"
    turn = abs(bend) if at > y else -abs(bend)
    x = fork + bend
    return f"M{fork} {y}Q{x} {y} {x} {y + turn}V{at - turn}Q{x} {at} {x + bend} {at}H{end}"


def _framed(part: Only, box: Box, scale: Scale) -> Box:
    if not scale.names:
        return box
    width = box.width + 16
    lines = tuple(wrapped(part.rule, max(LETTERS, (width - 24) // 6), 2))
    up = box.up + 14 * len(lines) + 10

    def place(x: int, y: int, sheet: Sheet) -> None:
        height = up + box.down + 2
        sheet.frames.append(Frame(x + 4, y - up + 2, width - 8, height, lines))
        sheet.rails += [Rail(box.entered, f"M{x} {y}h8"), Rail(box.left, f"M{x + width - 8} {y}h8")]
        box.place(x + 8, y, sheet)

    return Box(width, up, box.down + 6, box.entered, box.left, place)
