"""Flies deals among people who come, go and are away: who is asked, and when, is found out as in production."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from activities.calendars import working
from models import acts
from models.calendar import CalendarSpec
from models.facts import CRM, HIGHER, LOWER, DealFacts, Fact, Ordered, fact
from models.money import Money
from models.outcomes import needs, recorded
from models.people import BusinessTime, Directory, find_out
from models.turn import turn
from tests.models.flying import T0, Flight, flow_of

COMPANY = BusinessTime(CalendarSpec(zone="UTC"), working)


@dataclass(frozen=True)
class Person:
    """Somebody of the company."""

    id: str
    roles: tuple[str, ...] = ()
    manager: str | None = None
    active: bool = True


STAFF = (
    Person("dana", ("sales",), "vera"), Person("vera", (), "carl"), Person("carl", ("ceo",)),
    Person("noor", ("finance",)), Person("omar", ("finance",)), Person("hanna", ("legal",), "vera"),
    Person("hiro", ("security",)), Person("sofia", ("security",)), Person("daniel", ("cfo",)),
    Person("marco", ("sales_ops",)), Person("ada", ("admin",)), Person("bea", ("admin",)),
)  # fmt: skip


class Facts(DealFacts):
    """What the policies of these tests look at."""

    discount: Ordered[int] = fact(CRM, worse=HIGHER)
    margin: Ordered[int] = fact(CRM, worse=LOWER)
    amount: Ordered[Money] = fact(CRM)
    product_line: Fact[str] = fact(CRM)
    expert: Fact[str] = fact(CRM)
    priority: Fact[str] = fact(CRM)


deal = Facts.paths()


def company_flow(*stages):
    """Build a flow over these facts."""
    return flow_of(*stages, facts=deal)


class Staffed(Flight):
    """One deal among people who come, go, are away and stand in for each other."""

    def __init__(self, flow, *, people=STAFF, absences=(), calendars=None, clock=COMPANY, start=T0, **facts):
        self.people = {person.id: person for person in people}
        self.absences, self.calendars, self.clock = list(absences), calendars or {}, clock
        self.start = start
        super().__init__(flow, **facts)

    def crm(self, **facts):
        if self.start is not None:
            self.now, self.start = self.start - timedelta(minutes=1), None
            self.state.opened_at = self.now
        return super().crm(**facts)

    def settle(self):
        self.begun += turn(self.state, self.now)
        for _ in range(20):
            wanted = needs(self.state)
            if not wanted:
                return
            staff = Directory(self.people.values(), self.absences, self.calendars)
            answer = find_out(staff, self.clock, self.state, wanted, at=self.now)
            if recorded(self.state, answer, wanted, self.now):
                self.begun += turn(self.state, self.now)
            elif needs(self.state) == wanted:
                return
        raise AssertionError(f"whom to ask never comes to rest: {needs(self.state)}")

    def changed(self, *people, **more):
        """Let people or absences change; the sweep tells the deal."""
        self.people |= {person.id: person for person in people}
        self.absences += more.get("absences", [])
        self.do(acts.PeopleChanged(key=self.key(), by="throughline"))

    def leaves(self, person):
        self.changed(replace(self.people[person], active=False))

    def asked(self, step):
        """Who is asked, party by party."""
        return {party: sorted(people) for party, people in self.state.record(step).asked.items()}

    def everybody(self, step):
        return sorted({person for people in self.state.record(step).asked.values() for person in people})

    def incident(self, step):
        found = self.state.record(step).incident
        return found.message if found is not None else ""

    def waiting_on(self, step):
        return sorted(person for wait in self.waits() if wait.step == step for person in wait.waiting_on)

    def clock_of(self, step):
        return self.state.record(step).clock.instants
