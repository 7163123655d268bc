"""A plan against a virtual run: the real workflow, in which everybody says yes to whatever is asked, in any order."""

from __future__ import annotations

import random
from datetime import timedelta

from models import acts
from models.calls import Intake
from models.deal import Receipt
from models.facts import FactSpec, Source
from models.flow import WaitDef, writes
from models.ringing import next_ring
from models.values import Item, Items, Text, Whole
from tests.flows.friendly import Friendly
from tests.models.random_flows import OUTSIDE, FlowMaker
from tests.simulation.sky import CLOCK, DEAL, STAFF, T0, Broken
from workflows.deal import DealLifecycle
from workflows.onboarding import Onboarding
from workflows.plan import happened, plan
from workflows.plan_order import disagreements
from workflows.rehearsal.engine import VirtualTime
from workflows.rehearsal.office import Office
from workflows.rehearsal.outside import Refused


class Yes(Friendly):
    """The friendly world on the real workflow: acts are updates, actions answer what the plan took them to answer."""

    def __init__(self, made, flow, facts, seed):
        super().__init__(made, flow, STAFF, CLOCK, seed)
        office = Office(STAFF, CLOCK, self.outputs, trouble=self.trouble)
        office.flow_of = lambda _deal: flow
        self.office = office
        self.virtual = VirtualTime(office, start=T0, workflows=[DealLifecycle, Onboarding], seed=seed)
        known = {path: value for path, value in facts.items() if path not in self.written}
        first = acts.Revise(key="first", by="crm", source="crm", at=T0, facts=known)
        self.run = self.virtual.start(DealLifecycle, Intake(flow=flow, deal=DEAL), DEAL, ("act", first))

    def outputs(self, call, flow):
        return {path: self.plan.facts[path] for path in flow.actions[call.action].outputs}

    def trouble(self, attempt):
        return timedelta(0) if attempt.local else timedelta(seconds=self.g.choice([0, 1, 3]))

    def live(self):
        """Let things happen until nothing can; return the journal."""
        for _ in range(40 * len(self.flow.steps) + 100):
            self.virtual.run(self.virtual.now + timedelta(seconds=4), lambda: self.run.ended)
            if self.run.ended:
                break
            self.state, self.now = self.run.object.state, self.virtual.now
            events = [e for step, record in self.state.records.items() for e in self.events(step, record)]
            events += [lambda q=q: self.end(q) for q in self.state.questions.values() if q.kind == "ending"]
            if self.state.running:
                continue
            if not events:
                break
            self.g.choice(events)()
        else:
            raise Broken("it never comes to rest")
        self.virtual.close()
        return self.office.journal[DEAL]

    def do(self, act):
        self.keys += 1
        if isinstance(act, acts.Revise):
            self.came.add(act.key)
        self.send(act)

    def send(self, act):
        try:
            self.virtual.update(DEAL, "act", act, Receipt)
        except Refused as refused:
            raise Broken(f"{act.do}: {refused}") from refused

    def events(self, step_id, record):
        # What has begun comes back by itself here: the office answers.
        return [] if record.state == "running" else super().events(step_id, record)

    def time(self):
        at = next_ring(self.state)
        self.virtual.run(max(at, self.virtual.now) + timedelta(seconds=1), lambda: self.run.ended)


def random_deal(seed):
    """A random flow, the facts a random deal has, and what its steps answer."""
    g = random.Random(seed)
    maker = FlowMaker(g)
    maker.facts |= {p: FactSpec(path=p, type="text", source=Source.CRM) for p in ("owner", "signatory")}
    flow = maker.make()
    facts = {path: Whole(v=g.randrange(5)) for path in OUTSIDE if g.random() < 0.97}
    facts |= {"owner": Text(v="olga"), "signatory": Text(v="Carl <carl@c.example>")}
    facts["things"] = Items(items=tuple(Item(key=k, digest=k) for k in sorted(g.sample("abc", g.randint(0, 3)))))
    written = sorted({path for placed in flow.steps.values() for path in writes(placed.step, flow)})
    facts |= {path: Whole(v=g.randrange(5)) for path in written}
    return flow, facts


def compare(seed):
    """Return whether the deal of this seed was compared; raise Broken when its plan is not what happened."""
    flow, facts = random_deal(seed)
    made = plan(flow, facts, people=STAFF, clock=CLOCK, start=T0)
    moved = any(made.step(i).knows for i, placed in flow.steps.items() if isinstance(placed.step, WaitDef))
    raced = any(step.kind == "ending" and step.state == "done" and step.group is not None for step in made.steps)
    if moved or raced:  # what a Wait brings may change what was asked before; which branch ends first is chance
        return False
    world = Yes(made, flow, facts, seed)
    journal = world.live()
    ending = str(world.run.object.state.ending) if world.run.ended else ""
    differ = disagreements(flow, made.happens, happened(journal, ending))
    if differ or made.ending != ending:
        raise Broken(f"planned {made.ending or 'a stop'}, came to {ending or 'a stop'}: {differ[:3]}")
    return True
