"""Why each deal of a rehearsal waits, worked out once between two things that happen to it."""

from __future__ import annotations

from collections.abc import Mapping

from models.progress import Wait, explain
from workflows.rehearsal.instances import Run


class Waits:
    """The waits of every deal by id; a long list of open requests is looked at by many people at once."""

    def __init__(self, runs: Mapping[str, Run]) -> None:
        self._runs = runs
        self._known: dict[str, tuple[tuple[int, int], dict[str, Wait]]] = {}

    def of(self, chain: str) -> Mapping[str, Wait]:
        """Return what a deal waits for as it is now, by id; nothing when it has ended."""
        run = self._runs.get(chain)
        if run is None or run.ended:
            self._known.pop(chain, None)
            return {}
        now = (run.number, run.activations)
        before, waits = self._known.get(chain, (None, {}))
        if before != now:
            waits = {wait.id: wait for wait in explain(run.object.state)}
            self._known[chain] = now, waits
        return waits
