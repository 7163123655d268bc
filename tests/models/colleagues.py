"""A flight whose people, absences and calendars are looked up as `record` does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from activities.calendars import working
from models import acts
from models.absence import Absence
from models.calendar import CalendarSpec
from models.outcomes import needs, recorded
from models.people import BusinessTime, Directory, find_out
from models.turn import turn
from tests.models.flying import Flight

CLOCK = BusinessTime(CalendarSpec(zone="UTC"), working)


@dataclass(frozen=True)
class Colleague:
    id: str
    roles: tuple[str, ...] = ()
    manager: str | None = None
    active: bool = True


PEOPLE = (
    Colleague("dana", ("sales",), "vera"), Colleague("vera", ("vp_sales",)), Colleague("noor", ("finance",)),
    Colleague("nils", ("finance",)), Colleague("hanna", ("legal",)), Colleague("hiro", ("security",)),
    Colleague("sofia", ("security",)), Colleague("sven", ("security",)), Colleague("daniel", ("cfo",)),
    Colleague("iris", ("sales_ops", "admin")), Colleague("ivo", ("admin",)),
)  # fmt: skip


class Staffed(Flight):
    """One deal of a company whose people come and go."""

    def __init__(self, flow, *, people=PEOPLE, absences=(), calendars=None, **facts) -> None:
        self.directory = Directory(people, absences, calendars)
        super().__init__(flow, **facts)

    def settle(self) -> None:
        self.begun += turn(self.state, self.now)
        for _ in range(5):
            wanted = needs(self.state)
            if not wanted:
                return
            answer = find_out(self.directory, CLOCK, self.state, wanted, self.now)
            recorded(self.state, answer, wanted, self.now)
            self.begun += turn(self.state, self.now)
        raise AssertionError(f"whom to ask never comes to rest: {needs(self.state)}")

    def staff(self, *people: Colleague, absences: tuple[Absence, ...] | None = None) -> None:
        """Let people, or who is away, be as given from now on, and tell the deal as a sweep does."""
        known = {**self.directory.people, **{each.id: each for each in people}}
        away = self.directory.absences if absences is None else absences
        self.directory = Directory(known.values(), away, self.directory.calendars)
        self.do(acts.PeopleChanged(key=self.key(), by="throughline"))

    def asked(self, step: str) -> list[str]:
        """Return everybody who may answer for any party."""
        return list(dict.fromkeys(p for people in self.state.record(step).asked.values() for p in people))

    def waiting_on(self, step: str) -> tuple[str, ...]:
        return next((wait.waiting_on for wait in self.waits() if wait.step == step), ())


def away(person: str, starts: datetime, ends: datetime, delegate: str | None = None, **more) -> Absence:
    return Absence(person=person, starts=starts, ends=ends, delegate=delegate, **more)
