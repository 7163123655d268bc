"""A plan says who is asked, in which order, why, by when, what is done outside, what is skipped, where it stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import models.deeds
import models.progress
import models.refusals
import models.turn
import workflows.assent
from models.flow import FlowDef
from models.people import Directory
from models.walk import walk
from tests.flows.planning import STAFF, START, Somebody, planned
from tests.flows.walking import shipped


@pytest.fixture(scope="module")
def flow() -> FlowDef:
    return shipped().choose({}, name="managed-services")


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts every walk, whoever makes it."""
    counted: list[int] = []

    def counting(flow, state):
        counted.append(1)
        return walk(flow, state)

    for module in (workflows.assent, models.turn, models.deeds, models.refusals, models.progress):
        monkeypatch.setattr(module, "walk", counting)
    return counted


def test_a_big_deal_is_asked_of_deal_desk_then_the_cfo_then_three_teams_at_once(flow):
    made = planned(flow)
    begun = [(step.turn, step.step, [p.people for p in step.asked]) for step in made.steps if step.asked]
    assert begun == [
        (2, "approval:discount", [("joel",)]),
        (3, "approval:deep-discount", [("daniel",)]),
        (5, "approval:legal", [("hanna",)]),
        (5, "approval:finance", [("noor",)]),
        (5, "approval:security", [("hiro", "sofia")]),
        (6, "signature:sow", [("ada@corvane.example",)]),
        (8, "handoff:managed-services", [("marco",)]),
    ]
    assert made.ending == "won"
    assert made.stops == ()


def test_who_is_called_in_where_nobody_of_a_party_may_answer_is_no_part_of_it(flow):
    [finance] = planned(flow, owner="noor").step("approval:finance").asked
    assert (finance.people, finance.called) == (("noor", "daniel"), ("daniel",))
    [finance] = planned(flow).step("approval:finance").asked
    assert (finance.people, finance.called) == (("noor",), ())


def test_every_asking_says_why_with_the_deals_values(flow):
    made = planned(flow)
    assert made.step("approval:discount").why == "discount 35 % > 15 %"
    assert made.step("approval:deep-discount").why == "discount 35 % > 30 % or margin 19.5 % < 22 %"
    assert made.step("approval:security").why == "amount $500,000 >= $250,000"


def test_what_a_small_deal_skips_is_said_with_the_rule(flow):
    made = planned(flow, discount=10, amount=5_000, margin=35)
    skipped = {step.step: step.why for step in made.steps if step.state == "skipped"}
    assert skipped == {
        "approval:discount": "discount 10 % is not > 15 %",
        "approval:deep-discount": "discount 10 % is not > 30 % and margin 35 % is not < 22 %",
        "approval:legal": "amount $5,000 < $10,000",
        "approval:finance": "amount $5,000 < $10,000 and margin 35 % is not < 28 % and payment days 30 is not > 45",
        "approval:security": (
            "amount $5,000 < $10,000 and data class internal is not restricted and amount $5,000 is not >= $250,000"
        ),
    }


def test_due_times_leave_out_the_night_and_thanksgiving(flow):
    made = planned(flow)
    assert made.step("approval:discount").due == datetime(2026, 11, 25, 23, tzinfo=UTC)
    # Three working days from Tuesday morning: Tuesday, Wednesday, and, after the holiday, Friday.
    assert made.step("approval:legal").due == datetime(2026, 11, 27, 23, tzinfo=UTC)
    late = made.step("approval:discount").late
    assert [(rung.at, rung.what, rung.people) for rung in late] == [
        (made.step("approval:discount").due, "vp sales too", ("vera",))
    ]
    assert made.step("signature:sow").due == START + timedelta(days=14)
    assert made.step("signature:sow").late[0].what == "expires"


def test_the_latest_times_add_up_along_the_flow_and_take_the_slowest_branch(flow):
    made = planned(flow)
    times = [made.step(f"approval:{name}").latest for name in ("discount", "deep-discount", "legal", "security")]
    assert times == sorted(times)
    assert made.step("approval:discount").latest == made.step("approval:discount").due
    assert made.step("signature:sow").latest == made.step("approval:security").latest + timedelta(days=14)
    assert made.latest == made.step("handoff:managed-services").latest


