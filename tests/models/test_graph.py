"""A flow's graph: what leads where, and that every way a deal takes is a way in it."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_walk_properties import fly

from models.deal import base
from models.graph import DONE, START, Together, Way, graph
from models.trace import Stride, is_path, stray, trace
from workflows.flows.managed_services import managed_services

SEEDS = int(os.environ.get("WALK_SEEDS", "300"))
MANAGED = graph(managed_services)


@pytest.mark.parametrize("block", range(4))
def test_every_way_a_random_deal_takes_is_a_path_in_its_flows_graph(block):
    for seed in range(block * SEEDS // 4, (block + 1) * SEEDS // 4):
        world = fly(seed)
        drawn = graph(world.flow)
        way = list(trace(world.state.outbox))
        assert stray(drawn, way) is None, (seed, stray(drawn, way))


def test_every_way_on_of_a_flow_is_needed_for_some_deal_and_a_wrong_one_is_noticed():
    """A graph with one way turned round no longer holds the ways of deals that went there."""
    caught = 0
    for seed in range(80):
        world = fly(seed)
        drawn, way = graph(world.flow), list(trace(world.state.outbox))
        onward = [w for w in drawn.ways if w.kind == "next" and w.origin != START and w.target != DONE]
        begun = [base(stride.at) for stride in way if stride.what == "begun"]
        gone = [w for w in onward if w.origin in begun and w.target in begun and not drawn.stations[w.target].each]
        if not gone:
            continue
        wrong = random.Random(seed).choice(gone)
        turned = Way("next", wrong.target, wrong.origin)
        before = {**drawn.before, wrong.origin: drawn.before[wrong.origin] | {wrong.target}}
        mended = drawn.model_copy(update={"ways": (*(w for w in drawn.ways if w != wrong), turned)})
        mended.__dict__["before"] = before
        caught += not is_path(mended, way)
    assert caught > 40


def test_a_way_in_which_a_step_begins_before_its_turn_is_no_path():
    caught = 0
    for seed in range(60):
        world = fly(seed)
        drawn = graph(world.flow)
        way = list(trace(world.state.outbox))
        begun = [i for i, stride in enumerate(way) if stride.what == "begun" and drawn.before[base(stride.at)]]
        if not begun:
            continue
        early = random.Random(seed).choice(begun)
        moved = [way[early], *way[:early], *way[early + 1 :]]
        gating = [s for s in drawn.before[base(way[early].at)] if not drawn.stations[s].each]
        if gating:
            assert not is_path(drawn, moved), seed
            caught += 1
    assert caught > 20


def test_a_deal_sent_back_to_a_stage_no_way_leads_to_is_off_its_path():
    asked = [Stride("begun", "call:price_quote"), Stride("passed", "call:price_quote"),
             Stride("begun", "approval:discount")]  # fmt: skip
    assert is_path(MANAGED, [*asked, Stride("sent back", "quote")])
    assert not is_path(MANAGED, [*asked, Stride("sent back", "contract")])
    assert not is_path(MANAGED, [*asked, Stride("ended", "lost: not a fit")])
    assert is_path(MANAGED, [*asked, Stride("ended", "lost: not a fit", by_hand=True)])


def test_a_deal_may_skip_only_what_has_a_rule_and_is_won_only_at_the_end():
    assert is_path(MANAGED, [Stride("skipped", "approval:finance")])
    assert not is_path(MANAGED, [Stride("skipped", "signature:sow")])
    assert not is_path(MANAGED, [Stride("ended", "won")])
    whole = [Stride(what, step) for step in MANAGED.stations for what in ("begun", "passed")]
    assert is_path(MANAGED, [*whole, Stride("ended", "won")])


def test_parallel_branches_begin_together_and_what_follows_waits_for_all_of_them():
    render = next(way.origin for way in MANAGED.ways if way.target == "approval:legal" and way.kind == "next")
    assert render == "render:sow"
    assert {w.origin for w in MANAGED.ways if w.target == "signature:sow" and w.kind == "next"} == {
        "approval:legal", "approval:finance", "approval:security",
    }  # fmt: skip
    review = next(lane for lane in MANAGED.lanes if lane.name == "review")
    assert isinstance(review.line.parts[0], Together)
    assert review.skip == "amount < $10,000"


def test_the_ways_back_say_which_outcome_leads_where():
    back = {(w.origin, w.target, w.why) for w in MANAGED.ways if w.kind == "back"}
    assert back == {
        ("approval:discount", "quote", "rejected"), ("approval:deep-discount", "quote", "rejected"),
        ("approval:legal", "quote", "rejected"), ("approval:finance", "quote", "rejected"),
        ("approval:security", "quote", "rejected"), ("signature:sow", "quote", "declined"),
        ("handoff:managed-services", "handoff", "rejected"),
    }  # fmt: skip


def test_rules_of_steps_and_what_encloses_them_are_printed_on_the_way_that_leads_there():
    way = next(w for w in MANAGED.ways if w.target == "approval:finance")
    assert way.why == "not amount < $10,000 and (margin < 28 % or payment days > 45)"
    assert MANAGED.stations["approval:finance"].own == ("margin < 28 % or payment days > 45",)
