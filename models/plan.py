"""Onboarding plans: typed Python to write, plain data to run, and the mistakes found before anybody runs one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

CONDITION = "condition-"


class Side(StrEnum):
    """Whose turn it is."""

    US = "us"
    CUSTOMER = "customer"
    VENDOR = "vendor"


class After(BaseModel):
    """Start when `task` has finished and `lag` working days have passed."""

    model_config = ConfigDict(frozen=True)
    task: str
    lag: int = Field(default=0, ge=0, le=250)


class PlanTask(BaseModel):
    """One task. `owner` is a role; `days` are working days, a milestone takes none."""

    model_config = ConfigDict(frozen=True)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1, max_length=200)
    owner: str
    days: int = Field(ge=0, le=250)
    side: Side = Side.US
    after: tuple[After, ...] = ()


class Phase(BaseModel):
    """A part of a plan that people report on."""

    model_config = ConfigDict(frozen=True)
    title: str
    tasks: tuple[PlanTask, ...]


class PlanTemplate(BaseModel):
    """What an onboarding of one kind consists of. `go_live` names the milestone that is promised to the customer."""

    model_config = ConfigDict(frozen=True)
    name: str
    title: str
    phases: tuple[Phase, ...]
    go_live: str

    @property
    def tasks(self) -> Iterator[PlanTask]:
        """Every task, in writing order."""
        for phase in self.phases:
            yield from phase.tasks


class Mistake(NamedTuple):
    """One thing wrong with a plan, and what to do about it."""

    task: str
    message: str


def task(
    name: str, title: str, *, by: str, days: int, side: Side = Side.US, after: Iterable[str | After] = ()
) -> PlanTask:
    """Return a task; `after` names the tasks that must have finished, with `later(name, lag)` where some days pass."""
    links = tuple(After(task=each) if isinstance(each, str) else each for each in after)
    return PlanTask(name=name, title=title, owner=by, days=days, side=side, after=links)


def milestone(name: str, title: str, *, by: str, after: Iterable[str | After], side: Side = Side.US) -> PlanTask:
    """Return a dated promise that takes no time itself."""
    return task(name, title, by=by, days=0, side=side, after=after)


def later(name: str, lag: int) -> After:
    """Return the dependency "`lag` working days after `name`"."""
    return After(task=name, lag=lag)


def phase(title: str, *tasks: PlanTask) -> Phase:
    """Return a phase of tasks."""
    return Phase(title=title, tasks=tasks)


def plan(name: str, title: str, *phases: Phase, go_live: str) -> PlanTemplate:
    """Return a plan; ask `mistakes` before using it."""
    return PlanTemplate(name=name, title=title, phases=phases, go_live=go_live)


def mistakes(template: PlanTemplate) -> list[Mistake]:
    """Return what is wrong with a plan; an empty list means it can be laid out."""
    tasks = list(template.tasks)
    names = [each.name for each in tasks]
    found = [
        Mistake(each, "two tasks have this name; rename one") for each in sorted(set(names)) if names.count(each) > 1
    ]
    for each in tasks:
        found += [
            Mistake(each.name, f"comes after {link.task!r}, which is no task of this plan")
            for link in each.after
            if link.task not in names
        ]
        twice = {link.task for link in each.after if [other.task for other in each.after].count(link.task) > 1}
        found += [Mistake(each.name, f"comes after {name!r} twice; keep one") for name in sorted(twice)]
    reserved = [each for each in names if each.startswith(CONDITION)]
    found += [
        Mistake(each, f"names with {CONDITION} are for conditions of the handoff; rename it") for each in reserved
    ]
    if template.go_live not in names:
        found.append(Mistake(template.go_live, "is named as go-live but is no task of this plan"))
    found += [
        Mistake("", f"phase {each.title!r} has no tasks; remove it") for each in template.phases if not each.tasks
    ]
    cycle = _cycle(tasks)
    if cycle:
        found.append(Mistake(cycle[0], f"waits for itself: {' after '.join(cycle)}; remove one of these dependencies"))
    return found


def in_order(tasks: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
    """Return the names so that each stands behind those it comes after; ValueError when that is impossible."""
    try:
        return list(TopologicalSorter({name: tuple(after) for name, after in tasks}).static_order())
    except CycleError as cycle:
        raise ValueError(f"these tasks wait for each other: {', '.join(cycle.args[1])}") from cycle


def _cycle(tasks: list[PlanTask]) -> list[str]:
    try:
        TopologicalSorter({each.name: tuple(link.task for link in each.after) for each in tasks}).prepare()
    except CycleError as cycle:
        return list(reversed(cycle.args[1]))
    return []
