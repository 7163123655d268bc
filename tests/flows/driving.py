"""Drives a deal through any flow at all: whatever somebody is asked they answer, until it ends or nobody has an act."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from models import acts
from models.asking import who_key
from models.calendar import Instants, business_days
from models.deal import DealState, ExternalRef, Status, base
from models.deeds import carry_out
from models.facts import FactSpec, Source
from models.flow import CallDef, FlowDef, HandoffDef, RenderDef, SubflowDef, WaitDef, writes
from models.money import Percent, usd
from models.outcomes import REVISE, Need, Recorded, Result, finished, needs, recorded
from models.progress import Wait, explain
from models.refusals import refusal
from models.ringing import next_ring, ring
from models.turn import turn
from models.values import Day, Digest, Flag, Form, Item, Items, Moment, Number, Text, Value, Whole, fingerprint
from workflows.rehearsal.doors import act_of

T0 = datetime(2026, 11, 16, 9, tzinfo=UTC)
DAY = timedelta(days=1)
OWNER = "dana"
# What nobody does here who wants the deal to go on.
_UNFRIENDLY = {"ask_information", "recall", "decline", "reject", "ask_changes", "send_back", "end"}


class Wedged(AssertionError):
    """A deal that nothing and nobody can move, or that never comes to rest."""


class Driven:
    """One deal with facts drawn by `seed`. People say no a few times, then yes to everything."""

    def __init__(self, flow: FlowDef, seed: int) -> None:
        self.g, self.flow, self.now, self.keys, self.noes = random.Random(seed), flow, T0, 0, 3
        self.written = {path for placed in flow.steps.values() for path in writes(placed.step, flow)}
        self.state = DealState(flow=flow, deal="deal/test/1", opened_at=T0)
        outside = [s for p, s in flow.facts.items() if p not in self.written and s.source in (Source.CRM, Source.ERP)]
        facts = {spec.path: self.value(spec) for spec in outside if spec.path == "owner" or self.g.random() < 0.9}
        self.hand_in(acts.Revise(key="first", by="crm", source="crm", at=T0, facts=facts))

    def fly(self) -> DealState:
        """Let everybody do what they can until the deal has ended. Raises Wedged."""
        for _ in range(12 * len(self.flow.steps) + 150):
            self.settle()
            if self.state.ended:
                return self.state
            if self.state.hold is not None and "come to rest" in self.state.hold.reason:
                raise Wedged(self.state.hold.reason)
            if not self.someone_acts() and not self.time_passes() and not self.owner_gives_up():
                raise Wedged(f"nobody has an act: {[wait.reason for wait in explain(self.state)]}")
        raise Wedged(f"it goes on for ever: {[wait.reason for wait in explain(self.state)]}")

    def settle(self) -> None:
        """Turn until nothing moves; actions answer at once."""
        for _ in range(20 * len(self.flow.steps) + 50):
            turn(self.state, self.now)
            self.now += timedelta(minutes=1)
            running = [step for step, record in self.state.records.items() if record.state is Status.RUNNING]
            for step in running:
                finished(self.state, step, self.result(step), self.now)
            wanted = needs(self.state)
            if wanted:
                recorded(self.state, self.found_out(wanted), wanted, self.now)
            elif not running:
                return
        raise Wedged("its actions run again and again")

    def someone_acts(self) -> bool:
        waits = explain(self.state)
        self.g.shuffle(waits)
        no = self.noes > 0 and self.g.random() < 0.2
        for friendly in (not no, no, False):
            for wait in waits:
                if self.acts_on(wait, friendly=friendly):
                    return True
        return False

    def acts_on(self, wait: Wait, *, friendly: bool) -> bool:
        offers = list(wait.acts)
        self.g.shuffle(offers)
        for offer in offers:
            kind = offer.choice if offer.do in ("decide", "answer") else offer.do
            if offer.do == "revise" and wait.kind == "wait" and self.dated(wait):
                continue  # the date is known, so it is time that has to pass
            if (kind in _UNFRIENDLY) is friendly or kind in ("ask_information", "recall", "end"):
                continue
            for person in [*wait.waiting_on, OWNER]:
                self.keys += 1
                act = act_of(
                    self.state, wait, offer, by=person, key=f"k{self.keys}", now=self.now, supply=self.supplied
                )
                if act is not None and refusal(self.state, act) is None:
                    self.noes -= kind in _UNFRIENDLY
                    self.hand_in(act)
                    return True
        return False

    def dated(self, wait: Wait) -> bool:
        step = self.flow.steps[base(wait.step or "")].step
        return isinstance(step, WaitDef) and step.until_date in self.state.facts

    def time_passes(self) -> bool:
        at = next_ring(self.state)
        if at is None:
            return False
        self.now = max(at, self.now)
        ring(self.state, self.now)
        return True

    def owner_gives_up(self) -> bool:
        """Ending is an act like others, where a wait offers it."""
        for wait in explain(self.state):
            for offer in wait.acts:
                if "end" in (offer.do, offer.choice):
                    self.keys += 1
                    by = [*wait.waiting_on, OWNER][0]
                    act = act_of(
                        self.state, wait, offer, by=by, key=f"k{self.keys}", now=self.now, supply=self.supplied
                    )
                    if act is not None and refusal(self.state, act) is None:
                        self.hand_in(act)
                        return True
        return False

    def hand_in(self, act: acts.Act) -> None:
        assert refusal(self.state, act) is None
        carry_out(self.state, act, self.now)

    def found_out(self, wanted: list[Need]) -> Recorded:
        asked = {who_key(who) for need in wanted for who in (*need.parties, *(w for rung in need.rungs for w in rung))}
        people = {key: [f"{key.partition(':')[2]}-{i}" for i in range(4)] for key in asked}
        due = self.now + timedelta(days=2)
        times = {
            need.step: Instants(due=due, within=business_days(2), rungs=tuple(due + i * DAY for i, _ in rungs))
            for need in wanted
            if need.within is not None or need.date is not None or need.step == REVISE
            for rungs in [list(enumerate(need.rungs, 1))]
        }
        return Recorded(people={**people, "fact:owner": [OWNER], "managers:1": ["vera"]}, instants=times)

    def result(self, step_id: str) -> Result:
        step, record = self.flow.steps[base(step_id)].step, self.state.record(step_id)
        if isinstance(step, RenderDef):
            return Result(document=Digest(sha256=fingerprint(record.read), label=step.document), template="t1")
        if isinstance(step, HandoffDef):
            return Result(reference=ExternalRef(id="onboarding/1"))
        facts: dict[str, Value] = {}
        if isinstance(step, CallDef | SubflowDef):
            made = random.Random(fingerprint(record.read) + step_id)
            facts = {p: self.value(self.flow.facts[p], made) for p in writes(step, self.flow) if p in self.flow.facts}
        effect = isinstance(step, SubflowDef) or (isinstance(step, CallDef) and step.effect)
        return Result(facts=facts, reference=ExternalRef(id=f"{step_id}/{record.revision}") if effect else None)

    def supplied(self, path: str) -> Value:
        return self.value(self.flow.facts[path]) if path in self.flow.facts else Text(v="something")

    def value(self, spec: FactSpec, g: random.Random | None = None) -> Value:
        """Anything such a fact could be."""
        g = g or self.g
        if spec.path == "owner":
            return Text(v=OWNER)
        if spec.options:
            return Text(v=g.choice(spec.options))
        made: dict[str, Value] = {
            "whole": Whole(v=g.choice([0, 5, 20, 45, 90])),
            "number": Number(v=Decimal(g.randrange(100))),
            "percent": Percent(value=Decimal(g.choice([2, 10, 18, 25, 40]))),
            "money": usd(g.choice([500, 8_000, 60_000, 300_000, 6_000_000])),
            "flag": Flag(v=g.random() < 0.5),
            "day": Day(v=date(2026, 12, 1) + timedelta(days=g.randrange(90))),
            "moment": Moment(v=T0 + timedelta(days=g.randrange(90))),
            "digest": Digest(sha256=f"{g.randrange(10**6):064d}", label=spec.path),
            "items": Items(items=tuple(Item(key=str(i), digest=str(g.randrange(9))) for i in range(g.randint(1, 2)))),
            "form": Form(v="{}"),
        }
        return made.get(spec.type, Text(v=f"{spec.path} {g.randrange(9)}"))
