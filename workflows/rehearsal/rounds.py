"""Leaves out the rounds in which a workflow only tries once more to write to a database known to be down.

A round is a longest pause and a write that fails. All rounds are alike, so some of them left out change nothing but the
work of computing them: the first write after the database is back comes exactly when it would have come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.ringing import next_ring
from workflows.deal import DealLifecycle
from workflows.onboarding import Onboarding
from workflows.rehearsal.instances import Run
from workflows.rehearsal.outside import Attempt, Failed
from workflows.unwritten import LONGEST


@dataclass
class _Round:
    """What is known of a workflow's round: its timer, when that woke the workflow, and what came of writing."""

    timer: int
    woke: datetime | None = None
    writes: int = 0
    back: datetime | None = None


class Rounds:
    """Watches workflows that cannot write."""

    def __init__(self) -> None:
        self._rounds: dict[str, _Round] = {}

    def tried(self, attempt: Attempt, outcome: Failed) -> None:
        """A write has failed."""
        known = self._rounds.get(attempt.workflow)
        if known is not None and attempt.local and attempt.name.startswith("record"):
            known.writes += attempt.number == 1
            known.back = outcome.back

    def woke(self, run: Run, timer: int, now: datetime) -> None:
        """A timer of a workflow has fired."""
        known = self._rounds.get(run.id)
        if known is not None and known.timer == timer:
            known.woke = now

    def rests(self, run: Run, timer: int, now: datetime, until: datetime) -> datetime:
        """A workflow has begun a timer that fires at `until`; return when it is to fire."""
        it = run.object
        assert isinstance(it, DealLifecycle | Onboarding)
        if it.unwritten_since is None:
            self._rounds.pop(run.id, None)
            return until
        if until - now != LONGEST:
            return until
        last, self._rounds[run.id] = self._rounds.get(run.id), _Round(timer)
        # Only a round that nothing broke into says how long a round is.
        if last is None or last.woke is None or last.writes != 1 or last.back is None:
            return until
        whole = LONGEST + (now - last.woke)
        other = next_ring(it.state) if isinstance(it, DealLifecycle) else it.next_clock(now)
        stirs = min(last.back, other or last.back)
        return until + max(0, (stirs - until) // whole) * whole
