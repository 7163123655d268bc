"""What a server would say to a workflow about its actions: failures, timeouts, pauses."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure as FailureProto
from temporalio.bridge.proto.workflow_activation import WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from workflows.rehearsal.outside import Failed


def name_of(command: WorkflowCommand) -> str:
    """Return what a command asks for, by which a replay is compared with the first time."""
    kind = command.WhichOneof("variant") or ""
    asked = getattr(command, kind) if kind else None
    whom = getattr(asked, "activity_type", "") or getattr(asked, "workflow_id", "")
    return f"{kind} {whom} {getattr(asked, 'seq', '')}"


def resolved(asked: Any, what: Payload | FailureProto, *, local: bool) -> WorkflowActivationJob:
    """Return the news that an action is done, or has failed."""
    job = WorkflowActivationJob()
    job.resolve_activity.seq, job.resolve_activity.is_local = asked.seq, local
    if isinstance(what, Payload):
        job.resolve_activity.result.completed.result.CopyFrom(what)
    else:
        job.resolve_activity.result.failed.failure.CopyFrom(what)
    return job


def backed_off(asked: Any, number: int, pause: timedelta, first: datetime) -> WorkflowActivationJob:
    """Return the news that a local action is to be tried again after a timer of the workflow's own."""
    job = WorkflowActivationJob()
    job.resolve_activity.seq, job.resolve_activity.is_local = asked.seq, True
    backoff = job.resolve_activity.result.backoff
    backoff.attempt = number
    backoff.backoff_duration.FromTimedelta(pause)
    backoff.original_schedule_time.FromDatetime(first)
    return job


def pause_after(policy: Any, number: int) -> timedelta:
    """Return how long the retry policy waits after this try."""
    first: timedelta = policy.initial_interval.ToTimedelta() or timedelta(seconds=1)
    most: timedelta = policy.maximum_interval.ToTimedelta() or first * 100
    factor: float = (policy.backoff_coefficient or 2) ** min(number - 1, 40)
    return min(first * factor, most)


def last_in_vain(asked: Any, outcome: Failed, number: int, first: datetime, over: datetime) -> tuple[int, datetime]:
    """Return the number and the end of the last try in a row that an outage lets fail; no other has to be made.

    Each falls when the retry policy has it; the first that might succeed, or comes too late, is not among them.
    """
    if outcome.back is None:
        return number, over
    policy, limit = asked.retry_policy, asked.schedule_to_close_timeout.ToTimedelta()
    horizon = min(outcome.back, first + limit) if limit else outcome.back
    most = policy.maximum_attempts or sys.maxsize
    while True:
        pause = pause_after(policy, number)
        again, each = over + pause, pause + outcome.takes
        if again >= horizon or number >= most:
            return number, over
        alike = pause == pause_after(policy, number + 1)  # and so are all that follow
        tries = min(-((again - horizon) // each), most - number) if alike else 1
        number, over = number + tries, over + each * tries


def failure(asked: Any, outcome: Failed) -> FailureProto:
    failed = _activity_failure(asked, RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE)
    failed.cause.CopyFrom(_application(outcome))
    return failed


def _application(outcome: Failed) -> FailureProto:
    failure = FailureProto(message=outcome.message)
    failure.application_failure_info.type = outcome.kind
    failure.application_failure_info.non_retryable = outcome.in_vain
    return failure


def timed_out(asked: Any, last: Failed | None) -> FailureProto:
    failed = _activity_failure(asked, RetryState.RETRY_STATE_TIMEOUT)
    failed.cause.message = "activity ScheduleToClose timeout"
    failed.cause.timeout_failure_info.timeout_type = TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
    if last is not None:
        failed.cause.cause.CopyFrom(_application(last))
    return failed


def _activity_failure(asked: Any, why: RetryState.ValueType) -> FailureProto:
    failed = FailureProto(message="Activity task failed")
    failed.activity_failure_info.activity_id = asked.activity_id
    failed.activity_failure_info.activity_type.name = asked.activity_type
    failed.activity_failure_info.retry_state = why
    return failed
