"""The shipped flows of every line of business with an ordinary deal for each, and how such a deal is flown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from activities.calendars import working
from models import acts
from models.calendar import CalendarSpec
from models.calls import call_of
from models.deal import DealState, ExternalRef, Status
from models.deeds import carry_out
from models.flow import FlowDef
from models.money import percent, usd
from models.outcomes import Result, finished, needs, recorded
from models.people import BusinessTime, Directory, find_out
from models.progress import Wait, explain
from models.refusals import refusal
from models.ringing import ring
from models.turn import turn
from models.values import Day, Digest, Flag, Item, Items, Text, Value, Whole, digest_of, fingerprint
from tests.flows.walking import shipped

T0 = datetime(2026, 11, 16, 15, tzinfo=UTC)
CLOCK = BusinessTime(CalendarSpec(zone="America/Chicago", country="US"), working)
SIGNER = "mara@corvane.example"


@dataclass(frozen=True)
class Somebody:
    """A person of the company; the id is the first name."""

    id: str
    roles: tuple[str, ...]
    manager: str | None = "vera"
    active: bool = True


STAFF = Directory([
    Somebody("dana", ("account_executive", "sales")), Somebody("joel", ("deal_desk",)),
    Somebody("vera", ("ceo",), None), Somebody("vito", ("vp_sales",)), Somebody("greta", ("general_counsel",)),
    Somebody("noor", ("finance",)), Somebody("daniel", ("cfo",)), Somebody("della", ("delivery_head",)),
    Somebody("hanna", ("legal",)), Somebody("hiro", ("security",)), Somebody("sofia", ("security", "ciso")),
    Somebody("marco", ("delivery_manager", "operations")), Somebody("iris", ("sales_ops", "admin")),
    Somebody("anton", ("application_engineer",)), Somebody("petra", ("plant_manager",)),
    Somebody("stan", ("purchasing",)),
    Somebody("celia", ("customer_success",)), Somebody("paola", ("privacy",)),
    Somebody("emil", ("estimator",)), Somebody("elsa", ("estimator",)), Somebody("sven", ("site_manager",)),
    Somebody("kim", ("compliance",)), Somebody("kora", ("compliance",)), Somebody("karl", ("compliance",)),
    Somebody("rita", ("risk",)), Somebody("ralf", ("risk",)), Somebody("rosa", ("risk",)),
    Somebody("ian", ("internal_audit",)),
    Somebody("bea", ("board",)), Somebody("bert", ("board",)),
])  # fmt: skip
"""Everybody the packs ask, one hat each, so that who answered is never a coincidence."""


@dataclass(frozen=True)
class Pack:
    """One flow and its ordinary deal: what the CRM says, what actions answer, what people fill into forms."""

    name: str
    flow: FlowDef
    facts: Mapping[str, Value]
    step_facts: Mapping[str, Value]
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By step id; as a page sends them."""
    arrives: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """By step id of a Wait: what the CRM reports while it stands open."""


def ordinary(line: str, title: str, **more: Value) -> dict[str, Value]:
    """What the CRM says of every deal."""
    return {
        "title": Text(v=title), "account": Text(v="Corvane Logistics"), "owner": Text(v="dana"),
        "signatory": Text(v=f"Mara Oduya <{SIGNER}>"), "lines": Items(items=(Item(key="1", digest=digest_of(b"1")),)),
        "discount": percent(5), "payment_days": Whole(v=30), "term_months": Whole(v=24),
        "data_class": Text(v="internal"), "goals": Text(v="ready before the season"),
        "close_date": Day(v=date(2026, 12, 18)), "line_of_business": Text(v=line), **more,
    }  # fmt: skip


