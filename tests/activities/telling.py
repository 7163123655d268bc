"""A deal that is recorded as its workflow does it: batch by batch, on the pure rules, into a real database."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.people import business_time
from activities.records import Recorder
from connectors.database import Database
from models import acts
from models.calendar import CalendarSpec
from models.calls import Batch, batch
from models.deal import DealState
from models.deeds import carry_out
from models.flow import FlowDef
from models.money import percent
from models.outcomes import recorded
from models.refusals import refusal
from models.ringing import next_ring, ring
from models.tables.people import Person
from models.turn import turn
from models.values import Text
from tests.models.flying import flow_of
from workflows.flows.facts import deal
from workflows.language import Approval, Parallel, Stage, days

NOW = datetime(2026, 11, 16, 15, tzinfo=UTC)
KEY = b"k" * 32
_numbers = itertools.count(1)


async def hire(database: Database, *, notify: dict[str, Any] | None = None, **roles: list[str]) -> None:
    """Employ people with a mail address and a chat name, who all want to be told in one way."""
    async with database.write() as session:
        for name, given in roles.items():
            session.add(
                Person(
                    id=name,
                    name=name.title(),
                    email=f"{name}@halden.example",
                    slack=f"U-{name}",
                    roles=given,
                    notify=notify or {},
                    zone="America/Chicago",
                )
            )


def recorder(database: Database, now: datetime = NOW) -> Recorder:
    """Return `record` as one worker has it."""
    return Recorder(database, business_time(CalendarSpec(zone="America/Chicago", country="US")), KEY, lambda: now)


def two_ask() -> FlowDef:
    """A flow with two approvals at once."""
    over = deal.discount > percent(5)
    legal = Approval("legal", by="legal", when=over, within=days(2), remind_every=days(1))
    finance = Approval("finance", by="finance", when=over, within=days(2))
    return flow_of(Stage("Review", Parallel(legal, finance)))


class Line:
    """One deal of one workflow: what happens to it, and what of it is not recorded yet."""

    def __init__(self, flow: FlowDef | None = None, **facts: object) -> None:
        self.now = NOW
        self.id = f"deal/hubspot/{next(_numbers)}"
        self.state = DealState(flow=flow or two_ask(), deal=self.id, opened_at=NOW)
        self.flow_known = False
        given = {"title": Text(v="Corvane"), "owner": Text(v="dana"), "discount": percent(20), **facts}
        self.do(acts.Revise(key="first", by="crm", source="crm", at=NOW, facts=given))

    def do(self, act: acts.Act) -> str:
        """Do an act that must be accepted."""
        refused = refusal(self.state, act)
        assert refused is None, refused
        receipt, _ = carry_out(self.state, act, self.now)
        turn(self.state, self.now)
        return receipt.outcome

    def decide(self, person: str, step: str, verdict: str = "approve", **more: str) -> str:
        record = self.state.record(f"approval:{step}")
        return self.do(acts.Decide(
            key=f"{person}-{self.state.seq}", by=person, step=f"approval:{step}", round=record.round,
            edition=record.edition, verdict=verdict, **more,
        ))  # fmt: skip

    def wait(self, **how_long: int) -> None:
        """Let time pass, clock by clock."""
        until = self.now + timedelta(**how_long)
        while (at := next_ring(self.state)) is not None and at <= until:
            self.now = at
            ring(self.state, at)
            turn(self.state, at)
        self.now = until

    def batch(self) -> Batch:
        """Return what the workflow sends now, as it comes out of the wire."""
        sent = batch(self.state, self.now, with_flow=not self.flow_known)
        return Batch.model_validate_json(sent.model_dump_json())

    async def told(self, to: Recorder, *, sent: Batch | None = None) -> Batch:
        """Record as the workflow does, and take over what comes back; return the batch."""
        sent = sent or self.batch()
        answer = await send(to, sent)
        self.flow_known = True
        del self.state.outbox[: len(sent.entries)]
        if recorded(self.state, answer, sent.needs, self.now):
            turn(self.state, self.now)
        return sent

    async def settled(self, to: Recorder) -> None:
        """Record until there is nothing left to record."""
        while self.batch().entries or self.batch().needs:
            await self.told(to)


async def send(to: Recorder, sent: Batch):
    """Record one batch."""
    return await ActivityEnvironment().run(to.record, sent)
