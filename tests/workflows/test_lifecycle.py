"""Deals on a real Temporal server with the real journal and read side."""

from __future__ import annotations

import asyncio
import secrets
from types import SimpleNamespace

import pytest
from sqlmodel import col, select
from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from models import acts
from models.asking import Patience, Role
from models.calendar import business_days
from models.calls import Batch
from models.flow import FlowDef, StageDef, SubflowDef, TaskDef
from models.money import percent, usd
from models.outcomes import Recorded
from models.tables.deals import Deal
from models.tables.journal import JournalRow
from models.tables.requests import Request
from models.values import Text, Whole
from tests.workflows.worlds import Company, Outside, connect, deal_facts, employ, managed_services
from workflows.plugin import AT_ONCE


@pytest.fixture
async def company(database, temporal_server):
    await employ(database)
    found = Company(await connect(temporal_server.address), database, Outside())
    async with found.at_work():
        yield found


async def test_a_large_discounted_deal_asks_everybody_in_order_and_ends_in_an_onboarding(company):
    handle = await company.arrive()
    await company.answer(handle, "joel", "approval:discount")
    await company.answer(handle, "daniel", "approval:deep-discount")
    state = await company.until(handle, "approval:legal", "approval:finance", "approval:security")
    assert "approval:finance" in state.records
    await company.answer(handle, "hanna", "approval:legal")
    await company.answer(handle, "noor", "approval:finance")
    await company.answer(handle, "hiro", "approval:security")
    waits = await company.waits(handle)
    assert [w.who for w in waits] == ["one more of security"]
    await company.answer(handle, "sofia", "approval:security")
    await company.sign(handle)
    await company.answer(handle, "marco", "handoff:managed-services", "accept")
    assert await company.ended(handle) == "won"
    async with company.database.read() as session:
        row = (await session.execute(select(Deal).where(col(Deal.id) == handle.id))).scalar_one()
        open_requests = (
            await session.execute(
                select(Request).where(col(Request.deal_id) == handle.id, col(Request.state) == "open")
            )
        ).all()
        kinds = (
            await session.execute(select(col(JournalRow.kind)).where(col(JournalRow.deal_id) == handle.id))
        ).scalars()
    assert (row.status, row.stage, open_requests) == ("won", "won", [])
    assert {"opened", "decided", "signed", "done", "ended"} <= set(kinds)
    started = [call for call in company.outside.calls if call[0].startswith("call:create")]
    assert sorted(started) == [("call:create_project", "do", 1), ("call:create_sales_order", "do", 1)]


async def test_a_small_deal_skips_review_and_says_why(company):
    company.outside.price = (usd(5_000), percent(30))
    handle = await company.arrive(values=deal_facts(discount=5))
    state = await company.until(handle, "signature:sow")
    assert state.record("approval:legal").printed == "amount $5,000 < $10,000"
    assert state.record("approval:discount").printed == "discount 5 % is not > 15 %"


async def test_an_answer_given_twice_or_by_the_wrong_person_is_refused_with_what_was_decided(company):
    handle = await company.arrive()
    state = await company.until(handle, "approval:discount")
    record = state.record("approval:discount")
    act = acts.Decide(key=secrets.token_hex(8), by="joel", step="approval:discount", round=record.round,
                      edition=record.edition, verdict="approve")  # fmt: skip
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await company.act(handle, act.model_copy(update={"by": "noor", "key": "other"}))
    assert refused.value.cause.type == "not_yours"
    await company.act(handle, act)
    with pytest.raises(WorkflowUpdateFailedError) as again:
        await company.act(handle, act.model_copy(update={"key": "second"}))
    assert again.value.cause.type == "already_answered"


