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
    Approval,
    DealFacts,
    Each,
    Fact,
    Flow,
    Ordered,
    Stage,
    Subflow,
    Task,
    Wait,
    business_days,
    days,
    fact,
    group,
)
from workflows.rehearsal.flight import Flight, subflow
from workflows.rehearsal.fly import fly
from workflows.rehearsal.story import Gap, Line, Story, plain


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


def happened(story: Story) -> list[tuple[str, str]]:
    return [(line.who, line.what) for line in story.lines if isinstance(line, Line)]


def sites() -> Any:
    return Stage("sites", Subflow(visit, each=deal.sites))


def test_a_subflow_reports_to_its_deal_without_a_warning_of_the_sdk(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        flight, _ = flown(sites())
    assert flight.outcome == "won", flight.why
    assert not caplog.messages


def test_every_line_about_a_subflow_names_it_and_comes_in_the_order_of_its_causes() -> None:
    _, story = flown(sites())
    told = [(who, what) for who, what in happened(story) if "site survey b" in what]
    assert told == [
        ("Throughline", "site survey b begins; it walks site-survey version 1"),
        ("→ Marco Ilves", "site survey b: survey asked"),
        ("Marco Ilves", "site survey b: survey: done"),
        ("Throughline", "site survey b ends won"),
        ("Throughline", "site survey b: done"),
    ]
    assert [what for _, what in happened(story) if what.startswith("the deal ends")] == ["the deal ends won"]
    assert story.ending.startswith("The deal ended won"), "what a subflow ends with is not the deal's ending"


def test_whoever_is_asked_at_several_sites_is_named_once_at_each_and_their_time_is_counted_for_each() -> None:
    flight, story = flown(sites())
    asked = [(who, what) for who, what in happened(story) if who.startswith("→")]
    assert asked == [("→ Marco Ilves", f"site survey {key}: survey asked") for key in ("a", "b")]
    assert sorted(w.below for w in flight.waited if w.title == "survey") == ["site survey a", "site survey b"]
    took = [line.waited for line in story.lines if isinstance(line, Line) and line.what.endswith("survey: done")]
    assert None not in took
    assert len(set(took)) == 2


def test_a_subflow_is_told_in_the_stage_that_starts_it() -> None:
    check = Stage("before", Task("survey", by="legal", within=business_days(5)))
    _, story = flown(check, sites())
    stages = {line.stage for line in story.lines if isinstance(line, Line) and "site survey" in line.what}
    assert stages == {"sites"}, "though the deal has a step of the same name in another stage"


def test_whoever_the_plan_asks_for_a_date_or_an_event_is_asked_in_the_story_too() -> None:
    date_and_order = Stage(
        "paper",
        Wait("purchase order", until=deal.po_number.is_set(), within=days(30)),
        Wait("install date", until=deal.install_date, lead=business_days(5)),
    )
    flight, story = flown(date_and_order)
    asked = [(who, what) for who, what in happened(story) if who.startswith("→")]
    assert asked == [
        ("→ Dana Whitlock", "purchase order asked; it comes from outside"),
        ("→ Dana Whitlock", "install date asked; the deal waits until its day comes"),
    ]
    gap = max((each for each in story.lines if isinstance(each, Gap)), key=lambda each: each.last - each.first)
    assert gap.why.endswith("working days waiting for the install date"), gap.why
    assert not any("Date" in each.why or "outside world" in each.why for each in story.lines if isinstance(each, Gap))
    assert flight.outcome == "won"


def test_people_called_in_early_are_told_of_by_name_and_in_plain_words() -> None:
    early = Stage(
        "review",
        Approval("money", by=group("finance", need=2), within=business_days(1), escalate_to="cfo"),
    )
    _, story = flown(early)
    [told] = [what for _, what in happened(story) if "too few" in what]
    assert told.startswith("money: Daniel Reyes, Noor Halvorsen are asked; "), told
    assert told.endswith("so Daniel Reyes is asked early"), told


def test_a_saved_story_names_every_subflow() -> None:
    _, story = flown(sites())
    lines = plain(story)
    assert sum("site survey a ends won" in line for line in lines) == 1
    assert sum("the deal ends won" in line for line in lines) == 1
    assert not any(" or Marco" in line for line in lines)


@pytest.mark.parametrize(("chain", "told"), [
    ("deal/hubspot/1", ("", "")),
    ("onboarding/hubspot/1", ("", "")),
    ("deal/hubspot/1|subflow:site-survey[b]|1", ("subflow:site-survey", "site survey b")),
    ("deal/hubspot/1|subflow:site-survey[Hall 3]|2", ("subflow:site-survey", "site survey Hall 3")),
    ("deal/hubspot/1|subflow:region[eu]|1|subflow:site[b]|1", ("subflow:region", "region eu, site b")),
])  # fmt: skip
def test_a_workflow_below_a_deal_is_called_by_its_step_and_item(chain: str, told: tuple[str, str]) -> None:
    assert subflow(chain) == told
