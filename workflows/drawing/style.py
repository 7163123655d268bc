"""How a picture looks when it is on its own: the pages' rules for its classes, with their colours, light and dark."""

from __future__ import annotations

import re

COLOURS = {
    "surface": ("#ffffff", "#16191e"),
    "sunken": ("#f1f3f6", "#1c2026"),
    "ink": ("#14181f", "#eceff3"),
    "ink-2": ("#454e5b", "#b4bcc7"),
    "ink-3": ("#5d6672", "#949eaa"),
    "line-strong": ("#c9d0d9", "#3b434e"),
    "line-control": ("#838d9a", "#6f7a88"),
    "ok-ink": ("#17633a", "#7fd3a0"),
    "ok-soft": ("#e5f3ea", "#15291e"),
    "ok-mark": ("#22844f", "#3fa46b"),
    "due-ink": ("#7f4a00", "#efbb68"),
    "due-soft": ("#fcf0da", "#2f2411"),
    "due-mark": ("#b26a00", "#cf8c26"),
    "late-ink": ("#a6211a", "#ff9d94"),
    "late-soft": ("#fcebe9", "#351a18"),
    "late-mark": ("#cb342b", "#e2594f"),
    "now-ink": ("#3a49b8", "#a5b1ff"),
    "now-soft": ("#eceefb", "#222745"),
    "now-mark": ("#3f4fc7", "#7d8bf0"),
    "idle-mark": ("#77818e", "#7c8795"),
}
"""Token -> its colour in light and in dark; a test holds them to the pages' tokens.css."""

RULES = """
.f-paper { fill: var(--surface); }
svg text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--ink); font-variant-numeric: tabular-nums; }
.f-band { fill: var(--sunken); } .f-band.on { fill: var(--now-soft); }
.f-band.added { fill: var(--ok-soft); stroke: var(--ok-mark); } .f-band.removed { fill: var(--late-soft); stroke: var(--late-mark); stroke-dasharray: 5 4; } .f-band.changed { stroke: var(--due-mark); stroke-dasharray: 2 3; }
.f-frame { fill: none; stroke: var(--line-control); stroke-dasharray: 2 4; }
.f-stage { font-size: 11px; font-weight: 600; fill: var(--ink-2); } .f-band.on + .f-stage { fill: var(--now-ink); }
.f-name { font-size: 13px; font-weight: 600; text-anchor: middle; } .f-name.dim { fill: var(--ink-3); font-weight: 500; }
.f-sub { font-size: 11.5px; fill: var(--ink-2); text-anchor: middle; } .f-rule { font-size: 11px; fill: var(--ink-3); text-anchor: middle; }
.f-sub.now { fill: var(--now-ink); font-weight: 600; } .f-sub.due, .f-sub.chg { fill: var(--due-ink); font-weight: 600; } .f-sub.late, .f-sub.del { fill: var(--late-ink); font-weight: 600; } .f-sub.add { fill: var(--ok-ink); font-weight: 600; }
.f-rail { fill: none; stroke: var(--line-control); stroke-width: 2; } .f-rail.done { stroke: var(--ok-mark); stroke-width: 3; } .f-rail.now { stroke: var(--now-mark); stroke-width: 3; }
.f-back { fill: none; stroke: var(--idle-mark); stroke-width: 1.5; stroke-dasharray: 4 4; } .f-head { fill: var(--idle-mark); }
.f-back.took { stroke: var(--due-mark); stroke-width: 2; stroke-dasharray: none; } .f-head.took { fill: var(--due-mark); }
.f-back.added { stroke: var(--ok-mark); } .f-head.added { fill: var(--ok-mark); } .f-back.removed { stroke: var(--late-mark); stroke-dasharray: 1 4; } .f-head.removed { fill: var(--late-mark); }
.f-way { font-size: 11px; fill: var(--ink-2); stroke: var(--surface); stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
.f-go { fill: var(--line-control); }
.f-dot { fill: var(--surface); stroke: var(--line-control); stroke-width: 2; } .f-dot.out { stroke: var(--ink-2); stroke-width: 2.5; } .f-dot.advice { stroke-dasharray: 3 3; }
.f-dot.done { fill: var(--ok-mark); stroke: var(--ok-mark); } .f-dot.now { stroke: var(--now-mark); stroke-width: 3; } .f-core { fill: var(--now-mark); }
.f-dot.skip { stroke-dasharray: 3 3; } .f-dot.late { fill: var(--late-mark); stroke: var(--late-mark); }
.f-dot.add { stroke: var(--ok-mark); fill: var(--ok-soft); } .f-dot.chg { stroke: var(--due-mark); fill: var(--due-soft); } .f-dot.del { stroke: var(--late-mark); fill: var(--late-soft); stroke-dasharray: 3 2; }
.f-mark { fill: none; stroke: var(--surface); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; } .f-mark.dim { stroke: var(--ink-3); stroke-width: 1.5; }
.f-mark.add { stroke: var(--ok-ink); } .f-mark.chg { stroke: var(--due-ink); } .f-mark.del { stroke: var(--late-ink); }
.f-sign { fill: none; stroke: var(--ink-2); stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
.f-stop { fill: var(--ink-2); } .f-start { fill: var(--line-control); } .f-start.done { fill: var(--ok-mark); } .f-end { fill: var(--surface); stroke: var(--line-control); stroke-width: 2; } .f-end.done { fill: var(--ok-mark); stroke: var(--ok-mark); }
.f-pill { fill: var(--surface); stroke: var(--line-control); } .f-pill.late { fill: var(--late-soft); stroke: var(--late-mark); } .f-pill.hot { fill: var(--now-soft); stroke: var(--now-mark); }
.f-num { font-size: 13px; font-weight: 600; text-anchor: middle; } .f-num.late { fill: var(--late-ink); font-size: 11.5px; } .f-num.zero { fill: var(--ink-3); font-weight: 400; }
""".strip()  # noqa: E501 (one thing per line)


def alone() -> str:
    """Return the style of a picture in a file of its own: literal colours, since not every viewer knows variables."""
    return f"{_coloured(0)}\n@media (prefers-color-scheme: dark) {{\n{_coloured(1)}\n}}"


def _coloured(scheme: int) -> str:
    return re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: COLOURS[found[1]][scheme], RULES)
