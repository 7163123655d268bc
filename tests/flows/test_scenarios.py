"""The scenarios of a flow are few, and together they go every way it can go."""

from __future__ import annotations

import random

import pytest

from models.facts import CRM, Fact, Ordered, fact
from models.flow import FlowDef
from models.given import given, written_down
from models.money import usd
from models.values import Item, Items, Text, Value, Whole
from tests.flows.planning import CLOCK, DEAL, STAFF, START, planned
from tests.flows.test_plan_properties import PEOPLE, moved_by_waits, random_flow
from tests.flows.walking import shipped
from tests.models.flying import flow_of
from workflows.branches import branches, seen
from workflows.flows.facts import Facts, deal
from workflows.language import (
    CONTINUE,
    Approval,
    Stage,
    Wait,
    When,
    business_days,
    days,
    lost,
    percent,
    pick,
)
from workflows.plan import plan
from workflows.scenarios import DOLLARS, Scenarios, scenarios
from workflows.stand_ins import with_stand_ins

SHIPPED = {flow.name: flow for flow in shipped().flows}


def found(flow: FlowDef, **more) -> Scenarios:
    people, _ = with_stand_ins(flow, STAFF)
    return scenarios(flow, people=people, clock=CLOCK, start=START, **more)


def approval(name: str, when=None) -> Approval:
    patience = {"within": business_days(2), "escalate_to": "cfo"}
    return Approval(name, by="finance", on_reject=lost("no"), when=when, **patience)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_scenarios_of_every_shipped_flow_go_every_way_it_can_go(name):
    flow = SHIPPED[name]
    people, _ = with_stand_ins(flow, STAFF)
    made = found(flow)
    assert made.unreached == ()
    assert 1 < made.at_least <= len(made.scenarios) <= made.at_least + 1
    every = branches(flow, START.date())
    shown = set()
    for scenario in made.scenarios:
        course = plan(flow, scenario.facts, people=people, clock=CLOCK, start=START)
        assert course.ending, scenario.name  # each is a deal that comes to an end
        here = [branch.text for branch in every if seen(branch, course, DOLLARS)]
        assert here == list(scenario.covers)
        shown |= set(here)
    assert shown == {branch.text for branch in every}


@pytest.mark.parametrize("name", SHIPPED)
def test_no_scenario_can_be_spared(name):
    made = found(SHIPPED[name])
    assert all(scenario.only for scenario in made.scenarios)


def test_managed_services_needs_a_big_deal_an_ordinary_one_and_a_small_one():
    made = found(SHIPPED["managed-services"])
    assert made.at_least == 3
    big, ordinary, small = made.scenarios
    assert {"Discount", "Deep discount", "Legal + Finance + Security"} <= set(big.path)
    assert len(big.differs) == 3
    assert ordinary.differs == {}
    assert small.differs == {"amount": "$9,999"}
    assert made.scenarios[1].name == "the ordinary deal"
    assert made.scenarios[2].path == (
        "Price quote", "Render sow", "Signature of sow", "Sales order + Project", "Handoff managed services",
    )  # fmt: skip


def test_values_lie_right_beside_the_lines_the_rules_draw():
    big, deep = deal.amount >= usd(250_000), deal.discount > percent(30)
    flow = flow_of(Stage("one", approval("big", big), approval("deep", deep)))
    made = found(flow, usual=given(flow, {"amount": 250_000, "discount": 30}))
    assert made.scenarios[0].differs in ({"discount": "31 %"}, {"amount": "$249,999"})
    assert len(made.scenarios) == 2


def test_scenarios_differ_from_the_deal_that_is_called_ordinary():
    flow = SHIPPED["managed-services"]
    made = found(flow, usual=given(flow, {**DEAL, "discount": 10, "margin": 35, "amount": 60_000}))
    assert {} in [scenario.differs for scenario in made.scenarios]
    assert all("goals" not in scenario.differs for scenario in made.scenarios)
    assert str(made.ordinary["amount"]) == "$60,000"


def test_every_pick_is_taken():
    fast = pick(business_days(1), when=deal.discount > percent(10), otherwise=business_days(2))
    time = pick(business_days(5), when=deal.amount > usd(1_000), otherwise=fast)
    flow = flow_of(Stage("one", Approval("a", by="finance", escalate_to="cfo", on_reject=lost("no"), within=time)))
    made = found(flow)
    assert len(made.scenarios) == made.at_least == 3
    due = {planned(flow, scenario.facts).step("approval:a").within for scenario in made.scenarios}
    assert due == {"5 business days", "1 business day", "2 business days"}


def test_a_fact_that_may_be_unknown_is_left_out_in_one_scenario():
    flow = flow_of(Stage("one", When(deal.goals.is_set(), approval("known"), otherwise=approval("unknown"))))
    made = found(flow)
    assert ["goals" in scenario.facts for scenario in made.scenarios] in ([True, False], [False, True])
    assert made.unreached == ()


