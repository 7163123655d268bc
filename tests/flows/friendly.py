"""A world in which everybody says yes, one event at a time in any order, through the same doors as in production."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from models import acts
from models.deal import DealState, ExternalRef, Question, Record, Status, base
from models.deeds import carry_out
from models.flow import ApprovalDef, FlowDef, HandoffDef, RenderDef, SignatureDef, Step, TaskDef, WaitDef, writes
from models.outcomes import Result, finished, needs, recorded
from models.people import BusinessTime, Directory, find_out
from models.refusals import refusal
from models.ringing import next_ring, ring
from models.turn import turn
from models.values import Digest, Value, fingerprint
from workflows.plan import PASSES, Plan


class Friendly:
    """One deal whose people, machines and customer all do what they are asked to, in an order drawn by `seed`."""

    def __init__(self, plan: Plan, flow: FlowDef, people: Directory, clock: BusinessTime, seed: int) -> None:
        self.g, self.flow, self.people, self.clock = random.Random(seed), flow, people, clock
        self.plan, self.now, self.keys = plan, plan.start, 0
        self.came: set[str] = set()
        written = {path for placed in flow.steps.values() for path in writes(placed.step, flow)}
        self.answers: Mapping[str, Value] = plan.facts
        self.state = DealState(flow=flow, deal="deal/test/1", opened_at=self.now)
        self.written = written

    def fly(self, facts: Mapping[str, Value]) -> DealState:
        """Give the deal its facts and let things happen until nothing can; return what it is then."""
        known = {path: value for path, value in facts.items() if path not in self.written}
        self.state.facts = dict(known)
        self.state.facts_by = {path: self.flow.facts[path].source for path in known}
        self.settle()
        for _ in range(40 * len(self.flow.steps) + 100):
            events = [e for step, record in self.state.records.items() for e in self.events(step, record)]
            events += [lambda q=q: self.end(q) for q in self.state.questions.values() if q.kind == "ending"]
            if self.state.ended or not events:
                return self.state
            self.now += timedelta(seconds=1)
            self.g.choice(events)()
            self.settle()
        raise AssertionError("it never comes to rest")

    def settle(self) -> None:
        turn(self.state, self.now)
        for _ in range(4):
            wanted = needs(self.state)
            if not wanted:
                return
            recorded(self.state, find_out(self.people, self.clock, self.state, wanted), wanted, self.now)
            turn(self.state, self.now)

    def events(self, step_id: str, record: Record):
        step = self.flow.steps[base(step_id)].step
        if record.state is Status.RUNNING:
            return [lambda: self.finish(step_id, step, record)]
        if record.state is not Status.OPEN or not record.resolved:
            return []
        about = {"key": f"k{self.keys}", "step": step_id, "round": record.round}
        people = list(dict.fromkeys(p for asked in record.asked.values() for p in asked))
        match step:
            case ApprovalDef() | HandoffDef():
                verdict = "accept" if isinstance(step, HandoffDef) else "approve"
                found = [acts.Decide(by=p, edition=record.edition, verdict=verdict, **about) for p in people]
            case TaskDef():
                found = [acts.Complete(by=p, **about) for p in people]
            case SignatureDef():
                document = next((v.sha256 for v in record.read.values() if isinstance(v, Digest)), "")
                found = [acts.Sign(by="customer", signer="the customer", document=document, **about)]
            case WaitDef() if step.until is not None and self.plan.step(step_id).needs != PASSES:
                found = self.news(step_id, step)
            case _:
                return [self.time] if next_ring(self.state) is not None else []
        return [lambda act=act: self.do(act) for act in found if refusal(self.state, act) is None]

    def news(self, step_id: str, step: Step) -> list[acts.Revise]:
        """What comes from outside is what the plan says will."""
        if step_id in self.came:
            return []
        named = [answer.fact for answer in self.plan.step(step_id).knows]
        facts = {path: self.plan.facts[path] for path in named}
        source = {self.flow.facts[path].source for path in facts}
        if len(source) != 1:
            return []
        return [acts.Revise(key=f"{step_id}{self.keys}", by="crm", source=source.pop(), at=self.now, facts=facts)]

    def do(self, act: acts.Act) -> None:
        self.keys += 1
        if isinstance(act, acts.Revise):
            self.came.add(act.key)
        carry_out(self.state, act, self.now)

    def end(self, question: Question) -> None:
        about = {"step": question.step, "question": "ending", "choice": "end", "reason": "as the flow says"}
        self.do(acts.Answer(key=f"end{self.keys}", by="olga", **about))

    def time(self) -> None:
        at: datetime | None = next_ring(self.state)
        assert at is not None
        self.now = max(self.now, at)
        ring(self.state, self.now)

    def finish(self, step_id: str, step: Step, record: Record) -> None:
        if isinstance(step, RenderDef):
            result = Result(document=Digest(sha256=fingerprint(record.read), label=step.document), template="t1")
        else:
            facts = {path: self.answers[path] for path in writes(step, self.flow) if path in self.flow.facts}
            result = Result(facts=facts, reference=ExternalRef(id="1") if record.op == "do" else None)
        finished(self.state, step_id, result, self.now)
