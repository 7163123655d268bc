"""What rehearsals are made with in tests: the demo's people, a Monday, and settings that vary in one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from activities.calendars import working
from cli.playing.company import PEOPLE
from models.calendar import CalendarSpec
from models.flow import FlowDef
from models.given import given
from models.values import Value
from tests.flows.planning import DEAL
from tests.flows.walking import shipped
from workflows.rehearsal.people import Company, Habit, Person, company_of, manned
from workflows.rehearsal.world import Setting

MONDAY = datetime(2026, 11, 16, 15, tzinfo=UTC)
"""Nine in the morning in Chicago, ten days before Thanksgiving."""
CALENDAR = CalendarSpec(zone="America/Chicago", country="US")
PROMPT = Habit(hours=2, spread=1, minutes=15)
"""Somebody who looks after two hours of their work, every time, and says yes."""


@cache
def flow(name: str = "managed-services") -> FlowDef:
    """A shipped flow."""
    return next(each for each in shipped().flows if each.name == name)


def company(habit: Habit = PROMPT, **changed: Any) -> Company:
    """The demo's people with one habit; `changed` are people who differ, as what differs by id."""
    people = [Person(p.id, p.name, CALENDAR, p.roles, p.manager, habit) for p in PEOPLE]
    made = company_of([replace(each, **changed.get(each.id, {})) for each in people], CALENDAR)
    return replace(made, signer=replace(made.signer, habit=habit), vendor=replace(made.vendor, habit=habit))


def setting(name: str = "managed-services", **changed: Any) -> Setting:
    """A rehearsal of a shipped flow, with some things otherwise."""
    usual: dict[str, Any] = {
        "flow": flow(name), "company": company(), "calendar": CALENDAR, "expand": working, "start": MONDAY,
    }  # fmt: skip
    usual["company"] = manned(usual["company"], usual["flow"], CALENDAR)
    return Setting(**{**usual, **changed})


def big_deal(**changed: Any) -> dict[str, Value]:
    """The facts of a deal that everybody is asked about."""
    return given(flow(), {**DEAL, **changed})
