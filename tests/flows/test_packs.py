"""Every line of business, flown without a server: the ordinary deal, the one everybody looks at, sent back, ended."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from models.acts import Answer, Complete, Resubmit
from models.deal import Status
from models.money import percent, usd
from models.plan import mistakes
from models.refusals import refusal
from models.values import Day, Flag, Text, Whole
from tests.flows.packs import Flown, Pack, pack, packs
from tests.flows.walking import shipped
from workflows.flows.plans import PLANS

NEW = [each for each in packs() if each.name != "managed-services"]


def resubmitted(deal: Flown) -> None:
    """Let the owner hand the deal in again."""
    deal.do(Resubmit(key=f"again-{deal.keys}", by="dana"))


def test_the_shipped_flows_hold_no_mistake() -> None:
    library = shipped()
    assert library.check() == []
    assert sorted(flow.name for flow in library.flows) == sorted(each.name for each in packs())


def test_a_fact_means_the_same_in_every_flow() -> None:
    library = shipped()
    different = {path for flow in library.flows for path, spec in flow.facts.items() if spec != library.facts[path]}
    assert different == set()


@pytest.mark.parametrize("each", packs(), ids=lambda each: each.name)
def test_the_line_of_business_decides_which_flow_takes_a_deal(each: Pack) -> None:
    assert shipped().choose(each.facts).name == each.name
    known = shipped().facts
    assert all(known[path].source == "crm" for path in each.facts)


@pytest.mark.parametrize("each", packs(), ids=lambda each: each.name)
def test_an_ordinary_deal_flies_from_the_crm_to_its_onboarding(each: Pack) -> None:
    deal = Flown(each).fly()
    assert str(deal.state.ending) == "won"
    [handoff] = deal.of(Status.SETTLED, "handoff:")
    assert deal.state.records[handoff].live is not None
    assert deal.calls.count("create_sales_order do") == deal.calls.count("create_project do") == 1
    [plan] = [plan for plan in PLANS if f"handoff:{plan.name}" == handoff]
    assert mistakes(plan) == []


@pytest.mark.parametrize("each", NEW, ids=lambda each: each.name)
def test_a_flow_is_a_real_policy(each: Pack) -> None:
    steps = [placed.step for placed in each.flow.steps.values()]
    assert 15 <= len(steps) <= 25, len(steps)
    assert len({step.kind for step in steps}) >= 6


# Machines


def test_a_machine_everybody_looks_at() -> None:
    site = {"site_address": "1 Dock Road", "floor_load": "15", "power": "90"}
    built = {**pack("manufacturing").forms["task:configuration"], "special": "true"}
    deal = Flown(
        pack("manufacturing"), forms={"task:site-survey": site, "task:configuration": built}, abroad=Flag(v=True),
        discount=percent(18), margin=percent(12), material_price=usd(940), machine_hours_left=Whole(v=-40),
    ).fly()  # fmt: skip
    assert deal.of(Status.SKIPPED) == []
    assert deal.state.record("approval:site-risk").printed == "survey floor load 15 < 20 or survey crane no is no"
    assert [d.person for d in deal.state.record("approval:thin-margin").decisions] == ["daniel", "petra"], "in turn"
    assert [d.person for d in deal.state.record("approval:discount").decisions] == ["vito"], "beyond the deal desk"
    assert str(deal.state.ending) == "won"


def test_the_plants_no_is_answered_by_another_configuration_after_both_were_heard() -> None:
    deal = Flown(pack("manufacturing"), material_price=usd(940), machine_hours_left=Whole(v=-40))
    deal.fly("approval:overtime").answer("approval:overtime", verdict="reject", reason="no third shift in December")
    assert "approval:steel" in deal.open, "steel is still heard"
    deal.answer("approval:steel", verdict="reject", reason="take S235")
    assert list(deal.open) == ["task:configuration"], "no separate resubmission: the new configuration is it"
    deal.answers["material_price"], deal.answers["machine_hours_left"] = usd(780), Whole(v=20)
    other = {"material": "STEEL-S235", "tonnes": "12", "work_center": "Laser 2", "machine_hours": "90"}
    deal.answer("task:configuration", **other)
    assert list(deal.open) == ["approval:credit"], "neither asks again: its rule no longer holds"
    assert str(deal.fly().state.ending) == "won"


def test_a_site_that_cannot_take_the_machine_ends_the_deal_before_anybody_priced_it() -> None:
    site = {"site_address": "1 Dock Road", "floor_load": "12", "power": "90", "crane": "true"}
    deal = Flown(pack("manufacturing"), forms={"task:site-survey": site}).fly("approval:site-risk")
    deal.answer("approval:site-risk", verdict="reject", reason="the hall is rented")
    assert (str(deal.state.ending), deal.calls) == ("lost: the site cannot take the machine", [])


def test_who_fetches_the_machine_is_not_surveyed_and_a_small_one_needs_no_deposit() -> None:
    deal = Flown(pack("manufacturing"), installed_by_us=Flag(v=False), amount=usd(18_000)).fly()
    assert deal.asked == ["task:configuration", "signature:offer", "handoff:manufacturing"]


def weekly(deal: Flown) -> Flown:
    """This week's steel; next month's hours are kept until the end of this one."""
    deal.ends = {
        "read_material_price": datetime(2026, 11, 21, tzinfo=UTC),
        "read_machine_hours": datetime(2026, 12, 1, tzinfo=UTC),
    }
    return deal


def priced_anew(deal: Flown, price: int) -> None:
    """Next week's steel, as the ERP will answer."""
    deal.answers |= {"material_price": usd(price), "material_price_until": Day(v=date(2026, 11, 27))}
    deal.ends["read_material_price"] = datetime(2026, 11, 28, tzinfo=UTC)