async def test_a_rejection_sends_the_deal_back_and_only_what_got_worse_is_asked_again(company):
    handle = await company.arrive()
    await company.answer(handle, "joel", "approval:discount")
    await company.answer(handle, "daniel", "approval:deep-discount", "reject", "too cheap")
    state = await company.state(handle)
    assert state.revise is not None
    assert "too cheap" in state.revise.reasons[0]
    company.outside.price = (usd(550_000), percent(26))
    act = acts.Revise(key="r2", by="dana", source="person", at=state.opened_at, facts={"discount": percent(20)})
    await company.act(handle, act)
    await company.act(handle, acts.Resubmit(key="again", by="dana"))
    state = await company.until(handle, "approval:legal")
    assert state.record("approval:discount").round == 1
    assert state.record("approval:deep-discount").state == "void"


async def test_a_failed_action_is_an_incident_that_can_be_tried_again(company):
    company.outside.fail["price_quote"] = ApplicationError("no such product", type="refused", non_retryable=True)
    handle = await company.arrive()
    for _ in range(100):
        waits = await company.waits(handle)
        if any(w.kind == "incident" for w in waits):
            break
    assert waits[0].reason == "no such product"
    del company.outside.fail["price_quote"]
    await company.act(handle, acts.Retry(key="once-more", by="dana", step="call:price_quote"))
    await company.until(handle, "approval:discount")


async def test_hold_stops_the_clocks_and_release_goes_on(company):
    handle = await company.arrive()
    await company.until(handle, "approval:discount")
    await company.act(handle, acts.HoldDeal(key="h", by="dana", reason="customer is on holiday"))
    await company.answer(handle, "joel", "approval:discount")
    waits = await company.waits(handle)
    assert waits[0].kind == "hold"
    assert (await company.state(handle)).record("approval:deep-discount").state == "new"
    await company.act(handle, acts.Release(key="rel", by="dana"))
    await company.until(handle, "approval:deep-discount")


async def test_a_cancelled_deal_closes_its_requests(company):
    handle = await company.arrive()
    await company.until(handle, "approval:discount")
    await company.act(handle, acts.Cancel(key="c", by="dana", reason="budget cut"))
    assert await company.ended(handle) == "cancelled: budget cut"


async def test_a_missing_fact_is_asked_for_and_may_be_filled_in(company):
    values = deal_facts()
    del values["payment_days"]
    handle = await company.arrive(values=values)
    for _ in range(100):
        waits = await company.waits(handle)
        if waits and waits[0].kind == "question":
            break
    assert "payment days" in waits[0].reason
    state = await company.state(handle)
    facts = {"payment_days": Whole(v=30)}
    await company.act(handle, acts.Revise(key="pd", by="dana", source="person", at=state.opened_at, facts=facts))
    await company.until(handle, "approval:discount")


async def test_a_change_after_the_signature_holds_the_deal(company):
    company.outside.price = (usd(5_000), percent(30))
    company.outside.fail["create_project"] = ApplicationError("down", type="refused", non_retryable=True)
    handle = await company.arrive(values=deal_facts(discount=5))
    await company.sign(handle)
    state = await company.state(handle)
    later = acts.Revise(key="late", by="crm", source="crm", at=state.sources["crm"].replace(year=2027),
                        facts={"account": Text(v="Corvane Group")})  # fmt: skip
    await company.act(handle, later)
    waits = await company.waits(handle)
    assert waits[0].kind == "hold"
    assert "signature:sow" in waits[0].reason


async def test_a_deal_survives_continue_as_new_at_every_wait(database, temporal_server, monkeypatch):
    await employ(database)
    suggested = "temporalio.workflow.Info.is_continue_as_new_suggested"
    monkeypatch.setattr(suggested, lambda info: info.get_current_history_length() > 12)
    company = Company(await connect(temporal_server.address), database, Outside())
    async with company.at_work():
        handle = await company.arrive()
        await company.answer(handle, "joel", "approval:discount")
        await company.answer(handle, "daniel", "approval:deep-discount")
        for person, step in (("hanna", "legal"), ("noor", "finance"), ("hiro", "security"), ("sofia", "security")):
            await company.answer(handle, person, f"approval:{step}")
        await company.sign(handle)
        await company.answer(handle, "marco", "handoff:managed-services", "accept")
        assert await company.ended(handle) == "won"
        runs = [each async for each in company.client.list_workflows(f"WorkflowId = '{handle.id}'")]
        onboarding = company.client.get_workflow_handle(handle.id.replace("deal/", "onboarding/", 1))
        assert (await onboarding.describe()).status.name == "RUNNING"
    assert len(runs) > 3
    assert sorted(c for c in company.outside.calls if "create" in c[0]) == [
        ("call:create_project", "do", 1), ("call:create_sales_order", "do", 1),
    ]  # fmt: skip


