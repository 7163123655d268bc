"""Drives a deal through the pure models as its workflow does: turn, carry out, finished; no server, no database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from activities.documents import load_templates
from activities.template_specs import template_specs
from models import acts
from models.calendar import Instants, business_days
from models.calls import call_of
from models.deal import DealState, ExternalRef, Receipt, Status
from models.deeds import carry_out
from models.flow import FlowDef
from models.money import Money, Percent
from models.outcomes import REVISE, Recorded, Result, finished, needs, recorded
from models.progress import Wait, explain
from models.refusals import refusal
from models.turn import turn
from models.values import Digest, Item, Items, Text, Value, Whole, fingerprint
from workflows.library import Library, load

T0 = datetime(2026, 11, 16, 9, tzinfo=UTC)
PEOPLE = {
    "fact:owner": ["dana"],
    "role:deal_desk": ["joel"],
    "role:vp_sales": ["vera"],
    "role:ceo": ["vera"],
    "role:general_counsel": ["vera"],
    "role:cfo": ["daniel"],
    "role:delivery_head": ["daniel"],
    "role:finance": ["noor"],
    "role:legal": ["hanna"],
    "role:security": ["hiro", "sofia"],
    "role:ciso": ["sofia"],
    "role:delivery_manager": ["marco"],
    "customer:signatory": ["mara@corvane.example"],
}


def shipped() -> Library:
    """The library of an installation without own flows."""
    return load(templates=template_specs(load_templates()))


def facts_of_the_crm(discount: int, **more: Value) -> dict[str, Value]:
    """What the CRM says of a deal; `more` replaces or adds."""
    return {
        "title": Text(v="Managed services"),
        "account": Text(v="Corvane Logistics"),
        "owner": Text(v="dana"),
        "signatory": Text(v="Mara Oduya <mara@corvane.example>"),
        "lines": Items(items=(Item(key="1", digest="a"),)),
        "discount": Percent(value=discount),
        "payment_days": Whole(v=30),
        "data_class": Text(v="internal"),
        "goals": Text(v="one partner for everything"),
        **more,
    }


class Walked:
    """One deal. `amount` and `margin` are what its quote comes to."""

    def __init__(self, flow: FlowDef, facts: Mapping[str, Value], *, amount: Money, margin: Percent) -> None:
        self.flow, self.amount, self.margin = flow, amount, margin
        self.now, self.keys = T0, 0
        self.calls: list[str] = []
        self.state = DealState(flow=flow, deal="deal/hubspot/5012345", opened_at=T0)
        self.do(acts.Revise(key="first", by="hubspot", source="crm", at=T0, facts=dict(facts)))

    def do(self, act: acts.Act) -> Receipt:
        """Hand in an act that must be accepted, then let the deal come to rest."""
        refused = refusal(self.state, act)
        assert refused is None, refused
        receipt, begun = carry_out(self.state, act, self.now)
        self.settle(begun)
        return receipt

    def settle(self, begun: list[str]) -> None:
        """Turn until nothing moves: actions answer at once, `record` finds people and instants."""
        begun = [*begun, *turn(self.state, self.now)]
        while begun or needs(self.state):
            self.now += timedelta(minutes=1)
            for step in begun:
                finished(self.state, step, self._result(step), self.now)
            self._find_out()
            begun = turn(self.state, self.now)

    def decide(self, step: str, person: str, verdict: str = "approve", reason: str = "") -> Receipt:
        """Let a person answer what is asked of them now."""
        record, self.keys = self.state.record(step), self.keys + 1
        about = {"step": step, "round": record.round, "edition": record.edition, "reason": reason}
        return self.do(acts.Decide(key=f"k{self.keys}", by=person, verdict=verdict, **about))

    def sign(self, step: str = "signature:sow") -> Receipt:
        """Let the customer sign the document as it is."""
        record = self.state.record(step)
        document = next(value.sha256 for value in record.read.values() if isinstance(value, Digest))
        about = {"step": step, "round": record.round, "document": document}
        return self.do(acts.Sign(key="signed", by="mara", signer="mara@corvane.example", **about))

    @property
    def asked(self) -> dict[str, tuple[str, ...]]:
        """Every open request with those it waits for."""
        open_ = (Status.OPEN,)
        return {s: waiting(self.state, s) for s, r in self.state.records.items() if r.state in open_}

    @property
    def waits(self) -> list[Wait]:
        return explain(self.state)

    def _result(self, step: str) -> Result:
        if step.startswith("handoff:"):
            return Result(reference=ExternalRef(id="onboarding/hubspot/5012345"))
        call = call_of(self.state, step)
        self.calls.append(f"{call.action} {call.op}")
        made = fingerprint(call.inputs)
        match call.action:
            case "price_quote":
                quote, scope = Digest(sha256=made, label="quote v1"), Digest(sha256=made, label="scope")
                return Result(facts={"amount": self.amount, "margin": self.margin, "quote": quote, "scope": scope})
            case "render":
                return Result(document=Digest(sha256=made, label="sow v1"), template=call.template_hash or "t1")
            case "create_sales_order":
                return Result(facts={"sales_order": Text(v="SO-1")}, reference=ExternalRef(id="SO-1"))
            case "create_project":
                return Result(facts={"project": Text(v="P-1")}, reference=ExternalRef(id="P-1"))
        raise AssertionError(call.action)

    def _find_out(self) -> None:
        times = {
            need.step: Instants(due=self.now + timedelta(days=2), within=business_days(2))
            for need in needs(self.state)
            if need.within is not None or need.step == REVISE
        }
        recorded(self.state, Recorded(people=PEOPLE, instants=times), needs(self.state), self.now)


def waiting(state: DealState, step: str) -> tuple[str, ...]:
    """Return the people a request still waits for."""
    return next((wait.waiting_on for wait in explain(state) if wait.step == step), ())