def test_steel_that_is_dearer_next_week_is_asked_about_and_the_customer_gets_a_new_offer() -> None:
    deal = Flown(pack("manufacturing"))
    weekly(deal).fly("signature:offer")
    before = deal.state.record("signature:offer").read
    priced_anew(deal, 930)
    deal.rest(days=7)
    assert deal.calls.count("read_material_price again") == 2
    assert deal.calls.count("read_machine_hours again") == 1, "next month's hours did not end"
    assert list(deal.open) == ["approval:steel"], "the old offer is void: we cannot keep it"
    deal.answer("approval:steel")
    assert list(deal.open) == ["signature:offer"]
    assert deal.state.record("signature:offer").read != before
    assert "approval:credit" not in deal.open, "nothing finance covers moved"


def test_an_offer_signed_in_its_week_stands_whatever_steel_costs_later() -> None:
    deal = Flown(pack("manufacturing"))
    weekly(deal).fly("signature:offer").answer("signature:offer")
    priced_anew(deal, 1200)
    deal.rest(days=16)
    assert deal.calls.count("read_material_price again") == 1, "what was signed is bought"
    assert deal.calls.count("read_machine_hours again") == 1, "and its hours are booked"
    assert deal.state.record("signature:offer").state is Status.SETTLED
    assert str(deal.fly().state.ending) == "won"


def test_a_month_that_ends_before_the_signature_moves_the_build_by_a_month() -> None:
    deal = Flown(pack("manufacturing"))
    weekly(deal)
    deal.ends["read_material_price"] = datetime(2027, 1, 1, tzinfo=UTC)
    deal.fly("signature:offer")
    deal.answers |= {"production_month": Day(v=date(2027, 1, 1)), "machine_hours_left": Whole(v=-10)}
    deal.ends.clear()
    deal.rest(days=15)
    assert list(deal.open) == ["approval:overtime"]
    assert deal.state.facts["production_month"] == Day(v=date(2027, 1, 1))


def test_without_a_deposit_nothing_is_built() -> None:
    deal = Flown(pack("manufacturing")).fly("task:deposit")
    deal.rest(days=120)
    assert str(deal.state.ending) == "lost: no deposit was paid"
    assert "create_sales_order do" not in deal.calls


# Subscriptions


def test_a_small_order_passes_nobody() -> None:
    deal = Flown(pack("saas"), amount=usd(4_800), personal_data=Flag(v=False)).fly()
    assert deal.asked == ["signature:order-form"], "the handoff is accepted by its rule"
    assert str(deal.state.ending) == "won"


def test_a_subscription_everybody_looks_at() -> None:
    deal = Flown(
        pack("saas"), amount=usd(420_000), margin=percent(52), discount=percent(25), redlines=Whole(v=9),
        data_class=Text(v="restricted"), data_region=Text(v="us"), payment_days=Whole(v=60),
    ).fly()  # fmt: skip
    assert deal.of(Status.SKIPPED) == ["ending:lost: no region for restricted data there"]
    people = {s: {d.person for d in deal.state.record(f"approval:{s}").decisions} for s in ("security", "discount")}
    assert people == {"security": {"hiro", "sofia"}, "discount": {"joel", "vito"}}
    assert [d.person for d in deal.state.record("approval:legal").decisions] == ["greta"], "more than five redlines"
    assert str(deal.state.ending) == "won"


