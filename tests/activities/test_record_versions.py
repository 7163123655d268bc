"""Deals outlive the code that began them: what they are recorded under stays, though a newer model hashes otherwise."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update
from sqlmodel import col, select
from temporalio.testing import ActivityEnvironment

from activities.people import business_time
from activities.records import Recorder
from connectors.database import Database
from models import acts
from models.calendar import CalendarSpec
from models.calls import Batch, batch
from models.deal import DealState
from models.deeds import carry_out
from models.tables.deals import Deal
from models.tables.flows import FlowVersion
from tests.workflows.worlds import deal_facts, employ, managed_services

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ELDER = "0" * 64


def sent(state: DealState, *, with_flow: bool) -> Batch:
    """Return what `record` is handed, as it comes out of the wire."""
    return Batch.model_validate_json(batch(state, NOW, with_flow=with_flow).model_dump_json())


async def test_a_deal_begun_by_an_older_model_is_recorded_on_under_the_definition_it_was_given(
    database: Database,
) -> None:
    await employ(database)
    state = DealState(flow=managed_services(), deal="deal/hubspot/4711", opened_at=NOW)
    first = acts.Revise(key="first", by="crm", source="crm", at=NOW, facts=deal_facts())
    carry_out(state, first, NOW)

    def recorder() -> Recorder:
        clock = business_time(CalendarSpec(zone="America/Chicago", country="US"))
        return Recorder(database, clock, b"k" * 32)

    await ActivityEnvironment().run(recorder().record, sent(state, with_flow=True))
    async with database.write() as session:
        await session.execute(update(FlowVersion).values(digest=ELDER))
        await session.execute(update(Deal).values(flow_digest=ELDER))

    state.outbox.clear()
    carry_out(state, acts.HoldDeal(key="hold", by="dana", reason="customer is on holiday"), NOW)
    await ActivityEnvironment().run(recorder().record, sent(state, with_flow=False))
    async with database.read() as session:
        row = (await session.execute(select(Deal).where(col(Deal.id) == state.deal))).scalar_one()
        kept = list(await session.scalars(select(col(FlowVersion.digest))))
    assert (row.status, row.flow_digest, kept) == ("hold", ELDER, [ELDER])
