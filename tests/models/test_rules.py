"""Rules are data: they evaluate by Kleene's logic, print themselves and refuse Python's own and, or, not."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.facts import CRM, DealFacts, Fact, fact
from models.mistakes import Mistake
from models.money import Money, percent, usd
from models.rules import Compare, Direction, IsSet, directions, holds, printed, text, unset
from models.values import Text, Whole
from workflows.flows.facts import deal

RATES = {"USD": Decimal(1), "EUR": Decimal("1.1")}


def test_a_comparison_with_an_unset_fact_is_undecided():
    assert holds(deal.discount > percent(15), {}, RATES) is None
    assert holds(deal.discount.is_set(), {}, RATES) is False


def test_rules_join_as_kleene_says():
    known, unknown = deal.discount > percent(15), deal.margin < percent(22)
    facts = {"discount": percent(20)}
    assert holds(known | unknown, facts, RATES) is True
    assert holds(known & unknown, facts, RATES) is None
    assert holds(~(known & unknown), facts, RATES) is None
    assert holds(~known & unknown, facts, RATES) is False


class Regions(DealFacts):
    """Facts of a company that sells in regions."""

    region: Fact[Literal["emea", "us"]] = fact(CRM)


def test_a_choice_may_be_written_as_a_literal_and_is_checked():
    region = Regions.paths().region
    assert region.spec.options == ("emea", "us")
    assert region.is_("us") == Compare(fact="region", op="is", values=(Text(v="us"),))
    with pytest.raises(Mistake, match=r"deal\.region is never 'emaa'; did you mean 'emea'"):
        region.is_("emaa")


def test_a_rule_prints_why_it_holds_or_not_with_the_deals_values():
    rule = (deal.discount > percent(30)) | (deal.margin < percent(22))
    facts = {"discount": percent(35), "margin": percent("24.6")}
    assert printed(rule, facts, RATES) == "discount 35 % > 30 %"
    facts = {"discount": percent(18), "margin": percent("24.6")}
    assert printed(rule, facts, RATES) == "discount 18 % is not > 30 % and margin 24.6 % is not < 22 %"
    assert printed(rule, {"discount": percent(18)}, RATES).endswith("margin is not known yet")
    assert text(rule) == "discount > 30 % or margin < 22 %"


def test_money_compares_in_company_currency_and_waits_for_a_rate():
    rule = deal.amount >= usd(250_000)
    assert holds(rule, {"amount": Money(amount=Decimal(240_000), currency="EUR")}, RATES) is True
    assert holds(rule, {"amount": Money(amount=Decimal(240_000), currency="CHF")}, RATES) is None
    assert unset((rule,), {"amount": Money(amount=Decimal(1), currency="CHF")}, RATES) == ["amount"]


@pytest.mark.parametrize("joined", [lambda a, b: a and b, lambda a, b: a or b, lambda a, _b: not a])
def test_pythons_own_and_or_not_are_refused_with_advice(joined):
    with pytest.raises(TypeError, match=r"write & for and, \| for or, ~ for not"):
        joined(deal.discount > percent(15), deal.margin < percent(22))


def test_a_fact_is_not_compared_with_what_it_does_not_hold():
    with pytest.raises(TypeError, match="holds money"):
        _ = deal.amount > 5
    with pytest.raises(TypeError, match="one of"):
        deal.data_class.is_("secret")
    with pytest.raises(TypeError, match=r"write deal.discount.is_"):
        _ = deal.discount == percent(5)
    with pytest.raises(TypeError, match="is a fact"):
        bool(deal.discount)


def test_a_misspelt_fact_names_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'discount'"):
        _ = deal.discuont


def test_the_way_a_fact_gets_worse_is_read_off_its_rules():
    rule = (deal.discount > percent(15)) & ~(deal.margin >= percent(22)) & deal.data_class.is_("restricted")
    assert directions(rule) == {
        "discount": Direction.HIGHER, "margin": Direction.LOWER, "data_class": Direction.DIFFERENT,
    }  # fmt: skip
    both = (deal.discount > percent(15)) | (deal.discount < percent(2))
    assert directions(both) == {"discount": Direction.DIFFERENT}


ATOMS = st.builds(
    lambda fact, op, value: Compare(fact=fact, op=op, values=(Whole(v=value),)),
    st.sampled_from("abc"), st.sampled_from([">", ">=", "<", "<=", "is"]), st.integers(0, 4),
) | st.builds(lambda fact: IsSet(fact=fact), st.sampled_from("abc"))  # fmt: skip
RULES = st.recursive(
    ATOMS, lambda inner: st.builds(lambda a, b: a & b, inner, inner) | st.builds(lambda a, b: a | b, inner, inner)
    | st.builds(lambda a: ~a, inner), max_leaves=6,
)  # fmt: skip


@given(RULES, st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)))
def test_learning_a_fact_never_turns_a_decided_comparison_rule_around(rule, known):
    """Kleene: what is decided with less known stays decided the same way, unless it asks what is known."""
    values = {k: Whole(v=v) for k, v in known.items()}
    verdict = holds(rule, values, RATES)
    assert "is known" in text(rule) or all(
        verdict in (None, holds(rule, values | {"c": Whole(v=v)}, RATES)) for v in range(5) if "c" not in known
    )
    assert printed(rule, values, RATES)
    assert rule == type(rule).model_validate_json(rule.model_dump_json())


def test_choices_may_be_written_as_text():
    assert holds(deal.data_class.is_("restricted"), {"data_class": Text(v="restricted")}, RATES) is True
