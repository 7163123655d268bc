"""What an approver weighs: facts on the scale of policy, what moved since an answer, how people came to be asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.bodies import read_body
from models import acts
from models.money import percent, usd
from models.prompt import prompt
from models.values import Text, Whole
from tests.models.flying import Flight, flow_of
from workflows.flows.facts import deal
from workflows.language import Approval, Stage, business_days
from workflows.language import percent as pct


def flow(**more):
    return flow_of(
        Stage(
            "review",
            Approval(
                "finance",
                by="finance",
                within=business_days(2),
                escalate_to="cfo",
                remind_every=business_days(1),
                on_reject="review",
                when=(deal.margin < pct(28)) | (deal.payment_days > 45),
                **more,
            ),
            Approval("deep", by="cfo", within=business_days(2), when=deal.margin < pct(22), on_reject="review"),
        )
    )


def arrived(margin="24.6", payment_days=60, **more):
    flight = Flight(
        flow(**more), owner=Text(v="dana"), account=Text(v="Corvane"), amount=usd(409_108),
        discount=percent(18), payment_days=Whole(v=30),
    )  # fmt: skip
    priced(flight, margin)
    flight.crm(payment_days=Whole(v=payment_days))
    return flight


def priced(flight, margin):
    """Let pricing have come to this margin; the next news of the CRM walks the deal on."""
    flight.state.facts["margin"] = percent(margin)


def body(flight, step="approval:finance"):
    wait = next(wait for wait in flight.waits() if wait.step == step)
    return read_body(prompt(flight.state, wait))


def test_a_fact_outside_policy_says_by_how_much_and_where_the_next_limit_lies():
    margin, terms = body(arrived()).limits
    assert (margin.label, margin.value, margin.bound, margin.by) == ("margin", "24.6 %", "28 %", "3.4 points under")
    assert margin.free == "free from 28 %; under 22 % deep"
    assert (terms.by, terms.free) == ("15 over", "free up to 45")
    assert margin.at < margin.edge
    assert terms.at > terms.edge
    assert all(0 <= point <= 100 for line in (margin, terms) for point in (line.at, line.edge))


def test_a_fact_within_policy_is_shown_within():
    margin, terms = body(arrived(margin="30")).limits
    assert not margin.outside
    assert margin.by == ""
    assert terms.outside


def test_the_rule_is_printed_with_each_term_and_whether_it_holds():
    rule = body(arrived(margin="30")).rule
    assert rule.joined_by == "or"
    assert [(term.text, term.holds) for term in rule.terms] == [
        ("margin 30 % is not < 28 %", False),
        ("payment days 60 > 45", True),
    ]


def test_who_is_asked_by_a_role_has_it_named_so_that_a_door_can_check_it_today():
    found = body(arrived()).asked
    assert [(each.person, each.role, each.party) for each in found] == [("noor", "finance", "role:finance")]


def test_somebody_who_may_not_answer_is_told_which_rule_bars_them():
    flight = arrived()
    flight.state.submitted_by = "noor"
    asked = body_of_anybody(flight).asked
    assert asked[0].barred.startswith("you submitted this content")


def body_of_anybody(flight):
    wait = next(wait for wait in flight.waits() if wait.step == "approval:finance")
    return read_body(prompt(flight.state, wait))


def test_the_clock_names_each_rung_and_whom_it_asks():
    clock = body(arrived()).clock
    assert clock is not None
    assert [(rung.at, rung.who) for rung in clock.rungs] == [(clock.due, "cfo")]
    assert len(clock.reminders) == 1


def test_what_moved_since_ones_own_answer_is_told_with_whether_it_is_better():
    flight = arrived(covers=[deal.margin, deal.payment_days])
    flight.answer("noor", "approval:finance", "reject", reason="60 days is too long")
    priced(flight, "23")
    flight.crm(payment_days=Whole(v=50))
    flight.do(acts.Resubmit(key="again", by="dana"))
    before = body(flight).before["noor"]
    assert before.reason == "60 days is too long"
    assert before.verdict == "no"
    assert {(c.label, c.was, c.now, c.note, c.tone) for c in before.changes} >= {
        ("payment days", "60", "50", "10 better", "ok"),
        ("margin", "24.6 %", "23 %", "1.6 points worse", "due"),
    }
    assert "margin" not in before.same


def test_an_answer_says_when_for_whom_and_by_which_right_it_was_given():
    flight = arrived(covers=[deal.margin, deal.payment_days])
    flight.state.touch("approval:finance").stands_in = {"noor": "daniel"}
    line = next(each for each in body(flight).answers if each.person == "noor")
    assert line.what == "finance, for daniel"


@pytest.mark.parametrize(
    ("verdict", "said"), [("approve", "approved (an override by an administrator): by hand")], ids=["override"]
)
def test_an_override_is_marked_among_the_answers(verdict, said):
    from models.deal import Decision
    from models.prompt import _answer

    decision = Decision(
        parties=(), person="iris", verdict="yes", signed={}, round=1, edition=1,
        at=datetime(2026, 11, 2, tzinfo=UTC), reason="by hand", override=True,
    )  # fmt: skip
    assert _answer(decision)["what"] == said
    assert _answer(decision)["state"] == "overridden"
