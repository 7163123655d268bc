"""Over random flows and facts: a plan is what then happens when everybody says yes, in two walks more than steps."""

from __future__ import annotations

import os
import random

import pytest

from activities.catalog import create_sales_order
from models.facts import FactSpec, Source
from models.flow import FlowDef, WaitDef
from models.money import percent
from models.people import Directory
from models.values import Item, Items, Text, Whole
from tests.flows.friendly import Friendly
from tests.flows.planning import CLOCK, START, Somebody
from tests.models.flying import flow_of
from tests.models.random_flows import OUTSIDE, FlowMaker
from workflows.flows.facts import deal
from workflows.language import Approval, Call, Parallel, Stage, Wait, When, business_days, lost
from workflows.plan import happens, plan
from workflows.plan_order import disagreements

CASES = int(os.environ.get("PLAN_CASES", "120"))
PEOPLE = Directory(
    [*(Somebody(name, ("any",), "olga") for name in ("p1", "p2", "p3")), Somebody("olga", ("sales_ops",))]
)


def random_flow(g: random.Random) -> FlowDef:
    """A random flow whose deals have an owner and somebody who signs."""
    maker = FlowMaker(g)
    maker.facts |= {path: FactSpec(path=path, type="text", source=Source.CRM) for path in ("owner", "signatory")}
    return maker.make()


def random_deal(seed: int, *, known: float = 0.97):
    """A random flow, the facts a random deal has, and what its steps answer."""
    g = random.Random(seed)
    flow = random_flow(g)
    facts = {path: Whole(v=g.randrange(5)) for path in OUTSIDE if g.random() < known}
    facts["things"] = Items(items=tuple(Item(key=k, digest=k) for k in sorted(g.sample("abc", g.randint(0, 3)))))
    facts |= {path: Whole(v=g.randrange(5)) for path, spec in flow.facts.items() if spec.source == "step"}
    facts |= {"owner": Text(v="olga"), "signatory": Text(v="Carl <carl@c.example>")}
    return flow, facts


def moved_by_waits(flow: FlowDef, made) -> bool:
    """Whether something that is waited for changes a fact of the deal: what was asked before may be asked anew."""
    return any(made.step(i).knows for i, placed in flow.steps.items() if isinstance(placed.step, WaitDef))


def raced(made) -> bool:
    """Whether an ending in one of several parallel branches cuts the others short: how far they are is chance."""
    return any(step.kind == "ending" and step.state == "done" and step.group is not None for step in made.steps)


def test_the_plan_is_what_happens_when_everybody_says_yes_in_whatever_order():
    compared = 0
    for seed in range(CASES):
        flow, facts = random_deal(seed)
        made = plan(flow, facts, people=PEOPLE, clock=CLOCK, start=START)
        if moved_by_waits(flow, made) or raced(made):
            continue
        state = Friendly(made, flow, PEOPLE, CLOCK, seed).fly(facts)
        assert disagreements(flow, made.happens, happens(state)) == [], seed
        assert made.ending == (str(state.ending) if state.ended else ""), seed
        compared += 1
    assert compared > CASES / 2


def test_a_plan_never_walks_more_than_twice_more_than_there_are_steps():
    for seed in range(CASES):
        flow, facts = random_deal(seed, known=0.9)
        made = plan(flow, facts, people=PEOPLE, clock=CLOCK, start=START)
        if not moved_by_waits(flow, made):
            assert made.walks <= len(flow.steps) + 2, (seed, made.walks, len(flow.steps))


def test_a_plan_either_ends_or_says_why_it_stops():
    for seed in range(CASES):
        flow, facts = random_deal(seed, known=0.9)
        made = plan(flow, facts, people=PEOPLE, clock=CLOCK, start=START)
        assert bool(made.ending) is not bool(made.stops), seed


def test_an_ending_its_owner_may_agree_to_is_planned_beside_a_wait_for_what_can_never_be():
    never = (deal.discount < percent(1)) & (deal.discount > percent(2))
    flow = flow_of(
        Stage("s", Call(create_sales_order), Parallel(When(deal.discount > percent(40), lost("too deep")),
                                                     Wait("never", until=never, within=business_days(1)))),
        actions=(create_sales_order,), completes=lost("otherwise"),
    )  # fmt: skip
    facts = {"discount": percent(50), "owner": Text(v="olga")}
    given = {path: Text(v="x") for path in flow.actions["create_sales_order"].inputs} | facts
    made = plan(flow, given, people=PEOPLE, clock=CLOCK, start=START)
    assert (made.ending, made.stops) == ("lost: too deep", ())


@pytest.mark.parametrize("change", ["drop", "add", "swap"])
def test_a_course_that_differs_is_told_apart(change):
    told = 0
    for seed in range(40):
        flow, facts = random_deal(seed)
        made = plan(flow, facts, people=PEOPLE, clock=CLOCK, start=START)
        happened = list(made.happens)
        if change == "drop":
            happened = happened[1:]
        elif change == "add":
            happened = [*happened, ("asked", next(iter(flow.steps)))]
        else:
            happened = happened[::-1]
        told += bool(disagreements(flow, made.happens, happened))
    assert told > 25


def test_a_flow_of_150_steps_is_planned_in_152_walks():
    asks = [
        Approval(f"a{i}", by="any", within=business_days(1), escalate_to="any", when=deal.discount > percent(i % 30))
        for i in range(150)
    ]
    flow = flow_of(*(Stage(f"s{i}", *asks[i : i + 5], on_reject="s0") for i in range(0, 150, 5)))
    made = plan(flow, {"discount": percent(31)}, people=PEOPLE, clock=CLOCK, start=START)
    assert made.ending == "won"
    assert made.walks == 152
    assert made.latest is not None
    assert [step.turn for step in made.steps] == list(range(1, 151))