@cache
def packs() -> tuple[Pack, ...]:
    """Every shipped flow with an ordinary deal."""
    flows = {flow.name: flow for flow in shipped().flows}
    return (
        Pack(
            "managed-services", flows["managed-services"], ordinary("managed_services", "Managed services"),
            {"amount": usd(60_000), "margin": percent(35)},
        ),
        Pack(
            "manufacturing", flows["manufacturing"],
            ordinary("manufacturing", "Packing line", installed_by_us=Flag(v=True), abroad=Flag(v=False)),
            {
                "amount": usd(180_000), "margin": percent(26), "material_price": usd("812.50"),
                "material_price_until": Day(v=date(2026, 11, 20)), "machine_hours_left": Whole(v=64),
                "production_month": Day(v=date(2026, 12, 1)),
            },
            {
                "task:site-survey": {"site_address": "1 Dock Road", "floor_load": "35", "power": "90", "crane": "true"},
                "task:configuration": {
                    "material": "STEEL-S355", "tonnes": "12", "work_center": "Laser 1", "machine_hours": "160",
                },
                "approval:credit": {"limit": "250000", "insured": "true"},
                "task:deposit": {"received_on": "2026-12-02", "bank_reference": "TRX 4711"},
            },
        ),
        Pack(
            "saas", flows["saas"],
            ordinary(
                "saas", "Planning suite, 120 seats", data_region=Text(v="eu"), personal_data=Flag(v=True),
                redlines=Whole(v=0), starts_on=Day(v=date(2027, 2, 1)),
            ),
            {"amount": usd(48_000), "margin": percent(78)},
            {
                "task:security-questionnaire": {"questions": "140", "gaps": "0"},
                "task:tenant": {"address": "corvane.halden.example", "administrator": "it@corvane.example"},
            },
        ),
        Pack(
            "construction", flows["construction"],
            ordinary(
                "construction", "Warehouse with offices", public_tender=Flag(v=True), permit_needed=Flag(v=True),
                works_start=Day(v=date(2027, 9, 6)), subcontracted=percent(45), retention=percent(5),
                payment_schedule=Text(v="milestones"),
            ),
            {"amount": usd(2_400_000), "margin": percent(14)},
            {
                "task:site-inspection": {"site_address": "9 Mill Lane", "access": "from the north, 40 t"},
                "task:remediation": {"contractor": "Clean Ground Ltd", "working_days": "12"},
                "task:subcontractors": {"trades": "roof, heating", "bids": "3", "binding_until": "2027-06-30"},
                "task:bid-bond": {"number": "BB-77", "surety": "Northern Surety", "expires_on": "2027-06-30"},
                "task:insurance": {"policy": "CAR-1", "valid_until": "2028-12-31"},
            },
            {
                "wait:the award": {"award": Text(v="won")},
                "wait:the building permit": {"building_permit": Text(v="BP-2027-118")},
            },
        ),
        Pack(
            "financial-services", flows["financial-services"],
            ordinary(
                "financial_services", "Revolving credit line", exposure=usd(400_000), country_risk=Text(v="low"),
                politically_exposed=Flag(v=False), consumer=Flag(v=False),
            ),
            {"amount": usd(18_000), "margin": percent(40)},
            {
                "task:identification": {
                    "registered_name": "Corvane Logistics Inc", "register_number": "HRB 1177",
                    "beneficial_owners": "2", "source_of_funds": "freight revenue",
                },
                "task:sanctions-screening": {"result": "clear", "screened_on": "2026-11-16", "reference": "S-1"},
                "task:rating": {"grade": "4", "collateral": "250000"},
                "task:final-screening": {"result": "clear", "screened_on": "2026-12-10"},
            },
        ),
    )  # fmt: skip


def pack(name: str) -> Pack:
    """One of them by the name of its flow."""
    return next(each for each in packs() if each.name == name)


