"""Onboardings on a real Temporal server: acts, refusals, outages, replays and very long lives."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import time, timedelta
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.calendars import expand_calendar
from cli.local.places import Places
from cli.local.temporal import EmbeddedTemporal
from models.calendar import CalendarSpec
from models.deal import Receipt
from models.onboarding import (
    Begin,
    BlockTask,
    CompleteTask,
    Condition,
    CrmWrite,
    OnboardingBatch,
    OnboardingInput,
    OnboardingRecorded,
    OnboardingResult,
    StartTask,
    Synced,
    SyncedRow,
    SyncPlan,
    TaskState,
    UnblockTask,
)
from models.plan import Side, phase, plan, task
from workflows.flows.plans import managed_services
from workflows.onboarding import PROJECTS_QUEUE, Onboarding

ALWAYS = CalendarSpec(zone="UTC", week=(((time(0), time(0)),),) * 7)
RUNNER = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules("models"))


class World:
    """What is outside of the workflow: a read side and a project tool, which can be down."""

    def __init__(self) -> None:
        self.database_down = False
        self.tool_down = False
        self.last: dict[str, OnboardingBatch] = {}
        self.journal: dict[str, list[str]] = {}
        self.seqs: dict[str, list[int]] = {}
        self.crm: list[CrmWrite] = []
        self.issues: dict[str, bool] = {}
        self.made = 0

    @activity.defn(name="record_onboarding")
    async def record(self, batch: OnboardingBatch) -> OnboardingRecorded:
        if self.database_down:
            raise ApplicationError("no database", non_retryable=True)
        known = self.seqs.setdefault(batch.onboarding.id, [])
        for entry in batch.entries:
            if entry.seq not in known:
                known.append(entry.seq)
                self.journal.setdefault(batch.onboarding.id, []).append(entry.text)
        self.crm += [write for write in batch.crm if write not in self.crm]
        if batch.onboarding.id not in self.last or batch.onboarding.seq > self.last[batch.onboarding.id].onboarding.seq:
            self.last[batch.onboarding.id] = batch
        return OnboardingRecorded(seq=batch.onboarding.seq)

    @activity.defn(name="sync_plan")
    async def sync(self, asked: SyncPlan) -> Synced:
        if self.tool_down:
            raise ApplicationError("Redmine does not answer", non_retryable=True)
        rows = []
        for row in asked.rows:
            self.made += row.issue is None
            key = row.issue or f"{asked.project}-{row.task}"
            self.issues[key] = row.done
            rows.append(SyncedRow(task=row.task, id=key, url=f"http://tool/{key}"))
        return Synced(rows=tuple(rows))


class Office:
    """A client, a worker and the world around one Temporal server."""

    def __init__(self, client: Client, world: World) -> None:
        self.client, self.world = client, world

    async def begin(self, **changed: object) -> WorkflowHandle[Onboarding, OnboardingResult]:
        handle = await self.start(**changed)
        await until(lambda: self.is_laid_out(handle))
        return handle

    async def start(self, **changed: object) -> WorkflowHandle[Onboarding, OnboardingResult]:
        name = secrets.token_hex(4)
        given = Begin(
            id=f"onboarding/hubspot/{name}",
            deal_id=f"deal/hubspot/{name}",
            account="Corvane Logistics",
            title="Corvane Logistics, managed services",
            manager="marco",
            plan=managed_services,
            calendar=ALWAYS,
        ).model_copy(update=changed)
        return await self.client.start_workflow(
            Onboarding.run, OnboardingInput(begin=given), id=given.id, task_queue=f"deals-{id(self.world)}"
        )

    async def is_laid_out(self, handle: WorkflowHandle[Onboarding, OnboardingResult]) -> bool:
        return await handle.query(Onboarding.state) is not None

    @asynccontextmanager
    async def working(self, **options: int) -> AsyncIterator[None]:
        deals = Worker(
            self.client,
            task_queue=f"deals-{id(self.world)}",
            workflows=[Onboarding],
            activities=[expand_calendar, self.world.record],
            workflow_runner=RUNNER,
            **options,
        )
        projects = Worker(self.client, task_queue=PROJECTS_QUEUE, activities=[self.world.sync])
        async with deals, projects:
            yield


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (it is somebody else's state)
            await asyncio.sleep(0.05)


@pytest.fixture
async def office(temporal_server: EmbeddedTemporal) -> Office:
    client = await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)
    return Office(client, World())


Handle = WorkflowHandle[Onboarding, OnboardingResult]


async def do(handle: Handle, kind: type, name: str, **more: object) -> Receipt:
    act = kind(**{"key": secrets.token_hex(8), "by": "marco", "task": name, **more})
    return await handle.execute_update(Onboarding.act, act, id=act.key)


async def refused(handle: Handle, kind: type, name: str, **more: object) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await do(handle, kind, name, **more)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


async def length(handle: Handle) -> int:
    return (await handle.describe()).history_length


async def test_an_onboarding_is_led_from_kick_off_to_go_live(office: Office):
    async with office.working():
        handle = await office.begin(project="corvane", conditions=(Condition(text="Site contact named", owner="dana"),))
        await do(handle, StartTask, "kick-off")
        receipt = await do(handle, CompleteTask, "kick-off", reason="all there")
        assert (receipt.outcome, receipt.message) == ("done", "Kick-off workshop done: all there")
        await do(handle, BlockTask, "survey", reason="no escort", side=Side.CUSTOMER)
        await do(handle, UnblockTask, "survey")
        for each in ["condition-1", *(each.name for each in list(managed_services.tasks)[1:])]:
            await do(handle, CompleteTask, each)
        result = await handle.result()
    world = office.world
    assert result.id == handle.id
    last = world.last[handle.id].onboarding
    assert (last.state, last.tasks_done, last.tasks_total, last.risk) == ("done", 10, 10, None)
    assert world.seqs[handle.id] == sorted(world.seqs[handle.id])
    assert "Survey of sites and machines blocked by the customer: no escort" in world.journal[handle.id]
    assert world.journal[handle.id][-1].startswith(("Onboarding done", "Project tool"))
    assert world.crm[-1].fields["throughline_progress"] == "done"
    assert len({write.revision for write in world.crm}) == len(world.crm)
    assert world.made == 10
    assert set(world.issues.values()) == {True}
    assert {row.external_url for row in world.last[handle.id].tasks} == {f"http://tool/{key}" for key in world.issues}


async def test_a_refused_act_leaves_no_history_and_says_what_to_do(office: Office):
    async with office.working():
        handle = await office.begin()
        await do(handle, CompleteTask, "kick-off", key="first")
        await until(lambda: written(office, handle, "Kick-off workshop done"))
        before = await length(handle)
        assert (await refused(handle, StartTask, "go-live")).type == "not_allowed"
        assert (await refused(handle, StartTask, "coffee")).type == "unknown_step"
        assert (await refused(handle, BlockTask, "survey")).type == "reason_needed"
        again = await refused(handle, CompleteTask, "kick-off")
        assert again.type == "already_answered"
        assert await length(handle) == before
        state = await handle.query(Onboarding.state)
        assert state
        assert state.tasks["kick-off"].state is TaskState.DONE
        await handle.terminate()


async def written(office: Office, handle: Handle, text: str) -> bool:
    return any(text in each for each in office.world.journal.get(handle.id, []))


async def test_the_database_may_be_down_and_nothing_is_lost(office: Office):
    async with office.working():
        handle = await office.begin()
        await until(lambda: written(office, handle, "begins"))
        office.world.database_down = True
        await do(handle, CompleteTask, "kick-off")
        await do(handle, StartTask, "survey")
        assert not await written(office, handle, "Kick-off workshop done")
        office.world.database_down = False
        await do(handle, StartTask, "access")
        await until(lambda: written(office, handle, "Hand over administrative access started"))
        journal = office.world.journal[handle.id]
        assert [text for text in journal if text.endswith(("done", "started"))] == [
            "Kick-off workshop done",
            "Survey of sites and machines started",
            "Hand over administrative access started",
        ]
        await handle.terminate()


async def test_the_project_tool_may_be_down_and_the_plan_goes_on(office: Office):
    office.world.tool_down = True
    async with office.working():
        handle = await office.begin(project="corvane")
        await until(lambda: written(office, handle, "tried again: Redmine does not answer"))
        assert (await do(handle, CompleteTask, "kick-off")).outcome == "done"
        state = await handle.query(Onboarding.state)
        assert state
        assert state.asked
        assert len(state.asked.rows) == 9
        await handle.terminate()


async def test_a_worker_that_remembers_nothing_replays_every_step_alike(office: Office):
    async with office.working(max_cached_workflows=0):
        handle = await office.begin(project="corvane")
        await do(handle, StartTask, "kick-off")
        await do(handle, BlockTask, "kick-off", reason="room is locked")
    async with office.working(max_cached_workflows=0):
        await do(handle, UnblockTask, "kick-off")
        for each in managed_services.tasks:
            await do(handle, CompleteTask, each.name)
        assert (await handle.result()).id == handle.id
    history = await handle.fetch_history()
    replayer = Replayer(workflows=[Onboarding], data_converter=pydantic_data_converter, workflow_runner=RUNNER)
    await replayer.replay_workflow(history)
    assert office.world.made == 9


async def test_a_plan_longer_than_the_calendar_gets_a_longer_one(office: Office):
    years = [task(f"year-{i}", f"Year {i}", by="x", days=250, after=[f"year-{i - 1}"] if i else []) for i in range(3)]
    async with office.working():
        handle = await office.begin(
            plan=plan("years", "Years", phase("All", *years), go_live="year-2"), calendar=CalendarSpec(zone="UTC")
        )
        state = await handle.query(Onboarding.state)
        assert state
        assert state.working.horizon - state.opened_at > timedelta(days=1200)
        assert (state.promised_go_live - state.opened_at.date()).days > 1000
        await handle.terminate()


async def test_a_plan_with_a_mistake_ends_at_once_and_names_it(office: Office):
    broken = plan("p", "P", phase("A", task("a", "A", by="x", days=1, after=["b"])), go_live="a")
    async with office.working():
        handle = await office.start(plan=broken)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert (caught.value.cause.type, "comes after 'b'" in str(caught.value.cause)) == ("invalid", True)


@pytest.fixture
async def forgetful(places: Places, temporal_program: Path) -> AsyncIterator[Office]:
    """A server that wants histories to be short."""
    server = EmbeddedTemporal(
        places,
        temporal_program,
        dynamic_config={"limit.historyCount.suggestContinueAsNew": "40"},
        preferred_port=0,
        ui=False,
        name="temporal-forgetful",
    )
    server.start()
    client = await Client.connect(server.address, data_converter=pydantic_data_converter)
    yield Office(client, World())
    server.stop()


async def test_a_long_life_continues_as_new_with_everything_it_knows(forgetful: Office):
    async with forgetful.working(max_cached_workflows=0):
        handle = await forgetful.begin(project="corvane")
        first = (await handle.describe()).run_id
        await do(handle, StartTask, "kick-off", key="the first act")
        for i in range(12):
            await do(handle, BlockTask, "survey", reason=f"reason {i}")
            await do(handle, UnblockTask, "survey")
        latest = forgetful.client.get_workflow_handle_for(Onboarding.run, handle.id)
        assert (await latest.describe()).run_id != first
        assert (await refused(latest, StartTask, "kick-off", key="the first act")).type == "already_answered"
        for each in managed_services.tasks:
            await do(latest, CompleteTask, each.name)
        assert (await latest.result()).id == handle.id
    world = forgetful.world
    assert sum("blocked by us: reason" in text for text in world.journal[handle.id]) == 12
    assert world.seqs[handle.id] == sorted(set(world.seqs[handle.id]))
    assert world.made == 9
