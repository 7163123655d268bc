"""The onboarding workflow: keeps a plan on time from the accepted handoff until everything in it is done."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.calendar import DEFAULT_DAYS, MOST_DAYS, ExpandCalendar, HorizonTooNear, Working
    from models.deal import Receipt
    from models.delivery import (
        PlanBroken,
        extended,
        forecast,
        lay_out,
        perform,
        refusal,
        sync_failed,
        synced,
    )
    from models.delivery_record import batch, recorded, wanted
    from models.onboarding import (
        Begin,
        OnboardingAct,
        OnboardingInput,
        OnboardingRecorded,
        OnboardingResult,
        OnboardingState,
        Synced,
    )
    from workflows.unwritten import pause

PROJECTS_QUEUE = "connector.projects"
_NEAR = timedelta(days=60)
_SYNC_AGAIN = timedelta(hours=1)
_PATIENCE = timedelta(hours=24)
_HEARTBEAT = timedelta(seconds=6)
"""A worker that was killed is noticed after this, not after the ten minutes a long plan may take."""


@workflow.defn(name="Onboarding")
class Onboarding:
    """One customer's onboarding; its id is `onboarding/<source>/<source id>`."""

    @workflow.init
    def __init__(self, given: OnboardingInput) -> None:
        self._begin = given.begin
        self._state = given.state
        self._changed = False
        self._sync: workflow.ActivityHandle[Synced] | None = None
        self.unwritten_since: datetime | None = None
        self._record_at: datetime | None = None
        self._sync_at: datetime | None = None

    @workflow.run
    async def run(self, given: OnboardingInput) -> OnboardingResult:
        """Follow the plan until every task is done and everything about it is written."""
        del given  # taken by __init__, which handlers may need before this runs
        if self._state is None:
            self._state = await self._laid_out()
        while True:
            self._changed = False  # before anything is read: handlers may run during every await below
            await self._lengthen()
            self._follow_the_project_tool()
            await self._record()
            if self._finished():
                return self._result()
            if self._may_roll_over():
                workflow.continue_as_new(OnboardingInput(state=self._now()))
            await self._wait()

    @workflow.update
    def act(self, act: OnboardingAct) -> Receipt:
        """Start, complete, block or unblock a task."""
        self._state, receipt = perform(self._now(), act, workflow.now())
        self._changed = True
        return receipt

    @act.validator
    def _may_act(self, act: OnboardingAct) -> None:
        if self._state is None:
            raise ApplicationError("the plan is being laid out; try again in a moment", type="closed")
        refused = refusal(self._state, act)
        if refused is not None:
            raise ApplicationError(refused.message, refused.details, type=refused.code)

    @workflow.query
    def state(self) -> OnboardingState | None:
        """Return everything the onboarding is, or nothing while it is being laid out."""
        return self._state

    def next_clock(self, now: datetime) -> datetime:
        """Return when a clock does something next, apart from writing again."""
        morning = self._morning(now)
        return min(morning, self._sync_at or morning)

    def _now(self) -> OnboardingState:
        assert self._state is not None, "nothing acts before the plan is laid out"
        return self._state

    async def _laid_out(self) -> OnboardingState:
        begin = self._begin
        if begin is None:
            raise ApplicationError("an onboarding needs what it begins from, or its state", type="invalid")
        opened_at, days = workflow.now(), DEFAULT_DAYS
        while True:
            working = await self._calendar(begin, opened_at, days)
            try:
                return lay_out(begin, working, opened_at)
            except HorizonTooNear as near:
                if days >= MOST_DAYS:
                    raise ApplicationError(f"the plan is longer than {MOST_DAYS} days", type="invalid") from near
                days = min(2 * days, MOST_DAYS)
            except PlanBroken as broken:
                raise ApplicationError(str(broken), type="invalid") from broken

    async def _calendar(self, begin: Begin, start: datetime, days: int, patience: timedelta = _PATIENCE) -> Working:
        working: Working = await workflow.execute_local_activity(
            "expand_calendar",
            ExpandCalendar(spec=begin.calendar, start=start, days=days),
            result_type=Working,
            start_to_close_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=patience,
            summary=f"{days} days of the calendar",
        )
        return working

    async def _lengthen(self) -> None:
        """Ask for more calendar when the plan, or the present, nears its end."""
        state, now = self._now(), workflow.now()
        covered = (state.working.horizon - state.opened_at).days
        last = max([now, *(task.due for task in state.tasks.values())])
        if covered >= MOST_DAYS - 2 or not (state.calendar_short or state.working.horizon - last < _NEAR):
            return
        days = min(covered + DEFAULT_DAYS, MOST_DAYS)
        try:
            working = await self._calendar(state.begin, state.opened_at, days, patience=timedelta(minutes=1))
        except FailureError as failure:
            _unless_cancelled(failure)
            return  # the dates stand; asked again at the next act or morning
        self._state = extended(self._now(), working, workflow.now())

    def _follow_the_project_tool(self) -> None:
        now = workflow.now()
        if self._sync is not None and self._sync.done():
            try:
                self._state = synced(self._now(), self._sync.result(), now)
            except FailureError as failure:
                _unless_cancelled(failure)
                self._state = sync_failed(self._now(), _said(failure), now)
                self._sync_at = now + _SYNC_AGAIN
            self._sync = None
        if self._sync is not None or (self._sync_at and now < self._sync_at):
            return
        self._sync_at = None
        plan = wanted(self._now())
        if plan is not None:
            self._state = self._now().model_copy(update={"asked": plan})
            self._sync = workflow.start_activity(
                "sync_plan",
                plan,
                result_type=Synced,
                task_queue=PROJECTS_QUEUE,
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=_HEARTBEAT,
                schedule_to_close_timeout=_PATIENCE,
                retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=5)),
                summary=f"{len(plan.rows)} rows of the plan",
            )

    async def _record(self) -> None:
        """Write what changed; when that fails the outbox is kept, and business goes on."""
        self._record_at = None
        while self._now().seq > self._now().recorded:
            written = batch(self._now())
            try:
                await workflow.execute_local_activity(
                    "record_onboarding",
                    written,
                    result_type=OnboardingRecorded,
                    start_to_close_timeout=timedelta(seconds=2),
                    schedule_to_close_timeout=timedelta(seconds=10),
                    local_retry_threshold=timedelta(seconds=1),
                    summary=f"on record up to {written.onboarding.seq}",
                )
            except FailureError as failure:  # a local activity's failure may come without an ActivityError around it
                _unless_cancelled(failure)
                now = workflow.now()
                self.unwritten_since = self.unwritten_since or now
                self._record_at = now + pause(self.unwritten_since, now)
                return
            self.unwritten_since = None
            self._state = recorded(self._now(), written)
        row = batch(self._now()).onboarding
        where = f"{row.phase}, {row.tasks_done} of {row.tasks_total} tasks done, go-live {row.forecast_go_live}"
        workflow.set_current_details(f"{where}\n\n{row.risk or 'on track'}")

    def _finished(self) -> bool:
        return self._now().done and self._idle() and wanted(self._now()) is None

    def _may_roll_over(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and self._idle()

    def _idle(self) -> bool:
        state = self._now()
        pending = self._sync is not None or self._changed or state.seq > state.recorded
        return not pending and workflow.all_handlers_finished()

    async def _wait(self) -> None:
        """Wait for an act, for the project tool, or for the next morning, which moves what is late."""
        now = workflow.now()
        morning = self._morning(now)
        until = min(each for each in (morning, self._record_at, self._sync_at) if each)
        try:
            await workflow.wait_condition(
                lambda: self._changed or (self._sync is not None and self._sync.done()),
                timeout=max(until - now, timedelta(seconds=1)),
                timeout_summary="the next working morning, or another try",
            )
        except TimeoutError:  # asyncio's; if it escaped, it would fail the workflow
            if workflow.now() >= morning:
                self._state = forecast(self._now(), workflow.now())

    def _morning(self, now: datetime) -> datetime:
        opens = self._now().working.opens
        return next(iter(opens[bisect_right(opens, now) :]), now + timedelta(days=1))

    def _result(self) -> OnboardingResult:
        state = self._now()
        return OnboardingResult(
            id=state.begin.id, promised_go_live=state.promised_go_live, went_live=state.forecast_go_live
        )


def _unless_cancelled(failure: FailureError) -> None:
    if is_cancelled_exception(failure):
        raise failure


def _said(failure: FailureError) -> str:
    cause = failure.cause if isinstance(failure, ActivityError) else failure
    return cause.message if isinstance(cause, FailureError) else str(failure)
