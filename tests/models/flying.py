"""Flies a deal through a flow without a server: the same pure rules production runs, with a clock of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from models import acts
from models.calendar import Instants, business_days
from models.deal import DealState, ExternalRef, Incident, base
from models.deeds import carry_out
from models.flow import FlowDef, RenderDef
from models.outcomes import Recorded, Result, failed, finished, needs, recorded
from models.pinned import PacketField, PacketSpec, TemplateSpec
from models.progress import Wait, explain
from models.refusals import Refusal, refusal
from models.ringing import next_ring, ring
from models.turn import turn
from models.values import Digest, fingerprint
from workflows.binding import bind
from workflows.flows.facts import deal as company_facts
from workflows.language import DealFacts, Flow

T0 = datetime(2026, 11, 2, 15, tzinfo=UTC)
WHO = {"role:finance": ["noor"], "role:legal": ["hanna"], "role:security": ["hiro", "sofia"], "role:cfo": ["daniel"],
       "role:ops": ["marco"], "fact:owner": ["dana"], "managers:1": ["vera"],
       "customer:signatory": ["ada@c.example"]}  # fmt: skip


def flow_of(*stages, facts: DealFacts = company_facts, actions=(), templates=None, packets=None, **more) -> FlowDef:
    """Build and bind a flow as the library does."""
    return bind(
        Flow("test", *stages, version=1, **more),
        facts,
        actions={action.name: action.spec() for action in actions},
        templates=templates or {"sow": TemplateSpec(title="SOW", variables=("account", "amount"))},
        packets=packets or {"p": PacketSpec(title="Packet", fields=(PacketField(label="goals", fact="goals"),))},
    )


class Flight:
    """One deal, its people and its clock."""

    def __init__(self, flow: FlowDef, **facts) -> None:
        self.now = T0
        self.state = DealState(flow=flow, deal="deal/test/1", opened_at=T0)
        self.begun: list[str] = []
        self.keys = 0
        self.crm(**facts)

    def key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    def crm(self, **facts) -> str:
        """Let the CRM report facts, one minute later."""
        self.now += timedelta(minutes=1)
        return self.do(acts.Revise(key=self.key(), by="crm", source="crm", at=self.now, facts=facts))

    def do(self, act: acts.Act) -> str:
        """Do an act that must be accepted; return its outcome."""
        refused = refusal(self.state, act)
        assert refused is None, refused
        receipt, begun = carry_out(self.state, act, self.now)
        self.begun += begun
        self.settle()
        return receipt.outcome

    def refused(self, act: acts.Act) -> Refusal:
        """Return why an act is refused; it must be."""
        found = refusal(self.state, act)
        assert found is not None, "it would be accepted"
        return found

    def settle(self) -> None:
        """Walk, and find out people and instants, as the workflow does."""
        self.begun += turn(self.state, self.now)
        wanted = needs(self.state)
        if wanted:
            times = {}
            for need in wanted:
                length = need.within.length(timedelta(days=1)) if need.within else None
                still = sum((ended - began for began, ended in need.pauses), timedelta())
                if need.date is not None:
                    at = datetime.combine(need.date.v, datetime.min.time(), tzinfo=UTC)
                    lead = need.lead.length(timedelta(days=1)) if need.lead else timedelta()
                    times[need.step] = Instants(due=at - lead, within=business_days(0))
                elif length is not None:
                    rungs = tuple(need.opened + length * (i + 2) for i in range(len(need.rungs)))
                    every = need.remind_every.length(timedelta(days=1)) if need.remind_every else None
                    nudges = (need.opened + every,) if every else ()
                    times[need.step] = Instants(
                        due=need.opened + length + still, rungs=rungs, reminders=nudges, within=need.within
                    )
            if recorded(self.state, Recorded(people=WHO, instants=times), wanted, self.now) or needs(self.state):
                self.begun += turn(self.state, self.now)

    def wait(self, **how_long) -> None:
        """Let time pass, clock by clock."""
        until = self.now + timedelta(**how_long)
        while (at := next_ring(self.state)) is not None and at <= until:
            self.now = at
            ring(self.state, at)
            self.settle()
        self.now = until

    def answer(self, person: str, step: str, verdict="approve", **more) -> str:
        record = self.state.record(step)
        return self.do(acts.Decide(key=self.key(), by=person, step=step, round=record.round, edition=record.edition,
                                   verdict=verdict, **more))  # fmt: skip

    def decision(self, person: str, step: str, verdict="approve", **more) -> acts.Decide:
        record = self.state.record(step)
        given = {"round": record.round, "edition": record.edition, **more}
        return acts.Decide(key=self.key(), by=person, step=step, verdict=verdict, **given)

    def sign(self, step: str = "signature:sow") -> str:
        record = self.state.record(step)
        document = next(iter(record.read.values()))
        return self.do(acts.Sign(key=self.key(), by="customer", step=step, round=record.round, signer="Ada",
                                 document=document.sha256))  # fmt: skip

    def run(self, step: str | None = None, **facts) -> None:
        """Let what has begun (or one step of it) come back, writing `facts`."""
        for each in [step] if step else list(dict.fromkeys(self.begun)):
            self.begun = [other for other in self.begun if other != each]
            record = self.state.record(each)
            placed = self.state.flow.steps[base(each)]
            if isinstance(placed.step, RenderDef):
                result = Result(document=Digest(sha256=fingerprint(record.read), label="sow"), template="t1")
            else:
                reference = (
                    ExternalRef(id=f"{each}/{record.revision}") if record.op == "do" and record.unconfirmed else None
                )
                result = Result(facts=facts, reference=reference)
            finished(self.state, each, result, self.now)
            self.settle()

    def fail(self, step: str, kind: str = "refused", *, unknown: bool = False) -> None:
        """Let what has begun fail."""
        self.begun = [other for other in self.begun if other != step]
        failed(self.state, step, Incident(kind=kind, message="it said no", at=self.now, unknown=unknown), self.now)
        self.settle()

    def is_(self, step: str) -> str:
        return self.state.record(step).state.value

    def waits(self) -> list[Wait]:
        return explain(self.state)

    def kinds(self) -> list[str]:
        return [wait.question or wait.kind for wait in self.waits()]

    def told(self) -> str:
        return "\n".join(entry.text for entry in self.state.outbox)
