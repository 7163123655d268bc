"""Rehearsals of flows with subflows, dates and events: the story names every site and agrees with the plan."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from models.flow import FlowDef
from models.given import given
from models.values import Value
from tests.rehearsal.company import company, setting
from workflows.binding import bind
from workflows.language import (
    CRM,
    PERSON,
    Answers,
    DealFacts,
    Each,
    Fact,
    Flow,
    Ordered,
    Stage,
    Subflow,
    Task,
    business_days,
    fact,
)
from workflows.rehearsal.flight import Flight
from workflows.rehearsal.fly import fly
from workflows.rehearsal.story import Story


class Survey(BaseModel):
    """What somebody finds at a site."""

    score: int


class Facts(DealFacts):
    """What the flow of these tests looks at."""

    sites: Each[Any] = fact(CRM)
    install_date: Ordered[date] = fact(CRM)
    po_number: Fact[str] = fact(PERSON, label="purchase order number")
    survey: Answers[Survey] = fact(PERSON)


deal = Facts.paths()
visit = Flow(
    "site-survey",
    Stage("survey", Task("survey", by="delivery_manager", within=business_days(5), form=deal.survey)),
    version=1,
)
FACTS = {
    "title": "Big iron", "account": "Corvane Logistics", "owner": "dana", "signatory": "Ada <ada@corvane.example>",
    "install_date": "2027-01-20", "sites": [{"key": "a"}, {"key": "b"}],
}  # fmt: skip


def bound(flow: FlowDef) -> FlowDef:
    below = bind(visit, deal, actions={}, templates={}, packets={})
    return bind(flow, deal, actions={}, templates={}, packets={}, flows={"site-survey": below})


def flown(*stages: Any, **changed: Any) -> tuple[Flight, Story]:
    flow = bound(Flow("iron", *stages, version=1))
    facts: dict[str, Value] = given(flow, {path: value for path, value in FACTS.items() if path in flow.facts})
    return fly(setting(flow=flow, company=company(**changed)), facts)


def sites() -> Any:
    return Stage("sites", Subflow(visit, each=deal.sites))


def test_a_subflow_reports_to_its_deal_without_a_warning_of_the_sdk(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        flight, _ = flown(sites())
    assert flight.outcome == "won", flight.why
    assert not caplog.messages
