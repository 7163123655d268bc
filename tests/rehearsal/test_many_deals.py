"""Many rehearsed deals: they share the same people, the bottleneck shows, figures are right and memory is bounded."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.rehearsal.company import CALENDAR, MONDAY, PROMPT, big_deal, company, flow, setting
from workflows.rehearsal.deals import ordinary, varied
from workflows.rehearsal.figures import CUSTOMERS, Figures, PersonFigures, spread
from workflows.rehearsal.fly import fly, fly_many
from workflows.rehearsal.instances import ByReference
from workflows.rehearsal.people import Habit
from workflows.rehearsal.plots import deal_svg, season_svg
from workflows.rehearsal.world import World

SVG = "{http://www.w3.org/2000/svg}"


def person(found: Figures, who: str) -> PersonFigures:
    return next(each for each in found.people if each.who == who)


@pytest.fixture(scope="module")
def calm() -> Figures:
    """Twelve big deals in a month among people who answer promptly."""
    return fly_many(setting(months=1), 12, [big_deal()])


def test_every_deal_is_counted_once(calm: Figures) -> None:
    assert calm.deals == sum(calm.outcomes.values()) == 12
    assert sum(came for came, _ in calm.weeks) == 12
    assert calm.weeks[-1][1] == 0, "all of them have ended"
    assert {each.stage for each in calm.stages} == {*flow().stage_names, "onboarding"}
    assert all(each.elapsed.n == 12 for each in calm.stages)


def test_shares_of_waiting_are_of_the_whole(calm: Figures) -> None:
    assert sum(each.share for each in calm.people) == pytest.approx(1)
    assert [each.total for each in calm.people] == sorted((each.total for each in calm.people), reverse=True)


def test_somebody_with_too_much_work_becomes_the_bottleneck_and_their_queue_shows(calm: Figures) -> None:
    busy = company(hanna={"habit": Habit(hours=2, spread=1, minutes=16 * 60)})
    found = fly_many(setting(months=1, company=busy), 12, [big_deal()])
    worst = found.bottleneck
    assert worst is not None
    assert worst.who == "hanna"
    assert worst.busy > 0.8, "she does little else"
    assert worst.queued > 5 * person(calm, "hanna").queued
    assert worst.working.p95 > person(calm, "hanna").working.p95 + timedelta(hours=16)


def test_a_second_pair_of_eyes_shortens_the_queue() -> None:
    slow = Habit(hours=1, spread=1, minutes=8 * 60)
    one = fly_many(setting(months=1, company=company(hanna={"habit": slow})), 12, [big_deal()])
    two = company(hanna={"habit": slow}, iris={"roles": ("legal", "sales_ops"), "habit": slow})
    both = fly_many(setting(months=1, company=two), 12, [big_deal()])
    review = [next(s for s in each.stages if s.stage == "review").working.p80 for each in (one, both)]
    assert review[1] < review[0]
    assert person(both, "iris").answered > 0


def test_customers_of_different_deals_do_not_wait_for_each_other() -> None:
    slow = replace(company(), signer=replace(company().signer, habit=Habit(hours=1, spread=1, minutes=16 * 60)))
    found = fly_many(setting(months=0.5, company=slow), 6, [big_deal()])
    assert person(found, CUSTOMERS).queued == timedelta(0)


def test_the_same_seed_gives_the_same_figures() -> None:
    lively = company(Habit(hours=3, spread=2))
    first, again, other = (fly_many(setting(months=1, company=lively, seed=s), 5) for s in (4, 4, 5))
    assert first == again
    assert first != other


def test_varied_deals_lie_on_both_sides_of_the_rules_and_arrive_in_working_hours() -> None:
    world = World(setting(), lambda _flight: None)
    working = world.diary.calendar(CALENDAR)
    deals = list(varied(flow(), company(), world.clock, working, MONDAY, 3, 40, 7))
    steep = [deal for deal in deals if float(str(deal.facts["discount"]).removesuffix(" %")) > 15]
    assert 5 < len(steep) < 35
    assert {deal.facts["data_class"].v for deal in deals} >= {"internal", "restricted"}  # type: ignore[union-attr]
    assert len({deal.id for deal in deals}) == 40
    for deal in deals:
        assert any(a <= deal.at <= b for a, b in working.intervals)
        assert MONDAY <= deal.at <= MONDAY + timedelta(days=92)


def test_listed_facts_are_taken_in_turn() -> None:
    world = World(setting(), lambda _flight: None)
    working = world.diary.calendar(CALENDAR)
    given: list[dict[str, Any]] = [big_deal(discount=10), big_deal(discount=20)]
    deals = list(varied(flow(), company(), world.clock, working, MONDAY, 3, 4, 7, given))
    assert [str(deal.facts["discount"]) for deal in deals] == ["10 %", "20 %", "10 %", "20 %"]


def test_an_ordinary_deal_has_every_fact_the_outside_reports_and_dates_that_come() -> None:
    for name in ("managed-services", "manufacturing", "saas", "construction", "financial-services"):
        facts = ordinary(flow(name), company(), MONDAY)
        assert facts["owner"].v == "dana"  # type: ignore[union-attr]
        assert all("2030" not in str(value) for value in facts.values()), name


def test_memory_does_not_grow_with_the_number_of_deals() -> None:
    kept: list[int] = []
    world = World(setting(months=14), lambda _f: kept.append(_kept(world)), keep_journal=False)
    for i in range(12):
        world.arrive(MONDAY + timedelta(days=30 * i), big_deal(), deal=f"deal/rehearsal/{i + 1}")
    world.run()
    assert len(kept) == 12
    assert max(kept[6:]) < 2 * max(kept[:4])
    assert world.office.journal == {}
    assert world.office.effects == {}


def _kept(world: World) -> int:
    assert isinstance(world.time.converter, ByReference)
    return len(world.time.converter.kept)


def test_spreads_are_read_between_the_values() -> None:
    found = spread([3600.0 * i for i in range(1, 102)])
    assert (found.n, found.p50, found.p80, found.p95) == (101, *(timedelta(hours=h) for h in (51, 81, 96)))
    assert spread([]).n == 0


def test_the_plots_are_whole_and_say_in_words_what_they_show(calm: Figures) -> None:
    flight, _ = fly(setting(company=company(PROMPT)), big_deal())
    working = setting().expand(CALENDAR, MONDAY, 400)
    for drawn in (season_svg(calm), deal_svg(flight, company(), working)):
        sheet = ET.fromstring(drawn)
        assert sheet.findtext(f"{SVG}title")
        assert len(sheet.findtext(f"{SVG}desc") or "") > 100
        assert "var(" not in drawn, "not every viewer of a file knows variables"
        width = float(sheet.attrib["width"])
        for each in sheet.iter(f"{SVG}rect"):
            assert float(each.attrib["x"]) + float(each.attrib["width"]) <= width + 1
    names = [text for text in ET.fromstring(season_svg(calm)).itertext() if text in ("Joel Marsh", "Customers")]
    assert set(names) == {"Joel Marsh", "Customers"}
    assert "var(--ink, #" in season_svg(calm, page=True)


def test_what_people_write_cannot_break_a_plot() -> None:
    flight, _ = fly(setting(), big_deal(signatory='Ada </text><script>"&" <ada@x.example>'))
    drawn = deal_svg(flight, company(), setting().expand(CALENDAR, MONDAY, 400))
    assert "<script" not in drawn
    ET.fromstring(drawn)
