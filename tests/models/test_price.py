"""Prices against an independent oracle in fractions, and the figures of the mock-ups to the cent."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.pricing import Sold, SoldLine, quote_for, shipped_book
from models.money import Money, percent, usd
from models.price import LineToPrice, PriceRequest, Unpriceable, price
from models.quote import Charge, Quote

DAY = date(2026, 11, 16)
CORVANE = Sold(
    currency="USD",
    discount=percent(18),
    term_months=36,
    priced_on=DAY,
    lines=(
        SoldLine(key="1", sku="managed-workplace", quantity=Decimal(180)),
        SoldLine(key="2", sku="managed-network", quantity=Decimal(4)),
        SoldLine(key="3", sku="backup-recovery", quantity=Decimal(12)),
        SoldLine(key="4", sku="onboarding-migration", quantity=Decimal(1)),
    ),
)
DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}


def half_even(exact: Fraction, digits: int) -> Fraction:
    return Fraction(round(exact * 10**digits), 10**digits)  # Fraction.__round__ is half-even


@st.composite
def requests(draw: st.DrawFn) -> PriceRequest:
    currency = draw(st.sampled_from(sorted(DIGITS)))
    money = st.decimals(0, 10**6, places=4).map(lambda amount: Money(amount=amount, currency=currency))
    lines = []
    for key in range(draw(st.integers(1, 6))):
        charge = draw(st.sampled_from(Charge))
        lines.append(
            LineToPrice(
                key=f"line-{key}",
                product=draw(st.sampled_from(["a", "b"])),
                name="Thing",
                quantity=draw(st.decimals("0.001", 10**5, places=3)),
                unit="pieces",
                charge=charge,
                months=draw(st.integers(1, 84)) if charge is Charge.MONTHLY else 1,
                unit_list=draw(money),
                unit_cost=draw(money),
                discount=percent(draw(st.decimals(0, 100, places=3))),
            )
        )
    return PriceRequest(priced_on=DAY, currency=currency, lines=tuple(lines), terms={"term_months": "36"})


@settings(max_examples=200, deadline=None)
@given(requests())
def test_every_line_and_total_agrees_with_exact_fractions(request: PriceRequest):
    digits, amount, cost, listed = DIGITS[request.currency], Fraction(0), Fraction(0), Fraction(0)
    expected = []
    for line in request.lines:
        times = Fraction(line.quantity) * line.months
        kept = 1 - Fraction(line.discount.value) / 100
        expected.append(half_even(Fraction(line.unit_list.amount) * times * kept, digits))
        amount += expected[-1]
        listed += half_even(Fraction(line.unit_list.amount) * times, digits)
        cost += half_even(Fraction(line.unit_cost.amount) * times, digits)
    if not amount:
        with pytest.raises(Unpriceable, match="margin"):
            price(request)
        return
    quote = price(request)
    assert [Fraction(line.price.amount) for line in quote.lines] == expected
    assert Fraction(quote.totals.amount.amount) == amount == sum(expected)
    assert Fraction(quote.totals.cost.amount) == cost
    assert Fraction(quote.totals.list_price.amount) == listed
    assert Fraction(quote.totals.margin.value) == half_even((amount - cost) * 100 / amount, 1)
    assert Fraction(quote.totals.discount.value) == half_even((listed - amount) * 100 / listed, 1)
    assert all(-line.price.amount.as_tuple().exponent == digits for line in quote.lines)


def test_the_figures_of_the_demo_deal_are_right_to_the_cent():
    quote = quote_for(CORVANE, shipped_book())
    assert [line.price for line in quote.lines] == [
        usd("276307.20"),
        usd("96825.60"),
        usd("16295.04"),
        usd("19680.00"),
    ]
    assert [str(line.margin) for line in quote.lines] == ["29.6 %", "18.2 %", "20.5 %", "-11.8 %"]
    assert [line.unit_price for line in quote.lines] == [usd("42.64"), usd("672.40"), usd("37.72"), usd("19680.00")]
    assert (quote.totals.amount, quote.totals.cost) == (usd("409107.84"), usd("308560.00"))
    assert (quote.totals.margin, quote.totals.discount) == (percent("24.6"), percent("18.0"))
    at_20 = quote_for(CORVANE.model_copy(update={"discount": percent(20)}), shipped_book())
    assert (at_20.totals.amount, at_20.totals.margin) == (usd("399129.60"), percent("22.7"))


@settings(max_examples=60, deadline=None)
@given(requests())
def test_every_number_is_explained_and_the_explanation_ends_in_that_number(request: PriceRequest):
    try:
        quote = price(request)
    except Unpriceable:
        return
    for line in quote.lines:
        assert quote.explain(f"{line.key}.price").result == str(line.price)
        assert quote.explain(f"{line.key}.list").result == str(line.list_price)
        assert quote.explain(f"{line.key}.cost").result == str(line.cost)
    assert quote.explain("amount").result == str(quote.totals.amount)
    assert [shown for _, shown in quote.explain("amount").inputs] == [str(line.price) for line in quote.lines]
    assert quote.explain("margin").inputs == (("amount", str(quote.totals.amount)), ("cost", str(quote.totals.cost)))


def test_an_explanation_prints_the_rule_with_its_inputs():
    made = quote_for(CORVANE, shipped_book()).explain("1.price")
    assert made.rule == (
        "quantity × unit list price × months × (100 % − discount), rounded half-even to the digits of the currency"
    )
    assert made.inputs == (
        ("quantity", "180 seats"),
        ("months", "36"),
        ("unit list price", "$52"),
        ("discount", "18 %"),
    )
    assert made.result == "$276,307.20"


def test_the_scope_knows_what_is_sold_and_not_what_it_costs():
    quote = quote_for(CORVANE, shipped_book())
    cheaper = quote_for(CORVANE.model_copy(update={"discount": percent(30)}), shipped_book())
    reordered = quote_for(CORVANE.model_copy(update={"lines": CORVANE.lines[::-1]}), shipped_book())
    later = quote_for(CORVANE.model_copy(update={"version": 2, "priced_on": date(2026, 12, 1)}), shipped_book())
    assert cheaper.scope == quote.scope
    assert cheaper.digest != quote.digest
    assert (reordered.scope, reordered.digest) == (later.scope, later.digest) == (quote.scope, quote.digest)
    more = CORVANE.lines[0].model_copy(update={"quantity": Decimal(181)})
    for changed in ({"lines": (more, *CORVANE.lines[1:])}, {"lines": CORVANE.lines[1:]}, {"term_months": 24}):
        assert quote_for(CORVANE.model_copy(update=changed), shipped_book()).scope != quote.scope
    same = CORVANE.lines[0].model_copy(update={"quantity": Decimal("180.00")})
    assert (
        quote_for(CORVANE.model_copy(update={"lines": (same, *CORVANE.lines[1:])}), shipped_book()).scope == quote.scope
    )


def test_a_lines_own_discount_goes_before_the_deals():
    own = CORVANE.lines[3].model_copy(update={"discount": percent(0)})
    quote = quote_for(CORVANE.model_copy(update={"lines": (*CORVANE.lines[:3], own)}), shipped_book())
    assert quote.lines[3].price == usd(24000)


def test_a_quote_survives_a_round_trip():
    quote = quote_for(CORVANE, shipped_book())
    assert Quote.model_validate_json(quote.model_dump_json()) == quote


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"lines": ()}, "no lines"),
        ({"lines": (CORVANE.lines[0], CORVANE.lines[0])}, "two lines have the key 1"),
        ({"currency": "EUR"}, "sell in USD"),
        ({"discount": percent(100)}, "free"),
        ({"discount": percent(101)}, "between 0 and 100"),
        ({"term_months": 0}, "line 1: months"),
        ({"lines": (SoldLine(key="9", sku="backup-recovery", quantity=Decimal(-1)),)}, "line 9: quantity"),
        ({"lines": (SoldLine(key="9", sku="forklift", quantity=Decimal(1)),)}, "use one of managed-workplace"),
    ],
)
def test_what_cannot_be_priced_is_refused_with_what_to_change(changed: dict, says: str):
    with pytest.raises(Unpriceable, match=says):
        quote_for(CORVANE.model_copy(update=changed), shipped_book())
