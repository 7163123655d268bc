"""Pictures of a rehearsal as SVG text: one deal day by day, or the times, people and weeks of many."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from models.calendar import Working
from workflows.drawing.style import COLOURS
from workflows.drawing.svg import escaped
from workflows.rehearsal.figures import Figures
from workflows.rehearsal.flight import DATE, MACHINES, PLAN_TASK, Flight
from workflows.rehearsal.people import Company, Zone
from workflows.rehearsal.story import days_words, ending, knowing, work_words

_WIDTH, _LEFT, _RIGHT, _ROW = 960, 300, 24, 26
_LETTER = 5.7
"""How wide a letter of a small text is, at most."""
_MOST_ROWS = 40
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
X = Callable[[datetime], float]
"""From an instant to its place."""
_LOOKS = {PLAN_TASK: "ok-mark", "signature": "due-mark", "incident": "late-mark", DATE: "idle-mark"}


def deal_svg(flight: Flight, company: Company, working: Working, *, page: bool = False) -> str:
    """Return one deal day by day: a row for each time it waited for somebody; days nobody works are shaded."""
    company = knowing(company, flight)
    rows = [w for w in flight.waited if w.kind != MACHINES or w.elapsed > timedelta(hours=1)]
    rows = sorted(rows, key=lambda w: (w.since, w.until))[:_MOST_ROWS]
    span = max(flight.until - flight.arrived, timedelta(hours=8))
    scale = (_WIDTH - _LEFT - _RIGHT) / span.total_seconds()

    def x(at: datetime) -> float:
        return _LEFT + (at - flight.arrived).total_seconds() * scale

    height = 56 + _ROW * len(rows) + 34
    parts = [*_days(flight, working, x, height - 34), *_ticks(flight, working, x, height - 34)]
    for i, wait in enumerate(rows):
        y = 50 + _ROW * i
        name = "a date" if wait.who == DATE else company.name(wait.who)
        what = f"{wait.title}, {wait.below}" if wait.below else wait.title
        parts.append(_text(_LEFT - 10, y + 15, f"{_short(what, 26)} · {_short(name, 18)}", anchor="end"))
        colour = _LOOKS.get(wait.kind, "now-mark")
        long = max(x(min(wait.until, flight.until)) - x(wait.since), 2.5)
        parts.append(_rect(x(wait.since), y + 4, long, _ROW - 9, colour))
        told = work_words(wait.working)
        wide = len(told) * _LETTER + 10
        if long > wide:
            parts.append(_text(x(wait.since) + 6, y + 16, told, 10.5, "surface"))
        elif x(wait.since) + long + wide < _WIDTH:
            parts.append(_text(x(wait.since) + long + 5, y + 16, told, 10.5, "ink-2"))
    for stay in flight.stages:
        if (x(stay.until) - x(stay.since)) > 7 * len(stay.stage):
            parts.append(_text(x(stay.since) + 3, 26, stay.stage, 11, "ink-2", bold=True))
        parts.append(_line(x(stay.since), 14, x(stay.since), height - 34, "line-control"))
    parts += _legend(height - 24, [("now-mark", "answers"), ("due-mark", "signatures"), ("ok-mark", "work")])
    says = [f"{w.title}: {company.name(w.who)}, {work_words(w.working)} of their time" for w in rows if w.who != DATE]
    about = f"{ending(flight)} It waited for: {'; '.join(says) or 'nobody'}."
    return _sheet("One deal, day by day", about, height, parts, page=page, ident="deal")


def season_svg(found: Figures, *, page: bool = False) -> str:
    """Return many deals in three plots: time by stage, who is waited for, and the weeks."""
    parts: list[str] = []
    y = 18.0
    for draw in (_stages, _people, _weeks):
        drawn, used = draw(found, y)
        parts += drawn
        y += used + 34
    stages = "; ".join(f"{s.stage} half within {days_words(s.elapsed.p50)}" for s in found.stages)
    people = "; ".join(f"{p.name} {p.share:.0%}" for p in found.people[:5])
    about = f"{found.deals} deals. Time by stage: {stages or 'none'}. Waiting for people: {people or 'none'}."
    return _sheet(f"{found.flow}: {found.deals} rehearsed deals", about, y, parts, page=page, ident="season")


def _stages(found: Figures, top: float) -> tuple[list[str], float]:
    own = [each for each in found.stages if each.stage != "onboarding"] or list(found.stages)
    most = max((each.elapsed.p95.total_seconds() for each in own), default=0) or 1
    room = _WIDTH - _LEFT - _RIGHT - 180
    parts = [_head(top, "Time by stage: half of the deals, 4 of 5, 19 of 20")]
    for i, each in enumerate(found.stages):
        y = top + 12 + _ROW * i
        p50, p80, p95 = (
            min(t.total_seconds() / most, 1.0) * room for t in (each.elapsed.p50, each.elapsed.p80, each.elapsed.p95)
        )
        parts += [
            _text(_LEFT - 10, y + 16, _short(each.stage, 32), anchor="end"),
            _rect(_LEFT, y + 6, max(p95, 1), _ROW - 12, "line-strong"),
            _rect(_LEFT, y + 6, max(p80, 1), _ROW - 12, "idle-mark"),
            _rect(_LEFT, y + 6, max(p50, 1), _ROW - 12, "now-mark"),
        ]  # fmt: skip
        told = f"{days_words(each.elapsed.p50)}, {days_words(each.elapsed.p80)}, {days_words(each.elapsed.p95)}"
        if each in own:
            parts.append(_text(_LEFT + min(p95, room) + 8, y + 16, told, 11, "ink-2"))
        else:  # an onboarding takes weeks; at its scale nothing could be seen of the other stages
            parts.append(_text(_LEFT + 8, y + 16, f"{told}, longer than shown", 11, "surface"))
    return parts, 12.0 + _ROW * len(found.stages)


def _people(found: Figures, top: float) -> tuple[list[str], float]:
    rows = found.people[:12]
    room = _WIDTH - _LEFT - _RIGHT - 250
    most = max((each.share for each in rows), default=0) or 1
    parts = [_head(top, "Who deals wait for: share of all waiting, in their working hours")]
    for i, each in enumerate(rows):
        y = top + 12 + _ROW * i
        parts += [
            _text(_LEFT - 10, y + 16, _short(each.name, 32), anchor="end"),
            _rect(_LEFT, y + 6, max(each.share / most * room, 1), _ROW - 12, "due-mark" if i == 0 else "idle-mark"),
            _text(
                _LEFT + each.share / most * room + 8, y + 16,
                f"{each.share:.0%}, half within {work_words(each.working.p50)}", 11, "ink-2",
            ),
        ]  # fmt: skip
    return parts, 12.0 + _ROW * len(rows)


def _weeks(found: Figures, top: float) -> tuple[list[str], float]:
    if not found.weeks:
        return [], 0.0
    room, tall = _WIDTH - _LEFT - _RIGHT, 90.0
    most = max(max(pair) for pair in found.weeks) or 1
    step = room / len(found.weeks)
    parts = [_head(top, f"Week by week: deals that arrived, and those open at its end (at most {most})")]
    floor = top + 16 + tall
    for i, (came, open_) in enumerate(found.weeks):
        x = _LEFT + step * i
        parts.append(_rect(x + 1, floor - came / most * tall, max(step * 0.45, 1), came / most * tall, "now-mark"))
        parts.append(
            _rect(
                x + 1 + step * 0.45, floor - open_ / most * tall, max(step * 0.45, 1), open_ / most * tall, "due-mark"
            )
        )
    parts += [
        _line(_LEFT, floor, _WIDTH - _RIGHT, floor, "line-control"),
        *_legend(top + 34, [("now-mark", "arrived"), ("due-mark", "open at the week's end")]),
        _text(_LEFT, floor + 16, f"{found.start:%d %b %Y}", 11, "ink-2"),
    ]  # fmt: skip
    return parts, 16 + tall + 24


def _days(flight: Flight, working: Working, x: X, height: float) -> Iterator[str]:
    """Shade the days on which nobody of the company works."""
    zone = Zone(working.zone)
    worked = set(working.dates) or {a.astimezone(zone).date() for a, _ in working.intervals}
    at = flight.arrived.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while at < flight.until:
        after = at + timedelta(days=1)
        if at.date() not in worked:
            left = max(x(at), float(_LEFT))
            yield _rect(left, 34, min(x(after), _WIDTH - _RIGHT) - left, height - 34, "sunken")
        at = after


def _ticks(flight: Flight, working: Working, x: X, bottom: float) -> Iterator[str]:
    """Name days along the edge, as many as there is room for."""
    zone = Zone(working.zone)
    at = flight.arrived.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    every = max(1, round((flight.until - flight.arrived).days / 12))
    while at < flight.until:
        place = x(at)
        if place < _WIDTH - _RIGHT - 20:
            yield _text(place, bottom + 18, f"{at:%d %b}", 10.5, "ink-3", anchor="middle")
        at += timedelta(days=every)


def _sheet(title: str, says: str, height: float, parts: Iterable[str], *, page: bool, ident: str) -> str:
    space = "" if page else ' xmlns="http://www.w3.org/2000/svg"'
    paper = "" if page else _rect(0, 0, _WIDTH, height, "surface")
    made = (
        f'<svg{space} viewBox="0 0 {_WIDTH} {_n(height)}" width="{_WIDTH}" height="{_n(height)}" role="img" '
        f'aria-labelledby="{ident}-t {ident}-d" class="plot flow" font-family="{_FONT}">'
        f'<title id="{ident}-t">{escaped(title)}</title><desc id="{ident}-d">{escaped(says)}</desc>{paper}'
        + "\n".join(parts)
        + "</svg>\n"
    )
    # Not every viewer of a file knows variables; on a page they follow its light and dark.
    return made if page else re.sub(r"var\(--[a-z0-9-]+, (#[0-9a-f]{6})\)", r"\1", made)


def _legend(y: float, meanings: Iterable[tuple[str, str]]) -> Iterator[str]:
    x = 16.0
    for colour, meaning in meanings:
        yield _rect(x, y, 11, 11, colour)
        yield _text(x + 16, y + 10, meaning, 11, "ink-2")
        x += 28 + len(meaning) * _LETTER


def _head(y: float, said: str) -> str:
    return _text(16, y, said, 13, "ink", bold=True)


def _text(
    x: float, y: float, said: str, size: float = 12, colour: str = "ink", *, anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{_n(x)}" y="{_n(y)}" font-size="{size:g}"{weight} text-anchor="{anchor}"'
    # Pages colour all text of pictures; what is coloured otherwise says so from within.
    inner = escaped(said) if colour == "ink" else f'<tspan fill="{_colour(colour)}">{escaped(said)}</tspan>'
    return f'<text {place} fill="{_colour("ink")}">{inner}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    size = f'width="{_n(max(width, 0))}" height="{_n(max(height, 0))}"'
    return f'<rect x="{_n(x)}" y="{_n(y)}" {size} fill="{_colour(colour)}"/>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<path d="M{_n(x)} {_n(y)}L{_n(to_x)} {_n(to_y)}" stroke="{_colour(colour)}" fill="none"/>'


def _colour(token: str) -> str:
    return f"var(--{token}, {COLOURS[token][0]})"


def _short(said: str, most: int) -> str:
    return said if len(said) <= most else said[: most - 1] + "…"


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
