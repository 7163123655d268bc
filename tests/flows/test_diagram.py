"""Pictures of flows: whole, readable, safe to open, the same in words, and bounded however long the flow is."""

from __future__ import annotations

import random
import re
import time
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from models.asking import Back, Ending, Patience, Role
from models.calendar import business_days
from models.deal import Record, Status
from models.flow import ApprovalDef, CallDef, FlowDef, ParallelDef, SequenceDef, StageDef, WhenDef
from models.path import path
from tests.flows.walking import shipped
from tests.models.flying import Flight
from tests.models.random_flows import FlowMaker
from workflows.diagram import Count, compared, counted, diagram, progressed, small_svg
from workflows.drawing.progress import SentBack
from workflows.drawing.style import COLOURS, RULES

SVG = "{http://www.w3.org/2000/svg}"
STATIC = Path(__file__).parents[2] / "api" / "static"
FLOW = next(flow for flow in shipped().flows if flow.name == "managed-services")
HOSTILE = 'a"b<script>alert(1)</script>&amp; ]] --> end;#{x}|`\\ \x00\ud800 漢字 %%{init}%% ' + "long" * 30


def random_flow(seed: int) -> FlowDef:
    return FlowMaker(random.Random(seed)).make()


def long_flow(stages: int, steps: int, name: str = "approval-number") -> FlowDef:
    """A flow of many stages, with branches and ways back as real ones have them."""
    made, n = [], 0
    for i in range(stages):
        nodes = []
        while len(nodes) < steps - 1:
            n += 1
            nodes.append(approval(f"{name}-{n}"))
        n += 2
        nodes.append(ParallelDef(branches=(approval(f"{name}-{n - 1}"), approval(f"{name}-{n}"))))
        made.append(StageDef(name=f"stage-{i}", nodes=tuple(nodes), on_reject=Back(stage=f"stage-{max(0, i - 2)}")))
    return FlowDef(name="long", version=1, stages=tuple(made))


def approval(name: str, **more) -> ApprovalDef:
    return ApprovalDef(name=name, by=(Role(role="finance"),), patience=Patience(within=business_days(2)), **more)


def boxes(drawn: ET.Element) -> list[tuple[str, float, float, float, float]]:
    """Every text under a station and along a way, with about the room it takes."""
    found = []
    for text in drawn.iter(f"{SVG}text"):
        look, said = text.get("class").split()[0], text.text or ""
        size = {"f-name": 8.2, "f-sub": 7, "f-rule": 6.6, "f-way": 6.6}.get(look)
        if size is None:
            continue
        width, x, y = size * len(said), float(text.get("x")), float(text.get("y"))
        left = x if look == "f-way" else x - width / 2
        found.append((said, left, y - 10, left + width, y + 2))
    return found


def clashes(drawn: ET.Element) -> list[tuple[str, str]]:
    rows = sorted(boxes(drawn), key=lambda box: box[2])
    found = []
    for i, (said, left, top, right, bottom) in enumerate(rows):
        for other, left2, top2, right2, _ in rows[i + 1 :]:
            if top2 >= bottom:
                break
            if left2 < right - 3 and left < right2 - 3 and top < top2 + 12:
                found.append((said, other))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_no_two_texts_of_a_random_flows_picture_lie_on_each_other(seed: int) -> None:
    drawn = ET.fromstring(diagram(random_flow(seed)).svg())
    assert clashes(drawn) == []


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_everything_stands_inside_the_picture_and_every_step_is_in_it_once(seed: int) -> None:
    flow = random_flow(seed)
    drawn = ET.fromstring(diagram(flow).svg())
    width, height = float(drawn.get("width")), float(drawn.get("height"))
    for said, left, top, right, bottom in boxes(drawn):
        assert left >= -2, said
        assert right <= width + 40, said
        assert top >= 0, said
        assert bottom <= height, said
    dots = [c for c in drawn.iter(f"{SVG}circle") if c.get("class").startswith("f-dot")]
    assert len(dots) == len(flow.steps)
    assert len({(c.get("cx"), c.get("cy")) for c in dots}) == len(dots)


