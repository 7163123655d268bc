"""What an onboarding asks to be written: rows and journal for the read side, issues for the project tool."""

from __future__ import annotations

from models.onboarding import (
    OnboardingBatch,
    OnboardingRow,
    OnboardingState,
    PlanRow,
    SyncPlan,
    Task,
    TaskRow,
    TaskState,
)
from models.plan import in_order


def batch(state: OnboardingState) -> OnboardingBatch:
    """Return everything that is to be on record now."""
    begin = state.begin
    done = sum(task.state is TaskState.DONE for task in state.tasks.values())
    return OnboardingBatch(
        onboarding=OnboardingRow(
            id=begin.id,
            deal_id=begin.deal_id,
            account=begin.account,
            title=begin.title,
            manager=begin.manager,
            phase=state.phase,
            state="done" if state.done else "running",
            promised_go_live=state.promised_go_live,
            forecast_go_live=state.forecast_go_live,
            tasks_total=len(state.tasks),
            tasks_done=done,
            blocked=sum(task.state is TaskState.BLOCKED for task in state.tasks.values()),
            risk=state.risk.reason if state.risk else None,
            since=state.risk.since if state.risk else state.opened_at,
            seq=state.seq,
        ),
        tasks=tuple(_row(state, task) for task in state.tasks.values()),
        entries=state.outbox,
        crm=state.crm_outbox,
    )


def recorded(state: OnboardingState, written: OnboardingBatch) -> OnboardingState:
    """Return the onboarding without what was written; what came meanwhile stays."""
    return state.model_copy(
        update={
            "recorded": written.onboarding.seq,
            "outbox": state.outbox[len(written.entries) :],
            "crm_outbox": state.crm_outbox[len(written.crm) :],
        }
    )


def wanted(state: OnboardingState) -> SyncPlan | None:
    """Return what the project tool should do next, or None.

    An issue is made with the dates of the baseline, so that asking again says the same whatever moved since.
    """
    if not state.begin.project:
        return None
    if state.asked is not None:
        return state.asked
    order = in_order((name, (link.task for link in task.after)) for name, task in state.tasks.items())
    rows = [row for name in order if (row := _plan_row(state, state.tasks[name])) is not None]
    if not rows:
        return None
    return SyncPlan(
        onboarding_id=state.begin.id, deal_id=state.begin.deal_id, project=state.begin.project, rows=tuple(rows)
    )


def _plan_row(state: OnboardingState, task: Task) -> PlanRow | None:
    date_of = state.working.date_of
    what = f"{task.phase}. {task.owner} ({task.side}), {task.days} working days."
    if task.issue is None:
        return PlanRow(
            task=task.name,
            revision=1,
            subject=task.title,
            description=what,
            start=date_of(task.baseline_start),
            due=date_of(task.baseline_due),
            after=tuple(link.task for link in task.after),
        )
    if (task.state is TaskState.DONE) == task.issue.done:
        return None
    return PlanRow(
        task=task.name,
        revision=task.issue.revision + 1,
        subject=task.title,
        description=what,
        start=date_of(task.start),
        due=max(date_of(task.due), date_of(task.start)),
        done=task.state is TaskState.DONE,
        issue=task.issue.id,
    )


def _row(state: OnboardingState, task: Task) -> TaskRow:
    date_of, stop = state.working.date_of, task.blocked
    return TaskRow(
        onboarding_id=state.begin.id,
        task=task.name,
        name=task.title,
        phase=task.phase,
        owner=task.owner,
        side=task.side,
        state=task.state,
        after=tuple(link.task for link in task.after),
        start=date_of(task.start),
        due=date_of(task.due),
        baseline_due=date_of(task.baseline_due),
        done_at=task.done_at,
        blocked_reason=stop.reason if stop else None,
        blocked_side=stop.side if stop else None,
        external_id=task.issue.id if task.issue else None,
        external_url=task.issue.url if task.issue else None,
        seq=state.seq,
    )
