"""Approvals by the ten thousand: random policies, people, absences, edits and answers, all watched by a judge."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from models import acts
from models.absence import Absence, Scope, problems
from models.deal import DealState
from models.deeds import carry_out
from models.outcomes import needs, recorded
from models.people import Directory, find_out
from models.preview import preview
from models.progress import explain
from models.refusals import refusal
from models.ringing import next_ring, ring
from models.turn import turn
from models.values import Whole
from tests.simulation.judge import Broken, Judge
from tests.simulation.policies import CALENDARS, CLOCKS, NUMBERS, PEOPLE, STARTS, Maker

MINUTE = timedelta(minutes=1)
OPERATORS = ("ops", "adam", "agnes")


class Desk:
    """One deal, the company around it, and a clock of its own."""

    def __init__(self, seed: int) -> None:
        self.g = g = random.Random(seed)
        self.now = g.choice(STARTS) + g.randrange(3 * 1440) * MINUTE
        self.maker = Maker(g)
        self.people = self.maker.company()
        self.calendars = {name: g.choice(CALENDARS) for name in PEOPLE if g.random() < 0.6}
        self.clock = CLOCKS[g.choice(CALENDARS)]
        self.absences: list[Absence] = []
        self.sweeps: list[Any] = []
        self.keys, self.old, self.taken = 0, [], 0
        flow = self.maker.flow(self.now)
        self.state = DealState(flow=flow, deal=f"deal/random/{seed}", opened_at=self.now)
        self.judge = Judge(self)

    # ---- the deal -------------------------------------------------------------------------------------------------

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def directory(self) -> Directory:
        return Directory(self.people.values(), self.absences, self.calendars)

    def do(self, act: Any) -> bool:
        """Hand in an act; return whether it was taken. Whatever happens is judged."""
        before = self.state.seq
        why = refusal(self.state, act, self.now)
        self.judge.asked_to(act, why)
        if why is not None:
            if self.state.seq != before:
                raise Broken(f"a refusal of {act.do} changed the deal")
            return False
        self.judge.before(act)
        carry_out(self.state, act, self.now)
        self.old.append(act)
        self.taken += 1
        self.judge.taken(act)
        self.settle()
        return True

    def settle(self) -> None:
        """Walk, and find out people and instants, as the workflow does; then let the judge look."""
        turn(self.state, self.now)
        for _ in range(30):
            wanted = needs(self.state)
            if not wanted:
                break
            told = self.state.seq
            answer = find_out(self.directory(), self.clock, self.state, wanted, at=self.now)
            again = recorded(self.state, answer, wanted, self.now)
            self.judge.found(answer)
            if again:
                turn(self.state, self.now)
            elif self.state.seq == told and needs(self.state) == wanted:
                raise Broken(f"it looks for people without end: {[n.step for n in wanted]}")
        else:
            raise Broken("it never stops looking for people")
        self.judge.look()
        self.state.outbox = []

    def pass_time(self, minutes: int) -> None:
        """Let clocks ring and people come and go until then."""
        until = self.now + minutes * MINUTE
        while True:
            due = [at for at in (next_ring(self.state), *self.sweeps) if at is not None and at <= until]
            if not due:
                break
            self.now = max(self.now, min(due))
            if self.now in self.sweeps:
                self.sweeps = [at for at in self.sweeps if at > self.now]
                self.do(acts.PeopleChanged(key=self.key(), by="throughline"))
            ring(self.state, self.now)
            self.settle()
        self.now = max(self.now, until)

    # ---- what goes on ---------------------------------------------------------------------------------------------

    def fly(self) -> Desk:
        """Let things happen, then let everybody help; it must come to an end. Raises Broken."""
        facts = self.maker.facts()
        self.do(acts.Revise(key=self.key(), by="crm", source="crm", at=self.now, facts=facts))
        for _ in range(self.g.randint(3, 24)):
            if self.state.ended:
                return self.judge.ended()
            self.happen()
            self.pass_time(self.g.choice([0, 0, 1, 30, 400, 3000]))
        self.calm()
        return self.judge.ended()

    def happen(self) -> None:
        self.g.choices(
            [self.answer, self.edit, self.away, self.staff, self.steer, self.ask, self.hold, self.again, self.help],
            [8, 3, 2, 1, 3, 1.5, 0.5, 0.7, 1],
        )[0]()

    def requests(self) -> list[Any]:
        return [wait for wait in explain(self.state) if wait.kind == "approval"]

    def open_step(self) -> Any:
        waits = self.requests()
        return self.g.choice(waits) if waits else None

    def somebody(self, wait: Any) -> str:
        asked = [p for people in self.state.record(wait.step).asked.values() for p in people]
        pool = [*wait.waiting_on] * 3 + asked + list(self.people)
        return self.g.choice(pool)

    def answer(self) -> None:
        wait = self.open_step()
        if wait is None:
            return self.help()
        by, g = self.somebody(wait), self.g
        stale = g.random() < 0.05
        verdict = g.choices(["approve", "reject", "ask_changes"], [8, 2, 0.7])[0]
        act = acts.Decide(
            key=self.key(), by=by, step=wait.step, verdict=verdict, reason="so it is",
            round=wait.round - (stale and g.random() < 0.5), edition=max(1, wait.edition - (stale or g.random() < 0.1)),
        )  # fmt: skip
        taken = self.do(act)
        if taken and g.random() < 0.15:
            self.pass_time(g.choice([0, 1, 1, 2]))
            self.do(acts.Undo(key=self.key(), by=by, step=wait.step, round=act.round))
        return None

    def edit(self) -> None:
        g = self.g
        facts: dict[str, Any] = {p: Whole(v=g.randint(0, 4)) for p in g.sample(NUMBERS, g.randint(1, 2))}
        if g.random() < 0.15:
            facts |= {k: v for k, v in self.maker.facts().items() if k == g.choice(["owner", "expert"])}
        person = g.random() < 0.4
        by = g.choice(PEOPLE) if person else "crm"
        source = "person" if person else "crm"
        act = acts.Revise(key=self.key(), by=by, source=source, at=self.now, facts=facts)
        said, before = preview(self.state, act, self.now), set(self.judge.rounds)
        if self.do(act):
            self.judge.foretold(said, before)

    def away(self) -> None:
        """Somebody is away from now or soon, with or without a delegate; the sweep comes at each start and end."""
        g = self.g
        starts = self.now + g.choice([0, 0, 0, 60, 2000]) * MINUTE
        made = Absence(
            person=g.choice(PEOPLE), starts=starts, ends=starts + g.choice([600, 1500, 6000]) * MINUTE,
            delegate=g.choice(PEOPLE) if g.random() < 0.75 else None,
            scope=Scope(roles=(g.choice(["finance", "legal", "managers:1"]),)) if g.random() < 0.2 else Scope(),
        )  # fmt: skip
        active = [p.id for p in self.people.values() if p.active]
        if problems([made, *self.absences], active) and g.random() < 0.9:
            return  # the form refuses it; a few stand for what came by another way
        self.absences.append(made)
        self.sweeps += [at for at in (made.starts, made.ends) if at > self.now]
        self.swept()

    def staff(self) -> None:
        """People come and go, change roles and managers."""
        g = self.g
        person = self.people[g.choice(PEOPLE)]
        what = g.random()
        if what < 0.5:
            person = person._replace(active=not person.active)
        elif what < 0.8:
            person = person._replace(
                roles=tuple(r for r in ("finance", "legal", "security", "cfo") if g.random() < 0.33)
            )
        else:
            person = person._replace(manager=g.choice([None, *PEOPLE[: PEOPLE.index(person.id)]]))
        self.people[person.id] = person
        self.swept()

    def swept(self) -> None:
        self.do(acts.PeopleChanged(key=self.key(), by="throughline"))

    def steer(self) -> None:
        g, wait = self.g, self.open_step()
        if wait is None:
            return
        by, step, round_ = self.somebody(wait), wait.step, wait.round
        asked = [p for people in self.state.record(step).asked.values() for p in people]
        active = [p.id for p in self.people.values() if p.active]
        why = {"key": self.key(), "step": step, "round": round_, "reason": "because"}
        what = g.randrange(6)
        if what == 0 and asked:
            of = g.choice(["", *asked])
            self.do(acts.Reassign(by=g.choice([by, "ops"]), of=of, to=g.choice(active), **why))
        elif what == 1:
            self.do(acts.AddApprover(by=by, person=g.choice(active), place=g.choice(["before", "after"]), **why))
        elif what == 2:
            self.do(acts.Nudge(by=by, key=self.key(), step=step, round=round_))
        elif what == 3:
            verdict = g.choice(["approve", "reject"])
            for admin in g.choice([("adam",), ("adam", "agnes"), (by,)]):
                self.do(acts.Override(by=admin, verdict=verdict, edition=wait.edition, **(why | {"key": self.key()})))
        elif what == 4:
            self.do(acts.Recall(by=g.choice([by, self.judge.owner()]), **why))
        else:
            self.do(acts.Comment(by=by, text="look", key=self.key(), step=step, round=round_))

    def ask(self) -> None:
        wait = self.open_step()
        if wait is None:
            return
        by = self.somebody(wait)
        asked = self.do(acts.AskInformation(key=self.key(), by=by, step=wait.step, round=wait.round, question="why?"))
        if asked and self.g.random() < 0.8:
            self.pass_time(self.g.choice([1, 50, 1000]))
            given = {"key": self.key(), "by": self.judge.owner(), "step": wait.step, "round": wait.round}
            self.do(acts.GiveInformation(answer="because", **given))

    def hold(self) -> None:
        until = self.now + 700 * MINUTE if self.g.random() < 0.3 else None
        self.do(acts.HoldDeal(key=self.key(), by="ops", reason="wait", until=until))
        self.pass_time(self.g.choice([5, 500, 2000]))
        if self.state.hold is not None and self.g.random() < 0.8:
            self.do(acts.Release(key=self.key(), by="ops"))

    def again(self) -> None:
        """An act once more, by the same key or as a late click."""
        if self.old:
            act = self.g.choice(self.old)
            late = act.do == "decide" and self.g.random() < 0.5
            self.do(act.model_copy(update={"key": self.key()}) if late else act)

    # ---- everybody means well -------------------------------------------------------------------------------------

    def calm(self) -> None:
        """From now on everybody does what the deal offers them; it must end."""
        for _ in range(120):
            if self.state.ended:
                return
            if not self.help():
                self.pass_time(1500)
        left = [(w.kind, w.step, w.reason, w.waiting_on) for w in explain(self.state)]
        raise Broken(f"it comes to no end: {left}")

    def help(self) -> bool:
        """Do one thing the deal offers; return whether something was done."""
        waits = explain(self.state)
        self.g.shuffle(waits := list(waits))
        return any(self.meet(wait) for wait in waits)

    def meet(self, wait: Any) -> bool:
        who = wait.waiting_on[0] if wait.waiting_on else ""
        offers = {(offer.do, offer.choice) for offer in wait.acts}
        plain = {"key": self.key(), "by": who}
        here = plain | {"step": wait.step, "round": wait.round}
        if wait.kind == "hold":
            return self.do(acts.Release(**plain))
        if wait.kind == "revise":
            return self.do(acts.Resubmit(**plain))
        if ("give_information", "") in offers:
            return self.do(acts.GiveInformation(answer="because", **here))
        if ("decide", "approve") in offers:
            return any(
                self.do(acts.Decide(**(here | {"by": p, "key": self.key()}), edition=wait.edition, verdict="approve"))
                for p in wait.waiting_on
            )
        if wait.question:
            choice = {"decide": "continue", "exhausted": "once_more"}.get(wait.question, "")
            return self.do(
                acts.Answer(**plain, step=wait.step, question=wait.question, choice=choice, reason="so it is")
            )
        if wait.kind == "incident":
            return self.stand_by(wait)
        return False

    def stand_by(self, wait: Any) -> bool:
        """Nobody can answer: sales operations put somebody new there."""
        new = f"new{len(self.people)}"
        self.people[new] = type(self.people["ops"])(new)
        given = {"step": wait.step, "round": wait.round, "reason": "nobody else"}
        # Whoever may not answer may not choose who does: then another one of them.
        return any(self.do(acts.Reassign(key=self.key(), by=by, of="", to=new, **given)) for by in OPERATORS)

    def told(self) -> str:
        return "\n".join(self.judge.story)
