"""Who answers while somebody is away: ranges, scopes, chains and circles, and what happens to what is open already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import acts
from models.absence import Absence, Scope, problems, stand_in
from models.asking import who_key
from models.money import usd
from models.values import Text, Whole
from tests.models.flying import T0
from tests.models.staffed import Staffed, company_flow, deal
from workflows.language import Approval, Stage, business_days, group, managers

DAY = timedelta(days=1)
PEOPLE = ("noor", "omar", "hanna", "hiro")
FACTS = {"amount": usd(40_000), "product_line": Text(v="managed services")}


def away(person, delegate, starts=0.0, ends=10.0, **scope):
    return Absence(
        person=person, delegate=delegate, starts=T0 + starts * DAY, ends=T0 + ends * DAY, scope=Scope(**scope)
    )


def answers(person, *absences, at=1.0, party="role:finance", able=PEOPLE, facts=FACTS):
    return stand_in(person, party, facts, absences, T0 + at * DAY, able)


def test_a_delegate_answers_from_the_first_instant_until_just_before_the_last():
    absence = away("noor", "omar", 1, 2)
    assert [answers("noor", absence, at=at) for at in (0.999, 1, 1.999, 2)] == ["noor", "omar", "omar", "noor"]


def test_a_zone_is_part_of_the_instant_and_not_of_the_comparison():
    kolkata = datetime.fromisoformat("2026-11-03T00:00:00+05:30")
    absence = Absence(person="noor", delegate="omar", starts=kolkata, ends=kolkata + DAY)
    before = datetime(2026, 11, 2, 18, 29, tzinfo=UTC)
    found = [stand_in("noor", "x", {}, [absence], at, PEOPLE) for at in (before, before + timedelta(minutes=1))]
    assert found == ["noor", "omar"]


def test_without_a_delegate_a_request_waits_for_whoever_is_away():
    assert answers("noor", away("noor", None)) == "noor"


@pytest.mark.parametrize(
    ("scope", "party", "expected"),
    [
        ({"roles": ("finance",)}, "role:finance", "omar"),
        ({"roles": ("finance",)}, "role:legal", "noor"),
        ({"roles": ("managers:1",)}, "managers:1", "omar"),
        ({"facts": {"product_line": "Managed Services"}}, "role:finance", "omar"),
        ({"facts": {"product_line": "hardware"}}, "role:finance", "noor"),
        ({"facts": {"region": "west"}}, "role:finance", "noor"),
        ({"below": usd(50_000)}, "role:finance", "omar"),
        ({"below": usd(40_000)}, "role:finance", "noor"),
        ({"below": usd(50_000), "roles": ("legal",)}, "role:finance", "noor"),
    ],
)
def test_a_scope_hands_on_only_what_fits_all_that_it_names(scope, party, expected):
    assert answers("noor", away("noor", "omar", **scope), party=party) == expected


def test_an_amount_in_another_currency_or_no_amount_does_not_fit_a_limit():
    absence = away("noor", "omar", below=usd(50_000))
    euros = usd(10).model_copy(update={"currency": "EUR"})
    assert answers("noor", absence, facts={"amount": euros}) == "noor"
    assert answers("noor", absence, facts={}) == "noor"


def test_a_chain_ends_with_the_first_who_is_there_and_a_circle_hands_nothing_on():
    chain = [away("noor", "omar"), away("omar", "hanna")]
    assert answers("noor", *chain) == "hanna"
    assert answers("noor", *chain, away("hanna", "noor")) == "noor"
    assert answers("omar", *chain, away("hanna", "omar")) == "omar"
    assert answers("noor", *chain, able=("noor", "omar")) == "omar"


@pytest.mark.parametrize(
    ("absence", "words"),
    [
        (away("noor", "omar", 2, 1), "ends before it begins"),
        (away("noor", "omar", 1, 1), "ends before it begins"),
        (away("noor", "noor"), "cannot stand in for themselves"),
        (away("noor", "nobody"), "nobody is not an active person"),
        (away("stranger", "omar"), "stranger is not an active person"),
    ],
)
def test_what_is_wrong_with_an_absence_is_said(absence, words):
    assert any(words in problem for problem in problems([absence], PEOPLE))


def test_a_circle_is_named_and_only_one_that_lasts_at_one_time_is_a_circle():
    circle = [away("noor", "omar", 0, 5), away("omar", "hanna", 2, 7), away("hanna", "noor", 4, 9)]
    assert "circular delegation: noor → omar → hanna → noor" in problems(circle, PEOPLE)[0]
    assert problems([*circle[:2], away("hanna", "noor", 5, 9)], PEOPLE) == []


SPANS = st.tuples(st.sampled_from(PEOPLE), st.sampled_from([*PEOPLE, None]), st.integers(0, 6), st.integers(1, 4))


@given(st.lists(SPANS, max_size=5), st.sampled_from(PEOPLE), st.integers(0, 9))
def test_where_nothing_is_wrong_whoever_answers_is_there_or_has_nobody_in_their_place(spans, person, at):
    absences = [away(who, delegate, start, start + length) for who, delegate, start, length in spans]
    if problems(absences, PEOPLE):
        return
    found = answers(person, *absences, at=at)
    assert not [a for a in absences if a.person == found and a.delegate and a.covers(T0 + at * DAY)]


# ---- on a deal that is open already ---------------------------------------------------------------------------------


def finance(**more):
    words = {"by": "finance", "within": business_days(5), "escalate_to": "cfo", "on_reject": "one"}
    return Stage("one", Approval("finance", **(words | more)))


FINANCE = "approval:finance"


def flown(*stages, **more):
    facts = {"owner": Text(v="dana"), "amount": usd(40_000), "discount": Whole(v=1), "margin": Whole(v=1)}
    return Staffed(company_flow(*stages), **(facts | more))


def test_an_absence_after_opening_moves_the_request_and_its_end_returns_it_untouched():
    flight = flown(finance())
    absences = [Absence(person=p, delegate="hiro", starts=flight.now, ends=flight.now + DAY) for p in ("noor", "omar")]
    flight.changed(absences=absences)
    assert flight.asked(FINANCE) == {"role:finance": ["hiro"]}
    assert flight.state.record(FINANCE).stands_in == {"hiro": "noor"}
    assert flight.refused(flight.decision("noor", FINANCE)).code == "not_yours"
    flight.wait(days=1)
    flight.changed()
    assert flight.asked(FINANCE) == {"role:finance": ["noor", "omar"]}
    assert flight.refused(flight.decision("hiro", FINANCE)).code == "not_yours"
    told = [entry.text for entry in flight.state.outbox if entry.kind == "people"]
    assert "hiro stands in for noor" in told[0]
    assert "hiro is no longer asked" in told[1]
    assert flight.state.record(FINANCE).round == 1


def test_what_a_delegate_answered_stays_when_the_absence_ends_and_says_for_whom():
    flight = flown(finance(by=group("security", 2)))
    flight.changed(absences=[Absence(person="hiro", delegate="noor", starts=flight.now, ends=flight.now + DAY)])
    flight.answer("noor", FINANCE)
    flight.wait(days=2)
    flight.changed()
    decision = flight.state.record(FINANCE).decisions[0]
    assert (decision.person, decision.on_behalf_of) == ("noor", "hiro")
    assert flight.is_(FINANCE) == "open"
    flight.answer("sofia", FINANCE)
    assert flight.state.ending.outcome == "won"


@pytest.mark.parametrize("first", ["changes", "leaves"])
def test_a_delegate_gains_no_right_to_decide_what_whom_they_stand_in_for_may_not(first):
    flight = flown(finance(by=managers(1), covers=[deal.discount]), owner=Text(v="hanna"))
    gone = Absence(person="vera", delegate="omar", starts=flight.now, ends=flight.now + DAY)
    change = acts.Revise(
        key="c", by="vera", source="person", at=flight.now, facts={"discount": Whole(v=3)}
    )  # the manager changes what is to be approved, and is away
    if first == "leaves":
        flight.changed(absences=[gone])
        assert flight.waiting_on(FINANCE) == ["omar"]
    flight.do(change)
    if first == "changes":
        flight.changed(absences=[gone])
    assert flight.waiting_on(FINANCE) == ["daniel"]
    assert flight.refused(flight.decision("omar", FINANCE)).code == "not_yours"


def test_one_person_in_two_places_by_delegation_still_fills_one_seat():
    flight = flown(finance(by=group("security", 2)))
    flight.changed(absences=[Absence(person="hiro", delegate="sofia", starts=flight.now, ends=flight.now + DAY)])
    assert flight.is_(FINANCE) == "open"
    assert "daniel" in flight.everybody(FINANCE), "one seat lacks a person, so the ladder is called in"
    flight.answer("sofia", FINANCE)
    assert flight.is_(FINANCE) == "open"
    flight.answer("daniel", FINANCE)
    assert flight.state.ending.outcome == "won"


def test_the_key_of_a_party_is_what_a_scope_names():
    assert who_key(managers(1)) == "managers:1"
