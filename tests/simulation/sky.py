"""One random deal in virtual time: a random flow, people who err, systems that fail, workers that die."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from activities.calendars import working
from models import acts
from models.calendar import CalendarSpec
from models.calls import ActionCall, Intake
from models.deal import DealState, Receipt, base
from models.facts import FactSpec, Source
from models.flow import WaitDef
from models.graph import graph
from models.people import BusinessTime, Directory
from models.progress import explain
from models.refusals import refusal
from models.trace import is_path, trace
from models.values import Item, Items, Text, Whole, fingerprint
from tests.flows.planning import Somebody
from tests.models.guarantees import WATCH, Broken
from tests.models.random_flows import OUTSIDE, FlowMaker
from workflows.deal import DealLifecycle
from workflows.onboarding import Onboarding
from workflows.rehearsal.doors import act_of
from workflows.rehearsal.engine import VirtualTime
from workflows.rehearsal.office import Office
from workflows.rehearsal.outside import Done, Failed, Refused

T0 = datetime(2026, 1, 5, 15, tzinfo=UTC)
COMPANY = CalendarSpec(zone="America/Chicago", country="US")
CLOCK = BusinessTime(COMPANY, working)
DEAL = "deal/test/1"
KIND = (
    "approve", "accept", "give_information", "complete", "sign", "resubmit", "retry", "release", "revise",
    "once_more", "waive", "keep",
)  # fmt: skip


STAFF = Directory([
    Somebody("olga", ("sales_ops",), manager="maria"), Somebody("maria", ("head",)),
    Somebody("p1", ("any",)), Somebody("p2", ("any",)), Somebody("p3", ("any",)),
])  # fmt: skip


class Seen:
    """A deal's state with the journal entries of one event, as the guarantees look at it."""

    def __init__(self, state, entries):
        self._state, self.outbox = state, entries

    def __getattr__(self, name):
        return getattr(self._state, name)


class Ledger(Office):
    """An office whose effect ledger answers a key it knows with what it did the first time.

    What fails with an unknown outcome has, by chance, happened all the same.
    """

    def __init__(self, outputs, trouble, happens):
        super().__init__(STAFF, CLOCK, outputs, trouble=trouble)
        self.happens = happens
        self.answers = {}
        self.live = {}

    def perform(self, attempt):
        call = attempt.argument
        if not isinstance(call, ActionCall):
            return super().perform(attempt)
        if call.key in self.answers:
            op, inputs, result = self.answers[call.key]
            if (op, inputs) != (call.op, fingerprint(call.inputs)):
                raise Broken(f"key {call.key} was used for two different things")
            return Done(result, timedelta(seconds=1))
        trouble = self.trouble(attempt)
        failed = isinstance(trouble, Failed)
        if failed and not (trouble.kind == "outcome_unknown" and self.happens()):
            return trouble
        result = self._act(call)
        self.answers[call.key] = (call.op, fingerprint(call.inputs), result)
        self.count(call)
        return trouble if failed else Done(result, trouble)

    def count(self, call):
        live = self.live.setdefault(call.step, set())
        if call.op == "undo":
            live.clear()
        elif call.op == "do":
            live.add(call.revision)
        if len(live) > 1 and self.flow_of(call.deal).actions.get(call.action) is not None:
            raise Broken(f"{call.step} was created {len(live)} times outside")


