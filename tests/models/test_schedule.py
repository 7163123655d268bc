"""Schedules of random plans against an oracle that counts working minutes one by one."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.calendars import working
from models.calendar import CalendarSpec, HorizonTooNear
from models.plan import After, PlanTemplate, Side, later, milestone, mistakes, phase, plan, task
from models.schedule import Job, Schedule, schedule
from workflows.flows.plans import PLANS, managed_services

MINUTE = timedelta(minutes=1)
SHORT = (((time(9), time(9, 50)), (time(10), time(10, 40))),) * 4 + (((time(9), time(10)),), (), ())
CALENDAR = working(
    CalendarSpec(zone="America/Chicago", week=SHORT, days_off=(date(2026, 11, 26),)),
    datetime(2026, 11, 16, tzinfo=UTC),
    200,
)
MINUTES = [a + i * MINUTE for a, b in CALENDAR.intervals for i in range(int((b - a) / MINUTE))]
DAY = int(CALENDAR.day / MINUTE)


class Network(dict[str, Job]):
    """A plan as the oracle sees it, in whole working minutes since the calendar's start."""

    def end(self, name: str, now: int, late: dict[str, int]) -> int:
        @cache
        def of(name: str) -> int:
            job = self[name]
            if job.done:
                return sum(minute < job.done for minute in MINUTES)
            ready = [of(link.task) + link.lag * DAY for link in job.after]
            begin = now if job.begun else max([now, *ready])
            return begin + int(job.left / MINUTE) + late.get(name, 0)

        return of(name)


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, str, datetime]:
    names = [f"t{i}" for i in range(draw(st.integers(1, 9)))]
    now_index = draw(st.integers(0, 400))
    now = MINUTES[now_index] + draw(st.sampled_from([timedelta(0), timedelta(hours=5), timedelta(days=2)]))
    jobs = Network()
    for i, name in enumerate(names):
        before = draw(st.lists(st.sampled_from(names[:i]), unique=True, max_size=3)) if i else []
        after = tuple(After(task=other, lag=draw(st.integers(0, 2))) for other in before)
        state = "to come"
        if all(jobs[other].done for other in before):
            state = draw(st.sampled_from(["to come", "begun", "done"]))
        begun = MINUTES[draw(st.integers(0, now_index))] if state != "to come" else None
        done = max(begun, MINUTES[draw(st.integers(0, now_index))]) if begun and state == "done" else None
        jobs[name] = Job(after=after, left=draw(st.integers(0, 300)) * MINUTE, begun=begun, done=done)
    return jobs, draw(st.sampled_from(names)), now


@settings(max_examples=250, deadline=None)
@given(networks())
def test_every_task_is_where_counting_minutes_puts_it(drawn: tuple[Network, str, datetime]):
    jobs, go_live, now = drawn
    found = schedule(CALENDAR, jobs, go_live, now)
    passed = sum(minute < now for minute in MINUTES)
    for name, job in jobs.items():
        placed, end = found.tasks[name], jobs.end(name, passed, {})
        if job.done:
            assert (placed.start, placed.due) == (job.begun, job.done)
            continue
        assert placed.due == (MINUTES[end - 1] + MINUTE if end else CALENDAR.start)
        begin = end - int(job.left / MINUTE)
        if job.begun:
            assert placed.start == job.begun
        elif job.left:
            assert placed.start == MINUTES[begin]
        else:
            assert placed.start == placed.due
    assert found.go_live == found.tasks[go_live].due


@settings(max_examples=150, deadline=None)
@given(networks(), st.data())
def test_slack_is_exactly_how_long_a_task_may_slip(drawn: tuple[Network, str, datetime], data: st.DataObject):
    jobs, go_live, now = drawn
    found = schedule(CALENDAR, jobs, go_live, now)
    passed = sum(minute < now for minute in MINUTES)
    open_tasks = [name for name, job in jobs.items() if not job.done]
    if not open_tasks:
        assert found.critical == ()
        return
    name = data.draw(st.sampled_from(open_tasks))

    def ends(late: int) -> tuple[int, int]:
        slipped = {name: late}
        return jobs.end(go_live, passed, slipped), max(jobs.end(each, passed, slipped) for each in jobs)

    slack = int(found.tasks[name].slack / MINUTE)
    assert ends(slack) == ends(0)
    assert ends(slack + 1) != ends(0)
    moves_go_live = ends(slack + 1)[0] != ends(0)[0]
    if found.tasks[name].critical:
        assert moves_go_live
    elif not slack:
        assert not moves_go_live


