"""What a project tool does for us, on the Redmine sandbox and on the real Redmine of Debian's packages alike."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from connectors.contract import (
    AccessDenied,
    Ambiguous,
    ExternalRef,
    IssueBody,
    IssueChange,
    NotFound,
    ProjectBody,
    ProjectTool,
    Refused,
    VersionBody,
)
from connectors.redmine.connector import Redmine
from connectors.sandbox.start import Sandbox
from tests.connectors import real_redmine
from tests.connectors.outside import fresh_key


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real_redmine.RealRedmine]:
    if not real_redmine.is_installed():
        reason = f"the real Redmine is not installed: {real_redmine.INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with real_redmine.running(tmp_path_factory.mktemp("redmine")) as running:
        yield running


@pytest.fixture(params=["sandbox", pytest.param("real", marks=[pytest.mark.redmine, pytest.mark.timeout(400)])])
async def tool(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Redmine]:
    if request.param == "real":
        url, key = request.getfixturevalue("real")
    else:
        url, key = sandbox.settings["REDMINE_BASE_URL"], sandbox.settings["REDMINE_KEY"]
    connector = Redmine(url, key)
    # A busy test machine can keep a Rails process waiting for longer than a real server ever should.
    connector.manifest = connector.manifest.model_copy(update={"deadline": timedelta(seconds=60)})
    yield connector
    await connector.aclose()


@pytest.fixture
async def project(tool: Redmine) -> ExternalRef:
    return await tool.create_project(fresh_key("call:create_project"), ProjectBody(name="Corvane", description="Hello"))


async def _issue(tool: ProjectTool, project: ExternalRef, subject: str, start: date, due: date) -> ExternalRef:
    return await tool.create_issue(project, fresh_key(subject), IssueBody(subject=subject, start=start, due=due))


async def test_it_is_a_project_tool(tool: Redmine) -> None:
    everything: ProjectTool = tool
    await everything.ping()


async def test_a_project_is_made_once_and_found_by_its_key(tool: Redmine) -> None:
    key = fresh_key("call:create_project")
    assert await tool.find_project(key) is None
    made = [await tool.create_project(key, ProjectBody(name="Corvane – Zürich")) for _ in range(2)]
    assert made[0] == made[1] == await tool.find_project(key)
    assert made[0].url
    assert made[0].url.endswith(f"/projects/{made[0].id}")


async def test_two_keys_that_read_alike_are_two_projects(tool: Redmine) -> None:
    key = fresh_key("call:create_project")
    one = await tool.create_project(key + "[a]", ProjectBody(name="One"))
    two = await tool.create_project(key + "(a)", ProjectBody(name="Two"))
    assert one.id != two.id


async def test_projects_made_at_the_same_moment_with_one_key_are_one(tool: Redmine) -> None:
    key = fresh_key("call:create_project")
    made = await asyncio.gather(
        *(tool.create_project(key, ProjectBody(name="Race")) for _ in range(4)), return_exceptions=True
    )
    # The real one on SQLite answers 500 to some of them, "database is locked": then nobody knows, until looking.
    assert all(isinstance(each, ExternalRef | Ambiguous) for each in made), made
    kept = await tool.create_project(key, ProjectBody(name="Race"))
    assert {each.id for each in made if isinstance(each, ExternalRef)} <= {kept.id}


async def test_a_milestone_is_made_once_and_found_by_its_key(tool: Redmine, project: ExternalRef) -> None:
    key, body = fresh_key("go-live"), VersionBody(name="Go-live", due=date(2026, 12, 18), description="Promised " * 40)
    assert await tool.find_version(project, key) is None
    made = [await tool.create_version(project, key, body) for _ in range(2)]
    assert made[0] == made[1] == await tool.find_version(project, key)


async def test_a_milestone_of_the_same_name_with_another_key_is_refused(tool: Redmine, project: ExternalRef) -> None:
    await tool.create_version(project, fresh_key(), VersionBody(name="Go-live"))
    with pytest.raises(Refused, match="already been taken"):
        await tool.create_version(project, fresh_key(), VersionBody(name="Go-live"))


async def test_an_issue_is_found_by_its_key_open_or_closed(tool: Redmine, project: ExternalRef) -> None:
    key = fresh_key("task:provision")
    milestone = await tool.create_version(project, fresh_key(), VersionBody(name="Kick-off"))
    body = IssueBody(subject="Provision", description="Two *servers*", due=date(2026, 12, 1), version=milestone.id)
    made = await tool.create_issue(project, key, body)
    await _issue(tool, project, "Another", date(2026, 11, 30), date(2026, 12, 1))
    assert await tool.find_issue(project, key) == made
    await tool.update_issue(made, IssueChange(done=True))
    assert await tool.find_issue(project, key) == made
    assert await tool.find_issue(project, key + "x") is None


async def test_a_predecessor_moves_its_successor_in_working_days(tool: Redmine, project: ExternalRef) -> None:
    first = await _issue(tool, project, "Provision", date(2026, 11, 23), date(2026, 11, 25))
    then = await _issue(tool, project, "Train", date(2026, 11, 23), date(2026, 11, 24))
    await tool.precede(first, then)
    moved = await tool.read_issue(then)
    assert (moved.start, moved.due) == (date(2026, 11, 26), date(2026, 11, 27))
    # Friday the 27th: the successor jumps over the weekend.
    await tool.update_issue(first, IssueChange(due=date(2026, 11, 27), note="One day late"))
    moved = await tool.read_issue(then)
    assert (moved.start, moved.due) == (date(2026, 11, 30), date(2026, 12, 1))


async def test_precedence_set_twice_is_set_once_and_a_circle_is_refused(tool: Redmine, project: ExternalRef) -> None:
    first = await _issue(tool, project, "Provision", date(2026, 11, 23), date(2026, 11, 25))
    then = await _issue(tool, project, "Train", date(2026, 11, 26), date(2026, 11, 27))
    await tool.precede(first, then)
    await tool.precede(first, then)
    with pytest.raises(Refused):
        await tool.precede(then, first)


async def test_an_update_answers_with_what_the_tool_has_afterwards(tool: Redmine, project: ExternalRef) -> None:
    made = await _issue(tool, project, "Provision", date(2026, 11, 23), date(2026, 11, 25))
    half = await tool.update_issue(made, IssueChange(percent_done=50, subject="Provision servers"))
    assert (half.done, half.percent_done, half.subject) == (False, 50, "Provision servers")
    done = await tool.update_issue(made, IssueChange(done=True))
    assert (done.done, done.percent_done) == (True, 100)
    again = await tool.update_issue(made, IssueChange(done=False, percent_done=80))
    assert (again.done, again.percent_done) == (False, 80)


async def test_a_due_date_before_the_start_is_refused_with_the_reason(tool: Redmine, project: ExternalRef) -> None:
    with pytest.raises(Refused, match="Due date must be greater than start date"):
        await _issue(tool, project, "Backwards", date(2026, 12, 2), date(2026, 12, 1))


async def test_a_closed_project_takes_no_issue_until_it_is_reopened(tool: Redmine) -> None:
    key = fresh_key("call:create_project")
    project = await tool.create_project(key, ProjectBody(name="Short"))
    await tool.close_project(project)
    await tool.close_project(project)
    assert await tool.find_project(key) == project
    with pytest.raises(Refused):
        await tool.create_issue(project, fresh_key(), IssueBody(subject="Too late"))
    await tool.reopen_project(project)
    await tool.create_issue(project, fresh_key(), IssueBody(subject="In time"))


async def test_listing_reads_every_page(tool: Redmine, project: ExternalRef) -> None:
    tool.page = 5
    keys = [fresh_key() for _ in range(13)]
    for number, key in enumerate(keys):
        await tool.create_issue(project, key, IssueBody(subject=f"Task {number}"))
    listed = await tool.list_issues(project)
    assert [each.subject for each in listed] == [f"Task {number}" for number in range(13)]
    assert await tool.find_issue(project, keys[-1])


async def test_listing_what_changed_leaves_the_rest_out(tool: Redmine, project: ExternalRef) -> None:
    await tool.create_issue(project, fresh_key(), IssueBody(subject="Any"))
    now = datetime.now(UTC)
    assert len(await tool.list_issues(project, now - timedelta(minutes=1))) == 1
    assert await tool.list_issues(project, now + timedelta(minutes=5)) == []


async def test_a_wrong_key_is_denied_and_a_missing_issue_not_found(tool: Redmine) -> None:
    stranger = Redmine(tool.base_url, "0" * 40)
    with pytest.raises(AccessDenied):
        await stranger.ping()
    await stranger.aclose()
    with pytest.raises(NotFound):
        await tool.read_issue(ExternalRef(id="999999"))
