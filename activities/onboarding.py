"""The database's side of an onboarding: what it is laid out from, and its rows, journal and debts to the CRM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from temporalio import activity

from activities import journal
from activities.failures import told_to_temporal
from activities.people import everybody
from connectors.database import Database, WriteSession
from models.begin import begin
from models.calendar import CalendarSpec
from models.calls import PrepareOnboarding
from models.journal import JournalEntry
from models.onboarding import Begin, CrmWrite, OnboardingBatch, OnboardingRecorded
from models.plan import PlanTemplate
from models.tables.deals import Deal
from models.tables.onboarding import Onboarding, OnboardingTask
from models.tables.outbound import Outbound


class Onboardings:
    """Prepares onboardings and writes them for people to read."""

    def __init__(self, database: Database, calendar: CalendarSpec, plans: Sequence[PlanTemplate]) -> None:
        self._database = database
        self._calendar = calendar
        self._plans = plans

    @activity.defn(name="prepare_onboarding")
    async def prepare(self, asked: PrepareOnboarding) -> Begin:
        """Return what the accepted deal's onboarding is laid out from: plan, people, promises."""
        with told_to_temporal():
            async with self._database.read() as session:
                directory = await everybody(session)
        return begin(asked, self._plans, directory, self._calendar)

    @activity.defn(name="record_onboarding")
    async def record(self, batch: OnboardingBatch) -> OnboardingRecorded:
        """Write one batch in one transaction; the same batch twice writes the same."""
        with told_to_temporal():
            async with self._database.write() as session:
                entries = [JournalEntry.model_validate(entry.model_dump()) for entry in batch.entries]
                await journal.append(session, batch.onboarding.id, entries)
                if await self._put(session, batch):
                    await _tell_deal(session, batch)
                for write in batch.crm:
                    await _owe(session, write)
        return OnboardingRecorded(seq=batch.onboarding.seq)

    async def _put(self, session: WriteSession, batch: OnboardingBatch) -> bool:
        row = batch.onboarding.model_dump()
        written = insert(Onboarding).values(row)
        changes = {name: written.excluded[name] for name in row if name != "id"}
        guarded = written.on_conflict_do_update(
            index_elements=["id"], set_=changes, where=written.excluded.seq >= col(Onboarding.seq)
        ).returning(col(Onboarding.id))
        if (await session.execute(guarded)).first() is None:
            return False
        for task in batch.tasks:
            values = {**task.model_dump(mode="python"), "after": list(task.after)}
            one = insert(OnboardingTask).values(values)
            again = {name: one.excluded[name] for name in values if name not in ("onboarding_id", "task")}
            await session.execute(one.on_conflict_do_update(index_elements=["onboarding_id", "task"], set_=again))
        return True


async def _tell_deal(session: WriteSession, batch: OnboardingBatch) -> None:
    """Show on the deal how its delivery is going."""
    row = batch.onboarding
    delivery: dict[str, Any] = row.model_dump(mode="json", include={
        "phase", "state", "promised_go_live", "forecast_go_live", "tasks_total", "tasks_done", "blocked", "risk"
    })  # fmt: skip
    await session.execute(update(Deal).where(col(Deal.id) == row.deal_id).values(delivery=delivery))


async def _owe(session: WriteSession, write: CrmWrite) -> None:
    _, source, source_id = write.deal_id.split("/", 2)
    if source != "hubspot":
        return
    row = {
        "id": f"{write.deal_id}|crm|{write.revision}", "kind": "crm", "deal_id": write.deal_id, "person": None,
        "body": {"object_id": source_id.partition("~")[0], "properties": write.fields},
    }  # fmt: skip
    await session.execute(insert(Outbound).values(row).on_conflict_do_nothing())
