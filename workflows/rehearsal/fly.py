"""Rehearse: one deal told in full, or many deals that share the same people, as figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from models.values import Value
from workflows.rehearsal.deals import Deal, ordinary, varied
from workflows.rehearsal.figures import Figures, Tally
from workflows.rehearsal.flight import Flight
from workflows.rehearsal.story import Story, story
from workflows.rehearsal.world import MONTH, Setting, World

TAIL = 9
"""Months that go on after the last of many deals has arrived, so that most come to their end."""
Progress = Callable[[int], None]
Passed = Callable[[datetime], None]


def fly(
    setting: Setting, facts: Mapping[str, Value] | None = None, *, passed: Passed = lambda _at: None
) -> tuple[Flight, Story]:
    """Return what becomes of one deal, and its timeline; without facts, of an ordinary one.

    `passed` is told day by day how far it has come.
    """
    found: list[Flight] = []
    world = World(setting, found.append)
    given = ordinary(setting.flow, setting.company, setting.start)
    world.arrive(setting.start, given if facts is None else facts, deal="deal/rehearsal/1")
    world.run(passed)
    [flight] = found
    return flight, story(flight, setting.flow, setting.company, world.diary.calendar(setting.calendar))


def fly_many(
    setting: Setting, number: int, given: Sequence[Mapping[str, Value]] = (), *, landed: Progress = lambda _n: None,
    passed: Passed = lambda _at: None,
) -> Figures:  # fmt: skip
    """Return the figures of many deals that arrive over the setting's months.

    `landed` is told how many are done, `passed` day by day how far they have come.
    """
    arrivals = timedelta(days=round(setting.months * MONTH))
    tally = Tally(setting.flow, setting.company)

    def one(flight: Flight) -> None:
        tally.add(flight)
        landed(tally.deals)

    world = World(replace(setting, months=setting.months + TAIL), one, keep_journal=False)
    working = world.diary.calendar(setting.calendar)
    _send_off(world, varied(
        setting.flow, setting.company, world.clock, working, setting.start, setting.months, number, setting.seed, given
    ))  # fmt: skip
    world.run(passed)
    return tally.figures(setting.start, world.setting.until, world.diary, arrivals)


def _send_off(world: World, deals: Iterable[Deal]) -> None:
    for deal in deals:
        world.arrive(deal.at, deal.facts, deal=deal.id, name=deal.name)