class Sky:
    """A deal's life: chaos for a while, then everybody helps it to an end."""

    def __init__(self, seed, *, exact=False, restarts=True):
        self.g = random.Random(seed)
        maker = FlowMaker(self.g)
        maker.facts |= {p: FactSpec(path=p, type="text", source=Source.CRM) for p in ("owner", "signatory")}
        self.flow = maker.make()
        self.chaos, self.waits, self.refused, self.keys, self.receipts = True, set(), 0, 0, []
        self.old, self.unhelpable = [], 0
        self.watched, self.seen = seed % 4 == 0, 0
        self.graph = graph(self.flow)
        self.office = Ledger(self.outputs, self.trouble, lambda: self.g.random() < 0.5)
        self.office.flow_of = lambda _deal: self.flow
        self.database_down_until = T0
        self.time = VirtualTime(
            self.office, start=T0, workflows=[DealLifecycle, Onboarding], seed=seed, exact=exact, remember=restarts,
            roll_over_after=self.g.choice([15, 60, 400]),
        )  # fmt: skip
        self.restarts = restarts
        first = {o: Whole(v=self.g.randrange(5)) for o in OUTSIDE if self.g.random() < 0.9}
        first |= {"owner": Text(v="olga"), "signatory": Text(v="Carl <carl@c.example>"), "things": self.things()}
        arrival = acts.Revise(key=self.key(), by="crm", source="crm", at=T0, facts=first)
        self.run = self.time.start(DealLifecycle, Intake(flow=self.flow, deal=DEAL), DEAL, ("act", arrival))

    @property
    def state(self) -> DealState:
        return self.run.object.state

    def fly(self, *, steps=None, patience=300):
        """Let it live to its end. Raises Broken or Wedged."""
        for _ in range(self.g.randint(0, 40) if steps is None else steps):
            if self.run.ended:
                break
            self.happen()
            self.look()
        self.chaos, self.calm_since = False, self.time.now
        self.database_down_until = T0
        for _ in range(patience):
            if self.run.ended:
                return self.landed()
            self.help()
            self.look()
        if not self.run.ended:
            raise Broken(f"it does not reach an ending: {[(w.kind, w.id, w.reason) for w in explain(self.state)]}")
        return self.landed()

    def happen(self):
        """Something goes on: an answer, a change, a hold, a dead worker, or only time."""
        what = self.g.random()
        if what < 0.45:
            self.answer()
        elif what < 0.6:
            self.change()
        elif what < 0.68 and self.restarts:
            self.restart()
        elif what < 0.72:
            self.again()
        elif what < 0.76:
            self.database_down_until = self.time.now + timedelta(minutes=self.g.choice([1, 2, 10]))
        elif what < 0.79:
            self.send(acts.HoldDeal(key=self.key(), by="olga", reason="vacation"))
        elif what < 0.795:
            self.send(acts.Cancel(key=self.key(), by="olga", reason="crm"))
        elif what < 0.85 and self.old:
            self.send(self.g.choice(self.old))
        self.pass_time(self.g.choice([0, 1, 60, 3000, 90_000]))

    def help(self):
        """Somebody does what the deal offers them, and means well."""
        # Two Waits that contradict each other can be met in turn for ever; one day nobody helps, and they expire.
        patient = self.calm_since + timedelta(days=5)
        offers = [
            (wait, offer, person)
            for wait in explain(self.state)
            for offer in wait.acts
            for person in wait.waiting_on
            if (wait.kind != "wait" or self.time.now < patient)
            and (offer.choice in (*KIND, "continue") or offer.do in KIND or (offer.choice == "end" and wait.question))
        ]  # fmt: skip
        self.g.shuffle(offers)
        for wait, offer, person in offers[:6]:
            act = self.act(wait, offer, person)
            if act is not None and refusal(self.state, act) is None:
                self.send(act)
                break
        self.pass_time(5000)

    def look(self):
        """What every wait must have: a reason, somebody, and an act that is taken and moves the deal."""
        if self.run.ended:
            return
        waits = explain(self.state)
        if not waits and self.state.ending is None:
            raise Broken("nothing explains why it waits")
        for wait in waits:
            if not (wait.reason and wait.title and wait.waiting_on):
                raise Broken(f"{wait.id} has no reason or nobody")
            if wait.kind == "running" or (wait.id, wait.edition) in self.waits:
                continue
            self.waits.add((wait.id, wait.edition))
            if not wait.acts and self.state.hold is None:
                raise Broken(f"{wait.id} offers nothing to do")
        if self.chaos and waits and self.g.random() < 0.5:
            self.prove(self.g.choice(waits))

    def prove(self, wait):
        """Do what the wait says would unblock it."""
        if self.run.object.changed:
            return  # it has news it has not walked on yet, since the database keeps it waiting
        if wait.kind == "running" or self.helpless(wait) or (self.state.hold is not None and not wait.acts):
            return
        tried = [(offer, person) for offer in wait.acts for person in wait.waiting_on]
        self.g.shuffle(tried)
        seq = self.state.seq
        for offer, person in tried:
            act = self.act(wait, offer, person)
            if act is not None and refusal(self.state, act) is None:
                self.send(act)
                if self.state.seq <= seq and not self.run.ended:
                    raise Broken(f"{wait.id}: {offer.do} {offer.choice} changes nothing")
                return
        why = [(o.do, o.choice, p, refusal(self.state, a)) for o, p in tried if (a := self.act(wait, o, p))]
        raise Broken(f"{wait.id} ({wait.kind}): nobody may do what it offers: {why}")

    def helpless(self, wait):
        """A Wait for what can never be, or people not yet found by a database that is down, have no such act."""
        placed = self.flow.steps.get(base(wait.step or ""))
        waits = placed is not None and isinstance(placed.step, WaitDef) and wait.kind == "wait"
        if waits and self.act(wait, wait.acts[0], "olga") is None:
            self.unhelpable += 1
            return True
        record = self.state.record(wait.step or "")
        return wait.kind in ("approval", "task", "signature", "handoff", "wait") and not record.resolved

    def answer(self):
        waits = [wait for wait in explain(self.state) if wait.acts]
        if not waits:
            return
        wait = self.g.choice(waits)
        person = self.g.choice([*wait.waiting_on, "a stranger", "olga"])
        act = self.act(wait, self.g.choice(wait.acts), person)
        if act is None:
            return
        self.old.append(act)
        if self.g.random() < 0.8:
            self.send(act)

    def act(self, wait, offer, person):
        return act_of(
            self.state, wait, offer, by=person, key=self.key(), now=self.time.now, supply=self.supply, reason="so it is"
        )

    def supply(self, _path):
        return Whole(v=self.g.randrange(5))

    def send(self, act):
        """Hand in an act; what is accepted must be in the journal, whatever happens."""
        self.over()
        if self.run.ended:
            return
        by_hand = act.do == "complete_by_hand" and self.state.record(act.step).op == "undo"
        if by_hand and refusal(self.state, act) is None:
            self.office.live.get(act.step, set()).clear()
        try:
            receipt = self.time.update(DEAL, "act", act, Receipt)
        except Refused:
            self.refused += 1
            return
        self.receipts.append((act, receipt))
        self.over()

    def again(self):
        """The same act twice is one act."""
        if not self.receipts:
            return
        act, receipt = self.g.choice(self.receipts)
        if act.key not in self.state.answered:
            return
        seq = self.state.seq
        self.send(act)
        if self.state.seq != seq:
            raise Broken(f"{act.do} {act.key} was carried out twice: {receipt}")

    def change(self):
        facts = {o: Whole(v=self.g.randrange(5)) for o in self.g.sample(OUTSIDE, self.g.randint(1, 2))}
        if self.g.random() < 0.15:
            facts["things"] = self.things()
        self.send(acts.Revise(key=self.key(), by="crm", source="crm", at=self.time.now, facts=facts))

    def restart(self):
        """The worker dies; another one replays the history so far and must come to the same state."""
        before = self.state.model_dump_json()
        self.time.restart(DEAL)
        if self.state.model_dump_json() != before:
            raise Broken("a replay of the history so far gives another state")

    def pass_time(self, seconds):
        until = self.time.now + timedelta(seconds=seconds)
        self.time.run(until, self.over)
        self.time.now = max(self.time.now, until)

    def over(self):
        """Whether the deal has ended; between any two events the guarantees of semantics 57 hold."""
        if self.watched and not self.run.ended:
            entries = [e for e in (*self.office.journal.get(DEAL, ()), *self.state.outbox) if e.seq > self.seen]
            if entries:
                self.seen = entries[-1].seq
                WATCH(SimpleNamespace(flow=self.flow, state=Seen(self.state, entries), created=self.office.live), 0)
        return self.run.ended

    def outputs(self, call, flow):
        made = int(fingerprint(call.inputs), 16) % 5
        return {path: Whole(v=made) for path in flow.actions[call.action].outputs}

    def trouble(self, attempt):
        if attempt.local:
            down = attempt.name == "record" and self.time.now < self.database_down_until
            return Failed("unavailable", "the database does not answer") if down else timedelta(0)
        if self.chaos and self.g.random() < 0.2:
            kind = self.g.choice(["unavailable", "refused", "outcome_unknown"])
            return Failed(kind, "it said no", in_vain=kind != "unavailable")
        return timedelta(seconds=self.g.choice([0, 1, 1, 20, 4000 if self.chaos else 2]))

    def things(self):
        keys = self.g.sample(["a", "b", "c"], self.g.randint(0, 2))
        return Items(items=tuple(Item(key=k, digest=str(self.g.randrange(3))) for k in sorted(keys)))

    def key(self):
        self.keys += 1
        return f"k{self.keys}"

    def landed(self):
        """Nothing was lost: the journal is whole, and every accepted act stands in it."""
        entries = self.office.journal[DEAL]
        if [e.seq for e in entries] != list(range(1, self.state.seq + 1)):
            raise Broken(f"the journal has gaps: {[e.seq for e in entries]} of {self.state.seq}")
        spoken = {entry.who for entry in entries}
        for act, receipt in self.receipts:
            if not (0 < receipt.seq <= self.state.seq) or (act.do == "decide" and act.by not in spoken):
                raise Broken(f"{act.do} of {act.by} was accepted and is not in the journal")
        way = list(trace(entries))
        if not is_path(self.graph, way):
            raise Broken(f"its way is no path in the flow's graph: {way[-8:]}")
        self.time.close()
        return self

    def told(self):
        """The journal as lines, for a failing seed."""
        return "\n".join(f"{e.seq} {e.at:%m-%d %H:%M:%S} {e.who}: {e.text}" for e in self.office.journal.get(DEAL, []))


def digest(sky):
    """What a flight came to, to compare two of the same seed."""
    return json.dumps([(e.kind, e.step, e.text) for e in sky.office.journal[DEAL]])
