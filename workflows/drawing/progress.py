"""What the picture of a deal's path shows of each step, and which ways back the deal has taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from models.flow import StepId
from models.graph import Graph, Station
from models.path import PathItem
from models.turn import title
from workflows.drawing.layout import Mark
from workflows.drawing.words import Aside, asides, clock, who

ASKS = frozenset({"approval", "task", "signature", "handoff", "wait"})


class SentBack(NamedTuple):
    """One time the deal was sent back."""

    stage: str
    reasons: Sequence[str]
    when: str = ""


def marks(graph: Graph, items: Iterable[PathItem]) -> dict[StepId, Mark]:
    """Return how each step of a deal is marked."""
    found = {item.step: item for item in items}
    return {step: _mark(station, found[step]) for step, station in graph.stations.items() if step in found}


def taken(graph: Graph, sent: Iterable[SentBack]) -> Iterator[Aside]:
    """Yield the ways back a deal took, each with how often and why it did last."""
    times: dict[tuple[tuple[StepId, ...], str], list[SentBack]] = {}
    for each in sent:
        for aside in asides(graph):
            said_no = tuple(s.id for s in aside.senders if any(r.startswith(f"{title(s.id)} ") for r in each.reasons))
            if aside.kind == "back" and said_no and any(lane.name == each.stage for lane in graph.lanes):
                times.setdefault((said_no, each.stage), []).append(each)
    for (senders, stage), all_times in times.items():
        last = all_times[-1]
        often = f"sent back {len(all_times)} times, last" if len(all_times) > 1 else "sent back"
        why = "; ".join(r for r in last.reasons if any(r.startswith(f"{title(s)} ") for s in senders))
        says = ", ".join(filter(None, (f"{often}: {_short(why)}", last.when)))
        yield Aside("back", tuple(graph.stations[s] for s in senders), stage, says, "took")


def _short(said: str) -> str:
    return said if len(said) <= 70 else f"{said[:69].rstrip()}…"


def _mark(station: Station, item: PathItem) -> Mark:
    asked = who(station.step, station.where)
    notes = tuple((note, "") for note in item.notes[:2])
    match item.state:
        case "done":
            return Mark("done", notes)
        case "skipped":
            return Mark("skipped", (("skipped", ""), *(((item.rule, "rule"),) if item.rule else ())))
        case "now":
            waits = station.step.kind in ASKS
            return Mark("now", (*(notes or _said(asked)), ("waiting" if waits else "at work", "now")))
        case "late":
            return Mark("late", (*(notes or _said(asked)), ("late", "late")))
        case "incident":
            return Mark("incident", (*notes, ("stuck", "late")))
    return Mark("next", (*notes, *_said(asked), *_said(clock(station.step))))


def _said(words: str) -> tuple[tuple[str, str], ...]:
    return ((words, ""),) if words else ()
