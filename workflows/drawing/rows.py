"""The whole picture: stages as lanes side by side, on as many rows as are needed, with the ways back and out below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from models.flow import StepId
from models.graph import Graph, Lane, stations
from workflows.drawing.layout import CURRENT, LARGE, PASSED, Box, Mark, Rail, Scale, Sheet, boxed
from workflows.drawing.ways import CHANNEL, Drawn, Router
from workflows.drawing.words import Aside, wrapped

BEFORE, AFTER = 26, 54
"""What the beginning and the end of the flow need."""


@dataclass(frozen=True)
class Band:
    """The ground of a stage, or of the part of it that stands on one row."""

    name: str
    x: int
    y: int
    width: int
    height: int
    state: str
    foot: tuple[str, ...]


@dataclass
class Picture:
    """Everything to draw."""

    scale: Scale
    width: int = 0
    height: int = 0
    bands: list[Band] = field(default_factory=list)
    sheet: Sheet = field(default_factory=Sheet)
    ways: list[Drawn] = field(default_factory=list)
    heads: list[tuple[int, int]] = field(default_factory=list)
    """Arrow heads where a row goes on."""
    start: tuple[int, int] = (0, 0)
    end: tuple[int, int] = (0, 0)
    lines: list[int] = field(default_factory=list)
    """Where the line of each row is."""
    completes: str = ""
    completed: bool = False
    begun: bool = False


@dataclass(frozen=True)
class _Piece:
    """Something of a stage that stands on one row."""

    lane: Lane
    box: Box
    steps: tuple[StepId, ...]
    begins: bool
    """Whether it begins its stage."""


def laid_out(
    graph: Graph,
    marks: Mapping[StepId, Mark],
    asides: Sequence[Aside],
    scale: Scale = LARGE,
    lanes: Mapping[str, str] | None = None,
) -> Picture:
    """Return where everything stands. `lanes` says of a stage that it is added, removed or changed."""
    rows = _rows(list(_pieces(graph, marks, scale)), scale.widest)
    router = Router(graph, asides, {step: n for n, row in enumerate(rows) for piece in row for step in piece.steps})
    before, after = (BEFORE, AFTER) if scale.names else (8 + 10 * (len(rows) > 1), 12)
    left = before + CHANNEL * router.channels
    picture = Picture(scale, left + max(_width(row) for row in rows) + after, completes=graph.completes)
    now = {s.stage for s in graph.stations.values() if marks.get(s.id, Mark()).state in CURRENT}
    states = {lane.name: (lanes or {}).get(lane.name, "on" if lane.name in now else "") for lane in graph.lanes}
    top = 4
    for n, row in enumerate(rows):
        bottom = _placed(picture, row, left, top, states)
        if n:
            _go_on(picture, _row_end(rows[n - 1], left), top - 10, left - 12, rows[n - 1][-1].box.left)
        at = {dot.station.id: dot.x for dot in picture.sheet.dots}
        top = bottom + router.below(n, bottom, picture.width - 8, left - 12, at) + (20 if n < len(rows) - 1 else 8)
    _begin_and_end(picture, rows, left)
    picture.height = top
    picture.ways = router.drawn()
    return picture


def _pieces(graph: Graph, marks: Mapping[StepId, Mark], scale: Scale) -> Iterator[_Piece]:
    for lane in graph.lanes:
        for i, part in enumerate(lane.line.parts):
            yield _Piece(lane, boxed(part, marks, scale), tuple(s.id for s in stations(part)), i == 0)
        if not lane.line.parts:
            yield _Piece(lane, boxed(lane.line, marks, scale), (), begins=True)


def _rows(pieces: list[_Piece], widest: int) -> list[list[_Piece]]:
    """Return the pieces on as few rows as possible, rather broken between stages than within one."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(pieces) + 1):
        options, width = [], 0
        for start in range(end - 1, -1, -1):
            width += pieces[start].box.width
            if width > widest and start < end - 1:
                break
            spare = max(0, widest - width) / widest
            ragged = spare * spare * (0.3 if end == len(pieces) else 1)
            within = 0.3 if start and not pieces[start].begins else 0
            options.append((best[start][0] + 1 + ragged + within, start))
        best.append(min(options))
    rows, end = list[list[_Piece]](), len(pieces)
    while end:
        start = best[end][1]
        rows.insert(0, pieces[start:end])
        end = start
    return rows or [[]]


