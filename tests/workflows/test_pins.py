"""Whatever the walk reads travels with the deal: changing the world's definitions under it changes nothing."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta

import activities.catalog as catalog
import workflows.flows.facts as facts_module
from models.deal import DealState
from models.facts import LOWER, FactSpec
from models.flow import FlowDef
from models.pinned import TemplateSpec
from models.walk import walk
from tests.models.random_flows import World
from tests.workflows.worlds import deal_facts, managed_services


def test_catalog_facts_class_template_and_tzdata_change_under_a_running_deal_and_it_walks_the_same(
    monkeypatch, tmp_path
):
    world = World(7)
    flow = managed_services()
    state = DealState(flow=flow, deal="deal/hubspot/1", opened_at=world.now, facts=deal_facts())
    stored = state.model_dump_json()
    before = walk(state.flow, state)

    changed = catalog.price_quote.spec().model_copy(update={"on_change": "ask", "effect": True, "outputs": ()})
    monkeypatch.setattr(catalog, "CATALOG", ())
    monkeypatch.setattr(catalog.Action, "spec", lambda _self: changed)
    monkeypatch.setattr(
        facts_module.deal.discount, "spec", FactSpec(path="discount", type="text", source="step", worse=LOWER)
    )
    monkeypatch.setattr("tests.workflows.worlds.managed_services", lambda: flow.model_copy(update={"stages": ()}))
    zoneinfo.reset_tzpath([str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert TemplateSpec(title="other", variables=("discount",)) != flow.templates["sow/managed_services"]
        again = DealState.model_validate_json(stored)
        after = walk(again.flow, again)
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()
    assert (after.moves, after.questions, after.gates, after.stage) == (
        before.moves, before.questions, before.gates, before.stage,
    )  # fmt: skip


def test_a_rebuilt_flow_has_the_same_digest_wherever_its_lines_stand():
    def shifted(plain):
        if isinstance(plain, dict):
            return {k: (v + 40 if k == "line" else shifted(v)) for k, v in plain.items()}
        return [shifted(each) for each in plain] if isinstance(plain, list) else plain

    first = managed_services()
    moved = FlowDef.model_validate(shifted(first.model_dump(mode="json")) | {"file": "elsewhere.py"})
    assert moved.digest == first.digest
    assert FlowDef.model_validate(first.model_dump(mode="json") | {"version": 2}).digest != first.digest


def test_clocks_are_absolute_instants_that_no_calendar_is_asked_about_again():
    world = World(11)
    rings = [r.clock.next_ring() for r in world.state.records.values() if r.clock is not None and r.clock.instants]
    assert all(at.utcoffset() == timedelta(0) for at in rings if at is not None)
