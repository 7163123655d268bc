"""Approvals are satisfied, not done: policies over answers that count while nothing they cover got worse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.approval import policy_verdict, worse
from models.asking import Group, Patience, Role
from models.deal import DealState, Decision, Record
from models.flow import ApprovalDef, FlowDef
from models.rules import Direction
from models.values import Digest, Whole

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
STATE = DealState(flow=FlowDef(name="f", version=1, stages=()), deal="deal/test/1", opened_at=NOW)
PEOPLE = {"role:finance": ["noor", "omar"], "role:legal": ["hanna"], "role:security": ["hiro", "sofia", "ruth"]}


def approval(*by, need="all", covered=None):
    return ApprovalDef(name="a", by=by, need=need, patience=Patience(), covered=covered or {})


def said(person, verdict, *, round_=1, signed=None, minutes=0):
    parties = tuple(party for party, people in PEOPLE.items() if person in people)
    return Decision(parties=parties, person=person, verdict=verdict, signed=signed or {}, round=round_, edition=1,
                    at=NOW + timedelta(minutes=minutes))  # fmt: skip


def verdict(step, *decisions, now=None, round_=1):
    record = Record(round=round_, decisions=list(decisions), asked=PEOPLE)
    return policy_verdict(step, record, now or {}, STATE)


FINANCE, LEGAL = Role(role="finance"), Role(role="legal")
TWO = Group(role="security", need=2)


@pytest.mark.parametrize(
    ("step", "decisions", "expected"),
    [
        (approval(FINANCE), [], None),
        (approval(FINANCE), [said("noor", "yes")], True),
        (approval(FINANCE), [said("noor", "no")], False),
        (approval(FINANCE, LEGAL), [said("noor", "yes")], None),
        (approval(FINANCE, LEGAL), [said("noor", "yes"), said("hanna", "yes")], True),
        (approval(FINANCE, LEGAL), [said("noor", "yes"), said("hanna", "no")], False),
        (approval(FINANCE, LEGAL, need="any"), [said("hanna", "no")], None),
        (approval(FINANCE, LEGAL, need="any"), [said("hanna", "no"), said("noor", "yes")], True),
        (approval(FINANCE, LEGAL, need="any"), [said("hanna", "no"), said("noor", "no")], False),
        (approval(TWO), [said("hiro", "yes")], None),
        (approval(TWO), [said("hiro", "yes"), said("hiro", "yes", minutes=1)], None),
        (approval(TWO), [said("hiro", "yes"), said("ruth", "yes")], True),
        (approval(TWO), [said("hiro", "no")], None),
        (approval(TWO), [said("hiro", "no"), said("ruth", "no")], False),
        (approval(FINANCE, LEGAL, TWO, need=2), [said("hanna", "yes"), said("noor", "yes")], True),
    ],
)
def test_a_policy_is_decided_exactly_when_it_can_be(step, decisions, expected):
    assert verdict(step, *decisions) is expected


def test_one_person_with_two_roles_fills_one_seat():
    both = Decision(
        parties=("role:finance", "role:legal"), person="noor", verdict="yes", signed={}, round=1, edition=1, at=NOW
    )
    assert verdict(approval(FINANCE, LEGAL), both) is None
    assert verdict(approval(FINANCE, LEGAL), both, said("hanna", "yes")) is True


def test_a_no_counts_in_its_round_and_withdraws_that_persons_earlier_yes():
    decisions = [said("noor", "yes", round_=1), said("noor", "no", round_=2, minutes=5)]
    assert verdict(approval(FINANCE), *decisions, round_=2) is False
    assert verdict(approval(FINANCE), *decisions, round_=3) is None


HIGHER = {"discount": Direction.HIGHER}


def test_the_signed_value_stays_the_bound():
    step = approval(FINANCE, covered=HIGHER)
    twenty = said("noor", "yes", signed={"discount": Whole(v=20)})
    assert verdict(step, twenty, now={"discount": Whole(v=15)}) is True
    assert verdict(step, twenty, now={"discount": Whole(v=18)}) is True
    assert verdict(step, twenty, now={"discount": Whole(v=21)}) is None


def test_a_fact_that_was_not_there_when_it_was_signed_counts_as_worse():
    assert worse(HIGHER, {}, {"discount": Whole(v=1)}) == ["discount"]
    assert worse(HIGHER, {"discount": Whole(v=1)}, {}) == ["discount"]
    document = {"document:sow": Direction.DIFFERENT}
    assert worse(document, {"document:sow": Digest(sha256="a")}, {"document:sow": Digest(sha256="b")}) == [
        "document:sow"
    ]


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(list(Direction)), min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)),
)
def test_sound_nothing_worse_than_signed_stands_and_minimal_nobody_is_asked_without_cause(covered, signed, now):
    step = approval(FINANCE, covered=covered)
    as_values = {k: Whole(v=v) for k, v in signed.items()}, {k: Whole(v=v) for k, v in now.items()}
    stands = verdict(step, said("noor", "yes", signed=as_values[0]), now=as_values[1]) is True

    def got_worse(name, way):
        before, after = signed.get(name), now.get(name)
        if before == after:
            return False
        if before is None or after is None or way is Direction.DIFFERENT:
            return True
        return after > before if way is Direction.HIGHER else after < before

    assert stands is not any(got_worse(name, way) for name, way in covered.items())