def _width(row: Sequence[_Piece]) -> int:
    return sum(piece.box.width for piece in row)


def _row_end(row: Sequence[_Piece], left: int) -> int:
    return left + _width(row)


def _placed(picture: Picture, row: Sequence[_Piece], left: int, top: int, states: Mapping[str, str]) -> int:
    """Place one row; return where its lanes end."""
    head = 30 if picture.scale.names else 6
    y = top + head + max((piece.box.up for piece in row), default=20)
    down = max((piece.box.down for piece in row), default=20)
    spans = _spans(row, left)
    feet = {lane.name: _foot(lane, width) for lane, _, width, _ in spans} if picture.scale.names else {}
    height = y - top + down + max((14 * len(foot) + 10 * bool(foot) for foot in feet.values()), default=0)
    for lane, x, width, begins in spans:
        name = lane.name if begins else f"{lane.name}, continued"
        shown = wrapped(name, max(4, (width - 24) // 7), 1)[0] if picture.scale.names else ""
        foot = feet.get(lane.name, ())
        picture.bands.append(Band(shown, x + 3, top, width - 6, height, states[lane.name], foot))
    x = left
    for piece in row:
        piece.box.place(x, y, picture.sheet)
        x += piece.box.width
    picture.lines.append(y)
    return top + height


def _spans(row: Sequence[_Piece], left: int) -> list[tuple[Lane, int, int, bool]]:
    """Return the stages of a row with where each begins, how wide it is, and whether it begins there."""
    found: list[tuple[Lane, int, int, bool]] = []
    x = left
    for piece in row:
        if found and found[-1][0] is piece.lane:
            lane, start, width, begins = found[-1]
            found[-1] = (lane, start, width + piece.box.width, begins)
        else:
            found.append((piece.lane, x, piece.box.width, piece.begins))
        x += piece.box.width
    return found


def _foot(lane: Lane, width: int) -> tuple[str, ...]:
    return tuple(wrapped(f"stage skipped if {lane.skip}", max(10, (width - 14) // 6), 2)) if lane.skip else ()


def _go_on(picture: Picture, x: int, turn: int, left: int, state: str) -> None:
    """Draw the line from the end of one row to the beginning of the next."""
    y, to, out = *picture.lines[-2:], x + 10
    picture.sheet.rails.append(
        Rail(
            state,
            f"M{x} {y}H{out - 6}Q{out} {y} {out} {y + 6}V{turn - 6}Q{out} {turn} {out - 6} {turn}"
            f"H{left + 6}Q{left} {turn} {left} {turn + 6}V{to - 6}Q{left} {to} {left + 6} {to}H{left + 12}",
        )
    )
    if picture.scale.names:
        picture.heads.append((left + 15, to))


def _begin_and_end(picture: Picture, rows: Sequence[Sequence[_Piece]], left: int) -> None:
    dots = picture.sheet.dots
    picture.completed = all(piece.box.left for row in rows for piece in row)
    if not dots or not picture.scale.names:
        return
    first, last = picture.lines[0], picture.lines[-1]
    picture.start = (left - 14, first)
    x = _row_end(rows[-1], left)
    picture.end = (x + 24, last)
    picture.begun = any(dot.mark.state in PASSED | CURRENT for dot in dots)
    picture.sheet.rails += [Rail("done" if picture.begun else "", f"M{left - 14} {first}H{left}")]
    picture.sheet.rails += [Rail("done" if picture.completed else "", f"M{x} {last}H{x + 24}")]
