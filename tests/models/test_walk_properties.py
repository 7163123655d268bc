"""What an author may rely on, over random flows, facts, answers, noes, holds and incidents (semantics 57)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from random_flows import World

import models.walk as walking
from models.deal import DealState
from models.flow import ApprovalDef, CallDef, RenderDef, SignatureDef, WaitDef
from models.moves import Gate
from models.walk import walk
from tests.models.guarantees import (
    WATCH,
    Broken,
    asked_only_with_cause,
    nothing_commits_early,
    one_live_creation,
    settled,
    signed_what_stands,
)

SEEDS = int(os.environ.get("WALK_SEEDS", "400"))


def fly(seed, *, backward=False, watch=lambda world, before: None, limit=250):
    """Let one random deal live: first chaos, then everybody helps it to an end."""
    world = World(seed, backward=backward)
    chaos = world.g.randint(0, 60)
    for i in range(chaos + limit):
        if world.state.ended:
            return world
        events = world.events(friendly=i >= chaos)
        if not events:
            raise Broken(f"seed {seed}: nobody has an act that advances the deal")
        before = len(world.state.outbox)
        world.g.choice(events)()
        world.settle()
        watch(world, before)
    if not world.state.ended:
        raise Broken(f"seed {seed}: the deal does not reach an ending: {world.state.questions}")
    return world


@pytest.mark.parametrize("chunk", range(8))
def test_every_random_deal_keeps_the_guarantees_and_reaches_an_ending(chunk):
    for seed in range(chunk * SEEDS // 8, (chunk + 1) * SEEDS // 8):
        world = fly(seed, watch=WATCH)
        assert not walk(world.flow, world.state).moves
        if world.state.ending.outcome == "won":
            assert not [i for i, p in world.flow.steps.items() if not settled(world, i, p)], (
                f"incoherent win, seed {seed}"
            )


def test_a_deal_survives_being_written_and_read_at_every_turn():
    def through_json(world, _before):
        again = DealState.model_validate_json(world.state.model_dump_json())
        assert again == world.state
        first, second = walk(world.flow, world.state), walk(again.flow, again)
        assert (first.moves, first.questions, first.gates) == (second.moves, second.questions, second.gates)

    for seed in range(12):
        fly(10_000 + seed, watch=through_json)


def test_walking_changes_nothing():
    for seed in range(30):
        world = World(20_000 + seed)
        before = world.state.model_dump_json()
        walk(world.flow, world.state)
        assert world.state.model_dump_json() == before


def broken_by(monkeypatch, watch, *, seeds=300, backward=False):
    """Count the seeds that break a guarantee once a rule is switched off."""
    count = 0
    for seed in range(seeds):
        try:
            fly(seed, watch=watch, backward=backward)
        except Broken:
            count += 1
            if count >= 3:
                break
    return count


def test_control_without_the_gate_something_commits_early(monkeypatch):
    real = walking._consider
    monkeypatch.setattr(walking, "_consider", lambda f, st, s, i, _g, due, r: real(f, st, s, i, Gate.CLEAR, due, r))
    assert broken_by(monkeypatch, nothing_commits_early)


def test_control_without_voiding_open_signatures_a_stale_document_is_signed(monkeypatch):
    def keep(found, step, step_id, gate, now):
        return None

    monkeypatch.setattr(walking, "_keep_open", keep)
    monkeypatch.setattr("models.deeds.walk", lambda flow, state: walk(flow, state).__class__(state))
    monkeypatch.setattr("models.refusals.walk", lambda flow, state: walk(flow, state).__class__(state))
    assert broken_by(monkeypatch, signed_what_stands)


def test_control_without_asking_about_changed_effects_they_are_created_twice(monkeypatch):
    real = walking._begin

    def begin(found, step, step_id, now, rules):
        record = found.state.record(step_id)
        if isinstance(step, CallDef) and record.live is not None:
            record.live = None
        return real(found, step, step_id, now, rules)

    monkeypatch.setattr(walking, "_begin", begin)
    assert broken_by(monkeypatch, one_live_creation)


def test_control_when_every_change_counts_as_worse_people_are_asked_without_cause(monkeypatch):
    monkeypatch.setattr(
        "models.walk.satisfied", lambda step, record, now, state: record.read == now and bool(record.decisions)
    )
    assert broken_by(monkeypatch, asked_only_with_cause)


def test_control_without_rule_6_a_deal_can_feed_its_own_inputs():
    endless = 0
    for seed in range(200):
        try:
            world = fly(seed, backward=True, limit=150)
            endless += any("does not come to rest" in e.text for e in world.state.outbox)
        except Broken:
            endless += 1
        if endless:
            break
    assert endless


def test_what_kinds_of_steps_were_flown():
    kinds = {type(p.step) for seed in range(40) for p in World(seed).flow.steps.values()}
    assert {ApprovalDef, CallDef, RenderDef, SignatureDef, WaitDef} <= kinds
