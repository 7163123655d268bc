"""The database's side of an onboarding: what it is laid out from, and its rows, journal and debts to the CRM."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from temporalio import activity

from activities import journal
from activities.failures import told_to_temporal
from activities.people import everybody
from connectors.database import Database, WriteSession
from models.calendar import CalendarSpec
from models.calls import PrepareOnboarding
from models.journal import JournalEntry
from models.onboarding import Begin, Condition, CrmWrite, OnboardingBatch, OnboardingRecorded
from models.plan import PlanTemplate
from models.tables.deals import Deal
from models.tables.onboarding import Onboarding, OnboardingTask
from models.tables.outbound import Outbound
from models.values import Day

GO_LIVE_AFTER_CLOSE = timedelta(days=60)
"""What is promised when the deal names no date: two months after the close date."""


class Onboardings:
    """Prepares onboardings and writes them for people to read."""

    def __init__(self, database: Database, calendar: CalendarSpec, plan: PlanTemplate) -> None:
        self._database = database
        self._calendar = calendar
        self._plan = plan

    @activity.defn(name="prepare_onboarding")
    async def prepare(self, asked: PrepareOnboarding) -> Begin:
        """Return what the accepted deal's onboarding is laid out from: plan, people, promises."""
        facts = asked.facts
        with told_to_temporal():
            async with self._database.read() as session:
                directory = await everybody(session)
        owners = {role: people[0] for role in _roles(self._plan) if (people := directory.having(role))}
        close = facts.get("close_date")
        return Begin(
            id=asked.deal.replace("deal/", "onboarding/", 1),
            deal_id=asked.deal,
            account=str(facts.get("account", "")),
            title=str(facts.get("title", "")),
            manager=asked.accepted_by,
            plan=self._plan,
            calendar=self._calendar,
            promised_go_live=close.v + GO_LIVE_AFTER_CLOSE if isinstance(close, Day) else None,
            conditions=tuple(Condition(text=text, owner=asked.accepted_by) for text in asked.conditions),
            owners=owners,
            project=str(facts.get("project", "")),
        )

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


def _roles(plan: PlanTemplate) -> set[str]:
    return {task.owner for task in plan.tasks}


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
