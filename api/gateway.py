"""The only module of the doors that speaks to Temporal: acts go in as updates, receipts or refusals come out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from weakref import WeakValueDictionary

from pydantic import BaseModel
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from connectors.temporal import TemporalUnreachable
from models.deal import DealState, Receipt

DEALS = "deals"
IN_FLIGHT = 8  # per deal; the server allows ten
PATIENCE = timedelta(seconds=10)
BUSY = 0.7  # seconds for which an update is repeated that the workflow's continue-as-new aborted
SEEN = timedelta(minutes=2)


_FAILURES = (
    RPCError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowAlreadyStartedError,
)
# The update was accepted, then its run ended (continue-as-new or a close), or the request is an instant from being
# open: nothing came of it, it may be repeated.
_ABORTED = frozenset({"AcceptedUpdateCompletedWorkflow", "not_ready"})


class KeyedAct(Protocol):
    """Any act: a frozen message with its one-time key."""

    @property
    def key(self) -> str: ...


class Gateway(Protocol):
    """What the doors ask of the running workflows. A refusal raises Refused, silence raises Unreachable."""

    async def start(self, deal: str, given: BaseModel, first: KeyedAct) -> Receipt:
        """Start the deal's workflow unless it runs, and hand it its first act in the same call."""

    async def act(self, deal: str, act: KeyedAct) -> Receipt:
        """Hand an act to a deal; the same key again returns the first receipt."""

    async def onboard(self, onboarding: str, act: KeyedAct) -> Receipt:
        """Hand an act to an onboarding."""

    async def state(self, deal: str) -> DealState:
        """Return everything a deal is at this moment."""

    async def ready(self) -> str | None:
        """Return what is missing before acts can be carried out, None when nothing is."""


class Refused(Exception):
    """The workflow said no, with one of the codes of models/acts.py. Nothing was changed."""

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details or {}


class NotRunning(Exception):
    """There is no such workflow, or it has ended."""


class Unreachable(Exception):
    """Temporal, or every worker, is silent. `worker` says which; repeating with the same key is safe."""

    def __init__(self, message: str, *, worker: bool = False) -> None:
        super().__init__(message)
        self.worker = worker


class TemporalGateway:
    """The real one. Connects when first needed, so that the doors open while Temporal is still down."""

    def __init__(self, connect: Callable[[], Awaitable[Client]], patience: timedelta = PATIENCE) -> None:
        self._connect = connect
        self._patience = patience
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._doors: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def start(self, deal: str, given: BaseModel, first: KeyedAct) -> Receipt:
        client = await self._connected()

        async def once() -> Receipt:
            begun = WithStartWorkflowOperation[Any, Any](
                "DealLifecycle",
                given,
                id=deal,
                task_queue=DEALS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
            receipt: Receipt = await client.execute_update_with_start_workflow(
                "act",
                first,
                id=first.key,
                start_workflow_operation=begun,
                result_type=Receipt,
                rpc_timeout=self._patience,
            )
            return receipt

        return await self._serialised(deal, once)

    async def act(self, deal: str, act: KeyedAct) -> Receipt:
        return await self._update(deal, act)

    async def onboard(self, onboarding: str, act: KeyedAct) -> Receipt:
        return await self._update(onboarding, act)

    async def state(self, deal: str) -> DealState:
        client = await self._connected()
        try:
            state: DealState = await client.get_workflow_handle(deal).query(
                "state", result_type=DealState, rpc_timeout=self._patience
            )
        except (RPCError, WorkflowQueryFailedError) as failure:
            raise _meaning(failure) from failure
        return state

    async def ready(self) -> str | None:
        try:
            client = await self._connected()
            if not await client.service_client.check_health(timeout=timedelta(seconds=2)):
                return "temporal"
            queue = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=client.namespace,
                    task_queue=TaskQueue(name=DEALS),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                ),
                timeout=timedelta(seconds=2),
            )
        except (Unreachable, RPCError):
            return "temporal"
        now = datetime.now(UTC)
        seen = any(now - p.last_access_time.ToDatetime(UTC) < SEEN for p in queue.pollers)
        return None if seen else "worker"

    async def _update(self, workflow: str, act: KeyedAct) -> Receipt:
        client = await self._connected()

        async def once() -> Receipt:
            handle = client.get_workflow_handle(workflow)
            receipt: Receipt = await handle.execute_update(
                "act", act, id=act.key, result_type=Receipt, rpc_timeout=self._patience
            )
            return receipt

        return await self._serialised(workflow, once)

    async def _serialised(self, workflow: str, once: Callable[[], Awaitable[Receipt]]) -> Receipt:
        door = self._doors.get(workflow)
        if door is None:
            door = self._doors[workflow] = asyncio.Semaphore(IN_FLIGHT)
        async with door:
            try:
                return await handed_in(once, self._patience)
            except _FAILURES as failure:
                raise _meaning(failure) from failure

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None:
                try:
                    self._client = await self._connect()
                except (RPCError, RuntimeError, OSError, TemporalUnreachable) as down:
                    raise Unreachable(str(down)) from down
            return self._client


async def handed_in(once: Callable[[], Awaitable[Receipt]], patience: timedelta = PATIENCE) -> Receipt:
    """Send an update, and again for a while when nothing came of it by chance. Raises what the last try raised."""
    waited = 0.0
    while True:
        try:
            return await once()
        except _FAILURES as failure:
            if waited >= _repeats(failure, patience):
                raise
        pause = min(max(waited, 0.05), 1)
        await asyncio.sleep(pause)
        waited += pause


def _repeats(failure: BaseException, patience: timedelta) -> float:
    """Return for how many seconds an update that failed like this is repeated."""
    if isinstance(failure, RPCError) and failure.status is RPCStatusCode.FAILED_PRECONDITION:
        return patience.total_seconds()  # the deal's own task failed lately, as one does that ran out of time
    return BUSY if _aborted(failure) else 0


def _aborted(failure: BaseException) -> bool:
    if isinstance(failure, RPCError):
        return failure.status in {RPCStatusCode.ABORTED, RPCStatusCode.RESOURCE_EXHAUSTED}
    cause = failure.__cause__
    return isinstance(cause, ApplicationError) and cause.type in _ABORTED


def _meaning(failure: BaseException) -> Exception:
    match failure:
        case WorkflowAlreadyStartedError():
            return NotRunning(str(failure))
        case WorkflowUpdateRPCTimeoutOrCancelledError():
            return Unreachable("no worker took the act in time", worker=True)
        case RPCError(status=RPCStatusCode.NOT_FOUND | RPCStatusCode.ALREADY_EXISTS):
            return NotRunning(failure.message)
        case RPCError(status=RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED):
            return Unreachable("no worker took the act in time", worker=True)
        case RPCError(status=RPCStatusCode.FAILED_PRECONDITION):
            return Unreachable("no worker gets on with the deal", worker=True)
        case RPCError():
            return Unreachable(failure.message)
        case WorkflowUpdateFailedError() if _aborted(failure):
            return Unreachable("the deal was busy while the act was handed over")
        case WorkflowUpdateFailedError(cause=ApplicationError() as no):
            details = no.details[0] if no.details and isinstance(no.details[0], dict) else {}
            return Refused(no.type or "invalid", no.message, details)
        case _:
            return Unreachable(str(failure))
