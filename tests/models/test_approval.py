"""Approvals are satisfied, not done: policies over answers that count while nothing they cover got worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import models.approval
from models.approval import open_parties, policy_verdict, short_of, worse
from models.asking import Group, Managers, Patience, Role, who_key
from models.deal import DealState, Decision, Record
from models.flow import ApprovalDef, FlowDef
from models.rules import Direction
from models.values import Digest, Whole
from tests.models import oracle

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
    record = Record(round=round_, decisions=list(decisions), asked=PEOPLE, resolved=True)
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


# ---- every policy against an oracle that tries every seating --------------------------------------------------------


class Policy(NamedTuple):
    """A policy, who is asked for each party, and the order in which they answer."""

    step: ApprovalDef
    asked: dict[str, list[str]]
    answers: Sequence[tuple[str, str]]

    @property
    def parties(self):
        return tuple(oracle.seats(who, self.asked[who_key(who)]) for who in self.step.by)

    @property
    def count(self):
        return oracle.wanted(self.parties, self.step.need)


@st.composite
def policies(draw):
    parties = draw(st.lists(st.sampled_from(["a", "b", "c", "managers"]), min_size=1, max_size=4, unique=True))
    asked, by = {}, []
    for party in parties:
        people = draw(st.lists(st.sampled_from("pqrst"), min_size=1, max_size=4, unique=True))
        need = draw(st.integers(0, len(people)))
        who = Managers(n=1) if party == "managers" else Group(role=party, need=need) if need else Role(role=party)
        by.append(who)
        asked[who_key(who)] = people
    need = draw(st.sampled_from(["all", "any", 1, 2, 3]))
    step = ApprovalDef(name="a", by=tuple(by), need=need, in_turn=draw(st.booleans()), patience=Patience())
    everybody = draw(st.permutations(sorted({p for people in asked.values() for p in people})))
    return Policy(step, asked, [(p, draw(st.sampled_from(["yes", "yes", "no"]))) for p in everybody])


def answer(record, person, verdict, signed=None):
    parties = tuple(party for party, people in record.asked.items() if person in people)
    given = Decision(parties=parties, person=person, verdict=verdict, signed=signed or {}, round=1, edition=1, at=NOW)
    record.decisions = [*record.decisions, given]


def run(policy):
    """Let people answer one by one until it is decided; return what differs from the oracle, or nothing."""
    record = Record(round=1, asked=policy.asked, resolved=True)
    could = oracle.possible(policy.parties, policy.count)
    if bool(short_of(policy.step, record, {}, STATE)) is could:
        return f"short of people: {not could}"
    said = {"yes": set(), "no": set()}
    for person, word in policy.answers if could else ():
        if not waited_for(policy.step, record) - {p for d in said.values() for p in d}:
            return f"it waits for nobody after {said}"
        answer(record, person, word)
        said[word].add(person)
        expected = oracle.decided(policy.parties, policy.count, said["yes"], said["no"])
        found = policy_verdict(policy.step, record, {}, STATE)
        if found is not expected:
            return f"{found}, not {expected}, after {said}"
        if found is not None:
            return ""
    return f"nobody is left and it is open: {said}" if could else ""


def waited_for(step, record):
    """Return the people of the parties that are open."""
    return {person for who in open_parties(step, record, {}, STATE) for person in record.asked[who_key(who)]}


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(policies())
def test_a_policy_is_decided_exactly_when_no_further_answer_could_change_it_and_never_waits_for_nobody(policy):
    assert run(policy) == ""


QUICK = settings(max_examples=400, database=None, deadline=None, phases=[Phase.generate])


def caught(watch, strategy):
    try:
        return find(strategy, watch, settings=QUICK)
    except NoSuchExample:
        return None


def test_control_counting_a_person_once_per_party_is_caught(monkeypatch):
    def everywhere(asked, people):
        return all(sum(who_key(who) in keys for keys in people.values()) >= getattr(who, "need", 1) for who in asked)

    monkeypatch.setattr(models.approval, "_seated", everywhere)
    assert caught(run, policies())


def test_control_counting_lost_parties_alone_is_caught(monkeypatch):
    monkeypatch.setattr(
        models.approval,
        "_within_reach",
        lambda step, asked, record, yes, noes, state: (
            sum(not models.approval._lost(who, noes) for who in asked) >= models.approval._wanted(step, asked)
        ),
    )
    assert caught(run, policies())


def test_control_deciding_early_is_caught(monkeypatch):
    real = models.approval.policy_verdict

    def hasty(step, record, now, state):
        found = real(step, record, now, state)
        return False if found is None and any(d.verdict == "no" for d in record.decisions) else found

    monkeypatch.setitem(globals(), "policy_verdict", hasty)
    assert caught(run, policies())


# ---- what stands after a change -------------------------------------------------------------------------------------

FACTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3))


@st.composite
def changes(draw):
    """A policy, what everybody signed, and the facts after an edit."""
    policy = draw(policies())
    covered = draw(st.dictionaries(st.sampled_from("abc"), st.sampled_from(list(Direction)), min_size=1))
    step = policy.step.model_copy(update={"covered": covered})
    return policy._replace(step=step), [draw(FACTS) for _ in policy.answers], draw(FACTS)


def stands_wrongly(change):
    """Return how what stands after an edit differs from the policy over the answers that are no worse, or nothing."""
    policy, signed, now = change
    record = Record(round=1, asked=policy.asked, resolved=True)
    for (person, _), facts in zip(policy.answers, signed, strict=True):
        answer(record, person, "yes", {path: Whole(v=v) for path, v in facts.items()})
    covered = {path: way.value for path, way in policy.step.covered.items()}
    pairs = zip(policy.answers, signed, strict=True)
    still = {person for (person, _), facts in pairs if not oracle.worse(covered, facts, now)}
    expected = oracle.agreed(policy.parties, policy.count, frozenset(still))
    found = policy_verdict(policy.step, record, {path: Whole(v=v) for path, v in now.items()}, STATE) is True
    if found is expected:
        return ""
    return "nothing it covers got worse for enough people" if expected else "it stands on something worse than signed"


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(changes())
def test_after_an_edit_it_stands_exactly_while_enough_people_signed_nothing_better(change):
    assert stands_wrongly(change) == ""


@pytest.mark.parametrize("wrong", ["sound", "minimal"])
def test_control_an_unsound_or_a_careless_comparison_is_caught(monkeypatch, wrong):
    real = models.approval._worse

    def unsound(way, signed, now):
        return False if signed is None else real(way, signed, now)

    def careless(way, signed, now):
        return signed != now

    monkeypatch.setattr(models.approval, "_worse", {"sound": unsound, "minimal": careless}[wrong])
    words = {"sound": "worse than signed", "minimal": "nothing it covers"}[wrong]
    assert caught(lambda change: words in stands_wrongly(change), changes())
