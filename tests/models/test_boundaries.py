"""Values on both sides of every line, and the fewest facts that make a rule hold."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import product

import pytest

from models.boundaries import meeting, sides
from models.facts import specs
from models.money import Money, percent, usd
from models.rules import holds
from models.values import Flag, Text, Whole
from tests.models.random_flows import random_rule
from tests.models.test_given import DEAL as EVERY
from workflows.flows.facts import deal

SPECS = specs(deal)
RATES = {"USD": Decimal(1)}


def around(*rules, facts=SPECS):
    return {path: [str(value) for value in values] for path, values in sides(rules, facts).items()}


def test_values_lie_just_below_on_and_just_above_each_line():
    assert around(deal.discount > percent(15), deal.discount > percent(30)) == {
        "discount": ["14 %", "15 %", "16 %", "30 %", "31 %"]
    }
    assert around(deal.payment_days > 45) == {"payment_days": ["44", "45", "46"]}
    assert around(deal.amount >= usd(250_000)) == {"amount": ["$249,999", "$250,000", "$250,001"]}


def test_between_neighbouring_lines_lies_what_the_type_allows():
    assert around(deal.payment_days > 45, deal.payment_days > 46) == {"payment_days": ["44", "45", "46", "47"]}
    assert around(deal.margin < percent(22), deal.margin < percent("22.5"))["margin"][1:4] == [
        "22 %",
        "22.25 %",
        "22.5 %",
    ]


def test_nobody_has_less_than_nothing_unless_a_rule_looks_there():
    assert around(deal.payment_days > 0) == {"payment_days": ["0", "1"]}
    assert around(deal.payment_days < 0) == {"payment_days": ["-1", "0", "1"]}


def test_a_choice_has_its_options_a_flag_both_and_what_may_be_unset_is_unset_once():
    assert around(deal.data_class.is_("restricted")) == {
        "data_class": ["public", "internal", "confidential", "restricted"]
    }
    assert sides([EVERY.urgent.is_(True)], specs(EVERY))["urgent"] == (Flag(v=True), Flag(v=False))
    assert sides([deal.goals.is_set()], SPECS)["goals"][-1] is None
    assert sides([deal.account.is_("Corvane")], SPECS)["account"] == (Text(v="Corvane"), Text(v="something else"))


def test_money_in_two_currencies_has_lines_in_both():
    rule = (deal.amount > usd(10)) | (deal.amount > Money(amount=Decimal(20), currency="EUR"))
    assert around(rule)["amount"] == ["$9", "$10", "$11", "€19", "€20", "€21"]


def test_the_fewest_facts_are_changed():
    rule = (deal.discount > percent(30)) & ((deal.margin < percent(22)) | (deal.payment_days > 45))
    facts = {"discount": percent(10), "margin": percent(20), "payment_days": Whole(v=30)}
    assert meeting(rule, facts, RATES, SPECS, facts) == {"discount": percent(31)}


def test_what_may_not_be_changed_is_left_alone():
    rule = deal.discount > percent(30)
    assert meeting(rule, {"discount": percent(10)}, RATES, SPECS, []) is None
    assert (
        meeting((deal.discount > percent(30)) & (deal.discount < percent(20)), {}, RATES, SPECS, ["discount"]) is None
    )


@pytest.mark.parametrize("seed", range(150))
def test_sides_see_everything_a_finer_search_sees(seed):
    g = random.Random(seed)
    names = ["o0", "o1"]
    rules = [random_rule(g, names) for _ in range(2)]
    own = {
        name: spec.model_copy(update={"path": name, "type": "whole"}) for name in names for spec in [SPECS["discount"]]
    }
    found = sides(rules, own)

    def verdicts(values):
        return {
            tuple(holds(rule, dict(zip(found, each, strict=True)), {}) for rule in rules) for each in product(*values)
        }

    finer = [[Whole(v=n) for n in range(-2, 9)] for _ in found]
    assert verdicts(finer) == verdicts(found.values())
