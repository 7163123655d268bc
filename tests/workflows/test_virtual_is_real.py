"""The same deal in virtual time and on the real server: one journal, once times, hashes and positions are removed."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import pytest
from sqlmodel import col, select
from temporalio import activity
from temporalio.client import Client

from activities.catalog import CATALOG
from cli.local.temporal import EmbeddedTemporal
from connectors.database import Database
from models.calls import ActionCall, Intake, PrepareOnboarding
from models.deal import DealState, Receipt
from models.onboarding import Begin, OnboardingBatch, OnboardingRecorded, Synced, SyncPlan
from models.outcomes import Result
from models.people import Directory
from models.progress import explain
from models.tables.journal import JournalRow
from models.tables.people import Person
from models.values import Day, Value
from tests.flows.packs import CLOCK, STAFF, T0, Pack, packs
from tests.flows.test_packs_in_virtual_time import Flight
from tests.workflows.worlds import Company, Outside, connect
from workflows.deal import DealLifecycle
from workflows.onboarding import Onboarding
from workflows.rehearsal.engine import VirtualTime
from workflows.rehearsal.office import Office

PEOPLE = Directory(sorted(STAFF.people.values(), key=lambda each: each.id))
"""As a database lists them."""
LONG_AGO = Day(v=date(2020, 1, 6))


def at_once(pack: Pack) -> Pack:
    """The pack's deal with every date long past: a real server cannot jump to a day that has not come."""

    def past(facts: Mapping[str, Value]) -> dict[str, Value]:
        return {path: LONG_AGO if isinstance(value, Day) else value for path, value in facts.items()}

    arrives = {step: past(facts) for step, facts in pack.arrives.items()}
    if pack.name == "financial-services":
        arrives["wait:cooling-off"] = {"withdrawn_on": LONG_AGO}  # its fourteen days end by a withdrawal here
    return replace(pack, facts=past(pack.facts), step_facts=past(pack.step_facts), arrives=arrives)


def script(pack: Pack) -> Flight:
    """The people of the pack, without a clock: they only say what they would do next."""
    said = object.__new__(Flight)
    said.pack, said.keys = pack, 0
    return said


def told(entries: Iterable[tuple[str, str | None, str, str]]) -> list[list[tuple[str, str, str, str]]]:
    """Journal lines without hashes, each answer with what followed it; what runs side by side ends in any order."""
    plain = [
        (kind, step or "", who, re.sub(r"[0-9a-f]{8,}|(?<=-)1\d{3}\b", "#", text)) for kind, step, who, text in entries
    ]
    return [sorted(lines) for _, lines in groupby(plain, key=lambda line: line[2] == "throughline")]


def in_virtual_time(pack: Pack, deal: str) -> list[list[tuple[str, str, str, str]]]:
    said, office = script(pack), Office(PEOPLE, CLOCK, script(pack)._outputs)
    time = VirtualTime(office, start=T0, workflows=[DealLifecycle, Onboarding], seed=3)
    said.time = time
    intake = Intake(flow=pack.flow.travelling(), deal=deal)
    arrival = said._revision(dict(pack.facts)).model_copy(update={"by": "crm"})
    run = time.start(DealLifecycle, intake, deal, ("act", arrival))
    while not run.ended:
        time.run(time.now + timedelta(seconds=5), lambda: run.ended)
        act = None if run.ended else next(said._yes(run.object.state), None)
        if act is not None:
            time.update(deal, "act", act, Receipt)
    time.close()
    return told((e.kind, e.step, e.who, e.text) for e in office.journal[deal])


class Answering(Outside):
    """The actions of a real worker, answered by the same office as in virtual time."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office

    @property
    def activities(self) -> list[object]:
        return [*(self._action(name) for name in (*(a.name for a in CATALOG), "render")), *self._others()]

    def _action(self, name: str) -> object:
        @activity.defn(name=name)
        async def act(call: ActionCall) -> Result:
            return self.office._answer(call)

        return act

    def _others(self) -> list[object]:
        @activity.defn(name="prepare_onboarding")
        async def prepare(asked: PrepareOnboarding) -> Begin:
            return self.office._answer(asked)

        @activity.defn(name="record_onboarding")
        async def record(batch: OnboardingBatch) -> OnboardingRecorded:
            return OnboardingRecorded(seq=batch.onboarding.seq)

        @activity.defn(name="sync_plan")
        async def sync(asked: SyncPlan) -> Synced:
            return self.office._answer(asked)

        return [prepare, record, sync]


@pytest.fixture(scope="module")
async def client(temporal_server: EmbeddedTemporal) -> Client:
    return await connect(temporal_server.address)


@pytest.fixture
async def staffed(database: Database) -> Database:
    async with database.write() as session:
        known = set((await session.execute(select(col(Person.id)))).scalars())
        for each in STAFF.people.values():
            if each.id not in known:
                address = f"{each.id}@halden.example"
                session.add(Person(id=each.id, name=each.id.title(), email=address, roles=list(each.roles),
                                   manager=each.manager, zone="America/Chicago"))  # fmt: skip
    return database


async def on_the_server(pack: Pack, deal: str, client: Client, database: Database) -> list[list[tuple]]:
    office = Office(PEOPLE, CLOCK, script(pack)._outputs)
    office.flow_of = lambda _deal: pack.flow
    company = Company(client, database, Answering(office))
    said = script(pack)
    said.time = _Now()
    async with company.at_work():
        handle = await company.arrive(pack.flow.travelling(), dict(pack.facts), deal=deal)
        while True:
            state = await at_rest(company, handle)
            if state.ended:
                break
            act = next(said._yes(state), None)
            if act is not None:
                await company.act(handle, act)
            else:
                await asyncio.sleep(0.02)  # a date that is met lets its clock ring a second later
        await company.ended(handle)
    async with database.read() as session:
        rows = await session.execute(
            select(JournalRow).where(col(JournalRow.deal_id) == deal).order_by(col(JournalRow.position))
        )
        return told((e.kind, e.step, e.who, e.text) for e in rows.scalars())


class _Now:
    @property
    def now(self) -> datetime:
        return datetime.now(UTC)


async def at_rest(company: Company, handle: object) -> DealState:
    """The state once nothing runs, everything is on record and whoever is asked is known."""
    for _ in range(1200):
        state = await company.state(handle)
        asked = [r for r in state.records.values() if r.state == "open"]
        if state.ended or not (state.running or state.outbox or any(not r.resolved for r in asked)):
            return state
        await asyncio.sleep(0.02)
    raise AssertionError(explain(state))


@pytest.mark.parametrize("pack", packs(), ids=lambda pack: pack.name)
async def test_a_deal_has_the_same_journal_in_virtual_time_and_on_the_server(
    pack: Pack, client: Client, staffed: Database
) -> None:
    deal = f"deal/hubspot/{secrets.token_hex(4)}"
    virtual = in_virtual_time(at_once(pack), deal)
    real = await on_the_server(at_once(pack), deal, client, staffed)
    assert real == virtual
    assert sum(map(len, real)) > 15
