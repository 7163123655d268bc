"""A picture as SVG text: classes instead of colours, all text escaped, a title and a description for listeners."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.flow import CallDef
from models.graph import Station
from workflows.drawing.layout import LINE, NAME, Dot, Frame
from workflows.drawing.rows import Band, Picture
from workflows.drawing.style import alone
from workflows.drawing.ways import Drawn
from workflows.drawing.words import long

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RAILS = {"": 0, "done": 1, "now": 2}
_DOTS = {
    "done": "done", "now": "now", "incident": "late", "late": "late", "skipped": "skip", "void": "skip",
    "added": "add", "changed": "chg", "removed": "del",
}  # fmt: skip
SIGNS = {
    "person": "M0 -4.6a2.1 2.1 0 1 1 0 4.2a2.1 2.1 0 1 1 0 -4.2M-4 4.6c.4 -4.4 7.6 -4.4 8 0",
    "work": "M-3.6 -2.4H3.6M-3.6 .6H3.6M-3.6 3.6H.8",
    "out": "M-3.6 3.6L3.8 -3.8M-1.4 -3.8H3.8V1.4",
    "document": "M-3 -4.6H1L3.2 -2.2V4.6H-3ZM-1 0H1.4M-1 2.2H1.4",
    "pen": "M-4.4 4.4l1 -3.2L2 -4.2l2 2L-1.4 3.4ZM-.6 4.6H4.4",
    "clock": "M0 -4V.4L3 2.2",
    "over": "M-4.4 -1.8H3.6M1.2 -4.2L3.8 -1.8L1.2 .6M4.4 3.4H-4.4",
    "flow": "M-4.4 0H-1.6M1.6 0H4.4M0 -1.6a1.6 1.6 0 1 1 0 3.2a1.6 1.6 0 1 1 0 -3.2",
}
"""What a station is, drawn around its middle; in the key the same signs stand with their words."""


def svg(picture: Picture, title: str, says: str, *, ident: str = "flow", page: bool = False) -> str:
    """Return the picture. In a `page` the page's styles apply and `ident` keeps its ids apart from other pictures'."""
    size = f'viewBox="0 0 {picture.width} {picture.height}" width="{picture.width}" height="{picture.height}"'
    own = "" if page else f"<style>{alone()}</style>"
    paper = "" if page else f'<rect class="f-paper" width="{picture.width}" height="{picture.height}"/>'
    space = "" if page else ' xmlns="http://www.w3.org/2000/svg"'
    head = (
        f'<svg{space} {size} role="img" aria-labelledby="{ident}-t {ident}-d" class="flow">'
        f'<title id="{ident}-t">{escaped(title)}</title><desc id="{ident}-d">{escaped(says)}</desc>{own}{paper}'
    )
    return "\n".join([head, *_drawn(picture), "</svg>"])


def escaped(said: str) -> str:
    """Return a text as XML takes it."""
    plain = _ILLEGAL.sub("\ufffd", said)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def mark(state: str, x: float, y: float, radius: int = 10) -> str:
    """Return the mark of a state at a place; pictures and the lists beside them use the same."""
    dot = _circle(f"f-dot {_DOTS.get(state, '')}".strip(), x, y, radius if state in _DOTS else radius - 1)
    match state:
        case "done":
            return dot + _path("f-mark", f"M{_n(x - 4.2)} {_n(y + 0.3)}l3 3 5.4-6")
        case "now":
            return dot + _circle("f-core", x, y, 4.5)
        case "incident" | "late":
            return dot + _path("f-mark", f"M{_n(x)} {_n(y - 5)}v6M{_n(x)} {_n(y + 4.5)}v.1")
        case "skipped" | "void":
            return dot + _path("f-mark dim", f"M{_n(x - 4)} {_n(y + 4)}l8-8")
        case "added":
            return dot + _path("f-mark add", f"M{_n(x - 4.5)} {_n(y)}h9M{_n(x)} {_n(y - 4.5)}v9")
        case "removed":
            return dot + _path("f-mark del", f"M{_n(x - 4.5)} {_n(y)}h9")
        case "changed":
            return dot + _path("f-mark chg", f"M{_n(x - 4.4)} {_n(y + 3.4)}L{_n(x)} {_n(y - 4.4)}l4.4 7.8Z")
    return dot


def sign(name: str, x: float = 12, y: float = 12) -> str:
    """Return what a station is, in its circle, as pictures without progress show it."""
    if name == "stop":
        return (
            _circle("f-dot", x, y, 9) + f'<rect class="f-stop" x="{_n(x - 4)}" y="{_n(y - 4)}" width="8" height="8"/>'
        )
    out = " out" if name in ("out", "pen", "over") else ""
    return (
        _circle(f"f-dot{out}", x, y, 10)
        + f'<path class="f-sign" transform="translate({_n(x)} {_n(y)}) scale(.92)" d="{SIGNS[name]}"/>'
    )


def sign_of(station: Station) -> str:
    """Return the name of the sign a station carries."""
    step = station.step
    if isinstance(step, CallDef):
        return "out" if step.effect else "work"
    return {
        "approval": "person", "task": "person", "render": "document", "signature": "pen", "wait": "clock",
        "handoff": "over", "subflow": "flow", "ending": "stop",
    }[step.kind]  # fmt: skip


def _drawn(picture: Picture) -> Iterator[str]:
    for band in picture.bands:
        yield from _band(band)
    for frame in picture.sheet.frames:
        yield from _frame(frame)
    for rail in sorted(picture.sheet.rails, key=lambda r: _RAILS[r.state]):
        yield _path(f"f-rail {rail.state}".strip(), rail.d)
    for x, y in picture.heads:
        yield _path("f-go", f"M{x - 7} {y - 5}L{x + 1} {y}L{x - 7} {y + 5}Z")
    yield from _ends(picture)
    for dot in picture.sheet.dots:
        yield from _dot(dot, picture)
    for way in picture.ways:
        yield from _way(way)
    for way in picture.ways:  # above every line
        yield f'<text class="f-way" x="{way.x}" y="{way.y}">{escaped(_signed(way, picture.width))}</text>'


def _band(band: Band) -> Iterator[str]:
    look = f"f-band {band.state}".strip()
    yield f'<rect class="{look}" x="{band.x}" y="{band.y}" width="{band.width}" height="{band.height}" rx="8"/>'
    if band.name:
        sign_ = {"added": "+ ", "removed": "− ", "changed": "△ "}.get(band.state, "")
        yield f'<text class="f-stage" x="{band.x + 12}" y="{band.y + 19}">{sign_}{escaped(band.name)}</text>'
    for i, line in enumerate(band.foot):
        y = band.y + band.height - 10 - 14 * (len(band.foot) - 1 - i)
        yield f'<text class="f-rule" x="{_n(band.x + band.width / 2)}" y="{y}">{escaped(line)}</text>'


def _frame(frame: Frame) -> Iterator[str]:
    yield (f'<rect class="f-frame" x="{frame.x}" y="{frame.y}" width="{frame.width}" height="{frame.height}" rx="8"/>')
    for i, line in enumerate(frame.lines):
        x, y = frame.x + frame.width / 2, frame.y + 15 + 14 * i
        yield f'<text class="f-rule" x="{_n(x)}" y="{y}">{escaped(line)}</text>'


def _ends(picture: Picture) -> Iterator[str]:
    if not picture.start[0]:
        return
    x, y = picture.start
    yield _circle("f-start done" if picture.begun else "f-start", x, y, 5)
    x, y = picture.end
    yield _circle("f-end done" if picture.completed else "f-end", x, y, 8)
    yield f'<rect class="f-stop" x="{x - 3}" y="{y - 3}" width="6" height="6"/>'
    yield f'<text class="f-sub" x="{x}" y="{y + 25}">{escaped(picture.completes[:9])}</text>'


def _dot(dot: Dot, picture: Picture) -> Iterator[str]:
    radius = picture.scale.radius
    if not picture.scale.names:
        look = f"f-dot {_DOTS.get(dot.mark.state, '')}".strip()
        yield _circle(look, dot.x, dot.y, radius)
        return
    plain = dot.mark.state in ("", "same")
    yield sign(sign_of(dot.station), dot.x, dot.y) if plain else mark(dot.mark.state, dot.x, dot.y, radius)
    yield from _pills(dot)
    for i, label in enumerate(dot.labels):
        look = " ".join([f"f-{label.tone.split()[0]}", *label.tone.split()[1:]])
        yield f'<text class="{look}" x="{dot.x}" y="{dot.y + NAME + LINE * i}">{escaped(label.text)}</text>'


def _pills(dot: Dot) -> Iterator[str]:
    widths = [max(30, 14 + 7 * len(said)) for said, _ in dot.mark.pills]
    x = dot.x - (sum(widths) + 4 * (len(widths) - 1)) / 2
    for (said, tone), width in zip(dot.mark.pills, widths, strict=True):
        fill = "" if tone == "zero" else f" {tone}"
        yield f'<rect class="f-pill{fill}" x="{_n(x)}" y="{dot.y - 39}" width="{width}" height="22" rx="11"/>'
        look = f"f-num {tone}" if tone in ("late", "zero") else "f-num"
        yield f'<text class="{look}" x="{_n(x + width / 2)}" y="{dot.y - 23.5}">{escaped(said)}</text>'
        x += width + 4


def _way(way: Drawn) -> Iterator[str]:
    state = f" {way.aside.state}" if way.aside.state else ""
    yield _path(f"f-back{state}", way.d)
    if way.head is not None:
        x, y = way.head
        yield _path(f"f-head{state}", f"M{_n(x - 4.5)} {y + 9}L{x} {y + 1}L{_n(x + 4.5)} {y + 9}Z")
    if way.stop is not None:
        x, y = way.stop
        yield f'<rect class="f-head{state}" x="{x - 4}" y="{y - 4}" width="8" height="8"/>'


def _signed(way: Drawn, width: int) -> str:
    said = {"added": "+ ", "removed": "− "}.get(way.aside.state, "") + way.aside.says
    return said if long(said) < width else f"{said[: width // 7]}…"


def _circle(look: str, x: float, y: float, r: float) -> str:
    return f'<circle class="{look}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}"/>'


def _path(look: str, d: str) -> str:
    return f'<path class="{look}" d="{d}"/>'


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
