"""What a CRM does for us, on the HubSpot sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.contract import Crm, NotFound, Refused
from connectors.hubspot.connector import HubSpot
from tests.connectors.outside import Outside


async def test_it_is_a_crm(hubspot: HubSpot) -> None:
    everything: Crm = hubspot
    await everything.ping()


async def test_a_deal_is_read_with_everything_around_it(hubspot: HubSpot, outside: Outside) -> None:
    deal = await hubspot.read_deal(await outside.enter_deal(name="Managed services – Zürich"))
    assert deal.name == "Managed services – Zürich"
    assert (deal.stage, deal.currency, deal.owner_email) == ("contractsent", "USD", "dana.whitlock@halden.example")
    assert deal.properties["discount_percent"] == "20"
    assert deal.properties["data_class"] == "internal"
    assert deal.company
    assert deal.company.name == "Corvane Logistics"
    assert [each.email for each in deal.contacts] == ["mara.oduya@corvane.example"]
    server, project = deal.line_items
    assert (server.sku, server.quantity, server.unit_price) == ("MS-SERVER", Decimal(12), Decimal("185.00"))
    assert (server.unit_cost, server.discount) == (Decimal("118.00"), Decimal(20))
    assert (server.recurring, server.months) == ("monthly", 12)
    assert (project.sku, project.recurring, project.months, project.discount) == ("PS-ONBOARD", None, None, None)
    assert deal.amount == Decimal("14276.00")
    assert deal.url
    assert deal.updated_at.tzinfo is not None


async def test_a_deal_with_hundreds_of_lines_is_read_whole_and_in_order(hubspot: HubSpot, outside: Outside) -> None:
    lines = [{"sku": f"SKU-{number:03d}", "quantity": number, "price": "1.25"} for number in range(1, 252)]
    deal = await hubspot.read_deal(await outside.enter_deal(lines=lines))
    assert [each.sku for each in deal.line_items] == [line["sku"] for line in lines]


async def test_a_deal_alone_is_read_with_nothing_around_it(hubspot: HubSpot, outside: Outside) -> None:
    answer = await hubspot.call(
        "POST", "/crm/objects/2026-09/deals", what="make a bare deal", body={"properties": {"dealname": "Bare"}}
    )
    deal = await hubspot.read_deal(answer.data()["id"])
    assert (deal.company, deal.contacts, deal.line_items) == (None, (), ())
    assert (deal.amount, deal.currency, deal.owner_email) == (None, None, None)


async def test_what_is_written_back_is_read_and_nothing_else_moves(hubspot: HubSpot, outside: Outside) -> None:
    deal = await outside.enter_deal()
    before = await hubspot.read_deal(deal)
    written = await hubspot.write_deal(deal, {"throughline_status": "running", "throughline_stage": "Review ✓"})
    after = await hubspot.read_deal(deal)
    assert written.id == deal
    changed = {"throughline_status": "running", "throughline_stage": "Review ✓"}
    stamps = {"hs_lastmodifieddate": after.properties.get("hs_lastmodifieddate", "")}
    assert after.properties | stamps == before.properties | changed | stamps


async def test_a_property_nobody_defined_is_refused_by_name(hubspot: HubSpot, outside: Outside) -> None:
    with pytest.raises(Refused, match="throughline_unheard_of"):
        await hubspot.write_deal(await outside.enter_deal(), {"throughline_unheard_of": "x"})


async def test_deals_changed_since_a_moment_are_found_page_by_page(hubspot: HubSpot, outside: Outside) -> None:
    await outside.limit("hubspot", "search", 100, 1)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    entered = [await outside.enter_deal(lines=[]) for _ in range(103)]
    found = await hubspot.changed_deals(before)
    assert [each for each in found if each in entered] == entered
    assert await hubspot.changed_deals(datetime.now(UTC) + timedelta(minutes=1)) == []
    await outside.limit("hubspot", "search", 5, 1)


async def test_a_deleted_deal_is_not_found(hubspot: HubSpot, outside: Outside) -> None:
    deal = await outside.enter_deal()
    await outside.ask("hubspot", f"deals/{deal}/delete", {})
    with pytest.raises(NotFound):
        await hubspot.read_deal(deal)


async def test_a_property_the_company_added_itself_is_read(hubspot: HubSpot, outside: Outside) -> None:
    deal = await outside.enter_deal(properties={"tower_count": "3"})
    assert (await hubspot.read_deal(deal)).properties["tower_count"] == "3"


async def test_the_page_lists_what_arrived(hubspot: HubSpot, outside: Outside) -> None:
    deal = await outside.enter_deal(name="Page <script>")
    await hubspot.write_deal(deal, {"throughline_status": "waiting for legal"})
    page = await outside.page("hubspot")
    assert "Page &lt;script&gt;" in page
    assert "waiting for legal" in page
    assert f"PATCH /crm/objects/2026-09/deals/{deal}" in page
