"""One workflow alive in this process: made, spoken to and forgotten through the SDK's own internals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.common import Priority, RawValue, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails

JSON = pydantic_data_converter.payload_converter
_NURSERY: Any = SimpleNamespace()
"""Stands for the event loop on which an instance is made; afterwards the instance is its own."""
_RUNNER = UnsandboxedWorkflowRunner()


class ByReference(PayloadConverter):
    """Passes values on as they are: in one process nothing has to be written down and read again."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Any] = {}
        self._next = count()

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """Keep the values; a payload is the number under which one is kept."""
        return [self._keep(value) for value in values]

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """Return the values kept."""
        raw = type_hints or []
        return [
            RawValue(payload) if i < len(raw) and raw[i] is RawValue else self.kept[payload.data]
            for i, payload in enumerate(payloads)
        ]

    def _keep(self, value: Any) -> Payload:
        if isinstance(value, RawValue):
            return value.payload
        key = str(next(self._next)).encode()
        self.kept[key] = value
        return Payload(data=key)


@dataclass
class Run:
    """One workflow id in virtual time, through every continue-as-new."""

    id: str
    kind: type
    definition: Any
    argument: Any
    """What it was started with, as it was written down when it continued as new."""
    seed: int
    parent: tuple[str, int, int] | None = None
    """Who started it: the workflow, by which of its commands, and in which of its runs."""
    number: int = 0
    instance: WorkflowInstance | None = None
    past: list[WorkflowActivation] = field(default_factory=list)
    said: list[list[str]] = field(default_factory=list)
    timers: set[int] = field(default_factory=set)
    result: Any = None
    ended: bool = False
    activations: int = 0

    @property
    def object(self) -> Any:
        """The workflow itself, as its own code sees it."""
        assert self.instance is not None, self.id
        return self.instance._object  # type: ignore[attr-defined]  # noqa: SLF001


def definition_of(kind: type) -> Any:
    """Return what the SDK knows of a workflow class."""
    return workflow._Definition.must_from_class(kind)  # noqa: SLF001 (there is no public way to it)


def argument_of(definition: Any) -> list[type]:
    """Return the type of what a workflow is started with, as a list of one."""
    return list(definition.arg_types[:1])


def instance_of(run: Run, converter: PayloadConverter, now: datetime) -> WorkflowInstance:
    """Return a new instance of a run's workflow, to which nothing has been said yet."""
    details = WorkflowInstanceDetails(
        payload_converter_factory=lambda: converter,
        failure_converter_class=DefaultFailureConverter,
        interceptor_classes=[],
        defn=run.definition,
        info=_info(run, now),
        randomness_seed=run.seed,
        extern_functions={"__temporal_assert_local_activity_valid": lambda _name: None},
        disable_eager_activity_execution=True,
        worker_level_failure_exception_types=[],
        patch_activation_callback=None,
        last_completion_result=Payloads(),
        last_failure=None,
    )
    with _aside():
        asyncio._set_running_loop(_NURSERY)  # noqa: SLF001
        return _RUNNER.create_instance(details)


def activate(run: Run, told: WorkflowActivation) -> WorkflowActivationCompletion:
    """Tell a workflow something and return what it asks for; whoever calls may be on an event loop of their own."""
    assert run.instance is not None, run.id
    with _aside():
        return run.instance.activate(told)


def forget(run: Run, now: datetime) -> None:
    """Take a workflow out of memory, as an evicting worker does; its tasks are cancelled and say nothing any more."""
    if run.instance is None:
        return
    told = WorkflowActivation(run_id=run.id)
    told.timestamp.FromDatetime(now)
    told.jobs.add().remove_from_cache.message = "the worker was killed"
    activate(run, told)
    run.instance = None


@contextmanager
def _aside() -> Iterator[None]:
    """Let a workflow be the running event loop for a moment: an instance is one, and forgets which was before."""
    before = asyncio._get_running_loop()  # noqa: SLF001
    asyncio._set_running_loop(None)  # noqa: SLF001
    try:
        yield
    finally:
        asyncio._set_running_loop(before)  # noqa: SLF001


def _info(run: Run, now: datetime) -> workflow.Info:
    run_id = f"{run.id}/{run.number}"
    return workflow.Info(
        attempt=1, continued_run_id=None, cron_schedule=None, execution_timeout=None, first_execution_run_id=run_id,
        headers={}, namespace="rehearsal", original_execution_run_id=run_id, parent=None, root=None, raw_memo={},
        retry_policy=None, run_id=run_id, run_timeout=None, search_attributes={}, start_time=now,
        workflow_start_time=now, task_queue="deals", task_timeout=timedelta(seconds=10),
        typed_search_attributes=TypedSearchAttributes.empty, workflow_id=run.id, workflow_type=run.definition.name,
        priority=Priority.default,
    )  # fmt: skip
