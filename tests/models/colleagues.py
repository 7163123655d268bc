"""Another company of colleagues for flights, whose people and absences are given anew as a whole."""

from __future__ import annotations

from datetime import datetime

from models.absence import Absence
from tests.models import staffed
from tests.models.staffed import Person as Colleague

PEOPLE = (
    Colleague("dana", ("sales",), "vera"), Colleague("vera", ("vp_sales",)), Colleague("noor", ("finance",)),
    Colleague("nils", ("finance",)), Colleague("hanna", ("legal",)), Colleague("hiro", ("security",)),
    Colleague("sofia", ("security",)), Colleague("sven", ("security",)), Colleague("daniel", ("cfo",)),
    Colleague("iris", ("sales_ops", "admin")), Colleague("ivo", ("admin",)),
)  # fmt: skip


class Staffed(staffed.Staffed):
    """One deal of a company whose people come and go."""

    def __init__(self, flow, *, people=PEOPLE, **more) -> None:
        super().__init__(flow, people=people, start=None, **more)

    def staff(self, *people: Colleague, absences: tuple[Absence, ...] | None = None) -> None:
        """Let people, or who is away, be as given from now on, and tell the deal as a sweep does."""
        if absences is not None:
            self.absences = list(absences)
        self.changed(*people)

    def asked(self, step: str) -> list[str]:
        """Return everybody who may answer for any party."""
        return list(dict.fromkeys(p for people in self.state.record(step).asked.values() for p in people))

    def waiting_on(self, step: str) -> tuple[str, ...]:
        return next((wait.waiting_on for wait in self.waits() if wait.step == step), ())


def away(person: str, starts: datetime, ends: datetime, delegate: str | None = None, **more) -> Absence:
    return Absence(person=person, starts=starts, ends=ends, delegate=delegate, **more)
