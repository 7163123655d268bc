"""How each kind of step that has begun is carried out: actions as activities, onboarding and subflows as children."""

from __future__ import annotations

from datetime import timedelta

from temporalio import exceptions, workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from models.calls import ActionCall, Intake, Parent, PrepareOnboarding, call_of
    from models.deal import DealState, ExternalRef, Incident, base
    from models.flow import CallDef, HandoffDef, Step, StepId, SubflowDef
    from models.onboarding import Begin, OnboardingInput
    from models.outcomes import Result
    from models.turn import title

PURE_PATIENCE = timedelta(hours=24)
_ATTEMPT = timedelta(seconds=60)
_HEARTBEAT = timedelta(seconds=6)
"""A worker that was killed is noticed after this; the attempt is then made again elsewhere."""
_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
)

# Whether it happened outside is for a person to find out.
_UNKNOWN = {"outcome_unknown", "key_reused"}


class Waiting(Exception):
    """The step's result comes later by message."""


async def carry_out(state: DealState, step_id: StepId) -> Result:
    """Carry out a step that has begun. Raises Waiting when a child reports later, FailureError when it fails."""
    step = state.flow.steps[base(step_id)].step
    match step:
        case HandoffDef():
            return await _onboard(state, step_id)
        case SubflowDef():
            return await _subflow(state, step_id, step)
    return await _action(state, step_id, step)


def incident_of(failure: BaseException) -> Incident:
    """Return the incident a failure means: what to tell a person, and whether something may have happened outside."""
    now = workflow.now()
    cause = failure.cause if isinstance(failure, ActivityError) else failure
    if isinstance(cause, ApplicationError):
        kind = cause.type or "failed"
        return Incident(kind=kind.replace("_", " "), message=cause.message, at=now, unknown=kind in _UNKNOWN)
    if isinstance(cause, exceptions.TimeoutError):
        last = cause.cause
        told = f" Last: {last.message}" if isinstance(last, ApplicationError) else ""
        message = f"it did not answer in time; try again, or look outside and complete it by hand.{told}"
        return Incident(kind="unavailable", message=message, at=now, unknown=False)
    return Incident(kind="failed", message=f"{type(cause).__name__}: {cause}", at=now)


async def _action(state: DealState, step_id: StepId, step: Step) -> Result:
    call = call_of(state, step_id)
    spec = state.flow.actions.get(step.action) if isinstance(step, CallDef) else None
    result: Result = await workflow.execute_activity(
        call.action,
        call,
        result_type=Result,
        task_queue=spec.queue if spec and spec.queue else None,
        schedule_to_close_timeout=timedelta(seconds=spec.patience_seconds) if spec else PURE_PATIENCE,
        start_to_close_timeout=_ATTEMPT,
        heartbeat_timeout=_HEARTBEAT,
        retry_policy=_RETRY,
        summary=f"{title(step_id)} ({call.op})",
    )
    return result


async def _onboard(state: DealState, step_id: StepId) -> Result:
    """Start the onboarding; it outlives this run, so it is abandoned and awaited only until it has started (D11)."""
    record = state.record(step_id)
    decision = record.decisions[-1]
    step = state.flow.steps[base(step_id)].step
    begin = await workflow.execute_local_activity(
        "prepare_onboarding",
        PrepareOnboarding(
            deal=state.deal, step=step_id, accepted_by=decision.person, conditions=tuple(record.conditions),
            facts=state.facts, packet=step.packet if isinstance(step, HandoffDef) else "",
        ),
        result_type=Begin,
        schedule_to_close_timeout=timedelta(minutes=10),
        start_to_close_timeout=timedelta(seconds=10),
    )  # fmt: skip
    await _start_child("Onboarding", OnboardingInput(begin=begin), begin.id, f"Onboarding of {begin.account}")
    return Result(reference=ExternalRef(id=begin.id))


async def _subflow(state: DealState, step_id: StepId, step: SubflowDef) -> Result:
    record = state.record(step_id)
    child_id = f"{state.deal}|{step_id}|{record.revision}"
    parent = Parent(workflow=workflow.info().workflow_id, step=step_id, revision=record.revision, outputs=step.outputs)
    definition = state.flow.children.get(step.what)
    if definition is None:
        call: ActionCall | Intake = call_of(state, step_id)
        await _start_child(step.what, call, child_id, title(step_id))
    else:
        intake = Intake(flow=definition, deal=child_id, facts=record.read, parent=parent)
        await _start_child("DealLifecycle", intake, child_id, title(step_id))
    if step.detach:
        return Result(reference=ExternalRef(id=child_id))
    raise Waiting


async def _start_child(kind: str, argument: object, child_id: str, summary: str) -> None:
    try:
        await workflow.start_child_workflow(
            kind,
            argument,
            id=child_id,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            # The default would end it whenever this deal continues as new.
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=summary,
        )
    except WorkflowAlreadyStartedError:
        return  # an earlier try started it: the id is the effect key
    except FailureError as failure:
        raise ApplicationError(f"{summary} could not be started: {failure}", type="failed") from failure
