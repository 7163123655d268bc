"""Moving, adding, reminding, overriding and taking back: who may, what it does, what it leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.catalog import create_sales_order
from models import acts
from models.absence import Scope
from models.approval import UNDO_WINDOW
from models.money import percent, usd
from models.refusals import refusal
from models.signalled import answered
from models.values import Digest, Text, Whole
from tests.models.colleagues import PEOPLE, Colleague, Staffed, away
from tests.models.flying import T0, flow_of
from workflows.flows.facts import deal
from workflows.language import Approval, Call, Parallel, Stage, business_days, group, lost

STEP = "approval:finance"


def finance(**more):
    given = {"by": "finance", "within": business_days(2), "escalate_to": "cfo", "on_reject": "one", **more}
    return Approval("finance", **given)


def flown(*steps, **more):
    facts = {"owner": Text(v="dana"), "account": Text(v="Corvane"), "discount": percent(10), **more.pop("facts", {})}
    return Staffed(flow_of(Stage("one", *(steps or (finance(),)))), **more, **facts)


def by(flight, kind, who, step=STEP, **more):
    """Return an act of somebody on the present round."""
    record = flight.state.record(step)
    given = {"key": flight.key(), "by": who, "step": step, "round": record.round, **more}
    if kind is acts.Override:
        given.setdefault("edition", record.edition)
    return kind(**given)


def refused(flight, act):
    return refusal(flight.state, act, flight.now)


# ---- moving and adding ---------------------------------------------------------------------------------------------


def test_who_is_asked_passes_their_own_place_on_and_it_stays_passed_on():
    flight = flown(finance(by="legal"))
    flight.do(by(flight, acts.Reassign, "hanna", to="nils", reason="I drafted it"))
    assert flight.waiting_on(STEP) == ("nils",)
    flight.staff()
    assert flight.waiting_on(STEP) == ("nils",), "a sweep of people does not undo what a person did"
    assert "nils is asked in place of hanna: I drafted it" in flight.told()


def test_only_sales_operations_moves_somebody_elses_place_and_never_to_who_may_not_answer():
    flight = flown()
    assert (
        refused(flight, by(flight, acts.Reassign, "dana", of="noor", to="vera", reason="quicker")).code == "not_yours"
    )
    no = refused(flight, by(flight, acts.Reassign, "iris", of="noor", to="dana", reason="quicker"))
    assert (no.code, no.details) == ("not_allowed", {"field": "to"})
    flight.do(by(flight, acts.Reassign, "iris", of="noor", to="vera", reason="noor is at the auditors"))
    assert set(flight.waiting_on(STEP)) == {"nils", "vera"}


def test_an_owner_who_is_in_sales_operations_does_not_choose_their_own_approver():
    flight = flown(facts={"owner": Text(v="iris")})
    assert (
        "may not choose" in refused(flight, by(flight, acts.Reassign, "iris", of="noor", to="ivo", reason="x")).message
    )


def test_where_nobody_can_be_found_an_operator_names_somebody_and_the_round_goes_on():
    flight = flown(finance(by="treasury", escalate_to="board"))
    assert [wait.kind for wait in flight.waits()] == ["incident"]
    flight.do(by(flight, acts.Reassign, "iris", to="noor", reason="treasury is vacant"))
    assert flight.waiting_on(STEP) == ("noor",)
    assert flight.state.record(STEP).round == 1


def test_somebody_added_before_is_asked_first_and_the_quorum_of_the_others_stays():
    flight = flown(finance(by=group("security", need=2)))
    flight.do(by(flight, acts.AddApprover, "hiro", person="noor", place="before", reason="is the budget there?"))
    assert flight.waiting_on(STEP) == ("noor",)
    assert "waits for noor first" in flight.refused(flight.decision("hiro", STEP)).message
    flight.answer("noor", STEP)
    assert set(flight.waiting_on(STEP)) == {"hiro", "sofia", "sven"}
    flight.answer("hiro", STEP)
    assert flight.is_(STEP) == "open", "the one added fills no seat of the group"
    flight.answer("sven", STEP)
    assert flight.is_(STEP) == "settled"


def test_somebody_added_after_is_asked_once_the_others_agree_and_their_no_is_a_no():
    flight = flown()
    flight.do(by(flight, acts.AddApprover, "dana", person="hanna", place="after", reason="terms"))
    assert set(flight.waiting_on(STEP)) == {"noor", "nils"}
    flight.answer("noor", STEP)
    assert flight.waiting_on(STEP) == ("hanna",)
    flight.answer("hanna", STEP, "reject", reason="not these terms")
    assert flight.kinds() == ["revise"]


@pytest.mark.parametrize(("person", "why"), [("dana", "owner"), ("noor", "answered"), ("hanna", "added already")])
def test_nobody_is_added_who_may_not_answer_has_answered_or_was_added(person, why):
    flight = flown(finance(by=["finance", "legal"]))
    flight.do(by(flight, acts.AddApprover, "nils", person="hanna", place="after", reason="terms"))
    flight.answer("noor", STEP)
    assert (
        why in refused(flight, by(flight, acts.AddApprover, "nils", person=person, place="after", reason="x")).message
    )


def test_an_added_place_that_passes_to_somebody_who_has_agreed_is_not_asked_again():
    flight = flown()
    flight.do(by(flight, acts.AddApprover, "dana", person="hanna", place="after", reason="terms"))
    flight.answer("noor", STEP)
    flight.do(by(flight, acts.Reassign, "iris", of="hanna", to="noor", reason="hanna is ill"))
    assert flight.is_(STEP) == "settled"


# ---- reminding -----------------------------------------------------------------------------------------------------


def test_people_are_reminded_by_hand_once_an_hour_at_most():
    flight = flown()
    flight.do(by(flight, acts.Nudge, "dana"))
    assert refused(flight, by(flight, acts.Nudge, "dana")).code == "closed"
    flight.now += timedelta(hours=1)
    assert refused(flight, by(flight, acts.Nudge, "dana")) is None
    assert refused(flight, by(flight, acts.Nudge, "hanna")).code == "not_yours"


# ---- overriding ----------------------------------------------------------------------------------------------------


def test_an_administrator_decides_in_place_of_those_asked_and_it_stays_marked():
    flight = flown(finance(), Approval("legal", by="legal", within=business_days(2), on_reject="one"))
    assert refused(flight, by(flight, acts.Override, "vera", verdict="approve", reason="now")).code == "not_allowed"
    assert refused(flight, by(flight, acts.Override, "ivo", verdict="approve", reason=" ")).code == "reason_needed"
    flight.do(by(flight, acts.Override, "ivo", verdict="approve", reason="the fiscal year ends"))
    assert flight.is_(STEP) == "settled"
    assert flight.state.record(STEP).decisions[-1].override
    assert "overridden by ivo, approve: the fiscal year ends" in flight.told()
    flight.crm(discount=percent(40))
    assert flight.is_(STEP) == "open", "what was overridden covers no more than what was seen"


def test_nobody_overrides_what_they_own():
    flight = flown(facts={"owner": Text(v="ivo")})
    assert "owner" in refused(flight, by(flight, acts.Override, "ivo", verdict="approve", reason="mine")).message


def test_where_two_are_wanted_a_second_administrator_has_to_say_the_same():
    flight = flown(finance(override="two"))
    flight.do(by(flight, acts.Override, "ivo", verdict="approve", reason="year end"))
    assert flight.is_(STEP) == "open"
    assert "second" in refused(flight, by(flight, acts.Override, "ivo", verdict="approve", reason="year end")).message
    assert refused(flight, by(flight, acts.Override, "iris", verdict="reject", reason="no")).code == "invalid"
    flight.do(by(flight, acts.Override, "iris", verdict="approve", reason="agreed"))
    assert flight.is_(STEP) == "settled"
    assert "overridden by ivo and iris" in flight.told()


def test_a_flow_may_let_nobody_override():
    flight = flown(finance(override="none"))
    assert "nobody" in refused(flight, by(flight, acts.Override, "ivo", verdict="approve", reason="x")).message


# ---- taking back ---------------------------------------------------------------------------------------------------


def test_a_yes_is_taken_back_and_the_request_stands_open_in_its_round_with_its_clock():
    flight = flown()
    due = flight.state.record(STEP).clock.instants.due
    flight.answer("noor", STEP)
    assert flight.state.ended
    flight = flown(finance(), Approval("legal", by="legal", within=business_days(2), on_reject="one"))
    flight.answer("noor", STEP)
    assert flight.is_("approval:legal") == "open"
    flight.do(by(flight, acts.Undo, "noor"))
    record = flight.state.record(STEP)
    assert (flight.is_(STEP), record.round, record.clock.instants.due) == ("open", 1, due)
    assert flight.state.record(STEP).decisions == []
    assert refused(flight, by(flight, acts.Undo, "noor")).code == "closed"


def test_a_no_is_taken_back_with_the_send_back_it_caused():
    flight = flown()
    flight.answer("noor", STEP, "reject", reason="wrong button")
    assert flight.kinds() == ["revise"]
    flight.do(by(flight, acts.Undo, "noor"))
    assert flight.state.sent_back == {"one": 0}
    assert (flight.kinds(), flight.state.record(STEP).round) == (["approval"], 1)
    flight.answer("noor", STEP)
    assert str(flight.state.ending) == "won"


def test_nothing_is_taken_back_later_than_a_minute_or_once_something_followed():
    late = flown(finance(), Approval("legal", by="legal", within=business_days(2), on_reject="one"))
    late.answer("noor", STEP)
    late.now += UNDO_WINDOW + timedelta(seconds=1)
    assert "60 seconds" in refused(late, by(late, acts.Undo, "noor")).message
    flow = flow_of(Stage("one", finance(), Call(create_sales_order)), actions=[create_sales_order])
    booked = Staffed(
        flow, owner=Text(v="dana"), account=Text(v="C"), title=Text(v="C, seats"), payment_days=Whole(v=30)
    )
    booked.state.facts |= {"amount": usd(10_000), "quote": Digest(sha256="q", label="quote")}
    booked.answer("noor", STEP)
    assert booked.is_("call:create_sales_order") == "running"
    assert "has begun" in refused(booked, by(booked, acts.Undo, "noor")).message


def test_nobody_takes_back_what_somebody_else_answered():
    flight = flown(finance(by=["finance", "legal"]))
    flight.answer("noor", STEP)
    assert refused(flight, by(flight, acts.Undo, "hanna")).code == "closed"


# ---- signals -------------------------------------------------------------------------------------------------------


def test_an_answer_by_signal_counts_as_any_other_and_the_same_one_again_counts_once():
    flight = flown(finance(by=["finance", "legal"]))
    given = {"by": "noor", "step": STEP, "round": 1, "edition": 1, "verdict": "approve"}
    answered(flight.state, given, flight.now)
    answered(flight.state, given, flight.now)
    assert [d.channel for d in flight.state.record(STEP).decisions] == ["signal"]


def test_an_answer_by_signal_that_was_taken_back_may_be_given_again():
    flight = flown(finance(by=["finance", "legal"]))
    given = {"by": "noor", "step": STEP, "round": 1, "edition": 1, "verdict": "approve"}
    for _ in range(2):
        answered(flight.state, given, flight.now)
        assert [d.person for d in flight.state.record(STEP).decisions] == ["noor"]
        flight.do(by(flight, acts.Undo, "noor"))
        assert flight.state.record(STEP).decisions == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"by": "dana", "step": STEP, "round": 1, "edition": 1, "verdict": "approve"}, "not of you"),
        ({"by": "noor", "step": STEP, "round": 1, "edition": 1, "verdict": "reject"}, "say why"),
        ({"by": "noor", "step": STEP, "round": 1, "edition": 1, "verdict": "perhaps"}, "verdict: Input should be"),
        ({"step": STEP}, "by: "),
        ({"by": "noor", "step": "approval:nothing", "round": 1, "edition": 1, "verdict": "approve"}, "no request"),
    ],
)
def test_a_refused_signal_is_journalled_with_what_was_wrong(given, why):
    flight = flown()
    answered(flight.state, given, flight.now)
    assert flight.state.outbox[-1].kind == "refused"
    assert why in flight.state.outbox[-1].text
    assert flight.is_(STEP) == "open"


# ---- standing in ---------------------------------------------------------------------------------------------------


def test_an_absence_entered_later_moves_what_is_open_and_brings_it_back_untouched():
    flight = flown(finance(by="legal"))
    week = away("hanna", T0, T0 + timedelta(days=7), "noor")
    flight.staff(absences=(week,))
    assert flight.waiting_on(STEP) == ("noor",)
    assert "noor stands in for hanna" in flight.told()
    flight.staff(absences=())
    assert flight.waiting_on(STEP) == ("hanna",)
    assert flight.state.record(STEP).round == 1


def test_who_stands_in_answers_in_the_others_name():
    flight = flown(finance(by="legal"), absences=(away("hanna", T0, T0 + timedelta(days=7), "noor"),))
    flight.answer("noor", STEP)
    decision = flight.state.record(STEP).decisions[0]
    assert (decision.person, decision.on_behalf_of, decision.parties) == ("noor", "hanna", ("role:legal",))


def test_nobody_stands_in_for_the_one_who_owns_the_deal():
    flight = flown(
        finance(by="sales"), people=(*PEOPLE, Colleague("dan", ("sales",))),
        absences=(away("dana", T0, T0 + timedelta(days=7), "hanna"),),
    )  # fmt: skip
    assert flight.waiting_on(STEP) == ("dan",)
    assert "hanna" not in flight.asked(STEP)


def test_a_scope_by_amount_decides_deal_by_deal():
    small = away("hanna", T0, T0 + timedelta(days=7), "noor", scope=Scope(below=usd(50_000)))
    for amount, person in ((20_000, "noor"), (80_000, "hanna")):
        flight = Staffed(flow_of(Stage("one", finance(by="legal"))), absences=(small,), owner=Text(v="dana"))
        flight.state.facts["amount"] = usd(amount)
        flight.staff()
        assert flight.waiting_on(STEP) == (person,)


def test_somebody_who_left_is_no_longer_asked_and_their_answer_stays():
    flight = flown(finance(by=group("security", need=2)))
    flight.answer("hiro", STEP)
    flight.staff(Colleague("hiro", ("security",), active=False))
    assert set(flight.waiting_on(STEP)) == {"sofia", "sven"}
    assert [d.person for d in flight.state.record(STEP).decisions] == ["hiro"]
    flight.answer("sven", STEP)
    assert flight.is_(STEP) == "settled"


def test_when_the_only_approver_leaves_the_fallback_is_asked_then_the_ladder_then_it_is_an_incident():
    gone = Colleague("hanna", ("legal",), active=False)
    for more, person in (({"fallback": "finance"}, ("noor", "nils")), ({}, ("daniel",))):
        flight = flown(finance(by="legal", **more))
        flight.staff(gone)
        assert flight.waiting_on(STEP) == person
    flight = flown(finance(by="legal", escalate_to=()))
    flight.staff(gone)
    wait = flight.waits()[0]
    assert (wait.kind, wait.waiting_on) == ("incident", ("dana",))
    assert "too few active people may answer for legal" in wait.reason
    flight.staff(Colleague("hanna", ("legal",)))
    assert flight.waiting_on(STEP) == ("hanna",)


def test_two_parties_that_come_down_to_one_person_need_a_second_one():
    flight = flown(finance(by=["legal", "counsel"]), people=(*PEOPLE, Colleague("hanna", ("legal", "counsel"))))
    assert set(flight.asked(STEP)) == {"hanna", "daniel"}


# ---- consecutive ---------------------------------------------------------------------------------------------------


def test_a_a_b_a_takes_over_only_the_yes_of_the_step_directly_before():
    names = ("first", "second", "third", "fourth")
    who = ("finance", "finance", "legal", "finance")
    steps = [
        Approval(name, by=by_, within=business_days(2), on_reject=lost("no"), covers=[deal.discount],
                 repeat="if consecutive")
        for name, by_ in zip(names, who, strict=True)
    ]  # fmt: skip
    flight = flown(*steps)
    flight.answer("noor", "approval:first")
    assert [flight.is_(f"approval:{name}") for name in names] == ["settled", "settled", "open", "new"]
    assert flight.state.record("approval:second").decisions[0].channel == "taken over"
    flight.answer("hanna", "approval:third")
    assert flight.is_("approval:fourth") == "open", "A,A,B,A asks A twice"


def test_a_yes_given_side_by_side_is_not_taken_over():
    side = {"within": business_days(2), "on_reject": lost("no"), "covers": [deal.discount], "repeat": "if consecutive"}
    flight = flown(Parallel(Approval("a", by="finance", **side), Approval("b", by="finance", **side)))
    flight.now += timedelta(minutes=5)
    flight.answer("noor", "approval:a")
    flight.staff()
    assert flight.is_("approval:b") == "open"
