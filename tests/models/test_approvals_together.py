"""Where rules of approvals meet: undo and holds, rework and added approvers, stand-ins and noes, overrides, edits."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from models import acts
from models.absence import Scope
from models.deal import Revise
from models.money import percent
from models.people import Directory
from models.prompt import prompt
from models.ringing import ring
from models.values import Text
from tests.models.colleagues import away
from tests.models.flying import T0
from tests.models.test_steering import STEP, by, finance, flown, refused
from workflows.flows.facts import deal
from workflows.language import Approval, Parallel, business_days, business_hours


def step(name, who, **more):
    return Approval(name, by=who, **{"within": business_days(2), "on_reject": "one", **more})


def test_the_no_of_somebody_added_is_asked_again_after_rework():
    flight = flown()
    flight.do(by(flight, acts.AddApprover, "noor", person="hanna", place="after", reason="terms"))
    flight.answer("noor", STEP)
    flight.answer("hanna", STEP, "reject", reason="not these terms")
    flight.do(acts.Resubmit(key=flight.key(), by="dana"))
    assert flight.waiting_on(STEP) == ("hanna",)


def test_a_no_takes_back_the_yes_that_a_stand_in_gave_for_the_same_person():
    flight = flown(finance(by="legal"), step("second", "security", covers=[deal.term_months]))
    flight.staff(absences=(away("hanna", T0, T0 + timedelta(days=1), "nils"),))
    flight.answer("nils", STEP)
    flight.staff(absences=())
    flight.crm(discount=percent(12))
    flight.answer("hanna", STEP, "reject", reason="I would never have agreed")
    flight.crm(discount=percent(10))
    flight.do(acts.Resubmit(key=flight.key(), by="dana"))
    assert flight.waiting_on(STEP) == ("hanna",)


def test_two_steps_that_need_two_people_get_two_also_when_the_first_is_asked_again():
    flight = flown(step("finance", "security"),
                   step("second", "security", covers=[deal.term_months], not_same_as=["finance"]),
                   step("third", "legal", covers=[deal.term_months]))  # fmt: skip
    flight.answer("hiro", STEP)
    flight.answer("sofia", "approval:second")
    flight.crm(discount=percent(20))  # only the first covers it
    assert "sofia" not in flight.waiting_on(STEP), flight.waiting_on(STEP)
    assert refused(flight, flight.decision("sofia", STEP)).code == "not_allowed"


@pytest.mark.parametrize("how", ["rejected", "recalled"])
def test_taking_back_ones_own_no_does_not_take_back_what_others_did(how):
    flight = flown(Parallel(step("finance", ["finance", "legal"], need="any"), step("security", "security")))
    flight.answer("hanna", STEP, "reject", reason="no")
    assert flight.is_(STEP) == "open", "one no of two decides nothing"
    flight.now += timedelta(seconds=10)
    if how == "rejected":
        flight.answer("hiro", "approval:security", "reject", reason="not safe")
    else:
        flight.do(by(flight, acts.Recall, "dana", reason="wrong price list"))
    assert flight.kinds() == ["revise"]
    undo = by(flight, acts.Undo, "hanna")
    if refused(flight, undo) is None:
        flight.do(undo)
    assert flight.kinds() == ["revise"]


def test_an_answer_taken_back_during_a_hold_leaves_a_clock_that_stands_still():
    flight = flown(finance(), step("b", "security"))
    flight.answer("noor", STEP)
    flight.do(acts.HoldDeal(key=flight.key(), by="dana", reason="wait"))
    flight.do(by(flight, acts.Undo, "noor"))
    flight.now += timedelta(days=30)
    flight.do(acts.Release(key=flight.key(), by="dana"))
    flight.wait(minutes=1)
    assert "daniel" not in flight.waiting_on(STEP), "a month on hold is no month of theirs"


def test_a_no_given_during_a_hold_and_taken_back_after_it_leaves_a_clock_that_rings():
    flight = flown()
    flight.do(acts.HoldDeal(key=flight.key(), by="dana", reason="wait"))
    flight.answer("noor", STEP, "reject", reason="no")
    flight.do(acts.Release(key=flight.key(), by="dana"))
    flight.do(by(flight, acts.Undo, "noor"))
    flight.wait(days=30)
    assert "daniel" in flight.waiting_on(STEP)


def test_an_override_of_what_got_worse_since_is_refused_as_any_answer_is():
    flight = flown()
    seen = by(flight, acts.Override, "iris", verdict="approve", reason="board")
    flight.crm(discount=percent(30))
    assert refused(flight, seen).code == "stale"


def test_an_override_proposed_for_other_content_can_be_proposed_anew():
    flight = flown(finance(override="two"))
    flight.do(by(flight, acts.Override, "iris", verdict="approve", reason="board"))
    flight.crm(discount=percent(30))
    assert refused(flight, by(flight, acts.Override, "iris", verdict="approve", reason="board")) is None


def test_an_answer_during_a_hold_signs_what_its_page_showed():
    flight = flown()
    flight.do(acts.HoldDeal(key=flight.key(), by="dana", reason="wait"))
    flight.crm(discount=percent(30))
    wait = next(w for w in flight.waits() if w.step == STEP)
    shown = {line["label"]: line["value"] for line in prompt(flight.state, wait)["facts"]}["discount"]
    flight.answer("noor", STEP)
    signed = flight.state.record(STEP).decisions[-1].signed["discount"]
    flight.do(acts.Release(key=flight.key(), by="dana"))
    assert str(signed) == shown
    assert flight.is_(STEP) == "settled"


def test_a_request_nobody_answers_is_overdue_anew_each_week():
    flight = flown()
    flight.wait(days=60)
    overdue = [entry.at for entry in flight.state.outbox if entry.kind == "overdue"]
    assert len(overdue) == 9
    assert {later - earlier for earlier, later in pairwise(overdue)} == {timedelta(weeks=1)}


@pytest.mark.parametrize(
    ("who", "role", "how"), [("daniel", "cfo", {}), ("hanna", "legal", {"by": "treasury", "fallback": "legal"})]
)
def test_who_is_called_in_late_or_instead_is_asked_through_the_role_they_have(who, role, how):
    flight = flown(finance(**how))  # escalate_to="cfo"
    flight.wait(days=0 if how else 3)
    assert who in flight.waiting_on(STEP)
    assert refused(flight, flight.decision(who, STEP)) is None
    wait = next(w for w in flight.waits() if w.step == STEP)
    [line] = [each for each in prompt(flight.state, wait)["asked"] if each["person"] == who]
    assert line["role"] == role, "the doors ask whether they have it still"


def test_a_recall_during_a_hold_starts_no_clock_and_keeps_what_the_manager_is_asked():
    flight = flown()
    flight.do(acts.HoldDeal(key=flight.key(), by="dana", reason="wait"))
    flight.state.revise = Revise(stage="one", reasons=["too thin"], since=flight.now, exhausted="one")
    flight.do(by(flight, acts.Recall, "dana", reason="wrong price list"))
    assert flight.state.revise.exhausted == "one"
    assert flight.state.revise.clock.stopped_at == flight.now


def test_reminders_missed_while_nothing_ran_are_one_reminder():
    flight = flown(finance(within=business_days(9), remind_every=business_hours(4)))
    assert ring(flight.state, flight.now + timedelta(days=4))
    assert [entry.text for entry in flight.state.outbox if entry.kind == "reminder"] == ["finance: reminder 8"]
    assert flight.state.record(STEP).clock.next_ring() > flight.now + timedelta(days=4)


def test_leave_for_certain_requests_stops_no_other_clock():
    part = away("noor", T0, T0 + timedelta(days=2), scope=Scope(roles=("finance",), facts={"product": "steel"}))
    people = Directory([], absences=[part])
    steel = {"product": Text(v="Steel")}
    assert people.leave("noor", "role:finance", steel) == [(T0, T0 + timedelta(days=2))]
    assert (
        people.leave("noor", "role:legal", steel) == people.leave("noor", "role:finance") == people.leave("noor") == []
    )


def test_whoever_made_the_price_approves_no_part_of_the_deal():
    flight = flown(finance(covers=[deal.term_months]))
    flight.do(acts.Revise(key=flight.key(), by="noor", source="person", at=flight.now, facts={"discount": percent(40)}))
    assert "noor" not in flight.waiting_on(STEP)
    assert refused(flight, flight.decision("noor", STEP)).message.startswith("you last changed discount")
