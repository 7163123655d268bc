"""What plans are made with in tests: a company's people, its calendar, and one big deal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activities.calendars import working
from cli.playing.company import PEOPLE
from models.calendar import CalendarSpec
from models.flow import FlowDef
from models.given import given
from models.people import BusinessTime, Directory
from models.values import Value
from workflows.plan import Plan, plan

START = datetime(2026, 11, 24, 15, tzinfo=UTC)
"""A Tuesday at nine in the morning in Chicago, two days before Thanksgiving."""
CLOCK = BusinessTime(CalendarSpec(zone="America/Chicago", country="US"), working)
DEAL = {
    "title": "Managed services", "account": "Corvane Logistics", "owner": "dana",
    "signatory": "Ada Corvane <ada@corvane.example>", "lines": [{"key": "1", "sku": "managed-workplace"}],
    "discount": 35, "payment_days": 30, "data_class": "internal", "goals": "one partner for everything",
    "amount": 500_000, "margin": "19.5 %",
}  # fmt: skip


@dataclass(frozen=True)
class Somebody:
    """A person of the test's company."""

    id: str
    roles: tuple[str, ...]
    manager: str | None = None
    active: bool = True


STAFF = Directory(Somebody(each.id, each.roles, each.manager) for each in PEOPLE)


def planned(
    flow: FlowDef,
    facts: Mapping[str, Value] | None = None,
    *,
    people: Directory[Somebody] = STAFF,
    start: datetime = START,
    **plain: Any,
) -> Plan:
    """Plan the big deal, with some facts otherwise; None makes a fact unknown."""
    typed = given(flow, {**DEAL, **plain}) if facts is None else facts
    return plan(flow, typed, people=people, clock=CLOCK, start=start)
