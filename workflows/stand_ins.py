"""Somebody for every role a flow names, so that it can be planned for a company that has nobody in it yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.asking import Choice, Group, Ladder, Role, Who
from models.flow import FlowDef
from models.people import Directory


@dataclass(frozen=True)
class StandIn:
    """Somebody who holds one role and nothing else."""

    id: str
    roles: tuple[str, ...]
    manager: str | None = None
    active: bool = True

    @property
    def name(self) -> str:
        return self.id.replace("_", " ").capitalize()


def with_stand_ins(flow: FlowDef, people: Directory[Any]) -> tuple[Directory[Any], tuple[StandIn, ...]]:
    """Return the people, with as many stand-ins as the flow needs for roles too few of them have."""
    wanted: dict[str, int] = {}
    for who in named(flow):
        if isinstance(who, Role | Group):
            wanted[who.role] = max(wanted.get(who.role, 0), who.need if isinstance(who, Group) else 1)
    added: list[StandIn] = []
    for role, count in wanted.items():
        there = len(people.having(role))
        # One more than needed where there is nobody: who did one step may not be the one to approve it.
        added += [StandIn(f"{role}_{i + 1}", (role,)) for i in range(there, count if there else count + 1)]
    return Directory([*people.people.values(), *added]), tuple(added)


def named(flow: FlowDef) -> Iterator[Who]:
    """Yield everybody a flow may ask, escalations included."""
    yield from flow.owner
    for placed in flow.steps.values():
        step = placed.step
        for asked in (getattr(step, "by", ()), getattr(step, "to", ())):
            for whom in _each(asked):
                yield from whom if isinstance(whom, tuple) else (whom,)
        patience = getattr(step, "patience", None)
        for ladder in _each(patience.escalate_to) if patience is not None else ():
            if isinstance(ladder, Ladder):
                yield from (who for rung in ladder.rungs for who in rung)


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, Choice):
        yield from (pick for _, pick in value.picks)
        yield value.otherwise
    else:
        yield value
