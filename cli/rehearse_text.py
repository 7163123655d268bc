"""A rehearsal as a person reads it in the terminal: the timeline of one deal, the tables and bars of many."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import date

from workflows.rehearsal.figures import Figures, PersonFigures, Spread
from workflows.rehearsal.story import Gap, Line, Story, days_words, words, work_words
from workflows.rehearsal.world import Setting

WIDTH = 100
_WHO = 24
_SIGNS = {
    "asks": "?", "answers": "✓", "does": "·", "skips": "–", "late": "!", "wrong": "✗", "back": "↩", "ends": "●"
}  # fmt: skip
_BARS, _EIGHTHS = "▁▂▃▄▅▆▇█", " ▏▎▍▌▋▊▉█"
_MOST_ROWS = 20


def story_text(told: Story, setting: Setting, assumed: Sequence[str], refused: Sequence[str]) -> Iterator[str]:
    """Yield the lines of one deal's timeline."""
    yield f"{setting.flow.name} version {setting.flow.version} · {told.title}"
    yield f"rehearsed in {setting.calendar.zone}, seed {setting.seed}"
    stage, day = "", None
    for line in told.lines:
        if isinstance(line, Gap):
            yield f"  ┊ {_between(line.first, line.last)}: {line.why}"
            continue
        if line.stage != stage:
            stage = line.stage
            yield from ("", f"── {stage} " + "─" * max(0, WIDTH - len(stage) - 4))
        if line.at.date() != day:
            day = line.at.date()
            yield f"{day:%a %d %b %Y}"
        yield from _line(line)
    yield from ("", *textwrap.wrap(told.ending, WIDTH))
    if assumed:
        yield from textwrap.wrap(f"Nobody gave {', '.join(assumed)}: made up.", WIDTH)
    for each in refused:
        yield from textwrap.wrap(f"An answer was not taken. {each}", WIDTH, subsequent_indent="  ")


def figures_text(found: Figures, setting: Setting) -> Iterator[str]:
    """Yield the tables of many deals."""
    outcomes = ", ".join(f"{number} {name}" for name, number in found.outcomes.items())
    yield f"{found.flow} version {found.version}: {found.deals} deals, {outcomes}"
    yield f"arriving over {setting.months:g} months from {found.start:%d %b %Y}, seed {setting.seed}"
    yield from ("", *_table(("", "half within", "4 of 5", "19 of 20"), [
        ("until won", *_spread(found.to_close)), ("until live", *_spread(found.to_live)),
    ]))  # fmt: skip
    if found.lived:
        yield f"  {found.late_live} of {found.lived} went live after the promise"
    yield from ("", "Time by stage, nights and weekends included", *_stages(found))
    yield from ("", "Who deals wait for, in their own working hours", *_people(found))
    yield f"  {found.verdict()}"
    yield from ("", "What went otherwise than planned", *_happened(found))
    yield from ("", *_weeks(found))
    for deal, why in found.still:
        yield from textwrap.wrap(f"  still open: {deal}: {why}", WIDTH, subsequent_indent="    ")


def sparkline(values: Sequence[int]) -> str:
    """Return numbers as a row of little columns."""
    most = max(values, default=0) or 1
    return "".join(_BARS[min(7, value * 8 // (most + 1))] if value else " " for value in values)


def bar(share: float, width: int) -> str:
    """Return a share as a bar of eighths of a character."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    return (_EIGHTHS[8] * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _line(line: Line) -> Iterator[str]:
    who = line.who if len(line.who) <= _WHO else line.who[: _WHO - 1] + "…"
    head = f"  {line.at:%H:%M}  {_SIGNS.get(line.mark, ' ')} {who:<{_WHO}} "
    said = line.what if line.waited is None else f"{line.what}  (after {work_words(line.waited)} of their time)"
    room = max(30, WIDTH - len(head))
    first, *rest = textwrap.wrap(said, room) or [""]
    yield f"{head}{first}".rstrip()
    for each in rest:
        yield " " * len(head) + each


def _between(first: date, last: date) -> str:
    return f"{first:%a %d %b}" if first == last else f"{first:%a %d} to {last:%a %d %b}"


def _spread(found: Spread) -> tuple[str, str, str]:
    if not found.n:
        return ("–", "–", "–")
    return (days_words(found.p50), days_words(found.p80), days_words(found.p95))


def _stages(found: Figures) -> list[str]:
    most = max((each.elapsed.p95 for each in found.stages), default=None)
    rows = []
    for each in found.stages:
        shown = bar(each.elapsed.p50 / most, 20) if most else ""
        rows.append((each.stage, str(each.elapsed.n), *_spread(each.elapsed), shown))
    return _table(("stage", "deals", "half within", "4 of 5", "19 of 20", ""), rows)


def _people(found: Figures) -> list[str]:
    rows = [_person(each) for each in found.people[:_MOST_ROWS]]
    lines = _table(("who", "asked", "half within", "19 of 20", "lay in a queue", "busy", "share"), rows)
    more = len(found.people) - _MOST_ROWS
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _person(each: PersonFigures) -> tuple[str, ...]:
    return (
        each.name, str(each.asked), work_words(each.working.p50), work_words(each.working.p95),
        words(each.queued) if each.queued else "–", f"{each.busy:.0%}", f"{each.share:>4.0%} {bar(each.share, 16)}",
    )  # fmt: skip


def _happened(found: Figures) -> list[str]:
    named = (
        ("escalated", "escalations"), ("incident", "incidents"), ("rework", "sent back"), ("reminder", "reminders"),
        ("overdue", "weeks overdue, nobody left to ask"),
    )  # fmt: skip
    rows = [(name, str(found.happened.get(kind, 0)), f"{found.touched.get(kind, 0)} deals") for kind, name in named]
    slow = [(name, spread) for name, spread in found.systems if spread.p95.total_seconds() > 60]
    rows += [(f"waits for {name}", str(spread.n), f"19 of 20 within {words(spread.p95)}") for name, spread in slow]
    return _table(("", "", ""), rows)[1:]


def _weeks(found: Figures) -> list[str]:
    arrived, open_ = [a for a, _ in found.weeks], [b for _, b in found.weeks]
    if not arrived:
        return []
    return [
        "Week by week",
        f"  arrived  {sparkline(arrived)}  at most {max(arrived)} a week",
        f"  open     {sparkline(open_)}  at most {max(open_)} at a week's end",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    every = [head, *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(head))]
    numbers = range(1, len(head))
    return [
        "  " + "  ".join(
            row[i].rjust(widths[i]) if i in numbers and i < len(head) - 1 else row[i].ljust(widths[i])
            for i in range(len(head))
        ).rstrip()
        for row in every
    ]  # fmt: skip
