"""What a flow means, rule by rule: deals flown through small flows whose people are asked."""

from __future__ import annotations

import pytest

from models import acts
from models.money import percent
from models.values import Text
from tests.models.flying import Flight, flow_of
from tests.models.short_flows import finance, legal, one
from workflows.flows.facts import deal
from workflows.language import (
    APPROVE,
    CONTINUE,
    EXPIRE,
    REJECT,
    Parallel,
    Stage,
    business_days,
    group,
    lost,
)
from workflows.language import (
    percent as pct,
)

# ---- rework -------------------------------------------------------------------------------------------------------


def test_a_rejection_opens_a_revision_that_only_resubmitting_ends():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"), discount=percent(10))
    flight.answer("noor", "approval:finance", "reject", reason="too cheap")
    assert flight.kinds() == ["revise"]
    flight.crm(discount=percent(5))
    assert flight.is_("approval:finance") == "void"
    assert flight.refused(acts.Resubmit(key="x", by="noor")).code == "not_yours"
    flight.do(acts.Resubmit(key=flight.key(), by="dana"))
    assert flight.state.record("approval:finance").round == 2


def test_the_fourth_send_back_is_a_question_to_the_owners_manager():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"))
    for _ in range(3):
        flight.answer("noor", "approval:finance", "reject", reason="no")
        flight.do(acts.Resubmit(key=flight.key(), by="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="no")
    assert flight.kinds() == ["exhausted"]
    assert flight.waits()[0].waiting_on == ("vera",)
    more = acts.Answer(key="m", by="vera", step="one", question="exhausted", choice="once_more")
    flight.do(more)
    flight.do(acts.Resubmit(key=flight.key(), by="dana"))
    assert flight.is_("approval:finance") == "open"


def test_a_stage_may_end_the_deal_when_its_rework_is_used_up():
    flow = flow_of(one(finance(), max_rework=1, on_exhausted=lost("no agreement")))
    flight = Flight(flow, owner=Text(v="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="no")
    flight.do(acts.Resubmit(key="r", by="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="no")
    assert str(flight.state.ending) == "lost: no agreement"


def test_asking_changes_sends_back_to_the_stage_the_approver_names():
    flow = flow_of(one(legal()), Stage("two", finance(on_reject="two")))
    flight = Flight(flow, owner=Text(v="dana"))
    flight.answer("hanna", "approval:legal")
    flight.answer("noor", "approval:finance", "ask_changes", reason="shorter terms", to_stage="one")
    assert flight.state.revise.stage == "one"
    assert flight.is_("approval:legal") == "settled"


def test_a_rejection_that_continues_is_recorded_and_the_flow_goes_on():
    flight = Flight(flow_of(one(finance(on_reject=CONTINUE)), Stage("two", legal())), owner=Text(v="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="against it")
    assert flight.is_("approval:legal") == "open"
    assert flight.state.record("approval:finance").outcome == "rejected"


def test_a_recall_closes_the_request_and_is_not_counted():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"))
    flight.do(acts.Recall(key="r", by="dana", step="approval:finance", round=1, reason="wrong price"))
    assert flight.kinds() == ["revise"]
    assert flight.state.sent_back == {}


# ---- parallel -----------------------------------------------------------------------------------------------------


def test_the_first_no_in_parallel_voids_the_siblings():
    flight = Flight(flow_of(one(Parallel(finance(), legal()))), owner=Text(v="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="no")
    assert flight.is_("approval:legal") == "void"


def test_wait_all_hears_every_branch_and_routes_once_with_all_reasons():
    flight = Flight(flow_of(one(Parallel(finance(), legal(), wait_all=True))), owner=Text(v="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="margin")
    assert flight.is_("approval:legal") == "open"
    flight.answer("hanna", "approval:legal", "reject", reason="clause 4")
    assert flight.state.revise.reasons == ["finance rejected: margin", "legal rejected: clause 4"]
    assert flight.state.sent_back == {"one": 1}


def test_an_advisory_request_holds_nothing_up_and_is_passed_by():
    flight = Flight(flow_of(one(Parallel(finance(), legal(advisory=True, on_reject=None)))), owner=Text(v="dana"))
    assert flight.is_("approval:legal") == "open"
    flight.answer("noor", "approval:finance")
    assert flight.state.ended
    assert flight.state.record("approval:legal").reason == "passed by"


# ---- time ---------------------------------------------------------------------------------------------------------


def test_a_late_request_asks_the_next_rung_too_and_stays_open_when_the_ladder_is_used_up():
    flight = Flight(flow_of(one(finance(remind_every=business_days(1)))), owner=Text(v="dana"))
    flight.wait(days=1, hours=1)
    assert "finance: reminder 1" in flight.told()
    flight.wait(days=1)
    assert flight.state.record("approval:finance").asked["role:finance"] == ["noor", "daniel"]
    flight.wait(days=3)
    assert "overdue, and nobody is left" in flight.told()
    flight.answer("daniel", "approval:finance")
    assert flight.state.ended


@pytest.mark.parametrize(
    ("silence", "expected"),
    [(APPROVE, "won"), (REJECT, "revise"), (EXPIRE, "decide")],
    ids=["approve", "reject", "expire"],
)
def test_silence_decides_as_the_flow_says_and_is_marked(silence, expected):
    flight = Flight(flow_of(one(finance(on_silence=silence, escalate_to=()))), owner=Text(v="dana"))
    flight.wait(days=3)
    if expected == "won":
        assert flight.state.ending.outcome == "won"
        assert flight.state.record("approval:finance").decisions[0].by_silence
    else:
        assert flight.kinds() == [expected]


def test_an_unrouted_expiry_is_the_owners_question():
    flight = Flight(flow_of(one(finance(on_silence=EXPIRE, escalate_to=()))), owner=Text(v="dana"))
    flight.wait(days=3)
    again = acts.Answer(key="a", by="dana", step="approval:finance", question="decide", choice="again")
    flight.do(again)
    assert (flight.is_("approval:finance"), flight.state.record("approval:finance").round) == ("open", 2)


def test_asking_information_stops_the_clock_until_the_owner_answers():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"))
    before = flight.waits()[0].due
    flight.do(acts.AskInformation(key="q", by="noor", step="approval:finance", round=1, question="why 60 days?"))
    assert flight.waits()[0].waiting_on == ("dana",)
    flight.wait(days=10)
    assert flight.state.record("approval:finance").clock.rung == 0
    flight.do(acts.GiveInformation(key="g", by="dana", step="approval:finance", round=1, answer="their policy"))
    assert (flight.waits()[0].due - before).days == 10
    flight.answer("noor", "approval:finance")
    assert flight.state.ended


def test_a_hold_stops_clocks_takes_answers_and_starts_nothing():
    flight = Flight(flow_of(one(finance()), Stage("two", legal())), owner=Text(v="dana"))
    flight.do(acts.HoldDeal(key="h", by="dana", reason="summer"))
    flight.wait(days=30)
    flight.answer("noor", "approval:finance")
    assert flight.is_("approval:legal") == "new"
    assert flight.kinds()[0] == "hold"
    flight.do(acts.Release(key="r", by="dana"))
    assert flight.is_("approval:legal") == "open"


def test_a_hold_with_an_end_releases_itself():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"))
    flight.do(acts.HoldDeal(key="h", by="dana", reason="summer", until=flight.now.replace(day=20)))
    flight.wait(days=40)
    assert flight.state.hold is None


# ---- separation of duties -----------------------------------------------------------------------------------------


def test_the_owner_and_whoever_changed_a_covered_fact_may_not_approve():
    flow = flow_of(one(finance(by=group("security", need=1), covers=[deal.discount])))
    flight = Flight(flow, owner=Text(v="hiro"), discount=percent(20))
    assert "owner may not approve" in flight.refused(flight.decision("hiro", "approval:finance")).message
    flight = Flight(flow, owner=Text(v="dana"), discount=percent(20))
    act = acts.Revise(key="p", by="sofia", source="person", at=flight.now, facts={"discount": percent(21)})
    flight.do(act)
    assert "last changed discount" in flight.refused(flight.decision("sofia", "approval:finance")).message


def test_an_answer_to_a_page_that_got_worse_is_refused_with_the_difference():
    flow = flow_of(one(finance(when=deal.discount > pct(1), covers=[deal.discount])))
    flight = Flight(flow, owner=Text(v="dana"), discount=percent(20))
    flight.crm(discount=percent(25))
    old = flight.decision("noor", "approval:finance", edition=1)
    assert flight.refused(old).details == {"changed": {"discount": ["20 %", "25 %"]}}
    flight.crm(discount=percent(18))
    flight.do(flight.decision("noor", "approval:finance", edition=1))
    assert flight.state.ended


def test_an_open_request_says_why_with_the_values_it_is_asked_about_now():
    flow = flow_of(one(finance(when=deal.discount > pct(1), covers=[deal.discount])))
    flight = Flight(flow, owner=Text(v="dana"), discount=percent(20))
    assert [wait.reason for wait in flight.waits()] == ["discount 20 % > 1 %"]
    flight.crm(discount=percent(25))
    assert [(wait.round, wait.edition, wait.reason) for wait in flight.waits()] == [(1, 2, "discount 25 % > 1 %")]