def test_every_verdict_on_the_terms_is_heard_before_the_deal_goes_back_once() -> None:
    deal = Flown(pack("saas"), redlines=Whole(v=3), payment_days=Whole(v=90)).fly("approval:legal")
    deal.answer("approval:legal", verdict="reject", reason="unlimited liability")
    deal.answer("approval:finance", verdict="reject", reason="90 days")
    assert deal.state.revise is None, "security has not answered yet"
    deal.answer("task:security-questionnaire")
    assert deal.state.revise is not None
    assert sorted(deal.state.revise.reasons) == ["finance rejected: 90 days", "legal rejected: unlimited liability"]
    deal.tell(redlines=Whole(v=1), payment_days=Whole(v=30))
    resubmitted(deal)
    assert set(deal.open) == {"approval:legal"}, "finance has nothing left to object to"
    assert str(deal.fly().state.ending) == "won"


def test_restricted_data_outside_our_regions_ends_on_the_first_day() -> None:
    deal = Flown(pack("saas"), data_class=Text(v="restricted"), data_region=Text(v="other"))
    assert (str(deal.state.ending), deal.calls) == ("lost: no region for restricted data there", [])


def test_advice_never_stops_a_subscription() -> None:
    deal = Flown(pack("saas"), amount=usd(150_000)).fly("approval:architecture")
    deal.answer("approval:architecture", verdict="reject", reason="two tenants would be better")
    assert str(deal.fly().state.ending) == "won"


# Building contracts


def test_a_building_everybody_looks_at() -> None:
    forms = pack("construction").forms
    deal = Flown(
        pack("construction"), amount=usd(7_500_000), payment_schedule=Text(v="completion"), retention=percent(10),
        forms={
            "task:site-inspection": {**forms["task:site-inspection"], "hazardous": "true"},
            "task:subcontractors": {**forms["task:subcontractors"], "bids": "2"},
        },
    ).fly()  # fmt: skip
    assert deal.of(Status.SKIPPED) == ["ending:lost: awarded to somebody else"]
    assert {d.person for d in deal.state.record("approval:estimate").decisions} == {"emil", "elsa"}
    assert {d.person for d in deal.state.record("approval:bid").decisions} == {"daniel", "vera"}
    assert [d.person for d in deal.state.record("approval:payment-terms").decisions] == ["daniel"]
    assert str(deal.state.ending) == "won"


def test_a_change_of_the_payment_schedule_asks_those_it_makes_worse_and_the_contract_is_drawn_up_anew() -> None:
    deal = Flown(pack("construction"), public_tender=Flag(v=False)).fly("signature:contract")
    drafts = deal.calls.count("render again")
    deal.tell(payment_schedule=Text(v="completion"))
    assert "signature:contract" not in deal.open
    assert deal.open == {"approval:legal": ("hanna",), "approval:payment-terms": ("daniel",)}, "not who made the bid"
    assert str(deal.fly().state.ending) == "won"
    assert deal.calls.count("render again") == drafts + 1


def test_a_signed_contract_is_not_changed_behind_its_signers_back() -> None:
    deal = Flown(pack("construction")).fly("wait:the building permit")
    deal.tell(retention=percent(10))
    assert deal.state.hold is not None
    assert "signature:contract" in deal.state.hold.reason


def test_terms_that_were_sent_back_are_bid_again() -> None:
    deal = Flown(pack("construction"), retention=percent(10)).fly("approval:payment-terms")
    deal.answer("approval:legal")
    deal.answer("approval:payment-terms", verdict="reject", reason="5 % at most")
    assert deal.state.revise is not None
    assert deal.state.revise.stage == "bid"
    deal.tell(retention=percent(5))
    resubmitted(deal)
    assert list(deal.open) == ["approval:legal"], "another text is read again; finance has no more to say"
    assert str(deal.fly().state.ending) == "won"


def test_a_bid_that_was_awarded_to_somebody_else_ends_the_deal() -> None:
    deal = Flown(pack("construction")).fly("wait:the award")
    deal.tell(award=Text(v="lost"))
    assert str(deal.state.ending) == "lost: awarded to somebody else"


def test_without_a_permit_nothing_is_ordered() -> None:
    deal = Flown(pack("construction")).fly("wait:the building permit")
    deal.answer("task:insurance")
    deal.rest(days=200)
    assert str(deal.state.ending) == "cancelled: no building permit"
    assert "create_sales_order do" not in deal.calls


def test_the_site_is_mobilised_twenty_working_days_before_the_works_begin() -> None:
    deal = Flown(pack("construction")).fly("wait:mobilisation")
    deal.fly("handoff:construction")
    assert deal.now.date() == date(2027, 8, 9)


# Credit lines