def test_what_is_done_outside_comes_with_its_duplicate_safety_and_how_it_is_undone(flow):
    made = planned(flow)
    outside = {step.step: step.outside for step in made.steps if step.outside is not None}
    assert {step: (o.system, o.safety, o.undo) for step, o in outside.items() if step.startswith("call")} == {
        "call:create_sales_order": ("ERP", "B", "ask"),
        "call:create_project": ("project tool", "B", "ask"),
    }
    assert planned(flow).step("render:sow").document == "sow"
    assert made.step("signature:sow").document == "sow"


def test_what_the_facts_file_says_a_step_answers_is_taken_and_the_rest_is_marked_as_made_up(flow):
    made = planned(flow)
    knows = {answer.fact: (answer.value, answer.assumed) for answer in made.step("call:price_quote").knows}
    assert knows["amount"] == ("$500,000", False)
    assert knows["quote"][1]
    assert made.assumed == ("quote", "scope", "sales_order", "project")


def test_an_unknown_fact_stops_the_plan_there_and_says_who_supplies_it_and_what_may_follow(flow):
    made = planned(flow, discount=10, amount=60_000, margin=35, data_class=None)
    (stop,) = made.stops
    assert stop.step == "approval:security"
    assert stop.reason == "not known yet: data class"
    assert stop.people == ("dana",)
    (unknown,) = made.unknown
    assert (unknown.fact, unknown.options) == ("data_class", ("public", "internal", "confidential", "restricted"))
    assert unknown.supplier == "the CRM or dana on the deal's page"
    assert made.ending == ""
    assert [step.state for step in made.steps if step.stage in ("contract", "closed-won", "handoff")] == ["open"] * 4


def test_an_incomplete_packet_stops_the_plan_at_the_handoff(flow):
    made = planned(flow, goals=None)
    assert [(stop.step, [u.fact for u in stop.unknown]) for stop in made.stops] == [
        ("handoff:managed-services", ["goals"])
    ]


def test_where_nobody_has_the_role_the_first_rung_is_asked_early(flow):
    made = planned(flow, people=_without("joel"))
    assert made.step("approval:discount").asked[0].people == ("vera",)
    assert made.step("approval:discount").answers == ("vera",)


def test_a_role_that_nobody_has_stops_the_plan_and_says_so(flow):
    made = planned(flow, people=_without("joel", "vera"))
    assert [(stop.step, stop.reason) for stop in made.stops] == [
        ("approval:discount", "nobody can answer: too few active people may answer for deal desk")
    ]
    assert made.step("approval:discount").state == "stops"


def _without(*gone: str) -> Directory:
    return Directory(each for each in STAFF.people.values() if each.id not in gone)


def test_the_owner_may_not_approve_so_a_colleague_of_the_same_role_does(flow):
    two = Directory([*STAFF.people.values(), Somebody("jo", ("deal_desk",))])
    made = planned(flow, people=two, owner="joel")
    assert made.step("approval:discount").asked[0].people == ("joel", "jo")
    assert made.step("approval:discount").answers == ("jo",)


def test_where_only_the_owner_could_approve_somebody_of_the_ladder_is_asked_or_the_plan_stops(flow):
    assert planned(flow, owner="joel").step("approval:discount").answers == ("vera",)
    made = planned(flow, people=_without("vera"), owner="joel")
    assert [(stop.step, stop.reason) for stop in made.stops] == [
        (
            "approval:discount",
            "nobody can answer: too few active people may answer for deal desk; joel cannot answer for all of it",
        )
    ]


@pytest.mark.parametrize(
    "plain",
    [{}, {"discount": 10, "amount": 5_000, "margin": 35}, {"data_class": None, "amount": 60_000}, {"owner": "joel"}],
)
def test_a_plan_takes_at_most_two_walks_more_than_the_flow_has_steps(flow, walks, plain):
    made = planned(flow, **plain)
    assert len(walks) == made.walks
    assert len(walks) <= len(flow.steps) + 2


def test_a_plan_changes_nothing_it_was_given_and_is_the_same_twice(flow):
    before = flow.model_dump_json()
    assert planned(flow) == planned(flow)
    assert flow.model_dump_json() == before


def test_a_plan_as_json_says_the_same(flow):
    made = planned(flow)
    assert type(made).model_validate_json(made.model_dump_json()) == made
