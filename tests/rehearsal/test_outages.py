"""Outages in a rehearsal: however long they are, little has to be computed, and every try falls when it would have."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.bridge.proto.workflow_commands import ScheduleActivity

from tests.rehearsal.company import MONDAY, big_deal, company, setting
from workflows.rehearsal import engine
from workflows.rehearsal.activations import last_in_vain, pause_after
from workflows.rehearsal.flight import Flight
from workflows.rehearsal.fly import fly, fly_many
from workflows.rehearsal.outages import DATABASE, PROJECT_TOOL, Outage
from workflows.rehearsal.outside import Failed
from workflows.rehearsal.people import Habit
from workflows.rehearsal.rounds import Rounds
from workflows.rehearsal.story import plain
from workflows.rehearsal.world import World
from workflows.unwritten import LONGEST

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the office was asked for something, by activity."""
    found: Counter[str] = Counter()
    performs = World._trouble

    def counted(self, attempt):
        found[attempt.name] += 1
        return performs(self, attempt)

    monkeypatch.setattr(World, "_trouble", counted)
    return found


def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every try be made and every timer fire."""
    monkeypatch.setattr(engine, "last_in_vain", lambda _asked, _outcome, number, _first, over: (number, over))
    monkeypatch.setattr(Rounds, "rests", lambda _self, _run, _timer, _now, until: until)


def journal(flight: Flight) -> list[tuple[datetime, str, str]]:
    return [(e.at, e.who, e.text) for e in flight.entries]


@pytest.mark.parametrize("system", [DATABASE, PROJECT_TOOL, "ERP"])
@pytest.mark.parametrize("starts", [timedelta(hours=-3), timedelta(days=3, hours=2), timedelta(days=20, minutes=7)])
def test_what_is_left_out_of_an_outage_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, system: str, starts: timedelta
) -> None:
    outage = Outage(system, MONDAY + starts, timedelta(hours=31, minutes=17), timedelta(days=9))
    flight, story = fly(setting(outages=(outage,), months=4), big_deal())
    everything(monkeypatch)
    whole, told = fly(setting(outages=(outage,), months=4), big_deal())
    assert journal(flight) == journal(whole)
    assert plain(story) == plain(told)


def test_a_database_that_never_comes_back_is_soon_rehearsed(tries: Counter[str]) -> None:
    flight, story = fly(setting(outages=(Outage(DATABASE, MONDAY - DAY),), months=36), big_deal())
    assert tries["record"] < 100
    assert flight.outcome == "open"
    assert flight.why.startswith("the database has not answered since Mon 16 Nov 2026"), flight.why
    assert story.ending.startswith(
        "Still open when the rehearsal ended, after 1096 days: the database has not answered"
    )


def test_a_database_that_goes_away_for_good_during_the_onboarding_is_told_of(tries: Counter[str]) -> None:
    calm, _ = fly(setting(), big_deal())
    assert calm.closed is not None
    tries.clear()
    flight, story = fly(setting(outages=(Outage(DATABASE, calm.closed + 2 * DAY),), months=12), big_deal())
    assert tries["record_onboarding"] < 5000, "some tries every morning, when the forecast moves"
    assert "The onboarding still has" in story.ending
    assert "the database has not answered since" in flight.why


def test_a_project_tool_that_never_comes_back_is_soon_rehearsed_and_told_of(tries: Counter[str]) -> None:
    _, story = fly(setting(outages=(Outage(PROJECT_TOOL, MONDAY),), months=12), big_deal())
    assert tries["sync_plan"] < 2 * 365, "one try and its last in each patience of a day"
    assert any("The project tool could not be brought up to date" in line for line in plain(story))


def test_many_deals_without_a_database_are_soon_rehearsed(tries: Counter[str]) -> None:
    found = fly_many(setting(outages=(Outage(DATABASE, MONDAY - DAY),), months=3), 20, [big_deal()])
    assert found.outcomes == {"open": 20}
    assert tries["record"] < 20 * 100


def test_an_incident_that_is_open_at_the_end_says_since_when_and_for_whom_it_waits() -> None:
    slow = company(dana={"habit": Habit(hours=80, spread=1)})
    flight, _ = fly(setting(outages=(Outage("ERP", MONDAY),), company=slow, months=0.2), big_deal())
    incident = next(e for e in flight.entries if e.kind == "incident")
    told = f"create sales order is an incident since {incident.at:%a %d %b %Y} and waits for Dana Whitlock: "
    assert told + "it did not answer in time" in flight.why


def test_a_deal_writes_less_and_less_often_to_a_database_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything(monkeypatch)
    begun: list[datetime] = []
    performs = World._trouble

    def noted(self, attempt):
        if attempt.name == "record" and attempt.number == 1:
            begun.append(self.time.now)
        return performs(self, attempt)

    monkeypatch.setattr(World, "_trouble", noted)
    fly(setting(outages=(Outage(DATABASE, MONDAY + HOUR),), months=0.1), big_deal())
    pauses = [b - a for a, b in pairwise(at for at in begun if at > MONDAY + DAY)]
    assert all(LONGEST < pause < LONGEST + timedelta(seconds=15) for pause in pauses[-20:]), pauses
    early = [b - a for a, b in pairwise(begun)]
    assert min(early) < timedelta(minutes=1)


@pytest.mark.parametrize("takes", [0, 1, 7])
@pytest.mark.parametrize("most", [0, 3, 40])
@pytest.mark.parametrize("back", [timedelta(seconds=2), timedelta(seconds=63), HOUR, 30 * HOUR])
def test_tries_left_out_are_counted_as_if_they_had_been_made(takes: int, most: int, back: timedelta) -> None:
    asked = ScheduleActivity()
    asked.retry_policy.initial_interval.FromTimedelta(timedelta(seconds=1))
    asked.retry_policy.maximum_interval.FromTimedelta(timedelta(minutes=5))
    asked.retry_policy.backoff_coefficient = 2
    asked.retry_policy.maximum_attempts = most
    asked.schedule_to_close_timeout.FromTimedelta(DAY)
    first = datetime(2026, 11, 23, tzinfo=UTC)
    outcome = Failed("unavailable", "no", takes=timedelta(seconds=takes), back=first + back)
    number, over = 1, first + outcome.takes
    while True:
        again = over + pause_after(asked.retry_policy, number)
        if again >= min(first + back, first + DAY) or (most and number >= most):
            break
        number, over = number + 1, again + outcome.takes
    assert last_in_vain(asked, outcome, 1, first, first + outcome.takes) == (number, over)


def test_an_outage_that_comes_again_says_when_each_ends() -> None:
    outage = Outage("ERP", MONDAY, 2 * HOUR, DAY)
    assert outage.back(MONDAY) == MONDAY + 2 * HOUR
    assert outage.back(MONDAY + 3 * DAY + HOUR) == MONDAY + 3 * DAY + 2 * HOUR
    assert Outage("ERP", MONDAY).back(MONDAY + DAY) is None
