"""The work of onboarding plans in a rehearsal: whoever a task belongs to begins when they can and takes its days."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from models.deal import Receipt
from models.onboarding import CompleteTask, OnboardingState, StartTask, Task, TaskState
from models.plan import Side
from workflows.rehearsal.flight import PLAN_TASK, Waited
from workflows.rehearsal.outside import Refused
from workflows.rehearsal.people import Person, draws

if TYPE_CHECKING:
    from workflows.rehearsal.world import Aloft, World

_SLOWER = (0.8, 1.5, 1.0)
"""A task takes this share of its planned days at least, at most, and most often."""


class PlanWork:
    """Sees which tasks of an onboarding can begin and has them done."""

    def __init__(self, world: World) -> None:
        self.world = world

    def look(self, chain: str, aloft: Aloft) -> None:
        """Let the people of tasks that have become ready know."""
        state: OnboardingState | None = self.world.time.runs[chain].object.state()
        for task in state.tasks.values() if state else ():
            key = (chain, task.name, TaskState.READY)
            if task.state is TaskState.READY and key not in aloft.seen:
                aloft.seen.add(key)
                person = self.worker(task)
                draw = draws(self.world.setting.seed, aloft.deal, chain, task.name)
                begins = self.world.diary.after(person, self.world.time.now, person.habit.until_looked(draw))
                factor = draw.triangular(*_SLOWER)
                if begins is not None:
                    ready = self.world.time.now
                    self.world.time.at(begins, partial(self._begin, chain, aloft, task, person, factor, ready))

    def worker(self, task: Task) -> Person:
        """Return who does a task: a person of ours, the customer, or a vendor."""
        company = self.world.company
        if task.side is Side.CUSTOMER:
            return company.signer
        if task.side is Side.VENDOR:
            return company.vendor
        return company.named.get(task.owner) or company.among(task.owner) or company.find(task.owner)

    def _begin(self, chain: str, aloft: Aloft, task: Task, person: Person, factor: float, ready: datetime) -> None:
        world, now = self.world, self.world.time.now
        if task.days:
            self._act(chain, StartTask(key=f"start {task.name}", by=person.id, channel="page", task=task.name))
        day = world.diary.of(person).day
        done = world.diary.after(person, now, timedelta(seconds=round(task.days * day.total_seconds() * factor)))
        if done is not None:
            world.time.at(done if task.days else now, partial(self._done, chain, aloft, task, person, ready))

    def _done(self, chain: str, aloft: Aloft, task: Task, person: Person, since: datetime) -> None:
        world = self.world
        self._act(chain, CompleteTask(key=f"done {task.name}", by=person.id, channel="page", task=task.name))
        now = world.time.now
        working = world.diary.worked(person, since, now)
        aloft.waited.append(Waited(person.id, task.title, PLAN_TASK, since, now, working, answered=True))

    def _act(self, chain: str, act: StartTask | CompleteTask) -> None:
        run = self.world.time.runs[chain]
        if run.ended:
            return
        try:
            self.world.time.update(chain, "act", act, Receipt)
        except Refused:
            return  # somebody else has done it, or it is blocked; the next look sees what it is now
