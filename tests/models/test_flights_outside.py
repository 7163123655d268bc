"""Documents, signatures, effects and the handoff: deals flown through small flows that reach outside."""

from __future__ import annotations

from activities.catalog import create_project, create_sales_order, price_quote
from models import acts
from models.deeds import carry_out
from models.money import percent, usd
from models.outcomes import Recorded, needs, recorded
from models.values import Digest, Items, Text, Whole
from tests.models.flying import Flight, flow_of
from tests.models.short_flows import ACCOUNT, TWO_DAYS, finance, legal, one
from workflows.flows.facts import deal
from workflows.language import (
    CONTINUE,
    Call,
    Handoff,
    Render,
    Signature,
    Stage,
    days,
)
from workflows.language import (
    percent as pct,
)

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
