"""By when a plan's steps are over at the latest: everybody takes all the time they have, and nobody takes more."""

from __future__ import annotations

from datetime import datetime

from models.calendar import CalendarSpec, HorizonTooNear, instants
from models.flow import Node, ParallelDef, SequenceDef, StepId, WhenDef
from models.people import BusinessTime, find_out
from workflows.assent import Flown

_REACH = (400, 800, 3650)
"""For how many days the calendar is expanded before a time is called too far away."""


def latest_times(flown: Flown, clock: BusinessTime) -> dict[StepId, datetime]:
    """Return, for every step that was begun, when it is over if each request is answered just in time."""
    found: dict[StepId, datetime] = {}

    def leaf(step_id: StepId, before: datetime, *, holds_up: bool) -> datetime:
        if step_id not in flown.begun_at:
            return before
        found[step_id] = _over(flown, clock, step_id, before)
        return found[step_id] if holds_up else before

    def go(node: Node, before: datetime) -> datetime:
        match node:
            case SequenceDef():
                for child in node.nodes:
                    before = go(child, before)
                return before
            case WhenDef():
                for child in (*node.nodes, *node.otherwise):
                    before = go(child, before)
                return before
            case ParallelDef():
                return max((go(branch, before) for branch in node.branches), default=before)
        return leaf(node.id, before, holds_up=not getattr(node, "advisory", False))

    at = flown.state.opened_at
    for stage in flown.state.flow.stages:
        for node in stage.nodes:
            at = go(node, at)
    return found


def _over(flown: Flown, clock: BusinessTime, step_id: StepId, opened: datetime) -> datetime:
    asking = flown.asked.get(step_id)
    if asking is None or asking.instants is None:
        return opened
    if asking.need.date is not None:
        return max(opened, asking.instants.due)
    within = asking.need.within
    if within is None or opened == asking.need.opened:
        return asking.instants.due
    if asking.need.hours == "person":
        later = asking.need.model_copy(update={"opened": opened})
        return find_out(flown.people, clock, flown.state, [later], at=opened).instants[step_id].due
    calendar = asking.need.hours if isinstance(asking.need.hours, CalendarSpec) else None
    for reach in _REACH:  # one calendar from the start on serves all steps
        try:
            working = clock.at(flown.state.opened_at, days=reach, calendar=calendar)
            return instants(working, opened, within, 0, None).due
        except HorizonTooNear:
            continue
    return opened
