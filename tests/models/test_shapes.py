"""In which order people are asked: one after the other, together, in turn, and every mixture of it."""

from __future__ import annotations

import pytest

from models.money import percent
from models.values import Text
from tests.models.colleagues import Staffed
from tests.models.flying import flow_of
from workflows.flows.facts import deal
from workflows.language import Approval, Parallel, Stage, When, business_days, group, lost

PATIENCE = {"within": business_days(2), "escalate_to": "cfo", "on_reject": lost("no"), "covers": [deal.discount]}


def step(name: str, by=None, **more):
    return Approval(name, by=by or name, **{**PATIENCE, **more})


def waves(*steps) -> list[set[tuple[str, str]]]:
    """Let everybody agree as soon as they are asked; return who was asked of what together, wave by wave."""
    flight = Staffed(flow_of(Stage("one", *steps)), owner=Text(v="dana"), discount=percent(20))
    found = []
    while True:
        asked = {(wait.step.partition(":")[2], person) for wait in flight.waits() for person in wait.waiting_on}
        if not asked or len(found) > 9:
            return found
        found.append(asked)
        for name, person in sorted(asked):
            if person in flight.waiting_on(f"approval:{name}"):
                flight.answer(person, f"approval:{name}")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (
            [step("legal"), step("cfo", escalate_to="vp_sales")],
            [{("legal", "hanna")}, {("cfo", "daniel")}],
        ),
        (
            [Parallel(step("legal"), step("cfo", escalate_to="vp_sales"))],
            [{("legal", "hanna"), ("cfo", "daniel")}],
        ),
        (
            [step("legal"), Parallel(step("cfo", escalate_to="vp_sales"), step("vp_sales")), step("admin")],
            [{("legal", "hanna")}, {("cfo", "daniel"), ("vp_sales", "vera")}, {("admin", "iris"), ("admin", "ivo")}],
        ),
        (
            [Parallel((step("legal"), step("vp_sales")), step("cfo", escalate_to="vp_sales")), step("admin")],
            [{("legal", "hanna"), ("cfo", "daniel")}, {("vp_sales", "vera")}, {("admin", "iris"), ("admin", "ivo")}],
        ),
        (
            [step("chain", by=["legal", group("security", need=2), "vp_sales"], in_turn=True)],
            [{("chain", "hanna")}, {("chain", p) for p in ("hiro", "sofia", "sven")}, {("chain", "vera")}],
        ),
        (
            [
                When(deal.discount > percent(15), step("legal"), otherwise=step("vp_sales")),
                step("cfo", escalate_to="admin"),
            ],
            [{("legal", "hanna")}, {("cfo", "daniel")}],
        ),
    ],
    ids=["one after the other", "together", "before and after a group", "lanes of their own", "in turn", "by a rule"],
)  # fmt: skip
def test_each_shape_asks_everybody_in_its_order(steps, expected):
    assert waves(*steps) == expected
