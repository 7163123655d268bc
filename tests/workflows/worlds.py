"""A small world for deals on a real Temporal server: the real `record` on a real database, scripted actions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

from sqlmodel import col, select
from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from activities.calendars import expand_calendar
from activities.catalog import CATALOG
from activities.heartbeats import Heartbeats
from activities.people import business_time
from activities.records import Recorder
from api.gateway import handed_in
from connectors.database import Database
from models import acts
from models.calendar import CalendarSpec
from models.calls import ActionCall, Batch, Intake, PrepareOnboarding
from models.deal import DealState, ExternalRef, Receipt
from models.flow import FlowDef
from models.money import Money, Percent, percent
from models.onboarding import Begin, OnboardingBatch, OnboardingRecorded, Synced, SyncPlan
from models.outcomes import Recorded, Result
from models.pinned import PacketField, PacketSpec, TemplateSpec
from models.progress import Wait
from models.tables.people import Person
from models.values import Day, Digest, Items, Text, Value, Whole, fingerprint
from workflows.binding import bind
from workflows.deal import DealLifecycle
from workflows.flows import managed_services as written
from workflows.flows.facts import deal as facts
from workflows.flows.plans import managed_services as plan
from workflows.plugin import plugin

COMPANY = CalendarSpec(zone="America/Chicago", country="US")
PEOPLE = {
    "dana": ["account_executive"],
    "joel": ["deal_desk"],
    "vera": ["vp_sales", "ceo", "general_counsel"],
    "noor": ["finance"],
    "daniel": ["cfo", "delivery_head"],
    "hanna": ["legal"],
    "hiro": ["security"],
    "sofia": ["security", "ciso"],
    "marco": ["delivery_manager"],
    "iris": ["sales_ops"],
}


def managed_services() -> FlowDef:
    """The shipped flow, bound to a template and a packet."""
    variables = ("account", "signatory", "quote", "scope", "amount", "payment_days")
    return bind(
        written,
        facts,
        actions={action.name: action.spec() for action in CATALOG},
        templates={"sow/managed_services": TemplateSpec(title="SOW", variables=variables)},
        packets={"managed-services": PacketSpec(title="Packet", fields=(
            PacketField(label="goals", fact="goals"), PacketField(label="SOW", document="sow"),
        ))},
    ).travelling()  # fmt: skip


def deal_facts(amount: int = 500_000, discount: int = 35, margin: str = "20", **more: Value) -> dict[str, Value]:
    """The facts a CRM reports; the scripted price answers with `amount` and `margin`."""
    return {
        "title": Text(v="Corvane Logistics, managed services"), "account": Text(v="Corvane Logistics"),
        "owner": Text(v="dana"), "signatory": Text(v="Ada Corvane <ada@corvane.example>"),
        "lines": Items(items=()), "discount": percent(discount), "payment_days": Whole(v=30),
        "data_class": Text(v="internal"), "goals": Text(v=f"{amount}/{margin}"),
        "close_date": Day(v=datetime(2026, 12, 1, tzinfo=UTC).date()), **more,
    }  # fmt: skip


class Outside:
    """What the actions do, counted; a script can let them fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int]] = []
        self.fail: dict[str, Exception] = {}
        self.refusing = asyncio.Event()
        self.price: tuple[Money, Percent] | None = None

    def _count(self, call: ActionCall) -> None:
        self.calls.append((call.step, call.op, call.revision))
        if call.action in self.fail:
            raise self.fail[call.action]

    @activity.defn(name="price_quote")
    async def price_quote(self, call: ActionCall) -> Result:
        self._count(call)
        amount, margin = self.price or (Money(amount=Decimal(500_000), currency="USD"), percent("20"))
        scope = Digest(sha256=fingerprint({"lines": call.inputs["lines"]}), label="scope")
        return Result(
            facts={"amount": amount, "margin": margin, "quote": Digest(sha256="q", label="quote"), "scope": scope}
        )

    @activity.defn(name="render")
    async def render(self, call: ActionCall) -> Result:
        self._count(call)
        return Result(
            document=Digest(sha256=fingerprint(call.inputs), label="sow"), template=call.template_hash or "t1"
        )

    @activity.defn(name="create_sales_order")
    async def create_sales_order(self, call: ActionCall) -> Result:
        self._count(call)
        return Result(facts={"sales_order": Text(v="SO-1")}, reference=ExternalRef(id="SO-1"))

    @activity.defn(name="create_project")
    async def create_project(self, call: ActionCall) -> Result:
        self._count(call)
        return Result(facts={"project": Text(v="P-1")}, reference=ExternalRef(id="P-1"))

    @activity.defn(name="prepare_onboarding")
    async def prepare_onboarding(self, asked: PrepareOnboarding) -> Begin:
        return Begin(
            id=asked.deal.replace("deal/", "onboarding/", 1), deal_id=asked.deal, account="Corvane", title="Onboarding",
            manager=asked.accepted_by, plan=plan, calendar=COMPANY,
        )  # fmt: skip

    @activity.defn(name="record_onboarding")
    async def record_onboarding(self, batch: OnboardingBatch) -> OnboardingRecorded:
        if "record_onboarding" in self.fail:
            raise self.fail["record_onboarding"]
        return OnboardingRecorded(seq=batch.onboarding.seq)

    @activity.defn(name="sync_plan")
    async def sync_plan(self, asked: SyncPlan) -> Synced:
        return Synced(rows=())

    @property
    def activities(self) -> list[object]:
        return [
            self.price_quote, self.render, self.create_sales_order, self.create_project, self.prepare_onboarding,
            self.record_onboarding, self.sync_plan,
        ]  # fmt: skip


