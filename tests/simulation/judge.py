"""Judges approvals from the outside: who may answer, when it is decided, what stands, when its time is up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from models import acts
from models.asking import Group, Managers, Named, Owner, Role, who_key
from models.calendar import CalendarSpec
from models.deal import Status
from models.progress import explain
from models.refusals import refusal
from tests.models import oracle
from tests.simulation.policies import NUMBERS, WALLS, Plain

SHORT = "short"
ADMINS = ("adam", "agnes")


class Broken(AssertionError):
    """Something an approval promises does not hold."""


class Judge:
    """Knows the company, the policies in plain words and what was done; reads of the models only what they recorded."""

    def __init__(self, desk: Any) -> None:
        self.desk, self.story = desk, []
        self.changed: dict[str, str] = {}
        self.submitter = ""
        self.pins: dict[str, Any] = {}
        self.opened: dict[str, Any] = {}
        self.rounds: set[tuple[str, int]] = set()
        self.climbed: dict[str, int] = {}
        self.moves: dict[str, list[tuple[tuple[str, ...], set[str], str]]] = {}
        self.heard: dict[int, tuple[Any, frozenset[str]]] = {}
        self.still: dict[str, Any] = {}
        self.paused: dict[str, list[tuple[Any, Any]]] = {}
        self.checked = 0
        self.memo: dict[Any, Any] = {}

    # ---- the company ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> Any:
        return self.desk.state

    @property
    def plains(self) -> dict[str, Plain]:
        return self.desk.maker.plain

    def facts(self) -> dict[str, int]:
        return {path: self.state.facts[path].v for path in NUMBERS if path in self.state.facts}

    def owner(self) -> str:
        found = str(self.state.facts.get("owner", ""))
        return found if self.active(found) else "ops"

    def active(self, person: str) -> bool:
        return person in self.desk.people and self.desk.people[person].active

    def meant(self, who: Any) -> list[str]:
        return self.once(("meant", who_key(who)), lambda: self._meant(who))

    def once(self, key: Any, work: Any) -> Any:
        """Work something out once between two events."""
        if key not in self.memo:
            self.memo[key] = work()
        return self.memo[key]

    def _meant(self, who: Any) -> list[str]:
        people = self.desk.people
        match who:
            case Role() | Group():
                return [p.id for p in people.values() if p.active and who.role in p.roles]
            case Named(person=person):
                return [person] if self.active(person) else []
            case Owner(fact=fact):
                named = str(self.state.facts.get(fact, ""))
                return [named] if self.active(named) else []
            case Managers(n=n):
                person = str(self.state.facts.get("owner", ""))
                for _ in range(n):
                    person = people[person].manager or "" if person in people else ""
                return [person] if self.active(person) else []
        raise TypeError(who)

    def answers_for(self, person: str, party: str) -> str:
        """Who answers in somebody's place: the end of the chain of those who are away at this moment."""
        chain = [person]
        while True:
            away = [
                a for a in self.desk.absences
                if a.person == chain[-1] and a.delegate and a.starts <= self.desk.now < a.ends
                and (not a.scope.roles or _named(party, a.scope.roles))
            ]  # fmt: skip
            if not away or not self.active(away[0].delegate):
                return chain[-1]
            if away[0].delegate in chain:
                return person
            chain.append(away[0].delegate)

    def parties(self, plain: Plain) -> tuple[Any, ...]:
        names = list(plain.tables)
        on = self.pins.get(names[0], self.desk.now.date()) if names else self.desk.now.date()
        return plain.asks(self.facts(), on)

    def principals(self, plain: Plain, who: Any) -> list[str]:
        """Whose place a party has: who is meant, the rungs climbed so far, and what people moved by hand, in order."""
        key, found = who_key(who), self.meant(who)
        for rung in plain.rungs[: self.climbed.get(plain.id, 0)]:
            found = [*found, *(p for each in rung for p in self.meant(each))]
        for parties, gone, to in self.moves.get(plain.id, []):
            if not parties or key in parties:
                found = [p for p in found if p not in gone] + ([to] if self.active(to) else [])
        return list(dict.fromkeys(found))

    def speaks(self, plain: Plain, who: Any, *, called_in: bool) -> dict[str, set[str]]:
        """Per person who may be asked for a party, whose places they have."""
        key = ("speaks", plain.id, who_key(who), called_in)
        return self.once(key, lambda: self._speaks(plain, who, called_in=called_in))

    def _speaks(self, plain: Plain, who: Any, *, called_in: bool) -> dict[str, set[str]]:
        meant = self.principals(plain, who)
        if called_in:
            called = (*plain.step.patience.fallback, *(each for rung in plain.rungs for each in rung))
            meant += [p for each in called for p in self.meant(each)]
        found: dict[str, set[str]] = {}
        for person in meant:
            found.setdefault(self.answers_for(person, who_key(who)), set()).add(person)
            if called_in and self.barred(plain, person):  # what may not be answered is not handed on either
                found.setdefault(person, set()).add(person)
        return found

    def barred(self, plain: Plain, person: str) -> bool:
        """Separation of duties, in words of its own."""
        return self.once(("barred", plain.id, person), lambda: self._barred(plain, person))

    def _barred(self, plain: Plain, person: str) -> bool:
        mine = str(self.state.facts.get("owner", "")) == person or self.submitter == person
        wrote = any(self.changed.get(path) == person for path in plain.covered)  # none of these facts is a price
        others = {*plain.step.not_same_as, *(p.id for p in self.plains.values() if plain.id in p.step.not_same_as)}
        before = [d for other in others for d in self.state.record(other).decisions]
        return mine or wrote or any(d.person == person and d.verdict == "yes" for d in before)

    def fit(self, plain: Plain, who: Any, person: str) -> bool:
        """Whether somebody may answer for a party, for themselves or in the place of somebody who might."""
        places = self.speaks(plain, who, called_in=True).get(person, set())
        return not self.barred(plain, person) and any(not self.barred(plain, p) for p in places)

    # ---- the policy -----------------------------------------------------------------------------------------------

    def extra(self, plain: Plain) -> list[Any]:
        return [Named(person=each.person) for each in self.state.record(plain.id).added]

    def standing(self, plain: Plain) -> list[tuple[Any, frozenset[str]]]:
        """The answers that count: a no in its round, a yes that no later no of theirs and no worse fact took away."""
        record, found = self.state.record(plain.id), {}
        for i, d in enumerate(record.decisions):
            if d.verdict == "no":
                fine = d.round == record.round
            else:
                signed = {name: value.v for name, value in d.signed.items()}
                took_back = any(
                    {o.person, o.on_behalf_of} & {d.person, d.on_behalf_of} - {""} and o.verdict == "no"
                    for o in record.decisions[i + 1 :]
                )
                fine = not took_back and not oracle.worse(plain.covered, signed, self.facts())
            if fine:
                found[d.person] = (d, self.heard[id(d)][1])
        return list(found.values())

    def verdict(self, plain: Plain) -> bool | str | None:
        """Yes, no, None while open, or "short" where it could not be decided by anybody who is asked."""
        record, said = self.state.record(plain.id), self.standing(plain)
        for d, _ in said:
            if d.override or (d.by_silence and d.verdict == "yes"):
                return d.verdict == "yes"
        yes = {d.person: keys | self.now_asked(plain, d.person) for d, keys in said if d.verdict == "yes"}
        noes = {d.person: keys for d, keys in said if d.verdict == "no"}
        policy = self.parties(plain)
        parties = tuple(self.seats(plain, who, yes, noes) for who in policy)
        count = oracle.wanted(parties, plain.step.need)
        more = [self.seats(plain, who, yes, noes) for who in self.extra(plain)]
        if any(each.people & set(noes) for each in more):
            return False
        found = oracle.decided(parties, count, yes, noes)
        if found is True:
            said_all = all(each.people & set(yes) for each in more)
            waits = all(each.people for each in more)
            return True if said_all else None if waits else SHORT
        if found is False:
            return False if noes else SHORT
        assert record is not None
        return None if all(each.people for each in more) else SHORT

    def now_asked(self, plain: Plain, person: str) -> frozenset[str]:
        """For which parties somebody is asked today and may answer: what they have said counts there too."""
        asked = self.state.record(plain.id).asked
        mine = [who for who in self.everybody(plain) if person in asked.get(who_key(who), ())]
        # What has been settled stays, whoever leaves, is back or answers elsewhere by now.
        settled = self.state.record(plain.id).state is Status.SETTLED
        return frozenset(who_key(who) for who in mine if settled or self.fit(plain, who, person))

    def seats(self, plain: Plain, who: Any, yes: dict[str, frozenset[str]], noes: dict[str, frozenset[str]]) -> Any:
        key = who_key(who)
        asked = self.state.record(plain.id).asked.get(key, [])
        able = [p for p in asked if p not in yes and p not in noes and self.fit(plain, who, p)]
        added = who in self.extra(plain)  # whoever was added has said it, for whichever party
        said = {p for p, keys in (yes | noes).items() if key in keys or (added and key == f"person:{p}")}
        return oracle.seats(who, {*able, *said})

    # ---- acts -----------------------------------------------------------------------------------------------------

    def asked_to(self, act: Any, why: Any) -> None:
        """Judge whether an act should have been taken."""
        self.memo.clear()
        plain = self.plains.get(getattr(act, "step", ""))
        if plain is None or act.key in self.state.answered:
            return
        record = self.state.record(plain.id)
        if isinstance(act, acts.Decide):
            if why is None:
                self.may_decide(plain, act)
            elif act.round == record.round and act.edition == record.edition and act.by in self.named(plain):
                raise Broken(f"{act.by} is waited for at {plain.id} and refused: {why.message}")
        elif isinstance(act, acts.Override) and why is None:
            if act.by not in ADMINS or self.barred(plain, act.by) or plain.step.override == "none":
                raise Broken(f"{act.by} could override {plain.id}")
        elif isinstance(act, acts.Undo) and why is None:
            last = [d for d in record.decisions if d.person == act.by and d.round == act.round][-1]
            if (self.desk.now - last.at).total_seconds() > 60:
                raise Broken(f"{act.by} took an answer back late")
        elif isinstance(act, acts.Reassign | acts.AddApprover) and why is None:
            to = getattr(act, "to", "") or act.person
            if self.barred(plain, to):
                raise Broken(f"{to}, who may not answer {plain.id}, was put there")

    def may_decide(self, plain: Plain, act: Any) -> None:
        record = self.state.record(plain.id)
        mine = [who for who in self.everybody(plain) if act.by in record.asked.get(who_key(who), ())]
        if not self.active(act.by):
            raise Broken(f"{act.by}, who has left, decided {plain.id}")
        if not any(self.fit(plain, who, act.by) for who in mine):
            raise Broken(f"{act.by} may not answer {plain.id}, but did")
        if record.state is not Status.OPEN or record.round != act.round:
            raise Broken(f"an answer to {plain.id} counted although it was not asked")
        if any(d.person == act.by and d.round == record.round for d, _ in self.standing(plain)):
            raise Broken(f"{act.by} answered {plain.id} twice in round {record.round}")

    def everybody(self, plain: Plain) -> tuple[Any, ...]:
        return (*self.parties(plain), *self.extra(plain))

    def named(self, plain: Plain) -> tuple[str, ...]:
        found = [w for w in explain(self.state) if w.step == plain.id and w.kind == "approval"]
        offers = {(offer.do, offer.choice) for wait in found for offer in wait.acts}
        return found[0].waiting_on if ("decide", "approve") in offers else ()

    def before(self, act: Any) -> None:
        self.memo.clear()
        self.was = dict(self.state.facts)
        self.place: dict[str, Any] = {}
        plain = self.plains.get(getattr(act, "step", ""))
        if isinstance(act, acts.Reassign) and plain is not None:
            asked = self.state.record(plain.id).asked
            of = act.of or (act.by if any(act.by in people for people in asked.values()) else "")
            for who in self.everybody(plain):
                key = who_key(who)
                if of and of in asked.get(key, ()):
                    due, called = (self.speaks(plain, who, called_in=each).get(of) for each in (False, True))
                    places = due or called or {of}
                    self.place[key] = {of} if of in places else places  # their own place first
                elif not of and not asked.get(key):
                    self.place[key] = set()

    def taken(self, act: Any) -> None:
        """Take note of an act that was carried out, before the deal walks on."""
        self.memo.clear()
        self.track()
        if isinstance(act, acts.Revise):
            by = act.by if act.source == "person" else act.source
            self.changed |= {p: by for p, v in self.state.facts.items() if self.was.get(p) != v}
        elif isinstance(act, acts.Resubmit):
            self.submitter = act.by
        elif isinstance(act, acts.Reassign) and act.step in self.plains:
            removed = {p for people in self.place.values() for p in people}
            self.moves[act.step].append((tuple(self.place), removed, act.to))
        plain = self.plains.get(getattr(act, "step", ""))
        if plain is not None and isinstance(act, acts.Decide | acts.Override):
            self.listen(plain, act)
            ended = self.state.record(plain.id).state is Status.NEGATIVE
            if ended is not (self.verdict(plain) is False):
                raise Broken(f"{plain.id} is {'' if ended else 'not '}rejected, the policy says {self.verdict(plain)}")

    def listen(self, plain: Plain, act: Any = None) -> None:
        """Take note of new answers with the parties they may count for."""
        record = self.state.record(plain.id)
        for d in record.decisions:
            if id(d) in self.heard:
                continue
            if d.by_silence or d.override:
                keys = frozenset(d.parties)
            else:
                fit = [w for w in self.everybody(plain) if d.person in record.asked.get(who_key(w), ())]
                keys = frozenset(who_key(who) for who in fit if self.fit(plain, who, d.person))
                if set(d.parties) - keys:
                    raise Broken(f"{d.person} speaks for {set(d.parties) - keys} at {plain.id} and may not")
                self.on_behalf(plain, d)
            if isinstance(act, acts.Decide) and d.person == act.by:
                shown = record.editions[act.edition - 1]
                newest = act.edition == record.edition and self.state.hold is None
                if d.signed != shown or (newest and not self.is_now(plain, d.signed)):
                    raise Broken(f"{d.person} signed {d.signed}, not what was shown")
            self.heard[id(d)] = (d, keys)

    def is_now(self, plain: Plain, signed: Any) -> bool:
        return {n: v.v for n, v in signed.items()} == {n: v for n, v in self.facts().items() if n in plain.covered}

    def on_behalf(self, plain: Plain, d: Any) -> None:
        places = {p for who in self.everybody(plain) for p in self.speaks(plain, who, called_in=True).get(d.person, ())}
        if d.on_behalf_of and d.on_behalf_of not in places:
            raise Broken(f"{d.person} is said to answer for {d.on_behalf_of}")
        if d.person not in places and not d.on_behalf_of:
            raise Broken(f"{d.person} answered {plain.id} for somebody, and nobody says for whom")

    # ---- what must hold between any two events --------------------------------------------------------------------

    def look(self) -> None:
        self.memo.clear()
        self.track()
        self.read()
        for plain in self.plains.values():
            self.listen(plain)
        if self.state.ended or self.state.ending is not None:
            return
        waits = {w.step: w for w in explain(self.state) if w.kind == "approval"}
        for plain in self.plains.values():
            self.checked += 1
            record = self.state.record(plain.id)
            if record.state is Status.OPEN and record.resolved:
                self.people(plain, record)
            if self.state.hold is None:
                self.decided(plain, record)
            if record.state is Status.OPEN and record.resolved:
                self.waits(plain, record, waits.get(plain.id))

    def read(self) -> None:
        """Go through what the journal says since the last time."""
        for entry in self.state.outbox:
            self.story.append(f"{entry.seq} {entry.at:%m-%d %H:%M} {entry.who}: {entry.kind}: {entry.text}")
            plain = self.plains.get(entry.step or "")
            if plain is None:
                continue
            if entry.kind == "opened":
                if (plain.id, entry.round) in self.rounds:
                    raise Broken(f"{plain.id} was opened twice in round {entry.round}")
                self.rounds.add((plain.id, entry.round))
            if entry.kind == "silence":
                expected = plain.silence[self.facts()["discount"] >= 2]
                last = plain.step.patience.escalate_to.last
                if entry.body["verdict"] != (last.value if expected == "escalate" and last else expected):
                    raise Broken(f"silence at {plain.id} came to {entry.body['verdict']}, not {expected}")

    def track(self) -> None:
        """Follow rounds, rungs and clocks that stand still."""
        for entry in self.state.outbox:
            plain = self.plains.get(entry.step or "")
            if plain is not None and entry.kind == "opened" and self.opened.get(plain.id, (0,))[0] != entry.round:
                self.opened[plain.id] = (entry.round, entry.at)
                self.moves[plain.id], self.paused[plain.id], self.climbed[plain.id] = [], [], 0
                for name in plain.tables:
                    self.pins.setdefault(name, entry.at.date())
                self.still.pop(plain.id, None)
            if plain is not None and entry.kind == "escalated" and ("climb", entry.seq) not in self.rounds:
                self.rounds.add(("climb", entry.seq))
                self.climbed[plain.id] += 1
        for step in self.opened:
            inquiry = self.state.record(step).inquiry
            stands = self.state.hold is not None or (inquiry is not None and not inquiry.answer)
            if stands:
                self.still.setdefault(step, self.desk.now)
            elif step in self.still:
                self.paused[step].append((self.still.pop(step), self.desk.now))

    def people(self, plain: Plain, record: Any) -> None:
        """Exactly those are asked whom the policy means, with whoever stands in; more only where too few may answer."""
        parties = self.everybody(plain)
        if set(record.asked) != {who_key(who) for who in parties}:
            raise Broken(f"{plain.id} asks {set(record.asked)}, the policy says {[who_key(w) for w in parties]}")
        for who in parties:
            asked = set(record.asked[who_key(who)])
            due, may = self.speaks(plain, who, called_in=False), self.speaks(plain, who, called_in=True)
            able = {p for p, places in due.items() if any(not self.barred(plain, each) for each in places)}
            missing = {p for p in able if not self.barred(plain, p)} - asked
            if missing:
                raise Broken(f"{missing} is not asked for {who_key(who)} at {plain.id}, only {asked}")
            if asked - set(may):
                raise Broken(f"{asked - set(may)} is asked for {who_key(who)} at {plain.id} without cause")

    def waits(self, plain: Plain, record: Any, wait: Any) -> None:
        """Whoever is waited for may answer, has not, and is taken at their word."""
        if wait is None or not wait.waiting_on:
            raise Broken(f"nothing says whom {plain.id} waits for")
        if self.state.hold is not None or (record.inquiry is not None and not record.inquiry.answer):
            return
        if not self.named(plain):
            raise Broken(f"{plain.id} waits for nobody who could approve it: {wait.reason}")
        named, said = set(wait.waiting_on), {d.person for d, _ in self.standing(plain)}
        if named & said:
            raise Broken(f"{named & said} is asked again at {plain.id} although their answer stands")
        for person in sorted(named):
            act = acts.Decide(
                key="try", by=person, step=plain.id, round=record.round, edition=record.edition, verdict="approve"
            )
            why = refusal(self.state, act, self.desk.now)
            if why is not None:
                raise Broken(f"{plain.id} waits for {person}, who is refused: {why.message}")

    def decided(self, plain: Plain, record: Any) -> None:
        """It is open exactly while it is undecided, stuck exactly where too few may answer, and stands while it may."""
        if record.state not in (Status.OPEN, Status.INCIDENT, Status.SETTLED):
            return
        if record.state is Status.OPEN and not record.resolved:
            raise Broken(f"nobody finds out who is asked at {plain.id}")
        found = self.verdict(plain)
        if record.state is Status.OPEN and found is not None:
            raise Broken(f"{plain.id} is open, the policy says {found}")
        if record.state is Status.INCIDENT and found != SHORT:
            raise Broken(f"{plain.id} is stuck, the policy says {found}")
        by_hand = record.kept is not None or not self.due(plain)
        if record.state is Status.SETTLED and found is not True and not by_hand and not self.unsettled(plain):
            raise Broken(f"{plain.id} stands on something worse than signed, or on too few")

    def foretold(self, said: Any, before: set[Any]) -> None:
        """What the preview of a change printed is what happened: who stands by their word, and what is asked anew."""
        if self.state.hold is not None or self.state.ending is not None:
            return
        for plain in (each for each in self.plains.values() if self.due(each)):
            lines = [line for line in said.lines if line.step == plain.id]
            told = {what: {line.person for line in lines if line.what == what} for what in ("stands", "asked again")}
            stand = {d.person for d, _ in self.standing(plain) if d.verdict == "yes" and d.channel != "taken over"}
            yeses = [d.person for d in self.state.record(plain.id).decisions if d.verdict == "yes"]
            once = {person for person in yeses if yeses.count(person) == 1}  # else an older one may stand again
            fell, stayed = told["stands"] - stand, told["asked again"] & stand & once
            taken = any(d.channel == "taken over" for d in self.state.record(plain.id).decisions)
            if (fell and not taken) or stayed:
                raise Broken(f"the preview of {plain.id} said otherwise of {fell | stayed}")
            asks = {"asked", "asked again", "undecided"} & {line.what for line in lines}
            if any(step == plain.id for step, _ in self.rounds - before) and not asks:
                raise Broken(f"{plain.id} is asked again, which its preview did not print")

    def due(self, plain: Plain) -> bool:
        return plain.step.when is None or self.facts()["discount"] >= 1

    def unsettled(self, plain: Plain) -> bool:
        """Whether something else has to come first."""
        others = [self.state.record(p.id) for p in self.plains.values() if p is not plain and self.due(p)]
        return self.state.revise is not None or any(r.state is not Status.SETTLED for r in others)

    # ---- time -----------------------------------------------------------------------------------------------------

    def found(self, answer: Any) -> None:
        """Compare every instant that was found out with somebody who counts minutes."""
        self.memo.clear()
        self.track()
        for step, told in answer.instants.items():
            plain = self.plains.get(step)
            if plain is None or step in self.still or self.state.record(step).clock is None:
                continue
            due, rungs, reminders = self.instants(plain, answer.asks[step].asked)
            if (told.due, told.rungs) != (due, rungs):
                raise Broken(f"{step} is due {told.due} {told.rungs}, by the wall clock {due} {rungs}")
            if told.reminders not in reminders:
                raise Broken(f"{step} reminds at {told.reminders}, by the wall clock {reminders}")

    def instants(self, plain: Plain, asked: dict[str, list[str]]) -> Any:
        hours, at, paused = plain.step.patience.hours, self.opened[plain.id][1], self.paused[plain.id]
        within = plain.within[self.facts()["discount"] >= plain.quick]
        company = hours if isinstance(hours, CalendarSpec) else self.desk.clock.calendar

        def due(people: Iterable[tuple[str, str]], start: Any) -> list[tuple[Any, Any]]:
            each = [self.wall(p, party) for p, party in people] if hours == "person" else []
            walls = each or [(WALLS[company], [])]
            return [(wall.after(start, within, [*paused, *away] if within.unit.business else paused), (wall, away))
                    for wall, away in walls]  # fmt: skip

        if hours == "person" and any(asked.values()):
            each = [due([(p, party) for p in people], at) for party, people in asked.items() if people]
            last = max(min(when for when, _ in found) for found in each)
            theirs = [wall for found in each for when, wall in found if when == last == min(x for x, _ in found)]
        else:
            [(last, first)] = due([], at)
            theirs = [first]
        rungs, then = [], last
        for rung in plain.rungs:
            then = min(d for d, _ in due([(p, who_key(who)) for who in rung for p in self.meant(who)], then))
            rungs.append(then)
        every = plain.step.patience.remind_every
        return last, tuple(rungs), [tuple(self.repeats(w, away, at, every, last, paused)) for w, away in theirs]

    def wall(self, person: str, party: str) -> Any:
        leave = [a for a in self.desk.absences if a.person == person and a.delegate is None]
        away = [(a.starts, a.ends) for a in leave if not a.scope.roles or _named(party, a.scope.roles)]
        return WALLS[self.desk.calendars.get(person, self.desk.clock.calendar)], away

    def repeats(self, wall: Any, away: Any, start: Any, every: Any, until: Any, paused: Any) -> Iterator[Any]:
        still = [*paused, *away] if every is not None and every.unit.business else paused
        while every is not None:
            start = wall.after(start, every, still)
            if start >= until:
                return
            yield start

    def ended(self) -> Any:
        """At the end everything that was due stands by the policy, or somebody let it pass."""
        self.memo.clear()
        if self.state.ending is not None and self.state.ending.outcome == "won":
            for plain in self.plains.values():
                record = self.state.record(plain.id)
                if self.due(plain) and record.kept is None and self.verdict(plain) is not True:
                    raise Broken(f"won although {plain.id} does not stand: {self.verdict(plain)}")
        return self.desk


def _named(party: str, roles: Iterable[str]) -> bool:
    return bool({party, party.removeprefix("role:")} & set(roles))
