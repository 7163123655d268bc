"""What a person meets whose answer reaches a deal while its workflow task fails: the answer waits and is not lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.gateway import TemporalGateway, Unreachable
from models.acts import HoldDeal
from models.deal import Receipt

MENDED = asyncio.Event()


@workflow.defn(name="Stumbling")
class Stumbling:
    """A deal whose every workflow task fails until somebody mends it, as a task does that ran out of time."""

    @workflow.run
    async def run(self) -> None:
        if not MENDED.is_set():
            raise RuntimeError("not mended yet")
        await workflow.wait_condition(lambda: False)

    @workflow.update
    def act(self, act: HoldDeal) -> Receipt:
        return Receipt(outcome="held", message=act.reason, seq=1, by=act.by, at=workflow.now())


async def stuck(client: Client, queue: str) -> WorkflowHandle:
    """Return a workflow whose task has failed so often that the server takes no update for it."""
    handle = await client.start_workflow("Stumbling", id=f"stumbling/{uuid4().hex}", task_queue=queue)
    for _ in range(600):
        if (await handle.describe()).raw_description.pending_workflow_task.attempt >= 3:
            return handle
        await asyncio.sleep(0.05)
    raise AssertionError("the task did not fail three times in half a minute")


@pytest.mark.faults
async def test_an_answer_to_a_deal_whose_task_fails_is_refused_as_to_be_repeated_or_waits_until_it_is_mended(
    temporal_server,
) -> None:
    MENDED.clear()
    queue = f"stumbling-{uuid4().hex}"
    client = await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)

    async def connected() -> Client:
        return client

    later = HoldDeal(key="k1", by="dana", reason="later")
    async with Worker(client, task_queue=queue, workflows=[Stumbling], workflow_runner=UnsandboxedWorkflowRunner()):
        handle = await stuck(client, queue)
        with pytest.raises(Unreachable) as refused:
            await TemporalGateway(connected, patience=timedelta(seconds=1)).act(handle.id, later)
        assert refused.value.worker

        waiting = asyncio.create_task(TemporalGateway(connected, patience=timedelta(seconds=60)).act(handle.id, later))
        MENDED.set()
        assert (await waiting).message == "later"
        await handle.terminate()
