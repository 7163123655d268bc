"""What became of one rehearsed deal: its journal, its times by stage, whom it waited for, how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.deal import Entry, base
from models.flow import FlowDef, StepId
from models.turn import title
from models.values import Value

ONBOARDING = "onboarding"
"""The last stage of every rehearsal, when the flow hands over to operations."""
MACHINES, PLAN_TASK, DATE = "running", "plan task", "date"
"""Kinds of waiting for something else than an answer: a system, work of the plan, a day to come."""
OPEN = "open"
_BELOW = re.compile(r"\|(subflow:.+?)\|\d+(?=\||$)")


@dataclass(frozen=True)
class Waited:
    """A deal waited for somebody; `working` counts their own working hours only."""

    who: str
    title: str
    kind: str
    since: datetime
    until: datetime
    working: timedelta
    answered: bool
    """Whether it was they who answered in the end."""
    below: str = ""
    """The subflow that waited, by its step and item."""
    asked: tuple[str, ...] = ()
    """Whom the deal asks meanwhile, where it waits for a day or for something from outside."""

    @property
    def elapsed(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True)
class InStage:
    """A stay in a stage; a deal that is sent back comes again."""

    stage: str
    since: datetime
    until: datetime
    working: timedelta
    """Working time of the company."""

    @property
    def elapsed(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True)
class Flight:
    """One deal from the CRM's event until its onboarding is done, or until the rehearsal was over."""

    deal: str
    name: str
    """What is special about it."""
    facts: Mapping[str, Value]
    arrived: datetime
    until: datetime
    outcome: str
    """won, lost, cancelled, merged, or open."""
    why: str
    """How it ended, or what it still waits for."""
    stages: tuple[InStage, ...]
    waited: tuple[Waited, ...]
    entries: tuple[Entry, ...]
    """The journals of the deal, its subflows and its onboarding; empty where only figures are wanted."""
    chains: tuple[str, ...]
    """Of every entry the workflow it is of."""
    counts: Mapping[str, int]
    """How often something happened, by kind of journal entry: escalated, incident, rework, reminder ..."""
    closed: datetime | None = None
    """When the deal ended; its onboarding goes on after that."""
    promised: date | None = None
    went_live: date | None = None
    assumed: tuple[str, ...] = ()
    """Facts nobody gave that were made up on the way."""
    refused: tuple[str, ...] = ()
    """Answers the deal did not take, and why."""

    @property
    def elapsed(self) -> timedelta:
        return self.until - self.arrived


def subflow(chain: str) -> tuple[StepId, str]:
    """Return the deal's step a workflow below it belongs to, and what people call it: "site survey b".

    Both are empty for the deal itself and for its onboarding.
    """
    steps = _BELOW.findall(chain)
    return (base(steps[0]), ", ".join(spoken(title(step)) for step in steps)) if steps else ("", "")


def spoken(name: str) -> str:
    """Return the name of a step done once for each item as people say it: "site survey[b]" is "site survey b"."""
    return name.replace("[", " ").replace("]", "")


def stays(
    flow: FlowDef, entries: Sequence[Entry], arrived: datetime, until: datetime
) -> list[tuple[str, datetime, datetime]]:
    """Return the stages a deal has been in, in the order of its journal; short visits to skipped ones are none."""
    found: list[tuple[str, datetime, datetime]] = []
    now, since = flow.stages[0].name, arrived
    for at, stage in _moves(flow, entries):
        if stage != now:
            found.append((now, since, at))
            now, since = stage, at
    found.append((now, since, until))
    return [(stage, a, b) for stage, a, b in found if b > a or stage == now]


def _moves(flow: FlowDef, entries: Sequence[Entry]) -> Iterator[tuple[datetime, str]]:
    for entry in entries:
        if entry.kind == "rework":
            yield entry.at, str(entry.body.get("to_stage", ""))
        elif entry.kind in ("opened", "started") and entry.step is not None and entry.body.get("op") != "undo":
            placed = flow.steps.get(base(entry.step))
            if placed is not None:
                yield entry.at, placed.stage.name
