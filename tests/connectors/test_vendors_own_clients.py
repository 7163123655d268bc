"""The vendors' own clients, and others nobody here wrote, drive the sandboxes: we do not only agree with ourselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redminelib
from hubspot import HubSpot as HubSpotClient
from hubspot.crm.deals import (
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.deals.exceptions import ApiException
from redminelib.exceptions import AuthError, ResourceNotFoundError, ValidationError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from connectors.hubspot.connector import HubSpot
from connectors.redmine.connector import Redmine
from connectors.sandbox.start import Sandbox
from connectors.slack.connector import Slack
from tests.connectors.outside import Outside, fresh_key, message

# These clients block: they run beside the loop that serves the sandboxes.
Run = Callable[..., Any]


async def _run(work: Run, *given: Any, **named: Any) -> Any:
    return await asyncio.to_thread(work, *given, **named)


@pytest.fixture
def hubspot_client(sandbox: Sandbox) -> HubSpotClient:
    client = HubSpotClient(access_token=sandbox.settings["HUBSPOT_TOKEN"])
    # The client takes its address from its configuration object.
    client.config["host"] = sandbox.settings["HUBSPOT_BASE_URL"]
    return client


async def test_hubspots_client_creates_reads_writes_and_archives_a_deal(hubspot_client: HubSpotClient) -> None:
    deals = hubspot_client.crm.deals.basic_api
    wanted = SimplePublicObjectInputForCreate(
        properties={"dealname": "By HubSpot's client", "amount": "12"}, associations=[]
    )
    made = await _run(deals.create, simple_public_object_input_for_create=wanted)
    assert made.properties["dealname"] == "By HubSpot's client"
    change = SimplePublicObjectInput(properties={"throughline_status": "running"})
    await _run(deals.update, made.id, simple_public_object_input=change)
    read = await _run(deals.get_by_id, made.id, properties=["dealname", "throughline_status"])
    assert read.properties["throughline_status"] == "running"
    await _run(deals.archive, made.id)
    with pytest.raises(ApiException) as gone:
        await _run(deals.get_by_id, made.id)
    assert gone.value.status == 404


async def test_hubspots_client_sees_what_ours_wrote(
    hubspot_client: HubSpotClient, hubspot: HubSpot, outside: Outside
) -> None:
    id_ = await outside.enter_deal(lines=[{"sku": f"S{n}", "quantity": 1, "price": "1"} for n in range(120)])
    await hubspot.write_deal(id_, {"throughline_stage": "review"})
    crm = hubspot_client.crm
    read = await _run(
        crm.deals.basic_api.get_by_id, id_, properties=["throughline_stage"], associations=["companies", "line_items"]
    )
    assert read.properties["throughline_stage"] == "review"
    assert len(read.associations["companies"].results) == 1
    assert read.associations["line items"].paging.next.after
    ids, after = [], None
    while True:
        page = await _run(crm.associations.v4.basic_api.get_page, "deals", id_, "line_items", after=after, limit=50)
        ids += [each.to_object_id for each in page.results]
        after = page.paging.next.after if page.paging else None
        if after is None:
            break
    assert len(set(ids)) == 120
    batch = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": each} for each in ids[:3]] + [{"id": "1"}], properties=["hs_sku"], properties_with_history=[]
    )
    answer = await _run(crm.line_items.batch_api.read, batch_read_input_simple_public_object_id=batch)
    assert len(answer.results) == 3
    assert answer.num_errors == 1


async def test_hubspots_client_searches_pages_and_lists_owners(hubspot_client: HubSpotClient, outside: Outside) -> None:
    id_ = await outside.enter_deal(name="Needle in the hay", owner="vera@halden.example")
    crm = hubspot_client.crm
    named = {"propertyName": "dealname", "operator": "EQ", "value": "Needle in the hay"}
    wanted = PublicObjectSearchRequest(
        filter_groups=[{"filters": [named]}], properties=["dealname", "hubspot_owner_id"], limit=5, after="0", sorts=[]
    )
    found = await _run(crm.deals.search_api.do_search, public_object_search_request=wanted)
    assert [each.id for each in found.results] == [id_]
    owner = await _run(crm.owners.owners_api.get_by_id, int(found.results[0].properties["hubspot_owner_id"]))
    assert owner.email == "vera@halden.example"
    everything = await _run(crm.deals.get_all)
    assert id_ in {each.id for each in everything}


async def test_hubspots_client_is_told_of_wrong_tokens_and_properties(
    hubspot_client: HubSpotClient, sandbox: Sandbox
) -> None:
    wanted = SimplePublicObjectInputForCreate(properties={"no_such_property": "x"}, associations=[])
    with pytest.raises(ApiException, match="PROPERTY_DOESNT_EXIST") as refused:
        await _run(hubspot_client.crm.deals.basic_api.create, simple_public_object_input_for_create=wanted)
    assert refused.value.status == 400
    stranger = HubSpotClient(access_token="pat-na1-stranger")
    stranger.config["host"] = sandbox.settings["HUBSPOT_BASE_URL"]
    with pytest.raises(ApiException) as denied:
        await _run(stranger.crm.deals.basic_api.get_page)
    assert denied.value.status == 401


@pytest.fixture
def slack_client(sandbox: Sandbox) -> WebClient:
    told = sandbox.settings
    return WebClient(token=told["SLACK_TOKEN"], base_url=told["SLACK_BASE_URL"] + "/", retry_handlers=[])


async def test_slacks_client_posts_updates_and_reads_metadata(slack_client: WebClient) -> None:
    key = fresh_key()
    opened = await _run(slack_client.conversations_open, users="U0SDKUSER")
    channel = opened["channel"]["id"]
    metadata = {"event_type": "throughline_request", "event_payload": {"key": key}}
    sent = await _run(slack_client.chat_postMessage, channel=channel, text="Hello", metadata=metadata)
    await _run(slack_client.chat_update, channel=channel, ts=sent["ts"], text="Decided")
    plain = await _run(slack_client.conversations_history, channel=channel)
    assert [each["text"] for each in plain["messages"]] == ["Decided"]
    assert "metadata" not in plain["messages"][0]
    whole = await _run(slack_client.conversations_history, channel=channel, include_all_metadata=True)
    assert whole["messages"][0]["metadata"]["event_payload"]["key"] == key


async def test_slacks_client_and_ours_see_the_same_messages(
    slack_client: WebClient, slack: Slack, outside: Outside
) -> None:
    await outside.limit("slack", "post", 1000, 60)
    sent = [await slack.send(fresh_key(), message("U0BOTH001", f"Message {number}")) for number in range(5)]
    channel = sent[0].id.partition("/")[0]
    seen: list[str] = []
    cursor = ""
    while True:
        page = await _run(slack_client.conversations_history, channel=channel, limit=2, cursor=cursor)
        seen += [f"{channel}/{each['ts']}" for each in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert seen == [each.id for each in reversed(sent)]


async def test_slacks_client_is_told_of_errors_and_limits(
    slack_client: WebClient, sandbox: Sandbox, outside: Outside
) -> None:
    for call, named, error in (
        (slack_client.chat_postMessage, {"channel": "nowhere", "text": "x"}, "channel_not_found"),
        (slack_client.api_call, {"api_method": "chat.postMessage", "json": {"channel": "C0GENERAL"}}, "no_text"),
        (slack_client.chat_update, {"channel": "C0GENERAL", "ts": "1.0", "text": "x"}, "message_not_found"),
        (slack_client.users_lookupByEmail, {"email": "nobody@halden.example"}, "users_not_found"),
    ):
        with pytest.raises(SlackApiError) as wrong:
            await _run(call, **named)
        assert wrong.value.response["error"] == error
    stranger = WebClient(token="xoxb-stranger", base_url=sandbox.settings["SLACK_BASE_URL"] + "/", retry_handlers=[])
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await _run(stranger.auth_test)
    await outside.limit("slack", "post", 0, 30)
    try:
        with pytest.raises(SlackApiError) as limited:
            await _run(slack_client.chat_postMessage, channel="C0GENERAL", text="x")
    finally:
        await outside.limit("slack", "post", 1000, 60)
    assert limited.value.response.status_code == 429
    assert int(limited.value.response.headers["Retry-After"]) > 0


@pytest.fixture
def redmine_client(sandbox: Sandbox) -> redminelib.Redmine:
    return redminelib.Redmine(sandbox.settings["REDMINE_BASE_URL"], key=sandbox.settings["REDMINE_KEY"])


async def test_python_redmine_works_a_project_through(redmine_client: redminelib.Redmine) -> None:
    def work() -> None:
        api = redmine_client
        project = api.project.create(name="By python-redmine", identifier="by-python-redmine")
        with pytest.raises(ValidationError, match="Identifier has already been taken"):
            api.project.create(name="Again", identifier="by-python-redmine")
        version = api.version.create(project_id=project.id, name="Go-live", due_date="2026-12-18")
        first = api.issue.create(
            project_id=project.id, subject="Provision", start_date="2026-11-23", due_date="2026-11-25"
        )
        then = api.issue.create(
            project_id=project.id,
            subject="Train",
            start_date="2026-11-23",
            due_date="2026-11-24",
            fixed_version_id=version.id,
        )
        api.issue_relation.create(issue_id=first.id, issue_to_id=then.id, relation_type="precedes", delay=0)
        assert str(api.issue.get(then.id).start_date) == "2026-11-26"
        closed = next(each for each in api.issue_status.all() if each.name == "Closed")
        api.issue.update(first.id, status_id=closed.id, notes="Done")
        assert [each.subject for each in api.issue.filter(project_id=project.id)] == ["Train"]
        assert len(api.issue.filter(project_id=project.id, status_id="*")) == 2
        assert api.user.get("current").lastname

    await _run(work)


async def test_python_redmine_sees_what_ours_made_page_by_page(
    redmine_client: redminelib.Redmine, redmine: Redmine
) -> None:
    from connectors.contract import IssueBody, ProjectBody

    project = await redmine.create_project(fresh_key(), ProjectBody(name="Shared"))
    for number in range(130):
        await redmine.create_issue(project, fresh_key(), IssueBody(subject=f"Task {number}"))
    found = await _run(
        lambda: [each.subject for each in redmine_client.issue.filter(project_id=project.id, status_id="*")]
    )
    assert sorted(found) == sorted(f"Task {number}" for number in range(130))


async def test_python_redmine_is_told_of_wrong_keys_and_missing_things(
    redmine_client: redminelib.Redmine, sandbox: Sandbox
) -> None:
    stranger = redminelib.Redmine(sandbox.settings["REDMINE_BASE_URL"], key="0" * 40)
    with pytest.raises(AuthError):
        await _run(lambda: stranger.user.get("current"))
    with pytest.raises(ResourceNotFoundError):
        await _run(lambda: redmine_client.project.get("no-such-project"))