class Flown:
    """One deal of a pack in the pure models: actions answer at once, people and clocks are the company's own.

    `given` replaces facts, whoever writes them; None leaves one out. `forms` replaces answers of forms.
    """

    def __init__(
        self, of: Pack, *, forms: Mapping[str, Mapping[str, Any]] | None = None, **given: Value | None
    ) -> None:
        self.pack, self.now, self.keys = of, T0, 0
        self.forms = {**of.forms, **(forms or {})}
        self.answers: dict[str, Value] = {**of.step_facts}
        self.answers |= {path: value for path, value in given.items() if path in of.step_facts and value is not None}
        first = {**of.facts, **{path: value for path, value in given.items() if path not in of.step_facts}}
        self.ends: dict[str, datetime] = {}
        self.calls: list[str] = []
        self.asked: list[str] = []
        self.state = DealState(flow=of.flow, deal="deal/hubspot/5012345", opened_at=T0)
        facts = {path: value for path, value in first.items() if value is not None}
        self.do(acts.Revise(key="first", by="hubspot", source="crm", at=T0, facts=facts))

    def do(self, act: acts.Act) -> None:
        """Hand in an act that must be accepted, then let the deal come to rest."""
        refused = refusal(self.state, act)
        assert refused is None, (act, refused)
        _, begun = carry_out(self.state, act, self.now)
        self._settle(begun)

    def tell(self, **facts: Value) -> None:
        """Let the CRM report facts."""
        self.do(acts.Revise(key=self._key(), by="hubspot", source="crm", at=self.now, facts=facts))

    def answer(self, step: str, person: str = "", verdict: str = "", reason: str = "", **form: Any) -> None:
        """Answer one request, as the first person it waits for and with the ordinary form unless told otherwise."""
        kind, record = step.partition(":")[0], self.state.record(step)
        by = person or self.open[step][0]
        about = {"key": self._key(), "by": by, "step": step, "round": record.round}
        given = dict(form or self.forms.get(step, {}))
        match kind:
            case "task":
                self.do(acts.Complete(**about, form=given))
            case "signature":
                document = next(value.sha256 for value in record.read.values() if isinstance(value, Digest))
                self.do(acts.Sign(**about, document=document, signer=SIGNER))
            case _:
                said = verdict or ("accept" if kind == "handoff" else "approve")
                more = {"edition": record.edition, "verdict": said, "reason": reason, "form": given}
                self.do(acts.Decide(**about, **more))

    def fly(self, until: str = "") -> Flown:
        """Say yes to everything, in the order it is asked, until the deal ends or `until` is open."""
        for _ in range(200):
            if self.state.ended or (until and until in self.open):
                return self
            open_ = self.open
            if (step := next((s for s in open_ if not s.startswith("wait:")), "")) or not open_:
                assert step, (until, [wait.reason for wait in self.waits])
                self.answer(step)
                continue
            news = [facts for wait, facts in self.pack.arrives.items() if wait in open_]
            if news:
                self.rest(days=30)
                self.tell(**news[0])
            else:
                self.rest()
        raise AssertionError(f"it does not come to {until or 'an end'}: {self.open}")

    def rest(self, *, days: float | None = None) -> None:
        """Let time pass: to the next clock, or through every clock of so many days."""
        until = None if days is None else self.now + timedelta(days=days)
        while (at := self._next(until)) is not None:
            self.now = max(at, self.now) + timedelta(seconds=1)
            ring(self.state, self.now)
            self._settle([])
            if until is None:
                return
        self.now = until or self.now

    @property
    def open(self) -> dict[str, tuple[str, ...]]:
        """Every open request with those it waits for."""
        waits = {wait.step: wait.waiting_on for wait in self.waits}
        return {s: waits.get(s, ()) for s, r in self.state.records.items() if r.state is Status.OPEN}

    @property
    def waits(self) -> list[Wait]:
        return explain(self.state)

    def of(self, state: Status, kind: str = "") -> list[str]:
        """The steps in a state, without what their kind adds to their names."""
        return [s for s, r in self.state.records.items() if r.state is state and s.startswith(kind)]

    def _next(self, until: datetime | None) -> datetime | None:
        clocks = [r.clock.next_ring() for r in self.state.records.values() if r.clock and r.state is Status.OPEN]
        times = [*clocks, *(r.valid_until for r in self.state.records.values() if not r.lapsed)]
        first = min((at for at in times if at is not None), default=None)
        return first if first is not None and (until is None or first <= until) else None

    def _settle(self, begun: list[str]) -> None:
        begun = [*begun, *turn(self.state, self.now)]
        while begun or needs(self.state):
            for step in begun:
                finished(self.state, step, self._result(step), self.now)
            wanted = needs(self.state)
            recorded(self.state, find_out(STAFF, CLOCK, self.state, wanted), wanted, self.now)
            begun = turn(self.state, self.now)
        for step in self.open:
            self.asked += [step] if step not in self.asked else []

    def _result(self, step: str) -> Result:
        if step.startswith("handoff:"):
            return Result(reference=ExternalRef(id="onboarding/hubspot/5012345"))
        call = call_of(self.state, step)
        self.calls.append(f"{call.action} {call.op}")
        made = fingerprint(call.inputs)
        if call.action == "render":
            label = Digest(sha256=digest_of(f"{call.document}{made}".encode()), label=call.document)
            return Result(document=label, template=call.template_hash or "t1")
        spec = self.state.flow.actions[call.action]
        facts = {path: self._output(path, made, step) for path in spec.outputs}
        reference = ExternalRef(id=f"{call.action}-1") if spec.effect else None
        return Result(facts=facts, reference=reference, valid_until=self.ends.get(call.action))

    def _output(self, path: str, made: str, step: str) -> Value:
        kind = self.state.flow.facts[path].type
        return self.answers.get(path) or (Digest(sha256=made, label=path) if kind == "digest" else Text(v=f"{step} 1"))

    def _key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"