def laid_out(template: PlanTemplate, begin: datetime) -> Schedule:
    office = working(CalendarSpec(zone="America/Chicago", country="US"), begin, 200)
    jobs = {each.name: Job(after=each.after, left=each.days * office.day) for each in template.tasks}
    return schedule(office, jobs, template.go_live, begin)


def test_the_managed_services_plan_has_the_dates_a_person_would_write():
    office = working(CalendarSpec(zone="America/Chicago", country="US"), datetime(2026, 11, 16, tzinfo=UTC), 200)
    found = laid_out(managed_services, datetime(2026, 11, 16, 15, tzinfo=UTC))
    dates = {name: (office.date_of(p.start), office.date_of(p.due)) for name, p in found.tasks.items()}
    assert dates == {
        "kick-off": (date(2026, 11, 16), date(2026, 11, 16)),
        "access": (date(2026, 11, 17), date(2026, 11, 19)),
        "survey": (date(2026, 11, 17), date(2026, 11, 19)),
        "design": (date(2026, 11, 20), date(2026, 11, 23)),
        "equipment": (date(2026, 11, 24), date(2026, 12, 8)),  # Thanksgiving lies between
        "tooling": (date(2026, 11, 24), date(2026, 12, 1)),
        "pilot": (date(2026, 12, 9), date(2026, 12, 11)),
        "waves": (date(2026, 12, 14), date(2026, 12, 23)),
        "go-live": (date(2026, 12, 23), date(2026, 12, 23)),
    }
    assert found.critical == ("kick-off", "access", "survey", "design", "equipment", "pilot", "waves", "go-live")
    assert found.tasks["tooling"].slack == 5 * office.day


def test_a_lag_passes_in_working_days():
    slow = plan(
        "p",
        "P",
        phase("A", task("a", "A", by="x", days=1), milestone("b", "B", by="x", after=[later("a", 2)])),
        go_live="b",
    )
    found = laid_out(slow, datetime(2026, 11, 19, 15, tzinfo=UTC))  # a Thursday, 9:00 in Chicago
    assert found.go_live == datetime(2026, 11, 23, 23, tzinfo=UTC)


def test_a_plan_longer_than_its_calendar_asks_for_more():
    office = working(CalendarSpec(zone="UTC"), datetime(2026, 11, 16, tzinfo=UTC), 10)
    with pytest.raises(HorizonTooNear):
        schedule(office, {"a": Job(after=(), left=30 * office.day)}, "a", datetime(2026, 11, 16, tzinfo=UTC))


@pytest.mark.parametrize("template", PLANS, ids=lambda each: each.name)
def test_every_plan_on_offer_can_be_laid_out(template: PlanTemplate):
    assert mistakes(template) == []
    assert template.go_live in {each.name for each in template.tasks}


def test_the_managed_services_plan_has_nine_tasks_in_four_phases_and_asks_all_three_sides():
    assert [each.title for each in managed_services.phases] == ["Discovery", "Build", "Migration", "Go-live"]
    assert len(list(managed_services.tasks)) == 9
    assert {each.side for each in managed_services.tasks} == set(Side)


def a(name: str, *after: str) -> object:
    return task(name, name.upper(), by="x", days=1, after=after)


@pytest.mark.parametrize(
    ("tasks", "go_live", "says"),
    [
        ([a("a", "b"), a("b", "c"), a("c", "a")], "a", "waits for itself"),
        ([a("a", "a")], "a", "waits for itself"),
        ([a("a", "x")], "a", "'x', which is no task"),
        ([a("a"), a("a")], "a", "two tasks have this name"),
        ([a("a"), a("b", "a", "a")], "b", "'a' twice"),
        ([a("a")], "b", "named as go-live"),
        ([], "a", "has no tasks"),
    ],
)
def test_a_mistake_in_a_plan_is_found_before_anybody_runs_it(tasks: list, go_live: str, says: str):
    found = mistakes(plan("p", "P", phase("All", *tasks), go_live=go_live))
    assert any(says in each.message for each in found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_a_plan_without_mistakes_is_exactly_one_that_can_be_laid_out(links: list[tuple[int, int]]):
    tasks = [a(f"t{i}", *sorted({f"t{j}" for k, j in links if k == i})) for i in range(7)]
    template = plan("p", "P", phase("All", *tasks), go_live="t0")
    if mistakes(template):
        with pytest.raises(ValueError, match="wait for each other"):
            laid_out(template, datetime(2026, 11, 16, tzinfo=UTC))
    else:
        assert set(laid_out(template, datetime(2026, 11, 16, tzinfo=UTC)).tasks) == {f"t{i}" for i in range(7)}


def test_a_task_name_that_could_not_be_an_id_is_refused():
    with pytest.raises(ValidationError):
        task("Kick off", "Kick-off", by="x", days=1)
