"""What a picture writes under a station: who is asked, how long, under which rule; and along the ways back and out."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from models.asking import Choice, Customer, Ladder, Patience, Silence, Table, Who, who_words
from models.calendar import CalendarSpec
from models.flow import (
    ApprovalDef,
    CallDef,
    HandoffDef,
    RenderDef,
    SignatureDef,
    Step,
    SubflowDef,
    TaskDef,
    WaitDef,
)
from models.graph import OUTCOMES, Graph, Station
from models.rules import text
from workflows.table_words import people_words

T = TypeVar("T")
_SILENCE = {
    Silence.APPROVE: "it counts as approved",
    Silence.REJECT: "it counts as rejected",
    Silence.EXPIRE: "it expires",
    Silence.ESCALATE: "it stays overdue",
}


def who(step: Step, where: str = "") -> str:
    """Return whom a step asks, or what it works on and where."""
    match step:
        case ApprovalDef():
            asked = _chosen(step.by, lambda parties: _parties(parties, step.need, in_turn=step.in_turn))
            return asked + _otherwise(step.patience)
        case TaskDef():
            return _parties(step.by, "all") + _otherwise(step.patience)
        case HandoffDef():
            return _parties(step.to, "all") + _otherwise(step.patience)
        case SignatureDef():
            return who_words(step.by) if isinstance(step.by, Customer) else f"{who_words(step.by)} signs"
        case RenderDef():
            return _chosen(step.template, lambda name: f"from {name}")
        case WaitDef() if step.until is not None:
            return f"until {text(step.until)}"
        case WaitDef() if step.until_date is not None:
            lead = f"{step.lead} before " if step.lead is not None and step.lead.n else "until "
            return lead + step.until_date.replace("_", " ")
        case CallDef():
            return " ".join(filter(None, (_in(where, effect=step.effect), _each(step.each))))
        case SubflowDef():
            return " ".join(filter(None, (f"flow {step.what}", _each(step.each))))
    return ""


def clock(step: Step) -> str:
    """Return how long a step may take and what follows: "2 business days, then vp sales"."""
    patience: Patience | None = getattr(step, "patience", None)
    if patience is None or patience.within is None:
        return ""
    within = _chosen(patience.within, str) + _hours(patience)
    after = _chosen(patience.on_silence, lambda quiet: _after(step, quiet, patience))
    return f"{within}, then {after}" if after else within


def outcome_words(outcomes: Sequence[str]) -> str:
    """Return outcomes as one: "rejected or expired"."""
    return " or ".join(word for word in OUTCOMES if word in outcomes)


@dataclass(frozen=True)
class Aside:
    """A way back or out of a stage: its stations, what leads there, and how the picture says it."""

    kind: str
    senders: tuple[Station, ...]
    target: str
    says: str
    state: str = ""


def asides(graph: Graph) -> Iterator[Aside]:
    """Yield the ways back and out, those of one stage to one place as one."""
    found: dict[tuple[str, str, str], list[tuple[Station, str]]] = {}
    for way in graph.ways:
        if way.kind != "next" and graph.stations[way.origin].step.kind != "ending":
            sender = graph.stations[way.origin]
            found.setdefault((sender.stage, way.kind, way.target), []).append((sender, way.why))
    for (stage, kind, target), senders in found.items():
        lane = next(lane for lane in graph.lanes if lane.name == stage)
        outcomes = outcome_words([word for _, why in senders for word in why.split(" or ")])
        subject = f"{senders[0][0].title} {outcomes}" if len(senders) == 1 else outcomes
        if kind == "ends":
            says = f"{subject}: {target}"
        else:
            rounds = f"{lane.max_rework} round{'s' * (lane.max_rework != 1)} at most"
            after = f", then {lane.exhausted}" if lane.exhausted else ""
            says = f"{subject}: back to {target}, {rounds}{after}"
        yield Aside(kind, tuple(station for station, _ in senders), target, says)


def wrapped(said: str, width: int, most: int) -> list[str]:
    """Return a text on lines of at most `width` narrow characters; what does not fit on `most` lines is cut with …"""
    flat = " ".join(said.split())
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in flat)
    fit = width if not wide else max(4, width * len(flat) // (len(flat) + wide))
    # A figure and its unit stay on one line; a word that is too long breaks behind its strokes first.
    kept = re.sub(r"(?<=\d) (?=%|[a-z]{1,3}\b)|(?<=[<>≤≥=]) (?=\S)", "\x00", flat)
    words = [re.sub(r"([/_.-])", "\\1\x01 ", word) if len(word) > fit else word for word in kept.split(" ")]
    lines = textwrap.wrap(" ".join(words), fit, max_lines=most, placeholder="…", break_on_hyphens=False)
    return [line.replace("\x01 ", "").replace("\x01", "").replace("\x00", " ") for line in lines]


def long(said: str) -> int:
    """Return about how many units wide a text of a picture's small type is."""
    return round(sum(11 if unicodedata.east_asian_width(c) in "WF" else 6.7 for c in said))


def _hours(patience: Patience) -> str:
    """Return whose hours count, where they are not the company's."""
    if isinstance(patience.hours, CalendarSpec):
        return f" in {patience.hours.zone}"
    return " in their own hours" if patience.hours == "person" else ""


def _otherwise(patience: Patience) -> str:
    return f"; if nobody can, {_parties(patience.fallback, 'all')}" if patience.fallback else ""


def _parties(parties: Sequence[Who], need: int | str, *, in_turn: bool = False) -> str:
    names = [_table(each) if isinstance(each, Table) else who_words(each) for each in parties]
    if len(names) == 1 or need == "all":
        return (", then " if in_turn else " and ").join(names)
    if need in ("any", 1):
        return " or ".join(names)
    return f"{need} of {', '.join(names)}"


def _table(table: Table) -> str:
    """Return a table by its name and the people its rows name: "cfo, vp sales or sales by table large-deals"."""
    names = list(dict.fromkeys(people_words(row.who) for row in table.rows))
    joined = {"first": "or", "all": "and"}[table.match]
    listed = f" {joined} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{listed} by table {table.name}"


def _chosen(value: T | Choice[T], say: Callable[[T], str]) -> str:
    if not isinstance(value, Choice):
        return say(value)
    picks = [f"{say(pick)} if {text(rule)}" for rule, pick in value.picks]
    return ", ".join([*picks, f"else {say(value.otherwise)}"]) if say(value.otherwise) else ", ".join(picks)


def _after(step: Step, quiet: Silence, patience: Patience) -> str:
    if isinstance(step, WaitDef | SignatureDef):
        return ""
    if quiet is not Silence.ESCALATE:
        return _SILENCE[quiet]
    return _chosen(patience.escalate_to, _ladder)


def _ladder(ladder: Ladder) -> str:
    rungs = [" and ".join(who_words(each) for each in rung) for rung in ladder.rungs]
    return ", then ".join([*rungs, *([_SILENCE[ladder.last]] if ladder.last is not None else [])])


def _in(where: str, *, effect: bool) -> str:
    if not where:
        return ""
    return f"in the {where}" if effect else f"asks the {where}"


def _each(path: str | None) -> str:
    return f"for each of {path.replace('_', ' ')}" if path else ""
