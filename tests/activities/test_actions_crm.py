"""What a CRM record means for a deal: facts by one table of properties, typed by the flow, and values written back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from activities.crm import WriteBack, facts_from_crm
from activities.effects import Ledger
from activities.outbound import Sender
from api.flows_on_offer import Offer
from api.intake import NewDeal, Unclaimed
from connectors.contract import CrmContact
from connectors.database import Database
from connectors.hubspot.connector import HubSpot
from models.acts import Revise
from models.calls import Intake
from models.money import Money, percent, usd
from models.tables.outbound import Outbound
from models.values import Day, Items, Text, Value, Whole
from tests.activities.calls import record
from tests.connectors.outside import Outside
from tests.flows.walking import T0, shipped

OWNERS = {"dana.whitlock@halden.example": "dana"}
FILLED = {
    "discount_percent": "20.0",
    "payment_days": "30.0",
    "term_months": "36",
    "data_class": "Restricted",
    "goals": "one partner",
    "closedate": "2026-11-30T12:00:00Z",
}


@pytest.fixture(scope="module")
def offer() -> Offer:
    return Offer(shipped())


def test_a_filled_record_gives_every_fact_of_the_crm(offer: Offer) -> None:
    facts, unset = facts_from_crm(record(properties=FILLED), OWNERS, offer.library.facts)
    assert {name: value for name, value in facts.items() if name != "lines"} == {
        "title": Text(v="Managed services"),
        "account": Text(v="Corvane Logistics"),
        "owner": Text(v="dana"),
        "signatory": Text(v="Mara Oduya <mara@corvane.example>"),
        "amount": Money(amount=Decimal("92420.00"), currency="USD"),
        "discount": percent(20),
        "payment_days": Whole(v=30),
        "term_months": Whole(v=36),
        "data_class": Text(v="restricted"),
        "goals": Text(v="one partner"),
        "close_date": Day(v=date(2026, 11, 30)),
    }
    assert isinstance(facts["lines"], Items)
    assert not set(unset) & set(offer.library.choose(facts).facts), "only what other lines of business ask about"


@pytest.mark.parametrize(
    ("name", "raw"), [("discount", "a lot"), ("payment_days", "30.5"), ("data_class", "secret"), ("close_date", "soon")]
)
def test_what_is_not_of_the_facts_type_counts_as_empty(offer: Offer, name: str, raw: str) -> None:
    properties = {"discount": "discount_percent", "close_date": "closedate"}
    facts, unset = facts_from_crm(record(properties={properties.get(name, name): raw}), OWNERS, offer.library.facts)
    assert name not in facts
    assert name in unset


def test_the_signatory_is_the_contact_the_deal_names(offer: Offer) -> None:
    people = (
        CrmContact(id="1", name="Without Address"),
        CrmContact(id="2", name="Mara Oduya", email="mara@corvane.example"),
        CrmContact(id="3", name="Miles Garrity", email="Miles@corvane.example"),
    )
    first, _ = facts_from_crm(record(contacts=people), OWNERS, offer.library.facts)
    assert str(first["signatory"]) == "Mara Oduya <mara@corvane.example>"
    named = record(contacts=people, properties={"signatory_email": "miles@corvane.example"})
    assert str(facts_from_crm(named, OWNERS, offer.library.facts).facts["signatory"]).startswith("Miles Garrity")


def test_a_company_reads_a_fact_from_another_property(offer: Offer) -> None:
    read = facts_from_crm(record(properties={"terms": "45"}), OWNERS, offer.library.facts, {"payment_days": "terms"})
    assert read.facts["payment_days"] == Whole(v=45)


async def test_a_deal_of_the_sandbox_is_read_and_values_are_written_back(
    database: Database, offer: Offer, hubspot: HubSpot, outside: Outside
) -> None:
    deal = await outside.enter_deal(properties=FILLED)
    read = await hubspot.read_deal(deal)
    begun = offer.begin(offer.from_crm(read, OWNERS, "hubspot:1"))
    assert isinstance(begun.first, Revise)
    assert begun.first.facts["discount"] == percent(20)
    assert begun.first.facts["goals"] == Text(v="one partner")
    back = {"crm": WriteBack(hubspot).delivery()}
    body = {"object_id": deal, "properties": {"throughline_stage": "review"}}
    async with database.write() as session:
        session.add(Outbound(id=f"deal/hubspot/{deal}|crm|7", kind="crm", deal_id=f"deal/hubspot/{deal}", body=body))
    await Sender(database.write, Ledger(database.write), back).work_once()
    assert (await hubspot.read_deal(deal)).properties["throughline_stage"] == "review"


async def test_the_line_of_business_in_the_crm_chooses_the_flow_and_its_properties_become_facts(
    offer: Offer, hubspot: HubSpot, outside: Outside
) -> None:
    told = {
        "line_of_business": "construction", "public_tender": "true", "permit_needed": "false", "retention": "5",
        "works_start": "2027-09-06", "payment_schedule": "Milestones", "subcontracted": "45.0",
    }  # fmt: skip
    deal = await outside.enter_deal(properties={**FILLED, **told})
    begun = offer.begin(offer.from_crm(await hubspot.read_deal(deal), OWNERS, "hubspot:2"))
    assert isinstance(begun.given, Intake)
    assert isinstance(begun.first, Revise)
    assert begun.given.flow.name == "construction"
    assert {path: str(begun.first.facts[path]) for path in told} == {
        "line_of_business": "construction", "public_tender": "yes", "permit_needed": "no", "retention": "5 %",
        "works_start": "6 Sep 2027", "payment_schedule": "milestones", "subcontracted": "45 %",
    }  # fmt: skip
    assert {"award", "building_permit"} <= set(begun.first.unset)


def test_a_crm_deal_begins_with_one_revision_of_all_its_facts(offer: Offer) -> None:
    begun = offer.begin(offer.from_crm(record(properties=FILLED), OWNERS, key="hubspot:77"))
    assert isinstance(begun.given, Intake)
    assert (begun.given.flow.name, begun.given.deal, begun.given.life) == (
        "managed-services",
        "deal/hubspot/5012345",
        1,
    )
    assert begun.given.url == "https://app.example/deal/5012345"
    first = begun.first
    assert isinstance(first, Revise)
    assert (first.key, first.by, first.source, first.at) == ("hubspot:77", "hubspot", "crm", T0)
    assert "amount" not in first.facts, "price_quote writes it"
    assert first.facts["owner"] == Text(v="dana")
    assert not set(first.unset) & set(begun.given.flow.facts), "only what other lines of business ask about"


def test_what_the_record_leaves_empty_is_unset(offer: Offer) -> None:
    begun = offer.begin(offer.from_crm(record(), OWNERS, key="k"))
    assert isinstance(begun.given, Intake)
    assert isinstance(begun.first, Revise)
    empty = {"discount", "payment_days", "term_months", "data_class", "goals", "close_date"}
    assert set(begun.first.unset) & set(begun.given.flow.facts) == empty


def of_the_api(facts: dict[str, Value], **more: str) -> NewDeal:
    about = {"deal": "deal/api/9", "source": "api", "title": "Nine", "account": "Corvane", "owner": "dana"}
    return NewDeal(at=T0, by="iris", key="k9", facts=facts, **{**about, **more})


def test_facts_of_the_api_are_typed_by_the_flow(offer: Offer) -> None:
    begun = offer.begin(
        of_the_api({"discount": Text(v="15 %"), "payment_days": Text(v="30"), "amount": usd(5)}, deal="deal/api/9~2")
    )
    assert isinstance(begun.first, Revise)
    assert isinstance(begun.given, Intake)
    assert begun.first.facts == {
        "title": Text(v="Nine"),
        "account": Text(v="Corvane"),
        "owner": Text(v="dana"),
        "discount": percent(15),
        "payment_days": Whole(v=30),
    }
    assert (begun.first.source, begun.first.by, begun.given.life) == ("crm", "iris", 2)


@pytest.mark.parametrize(
    ("facts", "flow", "said"),
    [
        ({"discuont": percent(5)}, None, "no flow on offer has a fact 'discuont'"),
        ({"discount": Text(v="a lot")}, None, "discount is a percentage such as 15, not 'a lot'"),
        ({"data_class": Text(v="secret")}, None, "data_class is one of public, internal"),
        ({}, "no-such-flow", "there is no flow 'no-such-flow' on offer; there are .*managed-services"),
    ],
)
def test_a_deal_nobody_can_take_is_refused_with_the_reason(
    offer: Offer, facts: dict[str, Value], flow: str | None, said: str
) -> None:
    with pytest.raises(Unclaimed, match=said):
        offer.begin(of_the_api(facts, flow=flow))  # type: ignore[arg-type]
