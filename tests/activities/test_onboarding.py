"""Onboardings on the real database: what they begin from, and what the read side shows of them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from activities import journal
from activities.calendars import working
from activities.onboarding import Onboardings
from connectors.database import Database
from models.calendar import CalendarSpec
from models.calls import PrepareOnboarding
from models.delivery import forecast, lay_out, perform
from models.delivery_record import batch, recorded
from models.onboarding import BlockTask, CompleteTask, OnboardingState
from models.plan import Side
from models.tables.deals import Deal
from models.tables.people import Person
from models.values import Day, Text
from workflows.flows.plans import PLANS

SPEC = CalendarSpec(zone="America/Chicago", country="US")
MONDAY = datetime(2026, 11, 16, 15, tzinfo=UTC)


@pytest.fixture
def onboardings(database: Database) -> Onboardings:
    return Onboardings(database, SPEC, PLANS)


def asked(source_id: str, **more: Any) -> PrepareOnboarding:
    facts = {
        "account": Text(v="Corvane Logistics"),
        "title": Text(v="Managed services"),
        "owner": Text(v="dana"),
        "project": Text(v="tl-corvane"),
        "close_date": Day(v=date(2026, 10, 19)),  # and go-live is promised sixty days later
    }
    given = {"step": "handoff:managed-services", "accepted_by": "marco", "facts": facts, **more}
    return PrepareOnboarding(deal=f"deal/hubspot/{source_id}", **given)


async def rows(database: Database, query: str, **given: Any) -> list[dict[str, Any]]:
    async with database.read() as session:
        return [dict(row) for row in (await session.execute(text(query), given)).mappings()]


async def begun(onboardings: Onboardings, source_id: str) -> OnboardingState:
    begin = await onboardings.prepare(asked(source_id))
    return lay_out(begin, working(SPEC, MONDAY), MONDAY)


async def test_an_onboarding_begins_from_the_handoff_the_facts_and_the_people_of_today(
    onboardings: Onboardings, database: Database
):
    async with database.write() as session:
        session.add(Person(id="kenji", name="Kenji Ito", email="k@halden.example", roles=["operations"]))
        session.add(Person(id="amara", name="Amara Osei", email="a@halden.example", roles=["delivery_manager"]))
    begin = await onboardings.prepare(asked("801", conditions=("Elgin site contact named",)))
    assert (begin.id, begin.deal_id) == ("onboarding/hubspot/801", "deal/hubspot/801")
    assert (begin.account, begin.title, begin.project) == ("Corvane Logistics", "Managed services", "tl-corvane")
    assert begin.promised_go_live == date(2026, 12, 18)
    assert begin.manager == "marco"  # who accepted leads it
    assert begin.owners["operations"] == "kenji"
    assert [each.text for each in begin.conditions] == ["Elgin site contact named"]


async def test_what_the_deal_promised_counts_and_the_packet_names_the_plan(onboardings: Onboardings):
    plain = asked("802")
    facts = {**plain.facts, "promised_go_live": Day(v=date(2027, 6, 1))}
    begin = await onboardings.prepare(plain.model_copy(update={"facts": facts, "packet": "manufacturing"}))
    assert begin.promised_go_live == date(2027, 6, 1)
    assert (begin.plan.name, begin.plan.go_live) == ("manufacturing", "site-acceptance")


async def test_a_reopened_life_of_a_deal_has_an_onboarding_of_its_own(onboardings: Onboardings):
    assert (await onboardings.prepare(asked("801~2"))).id == "onboarding/hubspot/801~2"


async def test_the_read_side_shows_the_onboarding_and_each_task(onboardings: Onboardings, database: Database):
    state = await begun(onboardings, "803")
    state, _ = perform(state, CompleteTask(key="1", by="marco", task="kick-off"), MONDAY)
    block = BlockTask(key="2", by="marco", task="survey", reason="no escort", side=Side.CUSTOMER)
    state, _ = perform(state, block, MONDAY)
    answer = await onboardings.record(batch(state))
    assert answer.seq == state.seq
    row = (await rows(database, "select * from onboarding where id = 'onboarding/hubspot/803'"))[0]
    assert (row["state"], row["tasks_total"], row["tasks_done"], row["blocked"]) == ("running", 9, 1, 1)
    assert (row["promised_go_live"], row["manager"]) == (date(2026, 12, 18), "marco")
    assert row["risk"].startswith("go-live is forecast for")
    tasks = {
        each["task"]: each
        for each in await rows(database, "select * from onboarding_task where onboarding_id = 'onboarding/hubspot/803'")
    }
    assert len(tasks) == 9
    survey = tasks["survey"]
    assert (survey["state"], survey["blocked_reason"], survey["blocked_side"]) == ("blocked", "no escort", "customer")
    assert (survey["after"], survey["baseline_due"]) == (["kick-off"], date(2026, 11, 19))
    assert tasks["kick-off"]["done_at"] == MONDAY


async def test_the_same_batch_twice_writes_once_and_an_older_one_changes_no_row(
    onboardings: Onboardings, database: Database
):
    state = await begun(onboardings, "804")
    first = batch(state)
    state = recorded(state, first)
    state, _ = perform(state, CompleteTask(key="1", by="marco", task="kick-off"), MONDAY)
    second = batch(state)
    for each in (first, second, second, first):
        await onboardings.record(each)
    row = (await rows(database, "select * from onboarding where id = 'onboarding/hubspot/804'"))[0]
    assert (row["tasks_done"], row["seq"]) == (1, second.onboarding.seq)
    told = await rows(
        database, "select text, seq from journal where deal_id = 'onboarding/hubspot/804' order by position"
    )
    assert [each["seq"] for each in told] == [entry.seq for entry in (*first.entries, *second.entries)]
    async with database.read() as session:
        assert await journal.first_broken(session, "onboarding/hubspot/804") is None


async def test_the_crm_is_owed_each_set_of_fields_once(onboardings: Onboardings, database: Database):
    state = await begun(onboardings, "805")
    for each in (batch(state), batch(state), batch(forecast(state, datetime(2026, 12, 1, tzinfo=UTC)))):
        await onboardings.record(each)
    owed = await rows(database, "select id, body from outbound where deal_id = 'deal/hubspot/805' order by number")
    assert [each["id"] for each in owed] == [
        "deal/hubspot/805|crm|onboarding-1",
        "deal/hubspot/805|crm|onboarding-2",
    ]
    assert owed[0]["body"]["object_id"] == "805"
    properties = owed[0]["body"]["properties"]
    assert properties["throughline_progress"] == "at risk"
    assert properties["throughline_go_live"] == "2026-12-18"


async def test_a_deal_that_came_from_nowhere_owes_no_crm_anything(onboardings: Onboardings, database: Database):
    begin = await onboardings.prepare(asked("806").model_copy(update={"deal": "deal/api/806"}))
    await onboardings.record(batch(lay_out(begin, working(SPEC, MONDAY), MONDAY)))
    assert await rows(database, "select id from outbound where deal_id = 'deal/api/806'") == []


async def test_the_deal_shows_how_its_delivery_goes(onboardings: Onboardings, database: Database):
    async with database.write() as session:
        deal = Deal(
            id="deal/hubspot/807", source="hubspot", source_id="807", title="Managed services", flow="managed-services",
            flow_version=1, flow_digest="0", status="won", opened_at=MONDAY, changed_at=MONDAY, stage_since=MONDAY,
        )  # fmt: skip
        session.add(deal)
    await onboardings.record(batch(await begun(onboardings, "807")))
    shown = (await rows(database, "select delivery from deal where id = 'deal/hubspot/807'"))[0]["delivery"]
    assert (shown["tasks_done"], shown["tasks_total"]) == (0, 9)
    assert shown["forecast_go_live"] == "2026-12-23"
    assert shown["risk"].startswith("go-live is forecast for 23 Dec 2026, 3 working days after the promise")
