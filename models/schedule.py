"""When each task of a plan starts and is due, what decides go-live, and how much slack the others have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from models.calendar import Working, later, next_open
from models.plan import After, in_order

_NONE = timedelta(0)


class Job(NamedTuple):
    """A task as the schedule sees it: how much work is left, and what is known already.

    `begun` is when work on it started; `left` counts from `not_before` on. A `done` one only hands on its end.
    """

    after: Sequence[After]
    left: timedelta
    begun: datetime | None = None
    done: datetime | None = None


class Placed(BaseModel):
    """When a task starts and is due. `slack`: how long it may slip without moving go-live or the end of the plan."""

    model_config = ConfigDict(frozen=True)
    start: datetime
    due: datetime
    slack: timedelta
    critical: bool


class Schedule(BaseModel):
    """Every task in its place. `critical` are the tasks not done that decide go-live, in order."""

    model_config = ConfigDict(frozen=True)
    tasks: dict[str, Placed]
    go_live: datetime
    end: datetime
    critical: tuple[str, ...]


def schedule(working: Working, jobs: Mapping[str, Job], go_live: str, not_before: datetime) -> Schedule:
    """Return the earliest schedule in which nothing not yet begun starts before `not_before`.

    All arithmetic is on the calendar's clock of working time, where a plan with holidays is a plain network: the
    forward pass takes the latest predecessor, the backward pass the earliest successor. Raises HorizonTooNear.
    """
    order = in_order((name, (link.task for link in job.after)) for name, job in jobs.items())
    now = working.clock(not_before)
    starts, ends = _forward(working, jobs, order, now)
    end = max(ends.values())
    latest = _backward(working, jobs, order, ends, go_live)
    deciding = _before(jobs, order, go_live)
    placed: dict[str, Placed] = {}
    for name in order:
        job = jobs[name]
        slack = _NONE if job.done else max(latest[name] - ends[name], _NONE)
        placed[name] = Placed(
            start=job.begun or job.done or _start(working, starts[name], ends[name]),
            due=job.done or _due(working, ends[name]),
            slack=slack,
            critical=not job.done and not slack and name in deciding,
        )
    return Schedule(
        tasks=placed,
        go_live=placed[go_live].due,
        end=_due(working, end),
        critical=tuple(name for name in order if placed[name].critical),
    )


def _forward(
    working: Working, jobs: Mapping[str, Job], order: Sequence[str], now: timedelta
) -> tuple[dict[str, timedelta], dict[str, timedelta]]:
    starts: dict[str, timedelta] = {}
    ends: dict[str, timedelta] = {}
    for name in order:
        job = jobs[name]
        ready = max((ends[link.task] + link.lag * working.day for link in job.after), default=now)
        if job.done:
            starts[name] = ends[name] = working.clock(job.done)
        elif job.begun:
            starts[name] = working.clock(job.begun)
            ends[name] = now + job.left
        else:
            starts[name] = max(ready, now)
            ends[name] = starts[name] + job.left
    return starts, ends


def _backward(
    working: Working, jobs: Mapping[str, Job], order: Sequence[str], ends: Mapping[str, timedelta], go_live: str
) -> dict[str, timedelta]:
    """Return by when each task must end so that neither go-live nor the end of the plan moves."""
    end = max(ends.values())
    latest = dict.fromkeys(order, end)
    latest[go_live] = ends[go_live]
    for name in reversed(order):
        job = jobs[name]
        if job.done or job.begun:
            continue  # what has begun pushes nobody back any more: its start is a fact
        for link in job.after:
            latest[link.task] = min(latest[link.task], latest[name] - job.left - link.lag * working.day)
    return latest


def _before(jobs: Mapping[str, Job], order: Sequence[str], go_live: str) -> frozenset[str]:
    found = {go_live}
    for name in reversed(order):
        if name in found:
            found.update(link.task for link in jobs[name].after)
    return frozenset(found)


def _start(working: Working, start: timedelta, end: timedelta) -> datetime:
    """Return the instant at which work begins: the morning after, not the evening before, but for a milestone."""
    at = _due(working, start)
    return at if start == end else next_open(working, at)


def _due(working: Working, clock: timedelta) -> datetime:
    """Return the instant of a reading of the working clock: the end of that work, not the morning after."""
    return later(working, working.start, clock)
