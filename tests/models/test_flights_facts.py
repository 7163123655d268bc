"""What waits, tasks, endings and rules make of facts: deals flown through small flows."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel

from models import acts
from models.asking import Back
from models.facts import CRM, PERSON, STEP, Answers, DealFacts, Each, Fact, Ordered, fact
from models.flow import SubflowDef
from models.money import Money
from models.outcomes import Result, finished
from models.values import Day, Flag, Item, Items, Text, Whole
from tests.models.flying import Flight, flow_of
from tests.models.short_flows import TWO_DAYS, finance, one
from workflows.language import (
    Stage,
    Task,
    Wait,
    When,
    days,
    lost,
    pick,
)


class Survey(BaseModel):
    """What a site survey finds."""

    rack_units: int
    has_lift: bool = False


class Kind(StrEnum):
    NEW = "new"
    RENEWAL = "renewal"


class SiteFacts(DealFacts):
    survey: Answers[Survey] = fact(PERSON)
    kind: Fact[Kind] = fact(CRM)
    purchase_order: Fact[str] = fact(CRM)
    kickoff: Ordered[date] = fact(CRM)
    amount: Ordered[Money] = fact(STEP)
    seats: Ordered[int] = fact(CRM)
    sites: Each[str] = fact(CRM)


site = SiteFacts.paths()


def test_a_tasks_answers_become_facts_that_later_rules_read():
    flow = flow_of(
        one(Task("survey", by="ops", within=TWO_DAYS, escalate_to="cfo", form=site.survey)),
        Stage("two", finance(when=site.survey.field("rack_units") > 10, on_reject="one")),
        facts=site,
    )
    flight = Flight(flow, owner=Text(v="dana"))
    form = acts.Complete(key="c", by="marco", step="task:survey", round=1, form={"rack_units": "many"})
    assert flight.refused(form).details == {"field": "survey.rack_units"}
    assert "needed" in flight.refused(form.model_copy(update={"form": {}})).message
    flight.do(form.model_copy(update={"form": {"rack_units": 12, "has_lift": "yes"}}))
    assert flight.state.facts["survey.has_lift"] == Flag(v=True)
    assert flight.is_("approval:finance") == "open"


def test_a_wait_is_level_not_edge():
    flow = flow_of(one(Wait("purchase order", until=site.purchase_order.is_set()), finance()), facts=site)
    flight = Flight(flow, owner=Text(v="dana"))
    assert "until purchase order is known" in flight.waits()[0].reason
    flight.crm(purchase_order=Text(v="PO-1"))
    assert flight.is_("approval:finance") == "open"
    early = Flight(flow, owner=Text(v="dana"), purchase_order=Text(v="PO-1"))
    assert early.is_("wait:purchase order") == "settled"


def test_a_wait_for_a_date_ends_lead_days_before_it():
    flow = flow_of(one(Wait("kick-off", until=site.kickoff, lead=days(2)), finance()), facts=site)
    flight = Flight(flow, owner=Text(v="dana"), kickoff=Day(v=date(2026, 11, 10)))
    flight.wait(days=5)
    assert flight.is_("wait:kick-off") == "open"
    flight.wait(days=2)
    assert flight.is_("approval:finance") == "open"


def test_a_wait_that_expires_follows_its_route():
    flow = flow_of(
        one(Wait("po", until=site.purchase_order.is_set(), within=days(5), on_expire=lost("no order"))), facts=site
    )
    flight = Flight(flow, owner=Text(v="dana"))
    flight.wait(days=6)
    assert str(flight.state.ending) == "lost: no order"


def test_an_ending_where_a_step_may_stand_ends_the_deal():
    flow = flow_of(one(When(site.seats < 5, lost("too small")), finance()), facts=site)
    assert str(Flight(flow, owner=Text(v="dana"), seats=Whole(v=3)).state.ending) == "lost: too small"
    assert Flight(flow, owner=Text(v="dana"), seats=Whole(v=30)).is_("approval:finance") == "open"


def test_an_undecided_rule_whose_turn_has_come_is_a_question_never_a_silent_no():
    flow = flow_of(one(finance(when=site.seats > 100)), facts=site)
    flight = Flight(flow, owner=Text(v="dana"))
    assert flight.kinds() == ["missing"]
    assert flight.waits()[0].reason == "not known yet: seats"
    flight.crm(seats=Whole(v=200))
    assert flight.is_("approval:finance") == "open"


def test_a_parameter_may_depend_on_facts():
    by = pick("cfo", when=site.seats > 100, otherwise="finance")
    flow = flow_of(one(finance(by=by)), facts=site)
    flight = Flight(flow, owner=Text(v="dana"), seats=Whole(v=200))
    assert flight.state.record("approval:finance").asked == {"role:cfo": ["daniel"]}


def test_a_step_with_each_runs_once_per_item_by_its_key():
    flow = flow_of(one(SubflowDef(name="site", what="site", each="sites")), facts=site)
    flight = Flight(
        flow, owner=Text(v="dana"), sites=Items(items=(Item(key="a", digest="1"), Item(key="b", digest="2")))
    )
    assert flight.begun == ["subflow:site[a]", "subflow:site[b]"]
    flight.run()
    assert flight.state.ended


def test_a_rejected_subflow_of_one_item_goes_back_once():
    flow = flow_of(one(SubflowDef(name="site", what="site", each="sites", on_reject=Back(stage="one"))), facts=site)
    flight = Flight(flow, owner=Text(v="dana"), sites=Items(items=(Item(key="a", digest="1"),)))
    flight.begun = []
    finished(flight.state, "subflow:site[a]", Result(outcome="rejected"), flight.now)
    flight.settle()
    assert flight.state.sent_back == {"one": 1}
    flight.do(acts.Resubmit(key="r", by="dana"))
    assert flight.begun == ["subflow:site[a]"]
