"""The documents of every line of business, typeset for real from its ordinary deal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from activities.documents import load_templates, render
from activities.pricing import PriceBook, Product, Sold, SoldLine, quote_for
from models.money import percent, usd
from models.quote import Charge
from models.values import Digest, Flag, Text, Value, Whole, digest_of
from tests.flows.packs import pack

TEMPLATES = load_templates()
DAY = date(2026, 11, 16)
BOOK = PriceBook(
    name="Test", currency="USD",
    products=(
        Product(sku="A", name="The thing", family="", unit="units", charge=Charge.ONCE, list=Decimal(170_000),
                cost=Decimal(120_000)),
        Product(sku="B", name="Its upkeep", family="", unit="units", charge=Charge.MONTHLY, list=Decimal(900),
                cost=Decimal(500)),
    ),
)  # fmt: skip
QUOTE = quote_for(
    Sold(
        currency="USD", lines=tuple(SoldLine(key=sku, sku=sku, quantity=Decimal(2)) for sku in "AB"),
        discount=percent(5), term_months=24, priced_on=DAY,
    ),
    BOOK,
)  # fmt: skip


def rendered(name: str, template: str, **more: Value) -> tuple[tuple[str, ...], str]:
    """Return the clauses chosen, and the text as a page."""
    of, data = pack(name), QUOTE.model_dump_json().encode()
    sha = digest_of(data)
    known: dict[str, Value] = {
        **of.facts, **of.step_facts, "quote": Digest(sha256=sha, label="quote v1"),
        "scope": Digest(sha256=QUOTE.scope, label="scope"), **more,
    }  # fmt: skip
    wanted = TEMPLATES[template].manifest.variables
    facts = {path: value for path, value in known.items() if path in wanted}
    rates = {"USD": Decimal(1)}
    files = render(TEMPLATES[template], facts, dated=DAY, contents={sha: data}, rates=rates, seconds=40)
    assert files.pdf.startswith(b"%PDF")
    return files.rendered.clauses, files.html.decode()


@pytest.mark.parametrize(
    ("name", "template", "more", "clauses"),
    [
        ("manufacturing", "offer/manufacturing", {}, ("installation", "deposit")),
        (
            "manufacturing",
            "offer/manufacturing",
            {
                "machine_hours_left": Whole(v=-1), "abroad": Flag(v=True), "installed_by_us": Flag(v=False),
                "amount": usd(20_000),
            },
            ("ex-works", "third-shift", "export"),
        ),
        ("saas", "order/saas", {}, ("own-terms", "data-processing")),
        ("saas", "order/saas", {"redlines": Whole(v=3), "personal_data": Flag(v=False)}, ("changed-terms",)),
        ("saas", "dpa/saas", {}, ()),
        (
            "saas",
            "dpa/saas",
            {"data_region": Text(v="us"), "data_class": Text(v="restricted")},
            ("transfer", "restricted"),
        ),
        ("construction", "contract/construction", {}, ("permit", "by-milestones", "subcontractors")),
        (
            "construction",
            "contract/construction",
            {"payment_schedule": Text(v="completion"), "subcontracted": percent(10), "permit_needed": Flag(v=False)},
            ("on-completion",),
        ),
        ("financial-services", "agreement/financial_services", {}, ()),
        (
            "financial-services",
            "agreement/financial_services",
            {"exposure": usd(2_000_000), "consumer": Flag(v=True)},
            ("withdrawal", "covenants"),
        ),
    ],
)  # fmt: skip
def test_a_document_holds_the_clauses_its_deal_calls_for(
    name: str, template: str, more: dict[str, Value], clauses: tuple[str, ...]
) -> None:
    chosen, text = rendered(name, template, **more)
    assert sorted(chosen) == sorted(clauses)
    assert "Corvane Logistics" in text


def test_an_offer_names_the_steel_and_the_month_it_was_made_with() -> None:
    _, text = rendered("manufacturing", "offer/manufacturing")
    for promise in ("USD 812.50 per tonne", "until 20 November 2026", "begins on 1 December 2026", "The thing"):
        assert promise in text
