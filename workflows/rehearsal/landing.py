"""A deal's end in a rehearsal: what is kept of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from models.deal import DealState, Entry
from models.onboarding import OnboardingState
from models.progress import Wait, explain
from workflows.onboarding import Onboarding
from workflows.rehearsal.flight import ONBOARDING, OPEN, Flight, InStage, stays
from workflows.rehearsal.people import Zone

if TYPE_CHECKING:
    from workflows.rehearsal.world import Aloft, World


def landed(world: World, aloft: Aloft, at: datetime) -> Flight:
    """Return what became of a deal by an instant."""
    state = world.state(aloft.deal)
    own = world.office.journal.get(aloft.deal, [])
    plan = _plan(world, aloft)
    closed = next((e.at for e in reversed(own) if e.kind == "ended"), None) if state.ended else None
    spans = stays(world.flow, own, aloft.arrived, closed or at)
    if plan is not None:
        spans.append((ONBOARDING, plan.opened_at, at))
    chains = [c for c in world.office.journal if c != aloft.deal and world.of_deal(c) == aloft.deal]
    told = list(_told_in_order(world, [aloft.deal, *chains]))
    entries = [entry for _, entry in told]
    return Flight(
        deal=aloft.deal, name=aloft.name, facts=aloft.facts, arrived=aloft.arrived, until=at,
        outcome=state.ending.outcome if state.ended and state.ending else OPEN, why=_why(world, aloft, state, plan),
        stages=tuple(InStage(stage, a, b, world.working(a, b)) for stage, a, b in spans),
        waited=tuple(aloft.waited), entries=tuple(entries) if world.keep_journal else (),
        chains=tuple(chain for chain, _ in told) if world.keep_journal else (),
        counts=dict(Counter(entry.kind for entry in entries)), closed=closed,
        promised=plan.promised_go_live if plan else None, went_live=_went_live(plan),
        assumed=tuple(aloft.assumed), refused=tuple(aloft.refused),
    )  # fmt: skip


def _told_in_order(world: World, chains: Sequence[str]) -> Iterator[tuple[str, Entry]]:
    """Yield what happened as one thing led to another; the onboarding comes after all of the deal in an instant."""
    found = [
        (entry.at, chain.startswith("onboarding/"), number, chain, entry)
        for chain in chains
        for entry, number in zip(world.office.journal.get(chain, []), world.office.order.get(chain, []), strict=True)
    ]
    for *_, chain, entry in sorted(found, key=lambda each: each[:3]):
        yield chain, entry


def _plan(world: World, aloft: Aloft) -> OnboardingState | None:
    run = world.time.runs.get(aloft.deal.replace("deal/", "onboarding/", 1))
    if run is None or run.kind is not Onboarding or run.instance is None:
        return None
    state: OnboardingState | None = run.object.state()
    return state


def _went_live(plan: OnboardingState | None) -> date | None:
    task = plan.tasks.get(plan.go_live) if plan else None
    return plan.working.date_of(task.done_at) if plan and task and task.done_at else None


def _why(world: World, aloft: Aloft, state: DealState, plan: OnboardingState | None) -> str:
    unwritten = _unwritten(world, aloft)
    if not state.ended:
        told = [*unwritten, *(_told(world, wait) for wait in explain(state))]
        return "; ".join(told) or "it is being worked on"
    if plan is not None and not plan.done:
        left = [task.title for task in plan.tasks.values() if task.done_at is None]
        unwritten = [f"the onboarding still has {len(left)} tasks to do, next {left[0]}", *unwritten]
    return "; ".join([str(state.ending), *unwritten])


def _told(world: World, wait: Wait) -> str:
    """Return what is waited for, for whom and since when."""
    whom, since = _names(world, wait.waiting_on) or wait.who, _day(world, wait.since)
    if wait.kind == "incident":
        return f"{wait.title} is an incident since {since} and waits for {whom}: {wait.reason}"
    return f"{wait.title} waits for {whom} since {since}: {wait.reason}"


def _unwritten(world: World, aloft: Aloft) -> list[str]:
    """Return since when nothing of the deal could be written, if so."""
    chains = {aloft.deal, aloft.deal.replace("deal/", "onboarding/", 1), *aloft.open_chains}
    alive = [run.object for run in map(world.time.runs.get, chains) if run is not None and not run.ended]
    since = min((each.unwritten_since for each in alive if each.unwritten_since), default=None)
    if since is None:
        return []
    return [f"the database has not answered since {_day(world, since)}, and nothing that happened then is on record"]


def _day(world: World, at: datetime) -> str:
    return f"{at.astimezone(Zone(world.setting.calendar.zone)):%a %d %b %Y}"


def _names(world: World, people: tuple[str, ...]) -> str:
    return " or ".join(world.company.name(each) for each in people)
