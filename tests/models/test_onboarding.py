"""An onboarding as a machine: what people may do, what follows from it, and what is told to whom."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import TypeAdapter

from activities.calendars import working
from models.calendar import CalendarSpec
from models.delivery import PlanBroken, extended, forecast, lay_out, perform, refusal, sync_failed, synced
from models.delivery_record import batch, recorded, wanted
from models.onboarding import (
    Begin,
    BlockTask,
    CompleteTask,
    Condition,
    OnboardingAct,
    OnboardingState,
    StartTask,
    Synced,
    SyncedRow,
    TaskState,
    UnblockTask,
)
from models.plan import Side, phase, plan, task
from workflows.flows.plans import managed_services

SPEC = CalendarSpec(zone="America/Chicago", country="US")
MONDAY = datetime(2026, 11, 16, 15, tzinfo=UTC)  # 9:00 in Chicago
OFFICE = working(SPEC, MONDAY)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def begin(**changed: object) -> Begin:
    made = Begin(
        id="onboarding/hubspot/5012345",
        deal_id="deal/hubspot/5012345",
        account="Corvane Logistics",
        title="Corvane Logistics, managed services",
        manager="marco",
        plan=managed_services,
        calendar=SPEC,
        owners={"delivery_manager": "marco"},
    )
    return made.model_copy(update=changed)


def begun(**changed: object) -> OnboardingState:
    return lay_out(begin(**changed), OFFICE, MONDAY)


def act(do: str, name: str, **more: object) -> OnboardingAct:
    made: OnboardingAct = TypeAdapter(OnboardingAct).validate_python(
        {"do": do, "task": name, "by": "marco", "key": f"{do} {name}", **more}
    )
    return made


def after(state: OnboardingState, *acts: tuple[OnboardingAct, datetime]) -> OnboardingState:
    for each, at in acts:
        assert refusal(state, each) is None
        state, _ = perform(state, each, at)
    return state


def texts(state: OnboardingState) -> list[str]:
    return [entry.text for entry in state.outbox]


def test_it_begins_with_the_plans_dates_as_baseline_and_the_first_task_ready():
    state = begun()
    assert state.forecast_go_live == state.baseline_go_live == state.promised_go_live == date(2026, 12, 23)
    assert {name: each.state for name, each in state.tasks.items() if each.state is not TaskState.WAITING} == {
        "kick-off": TaskState.READY
    }
    assert state.phase == "Discovery"
    assert state.risk is None
    assert state.tasks["kick-off"].owner == "marco"
    assert state.tasks["survey"].owner == "operations"
    assert texts(state) == ["Onboarding of Corvane Logistics begins: 9 tasks, go-live forecast for 23 Dec 2026"]


def test_conditions_of_the_acceptance_become_tasks_that_go_live_waits_for():
    state = begun(
        conditions=(
            Condition(text="Elgin site contact named", owner="dana"),
            Condition(text="Saturday support agreed", owner="customer", side=Side.CUSTOMER, days=3),
        )
    )
    first = state.tasks["condition-1"]
    assert (first.title, first.owner, first.days, first.state) == (
        "Elgin site contact named",
        "dana",
        2,
        TaskState.READY,
    )
    assert state.tasks["condition-2"].side is Side.CUSTOMER
    assert {link.task for link in state.tasks["go-live"].after} == {"waves", "condition-1", "condition-2"}
    assert len(state.tasks) == 11


def test_a_plan_with_mistakes_is_not_laid_out():
    broken = plan("p", "P", phase("A", task("a", "A", by="x", days=1, after=["b"])), go_live="a")
    with pytest.raises(PlanBroken, match="comes after 'b', which is no task"):
        begun(plan=broken)


def test_completing_a_task_makes_the_next_ones_ready_and_moves_them_to_when_it_really_ended():
    state = after(begun(), (act("start", "kick-off"), MONDAY), (act("complete", "kick-off"), MONDAY + 4 * HOUR))
    assert state.tasks["access"].state is state.tasks["survey"].state is TaskState.READY
    assert state.tasks["access"].start == MONDAY + 4 * HOUR
    assert state.tasks["access"].baseline_start == MONDAY + DAY
    assert state.tasks["go-live"].due < state.tasks["go-live"].baseline_due


def test_a_slip_moves_go_live_day_for_day_keeps_the_baseline_and_says_why():
    state = after(begun(), (act("start", "kick-off"), MONDAY))
    late = MONDAY + 3 * DAY  # Thursday 9:00, due Monday evening
    state = after(state, (act("complete", "kick-off"), late))
    assert state.forecast_go_live == date(2026, 12, 28)
    assert state.baseline_go_live == state.promised_go_live == date(2026, 12, 23)
    assert state.risk
    assert state.risk.since == late
    assert state.risk.reason.startswith("go-live is forecast for 28 Dec 2026, 2 working days after the promise")
    assert "Go-live forecast moves from 23 Dec 2026 to 28 Dec 2026" in texts(state)


def test_time_alone_moves_what_is_late():
    state = begun()
    moved = forecast(state, MONDAY + 2 * DAY)
    assert moved.forecast_go_live > state.forecast_go_live
    assert moved.risk
    assert "Kick-off workshop decides it and was due 16 Nov 2026" in moved.risk.reason
    assert forecast(moved, MONDAY + 2 * DAY) == moved


def test_a_blocked_task_names_the_side_that_blocks_and_its_time_does_not_count_as_work():
    state = after(begun(), (act("start", "kick-off"), MONDAY), (act("complete", "kick-off"), MONDAY + 8 * HOUR))
    tuesday = MONDAY + DAY
    state = after(state, (act("start", "access"), tuesday), (act("start", "survey"), tuesday))
    state = after(state, (act("block", "survey", reason="no escort on site", side="customer"), tuesday + 4 * HOUR))
    assert state.tasks["survey"].state is TaskState.BLOCKED
    assert state.risk
    assert state.risk.reason == "Survey of sites and machines is blocked by the customer and decides go-live"
    assert texts(state)[-2] == "Survey of sites and machines blocked by the customer: no escort on site"
    freed = after(state, (act("unblock", "survey"), tuesday + 2 * DAY + 4 * HOUR))  # two working days later
    assert freed.tasks["survey"].due - state.tasks["survey"].baseline_due == 4 * DAY  # over a weekend
    assert freed.tasks["survey"].state is TaskState.STARTED
    assert freed.forecast_go_live == date(2026, 12, 28)


def test_an_early_finish_takes_the_risk_away_again():
    state = forecast(begun(), MONDAY + DAY)
    assert state.risk
    early = MONDAY + DAY + HOUR
    state = after(state, (act("complete", "kick-off"), early), (act("complete", "access"), early))
    state = after(state, (act("complete", "survey"), early), (act("complete", "design"), early))
    assert state.risk is None
    assert "No longer at risk" in texts(state)


def test_a_promise_that_cannot_be_kept_is_a_risk_from_the_first_day():
    state = begun(promised_go_live=date(2026, 12, 18))
    assert state.risk
    assert "3 working days after the promise" in state.risk.reason
    assert begun(promised_go_live=date(2020, 1, 1)).risk
    assert begun(promised_go_live=date(2040, 1, 1)).risk is None


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (act("start", "design"), "not_allowed", "waits for Hand over administrative access, Survey of sites"),
        (act("complete", "go-live"), "not_allowed", "waits for Remaining users and sites"),
        (act("start", "coffee"), "unknown_step", "it has kick-off, access"),
        (act("block", "survey", reason="  "), "reason_needed", "say what blocks it"),
        (act("unblock", "survey"), "closed", "is not blocked"),
        (act("start", "access", key="again"), "already_answered", "is started already"),
        (act("complete", "kick-off", key="again"), "already_answered", "is done since 16 Nov 2026"),
        (act("start", "kick-off", key="again"), "closed", "is done since"),
        (act("block", "kick-off", reason="late"), "closed", "is done since"),
        (act("complete", "tooling"), "not_allowed", "is blocked: no licences"),
        (act("block", "tooling", reason="x", key="again"), "closed", "is blocked already: no licences"),
        (act("complete", "kick-off"), "already_answered", "already answered: Kick-off workshop done"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do_instead(given: OnboardingAct, code: str, says: str):
    state = after(
        begun(),
        (act("complete", "kick-off"), MONDAY + 8 * HOUR),
        (act("start", "access"), MONDAY + DAY),
        (act("block", "tooling", reason="no licences", side="vendor"), MONDAY + DAY),
    )
    before = state.model_dump_json()
    refused = refusal(state, given)
    assert refused
    assert (refused.code, says in refused.message) == (code, True), refused.message
    assert state.model_dump_json() == before


def test_a_repeated_key_gets_the_first_receipt():
    state, receipt = perform(begun(), act("complete", "kick-off"), MONDAY)
    refused = refusal(state, act("complete", "kick-off"))
    assert refused
    assert refused.details == {**receipt.model_dump(mode="json"), "repeated": True}


def finished() -> OnboardingState:
    state, at = begun(), MONDAY
    for name in managed_services.tasks:
        at += 3 * HOUR
        state = after(state, (act("complete", name.name), at))
    return state


def test_it_is_done_when_every_task_is_and_then_nothing_more_can_be_done():
    state = finished()
    assert state.done
    assert state.phase == "Go-live"
    assert state.risk is None
    assert state.forecast_go_live == OFFICE.date_of(state.tasks["go-live"].done_at or MONDAY)
    assert texts(state)[-1].startswith("Onboarding done; went live 17 Nov 2026, promised 23 Dec 2026")
    refused = refusal(state, act("block", "go-live", reason="x"))
    assert refused
    assert refused.code == "ended"


def test_the_crm_is_told_each_new_set_of_fields_once():
    state = begun()
    assert [(each.revision, each.fields) for each in state.crm_outbox] == [
        (
            "onboarding-1",
            {
                "throughline_progress": "on track",
                "throughline_phase": "Discovery",
                "throughline_go_live": "2026-12-23",
                "throughline_forecast_go_live": "2026-12-23",
                "throughline_risk": "",
            },
        )
    ]
    same = after(state, (act("start", "kick-off"), MONDAY))
    assert same.crm_outbox == state.crm_outbox
    later = forecast(same, MONDAY + 2 * DAY)
    assert later.crm_outbox[-1].revision == "onboarding-2"
    assert later.crm_outbox[-1].fields["throughline_progress"] == "at risk"
    assert finished().crm_outbox[-1].fields["throughline_progress"] == "done"


def test_what_is_on_record_leaves_the_outbox_and_what_came_meanwhile_stays():
    state = begun()
    written = batch(state)
    assert (written.onboarding.tasks_total, written.onboarding.tasks_done, written.onboarding.state) == (
        9,
        0,
        "running",
    )
    assert written.tasks[0].due == date(2026, 11, 16)
    meanwhile = after(state, (act("complete", "kick-off"), MONDAY + 8 * HOUR))
    rest = recorded(meanwhile, written)
    assert texts(rest) == ["Kick-off workshop done"]
    assert rest.seq > rest.recorded
    again = recorded(rest, batch(rest))
    assert (again.outbox, again.crm_outbox, again.recorded) == ((), (), again.seq)


def test_without_a_project_no_issue_is_asked_for():
    assert wanted(begun()) is None


def test_one_issue_is_asked_for_each_row_and_asked_again_in_the_same_words():
    state = begun(project="corvane")
    asked = wanted(state)
    assert asked
    assert [row.task for row in asked.rows].index("design") > [row.task for row in asked.rows].index("access")
    assert sorted(row.task for row in asked.rows) == sorted(state.tasks)
    assert all(row.revision == 1 for row in asked.rows)
    late = forecast(state.model_copy(update={"asked": asked}), MONDAY + 5 * DAY)
    assert wanted(late) == asked
    assert wanted(forecast(state, MONDAY + 5 * DAY)) == asked


def test_issues_are_brought_up_to_date_when_tasks_are_done():
    state = begun(project="corvane")
    asked = wanted(state)
    assert asked
    answer = Synced(rows=tuple(SyncedRow(task=row.task, id=f"#{i}") for i, row in enumerate(asked.rows)))
    state = synced(state.model_copy(update={"asked": asked}), answer, MONDAY)
    assert texts(state)[-1] == "Project tool: 9 issues made"
    assert wanted(state) is None
    state = after(state, (act("complete", "kick-off"), MONDAY + 8 * HOUR))
    again = wanted(state)
    assert again
    assert [(row.task, row.revision, row.done, row.issue) for row in again.rows] == [("kick-off", 2, True, "#0")]
    done = Synced(rows=(SyncedRow(task="kick-off", id="#0"),))
    state = synced(state.model_copy(update={"asked": again}), done, MONDAY + 9 * HOUR)
    assert texts(state)[-1] == "Project tool: 1 brought up to date"
    assert wanted(state) is None


def test_the_same_failure_of_the_project_tool_is_told_once():
    state = sync_failed(begun(project="corvane"), "Redmine does not answer", MONDAY)
    assert "it is tried again: Redmine does not answer" in texts(state)[-1]
    assert sync_failed(state, "Redmine does not answer", MONDAY + HOUR) == state


def test_a_calendar_that_is_too_short_leaves_the_dates_and_asks_for_more():
    short = working(SPEC, MONDAY, 45)
    state = lay_out(begin(), short, MONDAY)
    late = forecast(state, MONDAY + 20 * DAY)
    assert late.calendar_short
    assert late.tasks == state.tasks
    longer = extended(late, working(SPEC, MONDAY, 200), MONDAY + 20 * DAY)
    assert not longer.calendar_short
    assert longer.forecast_go_live > state.forecast_go_live
    acted = after(late, (act("complete", "kick-off"), MONDAY + 60 * DAY))
    assert acted.calendar_short
    assert acted.tasks["kick-off"].state is TaskState.DONE


def test_the_state_survives_a_round_trip():
    state = finished()
    assert OnboardingState.model_validate_json(state.model_dump_json()) == state


class AnyDelivery(RuleBasedStateMachine):
    """Whatever people do in whatever order, what the pages show stays true."""

    @initialize(conditions=st.integers(0, 2))
    def lay_out(self, conditions: int) -> None:
        given = tuple(Condition(text=f"Condition {i}", owner="dana") for i in range(conditions))
        self.now, self.keys = MONDAY, 0
        self.state = begun(conditions=given, project="corvane")
        self.baseline = {name: each.baseline_due for name, each in self.state.tasks.items()}
        self.journal: list[int] = []

    @rule(hours=st.integers(1, 90))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR
        self.state = forecast(self.state, self.now)

    @rule(
        do=st.sampled_from(["start", "complete", "complete", "block", "unblock"]),
        pick=st.integers(0, 20),
        side=st.sampled_from(list(Side)),
    )
    def somebody_acts(self, do: str, pick: int, side: Side) -> None:
        names = list(self.state.tasks)
        self.keys += 1
        kind = {"start": StartTask, "complete": CompleteTask, "block": BlockTask, "unblock": UnblockTask}[do]
        more = {"side": side} if do == "block" else {}
        tried = kind(key=str(self.keys), by="marco", task=names[pick % len(names)], **more)
        if do != "start":
            tried = tried.model_copy(update={"reason": "because"})
        before = self.state
        if refusal(before, tried) is None:
            self.state, receipt = perform(before, tried, self.now)
            assert receipt.seq <= self.state.seq
            assert refusal(self.state, tried) is not None

    @precondition(lambda self: self.state.outbox)
    @rule()
    def it_is_recorded(self) -> None:
        written = batch(self.state)
        self.journal += [entry.seq for entry in written.entries]
        self.state = recorded(self.state, written)

    @rule()
    def the_project_tool_answers(self) -> None:
        for _ in range(2):  # a task done before its issue was made: made first, then brought up to date
            asked = wanted(self.state)
            if asked is None:
                return
            answer = Synced(rows=tuple(SyncedRow(task=row.task, id=row.issue or f"#{row.task}") for row in asked.rows))
            self.state = synced(self.state.model_copy(update={"asked": asked}), answer, self.now)
        assert wanted(self.state) is None

    @invariant()
    def nothing_begins_before_what_it_waits_for_is_done(self) -> None:
        tasks = self.state.tasks
        for each in tasks.values():
            before = [tasks[link.task] for link in each.after]
            if each.state in (TaskState.READY, TaskState.STARTED, TaskState.DONE):
                assert all(other.state is TaskState.DONE for other in before)
            if each.state is TaskState.WAITING:
                assert not all(other.state is TaskState.DONE for other in before)
            assert (each.state is TaskState.BLOCKED) == (each.blocked is not None)
            assert (each.state is TaskState.DONE) == (each.done_at is not None)

    @invariant()
    def dates_agree_with_each_other(self) -> None:
        tasks = self.state.tasks
        assert {name: each.baseline_due for name, each in tasks.items()} == self.baseline
        assert self.state.forecast_go_live == OFFICE.date_of(tasks["go-live"].due)
        late = self.state.forecast_go_live > self.state.promised_go_live
        assert not late or self.state.done or self.state.risk
        for each in tasks.values():
            assert each.start <= each.due or each.due <= self.now
            if not each.done_at:
                assert all(tasks[link.task].due <= each.due for link in each.after)

    @invariant()
    def somebody_can_always_do_something_until_all_is_done(self) -> None:
        unfinished = [each for each in self.state.tasks.values() if each.state is not TaskState.DONE]
        assert self.state.done == (not unfinished)
        movable = (TaskState.READY, TaskState.STARTED, TaskState.BLOCKED)
        assert not unfinished or any(each.state in movable for each in unfinished)

    @invariant()
    def every_entry_is_told_once_in_order(self) -> None:
        told = [*self.journal, *(entry.seq for entry in self.state.outbox)]
        assert told == sorted(set(told))
        assert all(entry.because is None or entry.because < entry.seq for entry in self.state.outbox)


AnyDelivery.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestAnyDelivery = AnyDelivery.TestCase


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=9, max_size=9))
def test_however_long_each_task_takes_go_live_is_when_the_last_one_ended(hours: list[int]):
    state, at = begun(), MONDAY
    for each, taken in zip(managed_services.tasks, hours, strict=True):
        at += taken * HOUR
        state = after(state, (act("complete", each.name), at))
    assert state.done
    assert state.forecast_go_live == OFFICE.date_of(at)
