"""Random flows and a random world that acts on them, for properties over the walk."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from models import acts
from models.asking import Back, Continue, Ending, Group, Patience, Role, Silence
from models.calendar import Instants, business_days
from models.deal import DealState, ExternalRef, Incident, Status, base, instances
from models.deeds import carry_out
from models.facts import FactSpec, Source
from models.flow import (
    ApprovalDef,
    CallDef,
    EndDef,
    FlowDef,
    HandoffDef,
    ParallelDef,
    RenderDef,
    SequenceDef,
    SignatureDef,
    StageDef,
    TaskDef,
    WaitDef,
    WhenDef,
)
from models.outcomes import REVISE, Recorded, Result, failed, finished, needs, recorded
from models.pinned import ActionSpec, PacketField, PacketSpec, TemplateSpec
from models.refusals import asked_for, refusal
from models.ringing import next_ring, ring
from models.rules import Compare, Direction, Not
from models.turn import turn
from models.values import Digest, Item, Items, Whole, fingerprint

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
PEOPLE = ["p1", "p2", "p3"]
OUTSIDE = ["o0", "o1", "o2", "o3"]


def random_rule(g, facts):
    def atom():
        op = g.choice([">", "<", "is"])
        return Compare(fact=g.choice(facts), op=op, values=(Whole(v=g.randrange(5)),))

    rule = atom()
    if g.random() < 0.4:
        rule = (rule & atom()) if g.random() < 0.5 else (rule | atom())
    return Not(rule=rule) if g.random() < 0.2 else rule


class FlowMaker:
    """Builds one random flow. With `backward` steps may read what is written after them, which rule 6 forbids."""

    def __init__(self, g, *, backward=False):
        self.g, self.backward, self.n = g, backward, 0
        self.facts = {p: FactSpec(path=p, type="whole", source=Source.CRM) for p in OUTSIDE}
        self.facts["things"] = FactSpec(path="things", type="items", source=Source.CRM)
        self.actions, self.templates, self.packets = {}, {}, {}
        self.stages = []

    def make(self):
        g = self.g
        known = list(OUTSIDE)
        stages = []
        for i in range(g.randint(2, 5)):
            self.stages.append(f"S{i}")
            nodes = [self.group(known) for _ in range(g.randint(1, 3))]
            skip = random_rule(g, OUTSIDE) if g.random() < 0.3 else None
            stages.append(
                StageDef(
                    name=self.stages[-1],
                    nodes=tuple(nodes),
                    skip_when=skip,
                    max_rework=g.choice([1, 2, 3]),
                    on_exhausted=g.choice([None, Ending(outcome="lost", reason="rework")]),
                )
            )
        return FlowDef(
            name="random",
            version=1,
            stages=tuple(stages),
            facts=self.facts,
            actions=self.actions,
            templates=self.templates,
            packets=self.packets,
        )

    def group(self, known):
        g = self.g
        kind = g.random()
        if kind < 0.35:
            written, branches = [], []
            for _ in range(g.randint(2, 3)):
                branch_known = list(known)
                size = 2 if g.random() < 0.3 else 1
                steps = []
                for _ in range(size):
                    step, wrote = self.step(branch_known)
                    branch_known += wrote
                    written += wrote
                    steps.append(step)
                branches.append(steps[0] if size == 1 else SequenceDef(nodes=tuple(steps)))
            known += written
            return ParallelDef(branches=tuple(branches), wait_all=g.random() < 0.3)
        if kind < 0.55:
            rule = random_rule(g, known)
            first, wrote = self.step(known)
            other, wrote2 = self.step(known)
            known += wrote + wrote2
            return WhenDef(rule=rule, nodes=(first,), otherwise=(other,) if g.random() < 0.5 else ())
        step, wrote = self.step(known)
        known += wrote
        return step

    def step(self, known):
        g = self.g
        self.n += 1
        name = f"s{self.n}"
        pool = known + ([f"d{i}" for i in range(12)] if self.backward else [])
        reads = tuple(g.sample(pool, min(len(pool), g.randint(1, 3))))
        when = random_rule(g, pool) if g.random() < 0.35 else None
        back = Back(stage=g.choice(self.stages))
        lost = Ending(outcome="lost", reason="no")
        patience = Patience(within=business_days(2))
        expires = Patience(within=business_days(2), on_silence=Silence.EXPIRE)
        kind = g.choices(
            ["approval", "pure", "effect", "task", "wait", "document", "ending", "handoff", "each"],
            [5, 3, 4, 2, 1, 2, 0.3, 0.7, 0.7],
        )[0]
        if kind == "approval":
            covered = {f: g.choice(list(Direction)) for f in reads}
            by = (Group(role="any", need=g.choice([1, 1, 2])),)
            return ApprovalDef(
                name=name,
                when=when,
                by=by,
                patience=patience,
                covered=covered,
                on_reject=g.choice([back, back, back, lost, Continue()]),
                on_expire=g.choice([None, back, Continue()]),
                advisory=g.random() < 0.1,
                every_round=g.random() < 0.1,
            ), []
        if kind in ("pure", "effect", "each"):
            out = f"d{self.n}"
            self.facts[out] = FactSpec(path=out, type="whole", source=Source.STEP)
            effect = kind != "pure"
            wrote = [] if kind == "each" else [out]
            self.actions[name] = ActionSpec(
                name=name,
                title=name,
                effect=effect,
                inputs=dict.fromkeys(reads, True),
                outputs=tuple(wrote),
                on_change=g.choice(["amend", "ask", "keep"]) if effect else "again",
                undo=g.choice(["auto", "ask", "none"]),
            )
            return CallDef(
                name=name,
                when=when,
                action=name,
                effect=effect,
                inputs={r: r for r in reads},
                each="things" if kind == "each" else None,
            ), wrote
        if kind == "task":
            return TaskDef(
                name=name,
                when=when,
                by=(Role(role="any"),),
                patience=patience,
                every_round=g.random() < 0.2,
                on_expire=g.choice([None, back]),
            ), []
        if kind == "wait":
            return WaitDef(name=name, when=when, until=random_rule(g, OUTSIDE), patience=expires, on_expire=lost), []
        if kind == "ending":
            return EndDef(name=name, when=random_rule(g, pool), ending=Ending(outcome="lost", reason="by rule")), []
        if kind == "handoff":
            self.packets[name] = PacketSpec(title=name, fields=tuple(PacketField(label=r, fact=r) for r in reads))
            return HandoffDef(name=name, when=when, packet=name, to=(Role(role="any"),), patience=patience), []
        self.templates[name] = TemplateSpec(title=name, variables=reads)
        render = RenderDef(name=name, document=name, when=when, template=name)
        sign = SignatureDef(
            name=name, document=name, when=when, patience=expires, on_decline=back, on_expire=g.choice([back, lost])
        )
        return SequenceDef(nodes=(render, sign)), []


class World:
    """A deal and everything that could happen to it next."""

    def __init__(self, seed, *, backward=False):
        self.g = random.Random(seed)
        self.flow = FlowMaker(self.g, backward=backward).make()
        self.now = T0
        self.state = DealState(flow=self.flow, deal="deal/test/1", opened_at=T0)
        self.keys = 0
        self.created = {}
        self.signed = []
        self.started = []
        facts = {o: Whole(v=self.g.randrange(5)) for o in OUTSIDE if self.g.random() < 0.9}
        facts["things"] = self.things()
        self.do(acts.Revise(key=self.key(), by="crm", source="crm", at=self.now, facts=facts))
        self.settle()

    def things(self):
        keys = self.g.sample(["a", "b", "c"], self.g.randint(0, 2))
        return Items(items=tuple(Item(key=k, digest=str(self.g.randrange(3))) for k in sorted(keys)))

    def key(self):
        self.keys += 1
        return f"k{self.keys}"

    def do(self, act):
        """Do an act unless it is refused; return whether it was accepted."""
        check = self.g.random() < 0.05
        before = self.state.model_dump_json() if check else ""
        refused = refusal(self.state, act)
        assert not check or self.state.model_dump_json() == before, "a validator changed the state"
        if refused is None:
            carry_out(self.state, act, self.now)
        return refused is None

    def settle(self):
        """One turn: walk until no move is left, then find out people and instants, as `record` does."""
        self.now += timedelta(minutes=1)
        self.started = turn(self.state, self.now)
        for _ in range(5):
            wanted = needs(self.state)
            if not wanted:
                break
            people = {"role:any": PEOPLE, "fact:owner": ["olga"], "customer:signatory": ["carl"]}
            times = {}
            for need in wanted:
                if need.within is not None or need.step == REVISE:
                    due = self.now + timedelta(days=2)
                    times[need.step] = Instants(due=due, within=business_days(2))
            recorded(self.state, Recorded(people=people, instants=times), wanted, self.now)
            self.started += turn(self.state, self.now)

    def run(self, step, *, fail=False, refuse=False):
        """Let one running action come back."""
        record = self.state.record(step)
        if fail:
            kind = "refused" if refuse else "unavailable"
            failed(self.state, step, Incident(kind=kind, message="no", at=self.now, unknown=False), self.now)
            return
        placed = self.flow.steps[base(step)]
        if isinstance(placed.step, RenderDef):
            sha = fingerprint(record.read)
            finished(self.state, step, Result(document=Digest(sha256=sha), template="t1"), self.now)
            return
        if isinstance(placed.step, HandoffDef):
            finished(self.state, step, Result(), self.now)
            return
        spec = self.flow.actions[placed.step.action]
        live = self.created.setdefault(step, set())
        if record.op == "undo":
            live.clear()
        elif record.op == "do":
            live.add(record.revision)
        made = int(fingerprint(record.read), 16) % 5
        facts = {p: Whole(v=made) for p in spec.outputs}
        reference = ExternalRef(id=f"{step}/{record.revision}") if spec.effect and record.op == "do" else None
        finished(self.state, step, Result(facts=facts, reference=reference), self.now)

    def events(self, *, friendly):
        """Everything that could happen now, as callables. Friendly: nothing new goes wrong."""
        s, found = self.state, []
        for step_id, record in list(s.records.items()):
            found += self.record_events(step_id, record, friendly)
        for question in list(s.questions.values()):
            found += self.question_events(question)
        if s.revise is not None and not s.revise.exhausted:
            found.append(lambda: self.do(acts.Resubmit(key=self.key(), by="olga")))
        if s.hold is not None:
            found = (
                [lambda: self.do(acts.Release(key=self.key(), by="olga"))]
                if friendly
                else [*found, lambda: self.do(acts.Release(key=self.key(), by="olga"))]
            )
        if not friendly:
            found += [self.change] * 4
            if self.g.random() < 0.1:
                found.append(lambda: self.do(acts.HoldDeal(key=self.key(), by="olga", reason="vacation")))
            if self.g.random() < 0.02:
                found.append(lambda: self.do(acts.Cancel(key=self.key(), by="olga", reason="crm")))
        return found

    def record_events(self, step_id, record, friendly):
        step = self.flow.steps[base(step_id)].step
        found = []
        if record.state is Status.RUNNING:
            found.append(lambda: self.run(step_id))
            if not friendly and not isinstance(step, HandoffDef):
                found.append(lambda: self.run(step_id, fail=True, refuse=self.g.random() < 0.5))
        elif record.state is Status.INCIDENT:
            found.append(lambda: self.do(acts.Retry(key=self.key(), by="olga", step=step_id)))
            found.append(self.skip(step_id, step))
        elif record.state is Status.OPEN:
            found += self.request_events(step_id, record, step, friendly)
        return found

    def skip(self, step_id, step):
        outputs = (
            {p: Whole(v=self.g.randrange(5)) for p in self.flow.actions[step.action].outputs}
            if isinstance(step, CallDef)
            else {}
        )
        if isinstance(step, RenderDef):
            return lambda: self.do(acts.Retry(key=self.key(), by="olga", step=step_id))
        return lambda: self.do(acts.Skip(key=self.key(), by="olga", step=step_id, reason="not needed", outputs=outputs))

    def request_events(self, step_id, record, step, friendly):
        common = {"step": step_id, "round": record.round}
        found = []
        if isinstance(step, ApprovalDef):
            found += [self.approves(person, record.edition, common) for person in PEOPLE]
            if not friendly:
                found.append(
                    lambda: self.do(
                        acts.Decide(
                            key=self.key(),
                            by=self.g.choice(PEOPLE),
                            edition=self.g.randint(1, record.edition),
                            verdict="reject",
                            reason="no",
                            **common,
                        )
                    )
                )
        elif isinstance(step, TaskDef):
            found.append(lambda: self.do(acts.Complete(key=self.key(), by="p1", **common)))
        elif isinstance(step, SignatureDef):
            found.append(lambda: self.sign(step_id, record, common))
            if not friendly:
                found.append(lambda: self.do(acts.Decline(key=self.key(), by="carl", reason="no", **common)))
        elif isinstance(step, HandoffDef):
            found.append(
                lambda: self.do(
                    acts.Decide(key=self.key(), by="p1", edition=record.edition, verdict="accept", **common)
                )
            )
            if not friendly:
                found.append(
                    lambda: self.do(
                        acts.Decide(
                            key=self.key(), by="p1", edition=record.edition, verdict="reject", reason="no", **common
                        )
                    )
                )
        if isinstance(step, WaitDef) or (not friendly and self.g.random() < 0.2):
            found.append(self.time)
        return found

    def approves(self, person, edition, common):
        return lambda: self.do(acts.Decide(key=self.key(), by=person, edition=edition, verdict="approve", **common))

    def sign(self, step_id, record, common):
        document = next((v.sha256 for v in record.read.values()), "")
        return self.do(acts.Sign(key=self.key(), by="customer", document=document, signer="carl", **common))

    def time(self):
        at = next_ring(self.state)
        if at is not None:
            self.now = max(self.now, at)
            ring(self.state, self.now)

    def question_events(self, question):
        def answer(choice, **more):
            return lambda: self.do(
                acts.Answer(
                    key=self.key(),
                    by="olga",
                    step=question.step,
                    question=question.kind,
                    choice=choice,
                    reason="because",
                    **more,
                )
            )

        if question.kind in ("missing", "packet"):
            return [self.supply] if question.kind == "missing" else [answer("waive")]
        choices = [c for c in acts.CHOICES[question.kind] if c != "send_back"]
        return [answer(c) for c in choices]

    def supply(self):
        missing = [o for o in asked_for(self.state) if o not in self.state.facts]
        facts = {o: Whole(v=self.g.randrange(5)) for o in missing}
        self.do(acts.Revise(key=self.key(), by="olga", source="person", at=self.now, facts=facts))

    def change(self):
        facts = {o: Whole(v=self.g.randrange(5)) for o in self.g.sample(OUTSIDE, self.g.randint(1, 2))}
        if self.g.random() < 0.15:
            facts["things"] = self.things()
        self.do(acts.Revise(key=self.key(), by="crm", source="crm", at=self.now, facts=facts))


def ids(flow, state):
    """Every step id, instances included."""
    return [i for placed in flow.steps.values() for i, exists in instances(placed.step, state) if exists]