def test_a_branch_no_facts_lead_to_is_said():
    never = (deal.discount > percent(30)) & (deal.discount < percent(20))
    flow = flow_of(Stage("one", approval("never", never), approval("always")))
    made = found(flow)
    assert [(each.branch, each.why) for each in made.unreached] == [("approval never due", "no facts lead there")]


def test_what_stands_behind_an_ending_is_reached_by_a_deal_that_does_not_end_there():
    flow = flow_of(
        Stage("one", When(deal.discount > percent(50), lost("too cheap")), approval("later", deal.amount > usd(5)))
    )
    made = found(flow)
    assert made.unreached == ()
    assert {scenario.ending for scenario in made.scenarios} == {"lost: too cheap", "won"}
    assert len(made.scenarios) == 3


def test_a_wait_is_had_both_met_and_waited_for():
    flow = flow_of(
        Stage("one", Wait("budget", until=deal.discount < percent(10), within=days(5), on_expire=lost("no budget")))
    )
    made = found(flow)
    states = {planned(flow, scenario.facts).step("wait:budget").state for scenario in made.scenarios}
    assert states == {"done", "waits"}


def test_a_wait_for_what_would_end_the_deal_is_let_pass():
    flow = flow_of(
        Stage("one", Wait("cooling-off", until=deal.goals.is_set(), within=days(14), on_expire=CONTINUE),
              When(deal.goals.is_set(), lost("withdrawn")), approval("after")),
    )  # fmt: skip
    made = planned(flow, goals=None)
    assert made.ending == "won"
    assert made.step("wait:cooling-off").needs.startswith("its time passes")
    assert (made.step("approval:after").at - START).days == 14
    assert found(flow).unreached == ()


def test_facts_a_skipped_step_would_have_written_are_not_set():
    class More(Facts):
        urgent: Fact[bool] = fact(CRM)
        score: Ordered[int] = fact(CRM)

    flow = SHIPPED["saas"]
    for scenario in found(flow).scenarios:
        people, _ = with_stand_ins(flow, STAFF)
        course = plan(flow, scenario.facts, people=people, clock=CLOCK, start=START)
        skipped = {step.step for step in course.steps if step.state == "skipped"}
        if "task:security-answers" in skipped:
            assert "security_answers.gaps" not in course.facts


@pytest.mark.parametrize("name", SHIPPED)
def test_a_scenario_saved_as_a_facts_file_is_the_same_deal(name):
    flow = SHIPPED[name]
    people, _ = with_stand_ins(flow, STAFF)
    for scenario in found(flow).scenarios:
        again = given(flow, written_down(flow, scenario.facts))
        one, other = (plan(flow, f, people=people, clock=CLOCK, start=START) for f in (scenario.facts, again))
        assert one.happens == other.happens


def test_scenarios_are_the_same_every_time():
    flow = SHIPPED["construction"]
    assert found(flow) == found(flow)


def usual(g: random.Random) -> dict[str, Value]:
    facts = {path: Whole(v=g.randrange(5)) for path in ("o0", "o1", "o2", "o3")}
    return {**facts, "things": Items(items=(Item(key="a", digest="1"),)), "owner": Text(v="olga")}


def test_over_random_flows_every_branch_is_shown_or_said_not_to_be():
    shown = every = 0
    for seed in range(15):
        flow = random_flow(random.Random(seed))
        made = scenarios(flow, people=PEOPLE, clock=CLOCK, start=START, usual=usual(random.Random(seed)))
        texts = {branch.text for branch in branches(flow, START.date())}
        covered = {text for scenario in made.scenarios for text in scenario.covers}
        assert covered | {each.branch for each in made.unreached} == texts, seed
        assert covered.isdisjoint(each.branch for each in made.unreached), seed
        assert made.at_least <= len(made.scenarios), seed
        shown, every = shown + len(covered), every + len(texts)
    assert shown / every > 0.7


def test_no_deal_goes_where_it_is_said_that_no_facts_lead():
    looked = 0
    for seed in range(12):
        g = random.Random(seed)
        flow = random_flow(g)
        made = scenarios(flow, people=PEOPLE, clock=CLOCK, start=START, usual=usual(g))
        never = {each.branch for each in made.unreached if each.why == "no facts lead there"}
        every = [branch for branch in branches(flow, START.date()) if branch.text in never]
        for _ in range(10 if every else 0):
            facts = {path: Whole(v=g.randrange(-1, 7)) for path, spec in flow.facts.items() if spec.type == "whole"}
            course = plan(flow, {**usual(g), **facts}, people=PEOPLE, clock=CLOCK, start=START)
            if not moved_by_waits(flow, course):
                assert [branch.text for branch in every if seen(branch, course, DOLLARS)] == [], seed
                looked += 1
    assert looked > 20
