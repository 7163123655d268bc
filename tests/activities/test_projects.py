"""Projects and the issues of a plan in Redmine's sandbox over real HTTP, through the real ledger."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.calendars import working
from activities.effects import Ledger
from activities.ledger_rows import live
from activities.projects import Projects
from connectors.contract import ExternalRef
from connectors.database import Database
from connectors.redmine.connector import Redmine
from connectors.sandbox.start import Sandbox
from models import deal
from models.calendar import CalendarSpec
from models.calls import ActionCall
from models.delivery import lay_out, perform, synced
from models.delivery_record import wanted
from models.onboarding import Begin, CompleteTask, OnboardingState, SyncPlan
from models.values import Text
from tests.connectors.outside import Outside
from workflows.flows.plans import managed_services

SPEC = CalendarSpec(zone="America/Chicago", country="US")
MONDAY = datetime(2026, 11, 16, 15, tzinfo=UTC)
_numbers = count(7_000_000)


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with Sandbox(Path(tmp_path_factory.mktemp("sandbox"))) as running:
        yield running


@pytest.fixture
async def outside(sandbox: Sandbox) -> AsyncIterator[Outside]:
    async with Outside(sandbox.pages) as hands:
        yield hands
        await hands.forget_faults()


@pytest.fixture
async def redmine(sandbox: Sandbox) -> AsyncIterator[Redmine]:
    connector = Redmine(sandbox.settings["REDMINE_BASE_URL"], sandbox.settings["REDMINE_KEY"])
    yield connector
    await connector.aclose()


@pytest.fixture
def projects(database: Database, redmine: Redmine) -> Projects:
    return Projects(Ledger(database.write), redmine)


def a_call(op: str = "do", revision: int = 1, number: int | None = None, made: str = "") -> ActionCall:
    return ActionCall(
        deal=f"deal/hubspot/{number or next(_numbers)}",
        step="call:create_project",
        action="create_project",
        op=op,  # type: ignore[arg-type]
        revision=revision,
        inputs={"account": Text(v="Corvane Logistics"), "title": Text(v="Managed services")},
        reference=deal.ExternalRef(id=made) if made else None,
    )


async def begun(projects: Projects) -> tuple[OnboardingState, SyncPlan]:
    call = a_call()
    project = (await projects.create_project(call)).facts["project"]
    state = lay_out(
        Begin(
            id=call.deal.replace("deal", "onboarding"),
            deal_id=call.deal,
            account="Corvane Logistics",
            title="Managed services",
            manager="marco",
            plan=managed_services,
            calendar=SPEC,
            project=str(project),
        ),
        working(SPEC, MONDAY),
        MONDAY,
    )
    asked = wanted(state)
    assert asked
    return state.model_copy(update={"asked": asked}), asked


async def test_the_same_call_makes_one_project(projects: Projects, redmine: Redmine):
    call = a_call()
    first = await projects.create_project(call)
    assert await projects.create_project(call) == first
    assert first.reference
    assert first.facts["project"] == Text(v=first.reference.id)
    found = await redmine.find_project(call.key)
    assert found
    assert (found.id, found.url) == (first.reference.id, first.reference.url)


async def test_undoing_closes_the_project(projects: Projects):
    number = next(_numbers)
    made = await projects.create_project(a_call(number=number))
    assert made.reference
    undo = a_call("undo", 2, number, made.reference.id)
    assert (await projects.create_project(undo)).unset == ("project",)
    assert (await projects.create_project(undo)).unset == ("project",)


async def test_every_row_of_the_plan_becomes_one_issue_with_the_plans_dates(projects: Projects, redmine: Redmine):
    _, asked = await begun(projects)
    first = await projects.sync_plan(asked)
    assert await projects.sync_plan(asked) == first
    issues = {issue.ref.id: issue for issue in await redmine.list_issues(ExternalRef(id=asked.project))}
    assert len(issues) == len(asked.rows) == 9
    by_task = {row.task: issues[row.id] for row in first.rows}
    for row in asked.rows:
        there = by_task[row.task]
        assert (there.subject, there.start, there.due, there.done) == (row.subject, row.start, row.due, False)


async def test_a_done_task_closes_its_issue_and_asking_twice_changes_nothing(projects: Projects, redmine: Redmine):
    state, asked = await begun(projects)
    state = synced(state, await projects.sync_plan(asked), MONDAY)
    state, _ = perform(state, CompleteTask(key="k", by="marco", task="kick-off"), MONDAY)
    again = wanted(state)
    assert again
    assert [row.task for row in again.rows] == ["kick-off"]
    answer = await projects.sync_plan(again)
    assert await projects.sync_plan(again) == answer
    assert (await redmine.read_issue(ExternalRef(id=answer.rows[0].id))).done
    assert len(await redmine.list_issues(ExternalRef(id=asked.project))) == 9


@pytest.mark.parametrize("fault", ["answer", "drop", "drop_after"])
async def test_a_tool_that_fails_in_the_middle_is_asked_again_and_makes_nothing_twice(
    projects: Projects, redmine: Redmine, database: Database, outside: Outside, fault: str
):
    _, asked = await begun(projects)
    half = asked.model_copy(update={"rows": asked.rows[:4]})
    await projects.sync_plan(half)
    await outside.fault(
        "redmine", fault, method="POST", path="/issues.json", **({"status": 503} if fault == "answer" else {})
    )
    with pytest.raises(ApplicationError) as failure:
        await projects.sync_plan(asked)
    assert not failure.value.non_retryable
    async with database.write() as session:  # the pause the failure asks for goes by
        earlier = "update effect set lease_until = clock_timestamp() where deal_id = :deal and lease_until is not null"
        await session.execute(text(earlier), {"deal": asked.deal_id})
    assert len((await projects.sync_plan(asked)).rows) == 9
    subjects = [issue.subject for issue in await redmine.list_issues(ExternalRef(id=asked.project))]
    assert sorted(subjects) == sorted(row.subject for row in asked.rows)


async def test_the_ledger_knows_every_issue_of_the_plan(projects: Projects, database: Database):
    _, asked = await begun(projects)
    await projects.sync_plan(asked)
    async with database.read() as session:
        there = {each.step for each in await live(session, asked.deal_id)}
    assert there == {"call:create_project", *(f"plan:{row.task}" for row in asked.rows)}


async def test_undoing_what_was_never_made_is_refused(projects: Projects):
    with pytest.raises(ApplicationError, match="no project to close"):
        await projects.create_project(a_call("undo"))
