"""The files of people and outages that the documentation shows are read as it says."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from activities.calendars import working
from tests.rehearsal.company import CALENDAR, flow
from workflows.rehearsal.outages import systems
from workflows.rehearsal.people import USUAL
from workflows.rehearsal.reading_people import read_company, read_outages

DOC = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text()


def example(name: str) -> str:
    found = re.search(rf"```toml {name}\n(.*?)```", DOC, re.DOTALL)
    assert found is not None, name
    return found[1]


def test_the_people_of_the_documentation_are_read() -> None:
    made = read_company(example("people"), "people.toml", CALENDAR, lambda spec: working(spec, datetime.now(UTC), 7))
    dana, vera = made.people
    assert (dana.manager, dana.calendar, dana.habit) == ("vera", CALENDAR, USUAL)
    assert vera.calendar.zone == "Europe/Berlin"
    assert vera.calendar.week[0] == ((time(9), time(12)), (time(13), time(17)))
    assert vera.calendar.week[2] == ()
    assert len(vera.calendar.days_off) == 14
    assert date(2026, 12, 31) in vera.calendar.days_off
    assert (vera.habit.hours, vera.habit.no, vera.habit.ask_changes) == (3, Decimal(2), Decimal(5))
    assert made.signer.habit.hours == 12


def test_the_outages_of_the_documentation_are_read() -> None:
    once, again = read_outages(example("outages"), "outages.toml", CALENDAR.zone, systems(flow()))
    assert once.since == datetime(2026, 12, 1, 15, tzinfo=UTC)
    assert once.lasting == timedelta(hours=27)
    assert not once.down(once.since + timedelta(hours=27))
    nights = [again.since + timedelta(days=7 * i, hours=1) for i in range(4)]
    assert all(again.down(at) for at in nights)
    assert not any(again.down(at + timedelta(hours=2)) for at in nights)