def test_a_flow_of_30_steps_stays_readable_on_rows_no_wider_than_a_page() -> None:
    drawn = ET.fromstring(diagram(long_flow(6, 4)).svg())
    assert float(drawn.get("width")) <= 1260
    assert clashes(drawn) == []
    sizes = {float(n) for n in re.findall(r"font-size: ([\d.]+)px", RULES)}
    assert min(sizes) >= 11


def test_a_flow_of_500_steps_is_drawn_in_bounded_time_and_size() -> None:
    flow = long_flow(50, 9)
    assert len(flow.steps) == 500
    began = time.process_time()
    made = diagram(flow)
    drawn, chart = made.svg(), made.mermaid()
    assert time.process_time() - began < 5
    assert len(drawn) < 900_000
    assert len(chart) < 300_000
    assert float(ET.fromstring(drawn).get("width")) < 2500
    assert len(made.says) < 20_000


def test_whatever_a_flow_is_called_the_picture_stays_whole_and_runs_nothing() -> None:
    flow = FlowDef(
        name=HOSTILE,
        version=1,
        completes=Ending(outcome="won", reason=HOSTILE),
        stages=(StageDef(name=HOSTILE, nodes=(approval(HOSTILE), approval("two")), on_reject=Back(stage=HOSTILE)),),
    )
    made = diagram(flow)
    drawn = ET.fromstring(made.svg())
    assert drawn.find(f"{SVG}title").text.startswith('Flow a"b<script>')
    assert not list(drawn.iter(f"{SVG}script"))
    chart = made.mermaid()
    inside = re.findall(r'"([^"]*)"', re.sub(r"(?m)^  acc.*$", "", chart))
    assert all(not re.search(r"[<>{}|`\\;](?!br)", re.sub(r"#\d+;|<br/>", "", label)) for label in inside)
    assert chart.isprintable() or {c for c in chart if not c.isprintable()} <= {"\n"}


def test_who_listens_hears_stages_steps_rules_deadlines_and_ways_back() -> None:
    drawn = ET.fromstring(diagram(FLOW).svg())
    assert drawn.get("role") == "img"
    assert drawn.get("aria-labelledby") == "flow-t flow-d"
    says = drawn.find(f"{SVG}desc").text
    assert "Stage review, skipped if amount < $10,000: Legal (legal, 3 business days, then general counsel) in" in says
    assert "Finance (finance, 2 business days, then cfo) in parallel if margin < 28 % or payment days > 45" in says
    assert "Signature of sow declined: back to quote, 3 rounds at most" in says
    assert "In the end the deal is won." in says


def test_a_saved_picture_brings_the_colours_of_the_pages_for_light_and_dark() -> None:
    tokens = dict(re.findall(r"--([\w-]+):\s*light-dark\((#\w+, #\w+)\)", (STATIC / "tokens.css").read_text()))
    assert {name: tokens[name] for name in COLOURS} == {name: ", ".join(pair) for name, pair in COLOURS.items()}
    alone, page = diagram(FLOW).svg(), diagram(FLOW).svg(page=True)
    assert "prefers-color-scheme: dark" in alone
    assert "var(" not in alone
    assert "<style" not in page
    assert " style=" not in alone + page
    used = set(re.findall(r'class="(f-[\w-]+)', alone))
    assert all(f".{name}" in RULES for name in used - {"flow"})


def test_the_pages_draw_pictures_by_the_same_rules() -> None:
    assert (STATIC / "pictures.css").read_text().split("*/", 1)[1].strip() == RULES


def test_parallel_steps_share_a_column_and_stages_stand_side_by_side() -> None:
    drawn = ET.fromstring(diagram(FLOW).svg())
    at = {
        t.text: (float(t.get("x")), float(t.get("y"))) for t in drawn.iter(f"{SVG}text") if t.get("class") == "f-name"
    }
    assert len({at[name][0] for name in ("Legal", "Finance", "Security")}) == 1
    assert at["Legal"][1] < at["Finance"][1] < at["Security"][1]
    bands = [b for b in drawn.iter(f"{SVG}rect") if b.get("class").startswith("f-band")]
    edges = [(float(b.get("x")), float(b.get("x")) + float(b.get("width"))) for b in bands]
    assert len(edges) == 5
    assert all(a[1] <= b[0] for a, b in pairwise(edges))
    assert [t.text for t in drawn.iter(f"{SVG}text") if t.get("class") == "f-stage"] == list(FLOW.stage_names)


