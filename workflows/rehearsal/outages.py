"""Outages of vendors in a rehearsal: which system is down from when to when, once or again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.calls import ActionCall
from models.flow import FlowDef
from models.onboarding import SyncPlan
from workflows.rehearsal.outside import Attempt, Failed

PROJECT_TOOL, DATABASE, DOCUMENTS = "project tool", "database", "documents"
_CALL, _RENDER, _TRIED_IN_VAIN = timedelta(seconds=2), timedelta(seconds=1), timedelta(seconds=1)


@dataclass(frozen=True)
class Outage:
    """A system is down from `since` on for `lasting`, `every` so often; without `lasting` it never comes back."""

    system: str
    since: datetime
    lasting: timedelta | None = None
    every: timedelta | None = None

    def down(self, at: datetime) -> bool:
        """Return whether the system is down at an instant."""
        if at < self.since:
            return False
        if self.lasting is None:
            return True
        gone = at - self.since
        return (gone % self.every if self.every else gone) < self.lasting

    def back(self, at: datetime) -> datetime | None:
        """Return when the system that is down at an instant comes back; None when it never does."""
        if self.lasting is None:
            return None
        times = (at - self.since) // self.every if self.every else 0
        return self.since + (self.every or self.lasting) * times + self.lasting


def trouble(
    attempt: Attempt, now: datetime, outages: Sequence[Outage], flow: FlowDef | None, until: datetime
) -> timedelta | Failed:
    """Return how long a try takes, or that the system it needs is down, in a rehearsal that is over at `until`."""
    system, takes = _system(attempt, flow)
    for outage in outages:
        names = (system, getattr(attempt.argument, "action", attempt.name))
        if any(outage.system.casefold() == name.casefold() for name in names) and outage.down(now):
            said = f"{system or outage.system} does not answer"
            return Failed("unavailable", said, takes=_TRIED_IN_VAIN, back=outage.back(now) or until)
    return takes


def systems(flow: FlowDef) -> list[str]:
    """Return the systems and actions of a flow that an outage can name."""
    found = [spec.system for spec in flow.actions.values() if spec.system]
    return list(dict.fromkeys([*found, PROJECT_TOOL, DATABASE, DOCUMENTS, *flow.actions]))


def _system(attempt: Attempt, flow: FlowDef | None) -> tuple[str, timedelta]:
    argument = attempt.argument
    if isinstance(argument, SyncPlan):
        return PROJECT_TOOL, _CALL
    if isinstance(argument, ActionCall):
        spec = flow.actions.get(argument.action) if flow is not None else None
        return (DOCUMENTS, _RENDER) if argument.action == "render" else (spec.system if spec else "", _CALL)
    return (DATABASE if attempt.name.startswith("record") else ""), timedelta(0)