async def test_a_subflow_reports_back_and_the_deal_goes_on(company):
    site = TaskDef(name="survey", by=(Role(role="security"),), patience=Patience(within=business_days(2)))
    child = FlowDef(name="site", version=1, stages=(StageDef(name="visit", nodes=(site,)),))
    visit = SubflowDef(name="site", what="site", inputs={"account": "account"})
    parent = FlowDef(
        name="with-site", version=1, stages=(StageDef(name="visit", nodes=(visit,)),), facts=managed_services().facts,
        children={"site": child},
    )  # fmt: skip
    handle = await company.arrive(parent)
    below = company.client.get_workflow_handle(f"{handle.id}|subflow:site|1")
    state = await company.until(below, "task:survey")
    assert str(state.facts["account"]) == "Corvane Logistics"
    await company.act(below, acts.Complete(key="done", by="hiro", step="task:survey", round=1))
    assert await company.ended(handle) == "won"


async def test_a_late_request_escalates_in_business_time(company):
    handle = await company.arrive()
    state = await company.until(handle, "approval:discount")
    clock = state.record("approval:discount").clock
    assert clock.instants.due > state.opened_at
    assert len(clock.instants.rungs) == 1
    waits = await company.waits(handle)
    assert waits[0].due == clock.instants.due
    assert "vp sales is asked too (vera)" in waits[0].next.what


@pytest.mark.parametrize(
    "failure",
    [ConnectionRefusedError("the database is down"), ApplicationError("never this way", non_retryable=True)],
    ids=["unreachable", "refusing for good"],
)
async def test_while_the_database_is_down_business_goes_on_and_everything_is_written_later(company, failure):
    handle = await company.arrive()
    await company.until(handle, "approval:discount")
    company.outside.fail["record"] = failure
    await company.answer(handle, "joel", "approval:discount")
    await company.outside.refusing.wait()
    del company.outside.fail["record"]
    at = (await company.state(handle)).sources["crm"].replace(year=2027)
    news = acts.Revise(key="news", by="crm", source="crm", at=at, facts={"goals": Text(v="a change writes at once")})
    await company.act(handle, news)
    await company.answer(handle, "daniel", "approval:deep-discount")
    await company.until(handle, "approval:legal")
    async with company.database.read() as session:
        rows = await session.execute(select(col(JournalRow.seq)).where(col(JournalRow.deal_id) == handle.id))
    seqs = [seq for (seq,) in rows if seq is not None]
    assert sorted(seqs) == list(range(1, max(seqs) + 1))


async def test_of_many_deals_that_arrive_at_once_a_few_are_worked_on_at_a_time_so_that_no_task_runs_out_of_time(
    database, temporal_server
):
    await employ(database)
    company = Company(await connect(temporal_server.address), database, Outside())
    written, in_hand, most = company.recorder.record, 0, 0

    @activity.defn(name="record")
    async def record(batch: Batch) -> Recorded:
        nonlocal in_hand, most
        in_hand, most = in_hand + 1, max(most, in_hand + 1)
        try:
            return await written(batch)
        finally:
            in_hand -= 1

    company.recorder = SimpleNamespace(record=record)
    async with company.at_work():
        handles = await asyncio.gather(*(company.arrive() for _ in range(40)))
        await asyncio.gather(*(company.until(handle, "approval:discount") for handle in handles))
        assert 1 < most <= AT_ONCE
        for handle in handles:
            await handle.terminate()