def test_a_branch_of_several_steps_takes_a_column_for_each() -> None:
    group = ParallelDef(branches=(SequenceDef(nodes=(approval("a"), approval("b"))), approval("c")))
    pair = ParallelDef(branches=(approval("d"), approval("e")))
    flow = FlowDef(name="f", version=1, stages=(StageDef(name="s", nodes=(group, pair), on_reject=Back(stage="s")),))
    drawn = ET.fromstring(diagram(flow).svg())
    x = {t.text: float(t.get("x")) for t in drawn.iter(f"{SVG}text") if t.get("class") == "f-name"}
    assert x["A"] < x["C"] < x["B"] < x["D"] == x["E"]


def test_a_way_back_is_an_arrow_to_the_first_step_of_the_stage_it_leads_to() -> None:
    drawn = ET.fromstring(diagram(FLOW).svg())
    backs = [p.get("d") for p in drawn.iter(f"{SVG}path") if p.get("class") == "f-back"]
    said = [t.text for t in drawn.iter(f"{SVG}text") if t.get("class") == "f-way"]
    assert len(backs) == 4
    assert "Signature of sow declined: back to quote, 3 rounds at most" in said
    assert "Handoff managed services rejected: back to handoff, 3 rounds at most" in said


def test_steps_under_one_rule_are_framed_with_it_and_an_otherwise_stands_beside() -> None:
    rule = FLOW.steps["approval:discount"].step.when
    node = WhenDef(rule=rule, nodes=(approval("a"), approval("b")), otherwise=(approval("c"),))
    flow = FlowDef(name="w", version=1, stages=(StageDef(name="s", nodes=(node,), on_reject=Back(stage="s")),))
    drawn = ET.fromstring(diagram(flow).svg())
    assert len([r for r in drawn.iter(f"{SVG}rect") if r.get("class") == "f-frame"]) == 2
    said = [t.text for t in drawn.iter(f"{SVG}text")]
    assert "if discount > 15 %" in said
    assert "otherwise" in said


def test_a_deals_path_shows_what_is_done_skipped_waiting_and_next() -> None:
    state = Flight(FLOW).state
    state.records["call:price_quote"] = Record(state=Status.SETTLED)
    state.records["approval:discount"] = Record(state=Status.OPEN, round=1)
    state.records["approval:deep-discount"] = Record(state=Status.SKIPPED, printed="discount 18 % is not > 30 %")
    made = progressed(FLOW, path(state), deal="Corvane")
    drawn = made.svg(page=True)
    assert made.title == "Path of Corvane through managed-services version 1"
    assert 'class="f-dot done"' in drawn
    assert 'class="f-dot now"' in drawn
    assert 'class="f-band on"' in drawn
    assert "Done: Price quote. Now: Discount. Skipped: Deep discount, because discount 18 % is not > 30 %." in made.says
    assert ">waiting</text>" in drawn


def test_a_way_back_that_was_taken_says_how_often_and_why() -> None:
    sent = [SentBack("quote", ["finance rejected: too long"]), SentBack("quote", ["finance rejected: still too long"])]
    drawn = progressed(FLOW, path(Flight(FLOW).state), sent).svg(page=True)
    assert "sent back 2 times, last: finance rejected: still too long" in drawn
    assert drawn.count("f-back took") == 1
    assert "declined: back" not in drawn


def test_counts_stand_above_their_steps_with_what_is_late_and_stuck_in_words() -> None:
    counts = {"approval:finance": Count(9, 1, 0, "median 0.9 d"), "call:create_project": Count(0, 0, 2)}
    drawn = counted(FLOW, counts).svg(page=True)
    assert ">9</text>" in drawn
    assert ">1 late</text>" in drawn
    assert ">2 stuck</text>" in drawn
    assert ">median 0.9 d</text>" in drawn


def changed(**stages) -> FlowDef:
    found = tuple(stages.get(s.name.replace("-", "_"), s) for s in FLOW.stages)
    return FlowDef(**{**dict(FLOW), "stages": found, "version": 2})


