"""Virtual time: the real workflow code on a clock that jumps, with everything a server would do for it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure as FailureProto
from temporalio.bridge.proto.child_workflow import StartChildWorkflowExecutionFailedCause
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from workflows.rehearsal.activations import (
    backed_off,
    failure,
    last_in_vain,
    name_of,
    pause_after,
    resolved,
    timed_out,
)
from workflows.rehearsal.instances import (
    JSON,
    ByReference,
    Run,
    activate,
    argument_of,
    definition_of,
    forget,
    instance_of,
)
from workflows.rehearsal.outside import Attempt, Done, Outside, Refused, Wedged
from workflows.rehearsal.rounds import Rounds

_NOW, _EVENT = 0, 1
"""What is answered at once comes before other events of the same instant."""


class VirtualTime:
    """A clock, and every workflow that lives by it.

    With `exact` every value is written to JSON and read again, as on a server; else values are passed on.
    `remember` keeps what each workflow was told, which a restart needs; `rounds` may put off a timer.
    """

    def __init__(
        self, outside: Outside, *, start: datetime, workflows: Sequence[type], seed: int = 0,
        exact: bool = False, remember: bool = False, roll_over_after: int = 400, rounds: Rounds | None = None,
    ) -> None:  # fmt: skip
        self.now = start
        self.outside = outside
        self.runs: dict[str, Run] = {}
        self.converter = JSON if exact else ByReference()
        self._kinds = {definition_of(each).name: each for each in workflows}
        self._definitions = {each: definition_of(each) for each in workflows}
        self._seed, self._remember, self._roll_over_after, self._rounds = seed, remember, roll_over_after, rounds
        self._order = count()
        self._heap: list[tuple[datetime, int, int, Callable[[], None]]] = []
        self._answers: dict[str, Any] = {}

    def at(self, when: datetime, what: Callable[[], None]) -> None:
        """Let something happen at an instant, or now when that has passed."""
        heapq.heappush(self._heap, (max(when, self.now), _EVENT, next(self._order), what))

    def start(self, kind: type, argument: Any, run_id: str, first: tuple[str, Any] | None = None) -> Run:
        """Start a workflow, with a first update that arrives together with it (update-with-start).

        Raises ValueError when the id is taken, Refused when the first update is.
        """
        if run_id in self.runs:
            raise ValueError(f"{run_id} has been started already")
        run = Run(run_id, kind, self._definitions[kind], argument, self._seed + len(self.runs))
        self.runs[run_id] = run
        told = None if first is None else self._asking(*first)
        self._begin(run, told)
        if told is not None:
            self._answer_to(told)
        return run

    def update(self, run_id: str, name: str, argument: Any, result: type | None = None) -> Any:
        """Hand in an update and return its answer. Raises Refused, or Wedged when the workflow has ended."""
        run = self.runs[run_id]
        if run.ended:
            raise Refused("ended", f"{run_id} has ended")
        job = self._asking(name, argument)
        self._activate(run, job)
        [value] = self.converter.from_payloads([self._answer_to(job)], [result] if result else None)
        return value

    def signal(self, run_id: str, name: str, payloads: Sequence[Payload]) -> None:
        """Send a signal to a workflow that has not ended."""
        run = self.runs[run_id]
        job = WorkflowActivationJob()
        # The SDK groups what a signal leads to by the signal's event; each has a number of its own, from 1.
        job.signal_workflow.originating_event_id = run.activations + 1
        job.signal_workflow.signal_name = name
        job.signal_workflow.input.extend(payloads)
        self._activate(run, job)

    def run(self, until: datetime, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until an instant, until nothing is left to happen, or until `done`."""
        while self._heap and not done() and self._heap[0][0] <= until:
            when, _, _, what = heapq.heappop(self._heap)
            self.now = when
            what()

    def next_event(self) -> datetime | None:
        """Return when something happens next."""
        return self._heap[0][0] if self._heap else None

    def restart(self, run_id: str) -> None:
        """Kill the worker and let another one replay what the workflow was told; needs `remember`.

        Raises Wedged when the replay does not ask for exactly what was asked for before.
        """
        run = self.runs[run_id]
        if run.ended:
            return
        forget(run, self.now)
        run.instance = instance_of(run, self.converter, self.now)
        for told, said in zip(run.past, run.said, strict=True):
            again = WorkflowActivation()
            again.CopyFrom(told)
            again.is_replaying = True
            for job in again.jobs:
                if job.HasField("do_update"):
                    job.do_update.run_validator = False
                if job.HasField("initialize_workflow"):
                    job.initialize_workflow.arguments[0].CopyFrom(self._given(run))
            answer = activate(run, again)
            commands = [name_of(c) for c in answer.successful.commands]
            if answer.HasField("failed") or commands != said:
                raise Wedged(f"{run_id} does not replay: it asked for {said}, now for {commands}")

    def close(self) -> None:
        """Let go of every workflow that is still alive."""
        for run in self.runs.values():
            if not run.ended:
                forget(run, self.now)
        self._heap.clear()

    def _asking(self, name: str, argument: Any) -> WorkflowActivationJob:
        job = WorkflowActivationJob()
        job.do_update.id = job.do_update.protocol_instance_id = f"u{next(self._order)}"
        job.do_update.meta.update_id = job.do_update.id
        job.do_update.name, job.do_update.run_validator = name, True
        job.do_update.input.extend(self.converter.to_payloads([argument]))
        return job

    def _answer_to(self, job: WorkflowActivationJob) -> Payload:
        answer = self._answers.pop(job.do_update.id)
        if isinstance(answer, Refused):
            raise answer
        found: Payload = answer
        return found

    def _begin(self, run: Run, told: WorkflowActivationJob | None = None) -> None:
        run.past, run.said, run.timers = [], [], set()
        run.instance = instance_of(run, self.converter, self.now)
        job = WorkflowActivationJob()
        first = job.initialize_workflow
        first.workflow_type, first.workflow_id = run.definition.name, run.id
        first.arguments.append(self._given(run))
        first.randomness_seed, first.attempt = run.seed, 1
        self._activate(run, job, *([told] if told is not None else []))

    def _given(self, run: Run) -> Payload:
        """Return what a workflow starts with; a state is read anew each time, since its workflow changes it."""
        value = JSON.from_payload(run.argument, argument_of(run.definition)[0]) if run.number else run.argument
        [given] = self.converter.to_payloads([value])
        return given

    def _activate(self, run: Run, *jobs: WorkflowActivationJob) -> None:
        """Tell a workflow something and do what it asks for."""
        told = WorkflowActivation(run_id=run.id)
        told.timestamp.FromDatetime(self.now)
        told.jobs.extend(jobs)
        run.activations += 1
        told.continue_as_new_suggested = run.activations >= self._roll_over_after
        answer = activate(run, told)
        if answer.HasField("failed"):
            raise Wedged(f"{run.id}: {answer.failed.failure.message}\n{answer.failed.failure.stack_trace}")
        commands = list(answer.successful.commands)
        refused = any(c.HasField("update_response") and c.update_response.HasField("rejected") for c in commands)
        if self._remember and not refused:  # a refusal leaves no trace in a history
            run.past.append(told)
            run.said.append([name_of(c) for c in commands])
        for command in commands:
            self._obey(run, command)

    def _obey(self, run: Run, command: WorkflowCommand) -> None:
        match command.WhichOneof("variant"):
            case "start_timer":
                timer = command.start_timer
                run.timers.add(timer.seq)
                number, seq, when = run.number, timer.seq, self.now + timer.start_to_fire_timeout.ToTimedelta()
                if self._rounds is not None:
                    when = self._rounds.rests(run, seq, self.now, when)
                self.at(when, lambda: self._fire(run, number, seq))
            case "cancel_timer":
                run.timers.discard(command.cancel_timer.seq)
            case "schedule_activity":
                self._schedule(run, command.schedule_activity, local=False)
            case "schedule_local_activity":
                self._schedule(run, command.schedule_local_activity, local=True)
            case "update_response":
                self._answered(command.update_response)
            case "start_child_workflow_execution":
                self._child(run, command.start_child_workflow_execution)
            case "signal_external_workflow_execution":
                self._signal_external(run, command.signal_external_workflow_execution)
            case "complete_workflow_execution":
                [run.result] = self.converter.from_payloads(
                    [command.complete_workflow_execution.result], [run.definition.ret_type or object]
                )
                self._over(run)
            case "continue_as_new_workflow_execution":
                self._roll_over(run, command.continue_as_new_workflow_execution.arguments[0])
            case "fail_workflow_execution":
                raise Wedged(f"{run.id} failed: {command.fail_workflow_execution.failure.message}")
            case None | "modify_workflow_properties" | "upsert_workflow_search_attributes" | "set_patch_marker":
                pass
            case other:
                raise Wedged(f"{run.id} asks for {other}, which virtual time does not know")

    def _fire(self, run: Run, number: int, seq: int) -> None:
        if run.ended or run.number != number or seq not in run.timers:
            return
        run.timers.discard(seq)
        if self._rounds is not None:
            self._rounds.woke(run, seq, self.now)
        job = WorkflowActivationJob()
        job.fire_timer.seq = seq
        self._activate(run, job)

    def _answered(self, response: Any) -> None:
        if response.HasField("rejected"):
            failure = response.rejected
            self._answers[response.protocol_instance_id] = Refused(
                failure.application_failure_info.type, failure.message
            )
        elif response.HasField("completed"):
            self._answers[response.protocol_instance_id] = response.completed

    def _schedule(self, run: Run, asked: Any, *, local: bool) -> None:
        wanted = self.outside.takes(asked.activity_type)
        if wanted is None:
            raise Wedged(f"{run.id} asks for {asked.activity_type!r}, which nobody offers")
        [argument] = self.converter.from_payloads(asked.arguments, [wanted])
        first = asked.original_schedule_time.ToDatetime(UTC) if local and asked.attempt > 1 else self.now
        self._try(run, asked, argument, max(1, asked.attempt) if local else 1, first, local=local)

    def _try(self, run: Run, asked: Any, argument: Any, number: int, first: datetime, *, local: bool) -> None:
        """Make one try; what comes of it is told to the workflow, or the next try is made by the retry policy."""
        queue = "" if local else asked.task_queue
        outcome = self.outside.perform(Attempt(run.id, asked.activity_type, argument, number, queue, local))
        over = self.now + outcome.takes
        limit = asked.schedule_to_close_timeout.ToTimedelta() or timedelta.max
        life = run.number
        if isinstance(outcome, Done):
            if over - first > limit:
                self._tell(run, life, asked, first + limit, timed_out(asked, None), local=local)
            else:
                [payload] = self.converter.to_payloads([outcome.result])
                self._tell(run, life, asked, over, payload, local=local)
            return
        if not local:  # a local action's tries are few, and its pauses partly the workflow's own
            number, over = last_in_vain(asked, outcome, number, first, over)
        pause = pause_after(asked.retry_policy, number)
        most = asked.retry_policy.maximum_attempts
        if outcome.in_vain or (most and number >= most):
            self._tell(run, life, asked, over, failure(asked, outcome), local=local)
        elif over + pause - first > limit:
            self._tell(run, life, asked, first + limit, timed_out(asked, outcome), local=local)
        elif local and pause > asked.local_retry_threshold.ToTimedelta():
            # A local action that waits longer does so by a timer of the workflow, as the SDK's core has it.
            self._tell_later(run, life, backed_off(asked, number + 1, pause, first), self.now)
        else:

            def again() -> None:
                if not run.ended and run.number == life:
                    self._try(run, asked, argument, number + 1, first, local=local)

            self.at(over + pause, again)

    def _tell(
        self, run: Run, life: int, asked: Any, when: datetime, what: Payload | FailureProto, *, local: bool
    ) -> None:
        self._tell_later(run, life, resolved(asked, what, local=local), when, at_once=local)

    def _tell_later(
        self, run: Run, life: int, job: WorkflowActivationJob, when: datetime, *, at_once: bool = True,
        then: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Tell a workflow something at an instant, unless it has ended or continued as new by then."""

        def tell() -> None:
            if not run.ended and run.number == life:
                self._activate(run, job)
            then()

        rank = _NOW if at_once and when <= self.now else _EVENT
        heapq.heappush(self._heap, (max(when, self.now), rank, next(self._order), tell))

    def _child(self, run: Run, asked: Any) -> None:
        job = WorkflowActivationJob()
        started = job.resolve_child_workflow_execution_start
        started.seq = asked.seq
        child: Run | None = None
        if asked.workflow_id in self.runs:
            started.failed.workflow_id, started.failed.workflow_type = asked.workflow_id, asked.workflow_type
            started.failed.cause = StartChildWorkflowExecutionFailedCause.ValueType(1)  # already exists
        else:
            kind = self._kinds[asked.workflow_type]
            definition = self._definitions[kind]
            [given] = self.converter.from_payloads([asked.input[0]], argument_of(definition))
            child = Run(
                asked.workflow_id, kind, definition, given, self._seed + len(self.runs), (run.id, asked.seq, run.number)
            )
            self.runs[child.id] = child
            started.succeeded.run_id = f"{child.id}/0"
        self._tell_later(run, run.number, job, self.now, then=lambda: self._begin(child) if child is not None else None)

    def _signal_external(self, run: Run, asked: Any) -> None:
        target = self.runs.get(asked.workflow_execution.workflow_id)
        job = WorkflowActivationJob()
        job.resolve_signal_external_workflow.seq = asked.seq
        if target is None or target.ended:
            job.resolve_signal_external_workflow.failure.message = "no such workflow"
        payloads = list(asked.args)

        def deliver() -> None:
            if target is not None and not target.ended:
                self.signal(target.id, asked.signal_name, payloads)

        self._tell_later(run, run.number, job, self.now, then=deliver)

    def _roll_over(self, run: Run, argument: Payload) -> None:
        """Continue as new: the state is written down and read again, as a server would."""
        [value] = self.converter.from_payloads([argument], argument_of(run.definition))
        run.argument = JSON.to_payload(value)
        run.number += 1
        run.activations = 0
        self._begin(run)

    def _over(self, run: Run) -> None:
        run.ended, run.timers = True, set()
        if run.parent is None:
            return
        parent, seq, life = self.runs[run.parent[0]], run.parent[1], run.parent[2]
        job = WorkflowActivationJob()
        job.resolve_child_workflow_execution.seq = seq
        [payload] = self.converter.to_payloads([run.result])
        job.resolve_child_workflow_execution.result.completed.result.CopyFrom(payload)
        self._tell_later(parent, life, job, self.now)
