"""What a flow means, rule by rule: deals flown through small flows."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import pytest
from pydantic import BaseModel

from activities.catalog import create_project, create_sales_order, price_quote
from models import acts
from models.asking import Back
from models.deeds import carry_out
from models.facts import CRM, PERSON, STEP, Answers, DealFacts, Each, Fact, Ordered, fact
from models.flow import SubflowDef
from models.money import Money, percent, usd
from models.outcomes import Recorded, Result, finished, needs, recorded
from models.values import Day, Digest, Flag, Item, Items, Text, Whole
from tests.models.flying import Flight, flow_of
from workflows.flows.facts import deal
from workflows.language import (
    APPROVE,
    CONTINUE,
    EXPIRE,
    REJECT,
    Approval,
    Call,
    Handoff,
    Parallel,
    Render,
    Signature,
    Stage,
    Task,
    Wait,
    When,
    business_days,
    days,
    group,
    lost,
    pick,
)
from workflows.language import (
    percent as pct,
)

TWO_DAYS = business_days(2)
ACCOUNT = Text(v="Corvane")


def finance(**more):
    return Approval(
        "finance", **{"by": "finance", "within": TWO_DAYS, "escalate_to": "cfo", "on_reject": "one", **more}
    )


def legal(**more):
    return Approval("legal", **{"by": "legal", "within": TWO_DAYS, "escalate_to": "cfo", "on_reject": "one", **more})


def one(*steps, **more):
    return Stage("one", *steps, **more)


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


# ---- waits, tasks, endings ----------------------------------------------------------------------------------------


class Survey(BaseModel):
    """What a site survey finds."""

    rack_units: int
    has_lift: bool = False


class Kind(StrEnum):
    NEW = "new"
    RENEWAL = "renewal"


class SiteFacts(DealFacts):
    survey: Answers[Survey] = fact(PERSON)
    kind: Fact[Kind] = fact(CRM)
    purchase_order: Fact[str] = fact(CRM)
    kickoff: Ordered[date] = fact(CRM)
    amount: Ordered[Money] = fact(STEP)
    seats: Ordered[int] = fact(CRM)
    sites: Each[str] = fact(CRM)


site = SiteFacts.paths()


def test_a_tasks_answers_become_facts_that_later_rules_read():
    flow = flow_of(
        one(Task("survey", by="ops", within=TWO_DAYS, escalate_to="cfo", form=site.survey)),
        Stage("two", finance(when=site.survey.field("rack_units") > 10, on_reject="one")),
        facts=site,
    )
    flight = Flight(flow, owner=Text(v="dana"))
    form = acts.Complete(key="c", by="marco", step="task:survey", round=1, form={"rack_units": "many"})
    assert flight.refused(form).details == {"field": "survey.rack_units"}
    assert "needed" in flight.refused(form.model_copy(update={"form": {}})).message
    flight.do(form.model_copy(update={"form": {"rack_units": 12, "has_lift": "yes"}}))
    assert flight.state.facts["survey.has_lift"] == Flag(v=True)
    assert flight.is_("approval:finance") == "open"


def test_a_wait_is_level_not_edge():
    flow = flow_of(one(Wait("purchase order", until=site.purchase_order.is_set()), finance()), facts=site)
    flight = Flight(flow, owner=Text(v="dana"))
    assert "until purchase order is known" in flight.waits()[0].reason
    flight.crm(purchase_order=Text(v="PO-1"))
    assert flight.is_("approval:finance") == "open"
    early = Flight(flow, owner=Text(v="dana"), purchase_order=Text(v="PO-1"))
    assert early.is_("wait:purchase order") == "settled"


def test_a_wait_for_a_date_ends_lead_days_before_it():
    flow = flow_of(one(Wait("kick-off", until=site.kickoff, lead=days(2)), finance()), facts=site)
    flight = Flight(flow, owner=Text(v="dana"), kickoff=Day(v=date(2026, 11, 10)))
    flight.wait(days=5)
    assert flight.is_("wait:kick-off") == "open"
    flight.wait(days=2)
    assert flight.is_("approval:finance") == "open"


def test_a_wait_that_expires_follows_its_route():
    flow = flow_of(
        one(Wait("po", until=site.purchase_order.is_set(), within=days(5), on_expire=lost("no order"))), facts=site
    )
    flight = Flight(flow, owner=Text(v="dana"))
    flight.wait(days=6)
    assert str(flight.state.ending) == "lost: no order"


def test_an_ending_where_a_step_may_stand_ends_the_deal():
    flow = flow_of(one(When(site.seats < 5, lost("too small")), finance()), facts=site)
    assert str(Flight(flow, owner=Text(v="dana"), seats=Whole(v=3)).state.ending) == "lost: too small"
    assert Flight(flow, owner=Text(v="dana"), seats=Whole(v=30)).is_("approval:finance") == "open"


def test_an_undecided_rule_whose_turn_has_come_is_a_question_never_a_silent_no():
    flow = flow_of(one(finance(when=site.seats > 100)), facts=site)
    flight = Flight(flow, owner=Text(v="dana"))
    assert flight.kinds() == ["missing"]
    assert flight.waits()[0].reason == "not known yet: seats"
    flight.crm(seats=Whole(v=200))
    assert flight.is_("approval:finance") == "open"


def test_a_parameter_may_depend_on_facts():
    by = pick("cfo", when=site.seats > 100, otherwise="finance")
    flow = flow_of(one(finance(by=by)), facts=site)
    flight = Flight(flow, owner=Text(v="dana"), seats=Whole(v=200))
    assert flight.state.record("approval:finance").asked == {"role:cfo": ["daniel"]}


def test_a_step_with_each_runs_once_per_item_by_its_key():
    flow = flow_of(one(SubflowDef(name="site", what="site", each="sites")), facts=site)
    flight = Flight(
        flow, owner=Text(v="dana"), sites=Items(items=(Item(key="a", digest="1"), Item(key="b", digest="2")))
    )
    assert flight.begun == ["subflow:site[a]", "subflow:site[b]"]
    flight.run()
    assert flight.state.ended


# ---- documents, signatures, effects -------------------------------------------------------------------------------


def contract(*after):
    return flow_of(
        one(Call(price_quote), Render("sow", template="sow")),
        Stage("two", Signature("sow", within=days(14)), *after, on_decline="one", on_expire="one"),
        actions=(price_quote, create_sales_order, create_project),
    )


PRICED = {"amount": usd(50_000), "margin": pct(30), "quote": Digest(sha256="q1"), "scope": Digest(sha256="s1")}
SOLD = {"account": ACCOUNT, "owner": Text(v="dana"), "title": Text(v="Corvane"), "lines": Items(items=()),
        "discount": percent(5), "payment_days": Whole(v=30)}  # fmt: skip


def signing():
    flight = Flight(contract(), **SOLD)
    flight.run("call:price_quote", **PRICED)
    flight.run("render:sow")
    return flight


def test_a_changed_document_voids_the_open_signature_and_asks_a_new_one():
    flight = signing()
    assert flight.is_("signature:sow") == "open"
    old = next(iter(flight.state.record("signature:sow").read.values()))
    flight.crm(discount=percent(9))
    flight.run("call:price_quote", **{**PRICED, "amount": usd(48_000)})
    assert flight.is_("signature:sow") == "void"
    flight.run("render:sow")
    stale = acts.Sign(key="s", by="customer", step="signature:sow", round=2, signer="Ada", document=old.sha256)
    assert flight.refused(stale).code == "stale"
    flight.sign()
    assert flight.state.ended


def test_a_signature_that_may_no_longer_be_due_is_void_once_people_are_asked_before_it():
    due = (deal.payment_days > 20) | (deal.term_months > 24)
    flow = flow_of(
        one(finance(covers=[deal.discount])),
        Stage("two", Render("sow", template="sow"), Signature("sow", within=days(14), when=due), on_decline="one",
              on_expire="one"),
    )  # fmt: skip
    flight = Flight(flow, **SOLD)
    flight.answer("noor", "approval:finance")
    flight.run("render:sow")
    flight.crm(discount=percent(9), payment_days=Whole(v=10))
    assert flight.is_("approval:finance") == "open"
    assert flight.is_("signature:sow") == "void", "its link would sign what is being decided anew"


def test_a_signature_while_only_machine_steps_are_redone_is_parked_and_then_counts():
    flight = signing()
    flight.crm(discount=percent(9))
    assert flight.is_("signature:sow") == "open"
    assert flight.sign() == "parked"
    flight.run("call:price_quote", **PRICED)
    assert flight.is_("signature:sow") == "settled"


def test_a_parked_signature_is_dropped_when_its_document_changed_after_all():
    flight = signing()
    flight.crm(discount=percent(9))
    flight.sign()
    flight.run("call:price_quote", **{**PRICED, "amount": usd(1)})
    assert flight.is_("signature:sow") == "void"
    assert flight.state.parked == []


def test_the_journal_names_the_document_that_was_signed():
    flight = signing()
    document = next(iter(flight.state.record("signature:sow").read.values()))
    flight.sign()
    entry = next(e for e in flight.state.outbox if e.kind == "signed")
    assert entry.body["document"] == document.sha256


def test_an_answer_to_a_round_the_deal_has_yet_to_open_is_not_ready():
    flight = signing()
    early = acts.Decline(key="d", by="customer", step="signature:sow", round=2, reason="too long")
    assert flight.refused(early).code == "not_ready"


def test_a_declined_signature_goes_back():
    flight = signing()
    flight.do(acts.Decline(key="d", by="customer", step="signature:sow", round=1, reason="too long"))
    assert flight.state.revise.reasons == ["signature of sow declined: too long"]


def ordered():
    flight = Flight(contract(Call(create_sales_order), Call(create_project)), **SOLD)
    flight.run("call:price_quote", **PRICED)
    flight.run("render:sow")
    flight.sign()
    return flight


def test_a_failed_effect_is_an_incident_that_is_retried_under_the_same_revision():
    flight = ordered()
    flight.fail("call:create_sales_order", "unavailable")
    assert flight.kinds() == ["incident"]
    flight.do(acts.Retry(key="r", by="dana", step="call:create_sales_order"))
    assert flight.state.record("call:create_sales_order").revision == 1
    flight.run("call:create_sales_order", sales_order=Text(v="SO-1"))
    assert flight.is_("call:create_project") == "running"


def test_a_refused_effect_gets_a_new_revision_with_changed_input():
    flight = ordered()
    flight.fail("call:create_sales_order", "refused")
    change = acts.ChangeInput(
        key="c", by="dana", step="call:create_sales_order", inputs={"account": Text(v="Corvane Ltd")}
    )
    flight.do(change)
    record = flight.state.record("call:create_sales_order")
    assert (record.revision, str(record.read["account"])) == (2, "Corvane Ltd")


def test_an_unknown_outcome_is_not_passed_without_looking():
    flight = ordered()
    flight.fail("call:create_sales_order", "outcome unknown", unknown=True)
    skip = acts.Skip(
        key="s", by="dana", step="call:create_sales_order", reason="later", outputs={"sales_order": Text(v="-")}
    )
    assert "not known" in flight.refused(skip).message
    flight.do(acts.CompleteByHand(key="b", by="dana", step="call:create_sales_order", evidence="SO-9 is there",
                                  reference="SO-9", outputs={"sales_order": Text(v="SO-9")}))  # fmt: skip
    assert flight.state.record("call:create_sales_order").live.id == "SO-9"


def test_skipping_a_step_asks_for_the_facts_it_would_have_written():
    flight = ordered()
    flight.fail("call:create_sales_order", "refused")
    bare = acts.Skip(key="s", by="dana", step="call:create_sales_order", reason="booked elsewhere")
    assert flight.refused(bare).details == {"missing": ["sales_order"]}
    flight.do(bare.model_copy(update={"outputs": {"sales_order": Text(v="SO-7")}}))
    assert flight.is_("call:create_project") == "running"


def test_a_change_that_reaches_a_signed_document_holds_the_deal():
    flight = ordered()
    flight.run("call:create_sales_order", sales_order=Text(v="SO-1"))
    flight.crm(discount=percent(20))
    assert flight.kinds()[0] == "hold"
    assert "signature:sow" in flight.state.hold.reason


def test_what_cannot_be_amended_is_put_to_the_owner():
    flight = ordered()
    flight.run("call:create_sales_order", sales_order=Text(v="SO-1"))
    flight.run("call:create_project", project=Text(v="P"))
    assert flight.state.ended


# ---- handoff ------------------------------------------------------------------------------------------------------


def handing(**more):
    return flow_of(one(Handoff("p", to="ops", within=TWO_DAYS, escalate_to="cfo", **more)))


def test_a_handoff_opens_only_when_its_packet_is_complete_or_waived():
    flight = Flight(handing(), owner=Text(v="dana"))
    assert flight.waits()[0].reason == "the handoff packet lacks goals"
    flight.crm(goals=Text(v="one partner"))
    assert flight.is_("handoff:p") == "open"
    waived = Flight(handing(), owner=Text(v="dana"))
    waive = acts.Answer(
        key="w", by="dana", step="handoff:p", question="packet", choice="waive", reason="known by heart"
    )
    waived.do(waive)
    assert waived.is_("handoff:p") == "open"


def test_an_acceptance_with_conditions_keeps_them_and_starts_the_onboarding():
    flight = Flight(handing(), owner=Text(v="dana"), goals=Text(v="g"))
    bare = flight.decision("marco", "handoff:p", "accept_with_conditions")
    assert "at least one condition" in flight.refused(bare).message
    flight.answer("marco", "handoff:p", "accept_with_conditions", conditions=("site access",))
    assert (flight.is_("handoff:p"), flight.begun) == ("running", ["handoff:p"])
    flight.run()
    assert flight.state.record("handoff:p").conditions == ["site access"]
    assert flight.state.ended


def test_a_rejected_handoff_goes_back_to_its_own_stage():
    flight = Flight(handing(), owner=Text(v="dana"), goals=Text(v="g"))
    flight.answer("marco", "handoff:p", "reject", reason="no site contact")
    assert flight.state.revise.stage == "one"


def test_a_complete_packet_may_be_accepted_by_rule():
    flight = Flight(
        handing(accept_when=deal.discount < pct(10)), owner=Text(v="dana"), goals=Text(v="g"), discount=percent(5)
    )
    assert flight.begun == ["handoff:p"]
    assert flight.state.record("handoff:p").decisions[0].channel == "rule"


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


# ---- found by reading the code cold -------------------------------------------------------------------------------


def test_an_acceptance_on_hold_waits_for_the_release():
    flight = Flight(handing(), owner=Text(v="dana"), goals=Text(v="g"))
    flight.do(acts.HoldDeal(key="h", by="dana", reason="customer insolvent"))
    assert flight.answer("marco", "handoff:p", "accept") == "parked"
    assert flight.begun == []
    flight.do(acts.Release(key="r", by="dana"))
    assert flight.begun == ["handoff:p"]


def test_an_approval_is_not_skipped_by_its_owner_when_nobody_can_answer():
    flight = Flight(flow_of(one(finance(by="nobody"))), owner=Text(v="dana"))
    flight.state.people["role:nobody"] = []
    flight.state.records["approval:finance"].resolved = False
    flight.fail("approval:finance", "nobody")
    skip = acts.Skip(key="s", by="dana", step="approval:finance", reason="in a hurry")
    assert flight.refused(skip).code == "not_allowed"


def test_an_approval_passed_in_spite_of_a_no_is_asked_again_when_its_facts_get_worse():
    flow = flow_of(
        one(finance(on_reject=CONTINUE, when=deal.discount > pct(1), covers=[deal.discount])), Stage("two", legal())
    )
    flight = Flight(flow, owner=Text(v="dana"), discount=percent(20))
    flight.answer("noor", "approval:finance", "reject", reason="against it")
    flight.crm(discount=percent(29))
    assert flight.is_("approval:finance") == "open"


def test_a_crm_that_repeats_itself_does_not_undo_a_persons_correction():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"), discount=percent(35))
    mine = acts.Revise(key="m", by="dana", source="person", at=flight.now, facts={"discount": percent(10)})
    flight.do(mine)
    flight.crm(discount=percent(35))
    assert flight.state.facts["discount"] == percent(10)
    flight.crm(discount=percent(40))
    assert flight.state.facts["discount"] == percent(40)


def test_a_parked_signature_does_not_expire_while_the_machine_works():
    flight = signing()
    flight.crm(discount=percent(9))
    assert flight.sign() == "parked"
    flight.wait(days=30)
    flight.run("call:price_quote", **PRICED)
    assert flight.is_("signature:sow") == "settled"


def test_a_rejected_subflow_of_one_item_goes_back_once():
    flow = flow_of(one(SubflowDef(name="site", what="site", each="sites", on_reject=Back(stage="one"))), facts=site)
    flight = Flight(flow, owner=Text(v="dana"), sites=Items(items=(Item(key="a", digest="1"),)))
    flight.begun = []
    finished(flight.state, "subflow:site[a]", Result(outcome="rejected"), flight.now)
    flight.settle()
    assert flight.state.sent_back == {"one": 1}
    flight.do(acts.Resubmit(key="r", by="dana"))
    assert flight.begun == ["subflow:site[a]"]


def test_an_undo_done_by_hand_leaves_nothing_live():
    flight = ordered()
    flight.run("call:create_sales_order", sales_order=Text(v="SO-1"))
    record = flight.state.touch("call:create_sales_order")
    record.op, record.unconfirmed = "undo", True
    flight.fail("call:create_sales_order", "refused")
    flight.do(acts.CompleteByHand(key="b", by="dana", step="call:create_sales_order", evidence="cancelled there"))
    assert flight.state.record("call:create_sales_order").live is None


def test_a_handoff_whose_onboarding_could_not_start_is_retried_without_asking_again():
    flight = Flight(handing(), owner=Text(v="dana"), goals=Text(v="g"))
    flight.answer("marco", "handoff:p", "accept")
    flight.fail("handoff:p", "database")
    flight.do(acts.Retry(key="r", by="dana", step="handoff:p"))
    assert (flight.is_("handoff:p"), flight.state.record("handoff:p").round) == ("running", 1)


def test_a_clock_resumed_while_record_was_under_way_is_asked_about_next_time():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"))
    flight.do(acts.HoldDeal(key="h", by="dana", reason="summer"))
    sent = needs(flight.state)
    carry_out(flight.state, acts.Release(key="r", by="dana"), flight.now)
    recorded(flight.state, Recorded(people={}), sent, flight.now)
    assert flight.state.record("approval:finance").clock.resumed_at is not None


def test_every_asking_has_an_id_of_its_own():
    flight = Flight(flow_of(one(finance())), owner=Text(v="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="no")
    first = flight.waits()[0].id
    flight.wait(minutes=5)
    flight.do(acts.Resubmit(key="r", by="dana"))
    flight.answer("noor", "approval:finance", "reject", reason="no")
    assert flight.waits()[0].id != first