async def employ(database: Database) -> None:
    """Fill the person table with the demo company, once."""
    async with database.write() as session:
        known = set((await session.execute(select(col(Person.id)))).scalars())
        for name, roles in PEOPLE.items():
            if name not in known:
                session.add(Person(id=name, name=name.title(), email=f"{name}@halden.example", roles=roles,
                                   manager="vera" if name == "dana" else None, zone="America/Chicago"))  # fmt: skip


class Company:
    """A worker with everything a deal needs, and the doors to its deals."""

    def __init__(self, client: Client, database: Database, outside: Outside) -> None:
        self.client, self.database, self.outside = client, database, outside
        self.extra: list[object] = []
        self.recorder = Recorder(database, business_time(COMPANY), b"k" * 32)

    @activity.defn(name="record")
    async def record(self, batch: Batch) -> Recorded:
        if "record" in self.outside.fail:
            self.outside.refusing.set()
            raise self.outside.fail["record"]
        return await self.recorder.record(batch)

    @asynccontextmanager
    async def at_work(self, **options: object) -> AsyncIterator[None]:
        """Run workers for the deals and the connectors while the block runs."""
        own = [self.record, *self.outside.activities, expand_calendar, *self.extra]
        queues = ("deals", "connector.erp", "connector.projects")
        workers = [
            Worker(self.client, task_queue=queue, activities=own, interceptors=[Heartbeats()], **options)
            for queue in queues
        ]
        async with workers[0], workers[1], workers[2]:
            yield

    async def arrive(
        self, flow: FlowDef | None = None, values: dict[str, Value] | None = None, deal: str = ""
    ) -> WorkflowHandle:
        """Let a deal arrive from the CRM; return its handle."""
        deal = deal or f"deal/hubspot/{secrets.token_hex(4)}"
        start = WithStartWorkflowOperation(
            DealLifecycle.run, Intake(flow=flow or managed_services(), deal=deal), id=deal, task_queue="deals",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )  # fmt: skip
        act = acts.Revise(
            key=f"first-{deal}", by="crm", source="crm", at=datetime.now(UTC), facts=values or deal_facts()
        )
        await self.client.execute_update_with_start_workflow(
            "act", act, start_workflow_operation=start, result_type=Receipt
        )
        return self.client.get_workflow_handle(deal)

    async def act(self, handle: WorkflowHandle, act: acts.Act) -> Receipt:
        """Hand in an act as the API's gateway does; a refusal is raised as Temporal tells it."""
        return await handed_in(lambda: handle.execute_update("act", act, id=act.key, result_type=Receipt))

    async def state(self, handle: WorkflowHandle) -> DealState:
        return await handle.query("state", result_type=DealState)

    async def waits(self, handle: WorkflowHandle) -> list[Wait]:
        return await handle.query("explain", result_type=list[Wait])

    async def until(self, handle: WorkflowHandle, *steps: str) -> DealState:
        """Return the state once all these steps are open and their people are known."""
        for _ in range(600):
            try:
                state = await self.state(handle)
            except RPCError as failure:
                if failure.status is not RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(0.05)  # a child that is only about to be started
                continue
            if all(state.record(step).asked for step in steps) and all(
                state.record(step).state in ("open", "settled") for step in steps
            ):
                return state
            await asyncio.sleep(0.05)
        raise AssertionError(
            f"{steps} did not open: {[(k, r.state) for k, r in state.records.items()]}, {state.questions}"
        )

    async def answer(
        self, handle: WorkflowHandle, person: str, step: str, verdict: str = "approve", reason: str = ""
    ) -> Receipt:
        state = await self.until(handle, step)
        record = state.record(step)
        return await self.act(handle, acts.Decide(
            key=secrets.token_hex(8), by=person, step=step, round=record.round, edition=record.edition,
            verdict=verdict, reason=reason,
        ))  # fmt: skip

    async def sign(self, handle: WorkflowHandle) -> Receipt:
        state = await self.until(handle, "signature:sow")
        record = state.record("signature:sow")
        return await self.act(handle, acts.Sign(
            key=secrets.token_hex(8), by="customer", step="signature:sow", round=record.round, signer="Ada Corvane",
            document=record.read["document:sow"].sha256, channel="sign page",
        ))  # fmt: skip

    async def ended(self, handle: WorkflowHandle) -> str:
        return await asyncio.wait_for(handle.result(), 30)


async def connect(address: str) -> Client:
    """Connect as production does."""
    return await Client.connect(address, plugins=[plugin()])
