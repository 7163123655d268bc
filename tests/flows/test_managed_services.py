"""Managed services, walked without a server: who is asked, in which order, and why."""

from __future__ import annotations

import pytest

from models.deal import Status
from models.flow import FlowDef
from models.money import percent, usd
from models.values import Text
from tests.flows.walking import Walked, facts_of_the_crm, shipped


@pytest.fixture(scope="module")
def flow() -> FlowDef:
    return shipped().choose({})


def small(flow: FlowDef) -> Walked:
    return Walked(flow, facts_of_the_crm(10), amount=usd(5_000), margin=percent(35))


def large(flow: FlowDef) -> Walked:
    return Walked(flow, facts_of_the_crm(35), amount=usd(500_000), margin=percent("19.5"))


def test_a_deal_of_5000_skips_review_with_the_rule_printed(flow: FlowDef) -> None:
    deal = small(flow)
    assert deal.asked == {"signature:sow": ("mara@corvane.example",)}
    for step in ("approval:legal", "approval:finance", "approval:security"):
        record = deal.state.record(step)
        assert record.state is Status.SKIPPED
        assert record.printed.startswith("amount $5,000 < $10,000")
    for step in ("approval:discount", "approval:deep-discount"):
        assert deal.state.record(step).state is Status.SKIPPED
    assert deal.state.record("approval:discount").printed == "discount 10 % is not > 15 %"
    said = [entry.text for entry in deal.state.outbox]
    assert "legal skipped: amount $5,000 < $10,000" in said


def test_a_deal_of_500000_with_35_percent_asks_deal_desk_then_cfo_then_three_teams_at_once(flow: FlowDef) -> None:
    deal = large(flow)
    assert deal.asked == {"approval:discount": ("joel",)}
    assert deal.state.record("approval:discount").printed == "discount 35 % > 15 %"
    deal.decide("approval:discount", "joel")
    assert deal.asked == {"approval:deep-discount": ("daniel",)}
    assert deal.state.record("approval:deep-discount").printed == "discount 35 % > 30 % or margin 19.5 % < 22 %"
    deal.decide("approval:deep-discount", "daniel")
    assert deal.asked == {
        "approval:legal": ("hanna",),
        "approval:finance": ("noor",),
        "approval:security": ("hiro", "sofia"),
    }
    assert "margin 19.5 % < 28 %" in deal.state.record("approval:finance").printed
    assert "amount $500,000 >= $250,000" in deal.state.record("approval:security").printed


def test_security_needs_two_people_and_then_the_contract_goes_out(flow: FlowDef) -> None:
    deal = large(flow)
    for step, person in (("discount", "joel"), ("deep-discount", "daniel"), ("legal", "hanna"), ("finance", "noor")):
        deal.decide(f"approval:{step}", person)
    deal.decide("approval:security", "hiro")
    assert deal.asked == {"approval:security": ("sofia",)}
    deal.decide("approval:security", "sofia")
    assert deal.asked == {"signature:sow": ("mara@corvane.example",)}


def test_a_rejection_in_review_sends_the_deal_to_its_owner_and_voids_the_others(flow: FlowDef) -> None:
    deal = large(flow)
    deal.decide("approval:discount", "joel")
    deal.decide("approval:deep-discount", "daniel")
    deal.decide("approval:legal", "hanna", "reject", "liability cap")
    assert deal.asked == {}
    assert deal.state.revise is not None
    assert (deal.state.revise.stage, deal.state.revise.reasons) == ("quote", ["legal rejected: liability cap"])
    assert deal.state.record("approval:finance").state is Status.VOID


def test_a_signed_deal_is_booked_handed_over_and_won(flow: FlowDef) -> None:
    deal = small(flow)
    deal.sign()
    assert deal.asked == {"handoff:managed-services": ("marco",)}
    assert deal.calls == ["price_quote again", "render again", "create_sales_order do", "create_project do"]
    deal.decide("handoff:managed-services", "marco", "accept")
    assert str(deal.state.ending) == "won"


def test_the_handoff_waits_for_what_its_packet_lacks_and_says_it_in_the_readers_words(flow: FlowDef) -> None:
    facts = facts_of_the_crm(10)
    del facts["goals"]
    deal = Walked(flow, facts, amount=usd(5_000), margin=percent(35))
    deal.sign()
    assert deal.asked == {}
    question = deal.state.questions["handoff:managed-services?packet"]
    assert question.reason == "the handoff packet lacks what the customer wants to achieve"


def test_unknown_data_class_stops_a_medium_deal_at_review_and_asks_for_it(flow: FlowDef) -> None:
    facts = facts_of_the_crm(10)
    del facts["data_class"]
    deal = Walked(flow, facts, amount=usd(60_000), margin=percent(35))
    assert deal.state.questions["approval:security?missing"].reason == "not known yet: data class"
    facts = facts_of_the_crm(10, data_class=Text(v="restricted"))
    assert "approval:security" in Walked(flow, facts, amount=usd(60_000), margin=percent(35)).asked