def test_added_removed_and_changed_steps_differ_by_sign_pattern_and_words_not_by_colour_alone() -> None:
    quote, review = FLOW.stages[0], FLOW.stages[1]
    deep = quote.nodes[2].model_copy(update={"patience": Patience(within=business_days(4))})
    nodes = (*quote.nodes[:2], approval("margin", when=quote.nodes[1].when), deep, quote.nodes[3])
    group = review.nodes[0]
    fewer = review.model_copy(update={"nodes": (ParallelDef(branches=group.branches[1:]),)})
    made = compared(FLOW, changed(quote=quote.model_copy(update={"nodes": nodes}), review=fewer))
    states = {step: mark.state for step, mark in made.marks.items() if mark.state}
    assert states == {"approval:margin": "added", "approval:deep-discount": "changed", "approval:legal": "removed"}
    drawn = made.svg()
    assert re.search(r'f-mark add" d="M[\d.]+ [\d.]+h9M', drawn)  # a plus
    assert re.search(r'f-mark del" d="M[\d.]+ [\d.]+h9"', drawn)  # a minus
    assert re.search(r'f-mark chg" d="M[\d. ]+L[\d. ]+l4.4 7.8Z', drawn)  # a triangle
    for word in ("new", "removed", "4 business days"):
        assert f">{word}</text>" in drawn
    assert "+ Margin" in made.mermaid()
    assert "− Legal" in made.mermaid()


def test_a_way_back_that_a_version_adds_or_drops_is_marked_too() -> None:
    contract = FLOW.stages[2].model_copy(update={"on_decline": Ending(outcome="lost", reason="declined")})
    drawn = compared(FLOW, changed(contract=contract)).svg()
    assert "− Signature of sow declined: back to quote" in drawn
    assert "+ Signature of sow declined: lost: declined" in drawn
    assert "△ contract" in drawn


def test_a_stage_that_is_gone_stands_where_it_was() -> None:
    shorter = FlowDef(**{**dict(FLOW), "stages": (*FLOW.stages[:2], *FLOW.stages[3:]), "version": 2})
    drawn = ET.fromstring(compared(FLOW, shorter).svg())
    said = [t.text for t in drawn.iter(f"{SVG}text") if t.get("class") == "f-stage"]
    assert said == ["quote", "review", "− contract", "closed-won", "handoff"]


def test_two_equal_versions_have_nothing_marked() -> None:
    made = compared(FLOW, FlowDef(**{**dict(FLOW), "version": 2}))
    assert made.says == "Nothing is different."
    assert not [mark for mark in made.marks.values() if mark.state]
    assert not any(aside.state for aside in made.asides)


@pytest.mark.parametrize("seed", range(12))
def test_the_difference_of_any_two_flows_can_be_drawn(seed: int) -> None:
    old, new = random_flow(seed), random_flow(seed + 100)
    made = compared(old, new)
    ET.fromstring(made.svg())
    drawn = set(made.graph.stations)
    assert drawn >= set(new.steps)
    assert drawn == set(new.steps) | set(old.steps)


def test_a_small_shape_has_no_words_and_stays_small() -> None:
    drawn = ET.fromstring(small_svg(FLOW, ident="g1").replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))
    assert not list(drawn.iter(f"{SVG}text"))
    assert float(drawn.get("width")) <= 380
    assert drawn.get("aria-labelledby") == "g1-t g1-d"


def test_an_effect_stands_out_from_a_calculation() -> None:
    calls = (CallDef(name="count", action="count", effect=False), CallDef(name="book", action="book", effect=True))
    flow = FlowDef(name="e", version=1, stages=(StageDef(name="s", nodes=calls),))
    drawn = diagram(flow).svg()
    assert drawn.count('class="f-dot out"') == 1
    assert "[[" in diagram(flow).mermaid()


def test_the_readmes_picture_is_the_flow_as_it_is_now():
    shown = (STATIC.parents[1] / "docs" / "screenshots" / "managed-services.svg").read_text("utf-8")
    again = "throughline flow diagram managed-services --svg docs/screenshots/managed-services.svg"
    assert diagram(FLOW).svg().strip() == shown.strip(), f"draw it anew: {again}"
