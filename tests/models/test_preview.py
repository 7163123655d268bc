"""What a preview says is what then happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from models import acts
from models.money import percent
from models.preview import preview
from models.values import Text, Whole
from tests.models.flying import Flight, flow_of
from workflows.language import (
    CRM,
    HIGHER,
    LOWER,
    Approval,
    DealFacts,
    Ordered,
    Percent,
    Stage,
    business_days,
    fact,
    group,
    lost,
)
from workflows.language import percent as pct


class Facts(DealFacts):
    discount: Ordered[Percent] = fact(CRM, worse=HIGHER, guardrail=True)
    margin: Ordered[Percent] = fact(CRM, worse=LOWER, guardrail=True)
    payment_days: Ordered[int] = fact(CRM, worse=HIGHER, guardrail=True)


deal = Facts.paths()


def approval(name, by, when=None, **more):
    return Approval(name, by=by, within=business_days(2), escalate_to="cfo", on_reject=lost("no"), when=when, **more)


POLICY = flow_of(
    Stage("one",
          approval("discount", "finance", deal.discount > pct(15), covers=[deal.discount, deal.margin]),
          approval("terms", "legal", deal.payment_days > 45),
          approval("deep", "cfo", (deal.discount > pct(30)) | (deal.margin < pct(20))),
          approval("safety", group("security", need=2))),
    facts=deal,
)  # fmt: skip


def arrived(discount, margin, payment_days):
    return Flight(
        POLICY, owner=Text(v="dana"), account=Text(v="Corvane"),
        discount=percent(discount), margin=percent(margin), payment_days=Whole(v=payment_days),
    )  # fmt: skip


def answer_all(flight, most=9):
    """Everybody says yes to what is open, up to `most` answers; return who answered what."""
    said = []
    while len(said) < most and not flight.state.ended:
        waiting = next(wait for wait in flight.waits() if wait.kind == "approval")
        flight.answer(waiting.waiting_on[0], waiting.step)
        said.append((waiting.step, waiting.waiting_on[0]))
    return said


def change(flight, **facts):
    return acts.Revise(key="change", by="crm", source="crm", at=flight.now, facts=facts)


def said_of(found, what):
    return {(line.step, line.person) for line in found.lines if line.what == what}


numbers = st.integers(0, 60)


@settings(max_examples=100, deadline=None)
@given(numbers, numbers, numbers, st.integers(0, 4), numbers, numbers, numbers)
def test_who_stands_and_who_is_asked_again_is_what_a_preview_said(d, m, p, answers, d2, m2, p2):
    flight = arrived(d, m, p)
    answer_all(flight, answers)
    if flight.state.ended:
        return
    act = change(flight, discount=percent(d2), margin=percent(m2), payment_days=Whole(v=p2))
    before = flight.state.model_dump_json()
    found = preview(flight.state, act, flight.now)
    assert flight.state.model_dump_json() == before, "a preview changes nothing"
    standing = {(s, x.person) for s, r in flight.state.records.items() for x in r.decisions if x.verdict == "yes"}
    flight.do(act)
    said = set(answer_all(flight, 20))
    assert flight.state.ended, "with everybody's yes the deal is through"
    assert not said_of(found, "stands") & said, "nobody whose word stands is asked"
    assert said_of(found, "asked again") == said & standing, "exactly those are asked again"
    asked = {step for step, _ in said_of(found, "asked") | said_of(found, "shown anew") | said_of(found, "open")}
    assert {step for step, _ in said - standing} <= asked
    assert {step for step, _ in said_of(found, "no longer called for")}.isdisjoint({step for step, _ in said})


def test_a_line_says_which_fact_got_worse_for_whom():
    flight = arrived(20, 40, 30)
    flight.answer("noor", "approval:discount")
    found = preview(flight.state, change(flight, discount=percent(22)), flight.now)
    again = next(line for line in found.lines if line.what == "asked again")
    assert (again.person, again.reason) == ("noor", "discount 20 % → 22 %")
    better = preview(flight.state, change(flight, discount=percent(18)), flight.now)
    assert [(line.step, line.what) for line in better.lines if line.person] == [("approval:discount", "stands")]


def test_the_fingerprint_moves_with_what_the_preview_says_and_with_nothing_else():
    flight = arrived(20, 40, 30)
    act = change(flight, discount=percent(40))
    first = preview(flight.state, act, flight.now)
    assert preview(flight.state, act, flight.now).fingerprint == first.fingerprint
    flight.answer("noor", "approval:discount")
    assert preview(flight.state, act, flight.now).fingerprint != first.fingerprint