def test_a_credit_everybody_looks_at() -> None:
    deal = Flown(
        pack("financial-services"), exposure=usd(6_000_000), politically_exposed=Flag(v=True), consumer=Flag(v=True),
        country_risk=Text(v="high"),
    ).fly()  # fmt: skip
    assert [s for s in deal.of(Status.SKIPPED) if not s.startswith("ending:")] == []
    who = {
        s: [d.person for d in deal.state.record(f"approval:{s}").decisions] for s in ("kyc", "enhanced-due-diligence")
    }
    assert len({*who["kyc"], *who["enhanced-due-diligence"]}) == 3, "six eyes, none twice"
    credit = {d.person for d in deal.state.record("approval:credit").decisions}
    [rated] = {d.person for d in deal.state.record("task:rating").decisions}
    assert len(credit) == 3
    assert rated not in credit, "who rated does not decide"
    assert len(deal.state.record("approval:risk-committee").decisions) == 2, "a majority of three"
    assert len(deal.state.record("approval:board").decisions) == 2
    assert str(deal.state.ending) == "won"


def test_a_credit_that_was_sent_back_is_screened_and_identified_again() -> None:
    deal = Flown(pack("financial-services"), exposure=usd(900_000)).fly("approval:credit")
    deal.answer("approval:credit", deal.open["approval:credit"][0], "reject", "too much for grade 4")
    assert list(deal.open) == ["task:identification"], "too few of the committee are left for a yes"
    deal.tell(exposure=usd(300_000))
    deal.answer("task:identification")
    assert list(deal.open) == ["task:sanctions-screening"], "the lists of last week prove nothing"
    deal.answer("task:sanctions-screening")
    assert list(deal.open) == ["approval:credit"], "who the customer is did not change, so compliance stands"
    assert str(deal.fly().state.ending) == "won"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("task:sanctions-screening", "lost: on a sanctions list"),
        ("task:final-screening", "lost: on a sanctions list since the application"),
    ],
)
def test_a_sanctions_hit_ends_the_deal_before_money_moves(step: str, reason: str) -> None:
    of = pack("financial-services")
    deal = Flown(of, forms={step: {**of.forms[step], "result": "hit"}})
    deal.fly(step).answer(step)
    if step == "task:final-screening":
        question = f"ending:{reason}?ending"
        assert question in deal.state.questions, "after a signature a person confirms"
        confirm(deal, question)
    assert str(deal.state.ending) == reason
    assert "create_sales_order do" not in deal.calls


def confirm(deal: Flown, question: str) -> None:
    asked = deal.state.questions[question]
    about = {"step": asked.step, "question": asked.kind, "choice": "end", "reason": "as the flow says"}
    deal.do(Answer(key=question, by="dana", **about))


def test_a_screening_result_nobody_knows_is_refused_before_it_counts() -> None:
    deal = Flown(pack("financial-services")).fly("task:sanctions-screening")
    form = {"result": "hits", "screened_on": "2026-11-16", "reference": "S-1"}
    about = {"step": "task:sanctions-screening", "round": 1, "form": form}
    refused = refusal(deal.state, Complete(key="wrong", by="kim", **about))
    assert refused is not None
    assert "is one of clear, false positive, hit, not 'hits'" in refused.message


def test_a_private_customer_may_withdraw_for_fourteen_days_and_then_no_more() -> None:
    waiting = Flown(pack("financial-services"), consumer=Flag(v=True)).fly("wait:cooling-off")
    waiting.rest(days=13)
    waiting.tell(withdrawn_on=Day(v=date(2026, 11, 29)))
    confirm(waiting, "ending:lost: withdrawn within the cooling-off period?ending")
    assert str(waiting.state.ending) == "lost: withdrawn within the cooling-off period"
    kept = Flown(pack("financial-services"), consumer=Flag(v=True)).fly("wait:cooling-off")
    kept.rest(days=13)
    assert list(kept.open) == ["wait:cooling-off"], "no money moves before"
    kept.rest(days=2)
    assert list(kept.open) == ["task:final-screening"]
    assert str(kept.fly().state.ending) == "won"


def test_silence_of_compliance_is_a_no() -> None:
    deal = Flown(pack("financial-services")).fly("approval:kyc")
    deal.rest(days=10)
    assert deal.open.keys() == {"task:identification"}
    assert deal.state.sent_back == {"know-your-customer": 1}


def test_a_higher_exposure_asks_the_next_rung_and_nobody_about_the_customer() -> None:
    deal = Flown(pack("financial-services"), exposure=usd(200_000)).fly("signature:agreement")
    deal.tell(exposure=usd(2_000_000))
    assert set(deal.open) >= {"approval:credit"}
    assert "approval:kyc" not in deal.open
    deal.fly("approval:risk-committee")
    assert str(deal.fly().state.ending) == "won"


def test_more_exposure_is_worse_for_whoever_granted_less_and_less_is_not() -> None:
    deal = Flown(pack("financial-services"), exposure=usd(400_000)).fly("signature:agreement")
    deal.tell(exposure=usd(380_000))
    assert "approval:credit" not in deal.open
    deal.tell(exposure=usd(900_000))
    assert "approval:credit" in deal.open, "the same two of risk, but they granted less"
