"""The rehearsal of a flow in a real browser: rehearsed by a form, with or without scripts, and never without bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import DESKTOP, PHONE, accessible, visit

pytestmark = pytest.mark.browser
HERE = "/flows/managed-services/rehearsal"
STATES = {
    "rehearsal-empty": HERE,
    "rehearsal": f"{HERE}?deals=3&months=1&seed=1",
    "rehearsal-one": f"{HERE}?deals=1&months=6&seed=1",
    "rehearsal-wrong": f"{HERE}?deals=10000000&months=0&seed=x&outage=nothing%20we%20know",
}


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
async def test_every_state_of_the_page_is_accessible_and_fits_the_screen(
    browser: Browser, doors: str, shots: Path, size: dict[str, int], scheme: str
) -> None:
    async with visit(browser, doors, "Iris Castell", viewport=size, color_scheme=scheme) as page:
        page.set_default_timeout(120_000)
        for name, address in STATES.items():
            await page.goto(address)
            await page.screenshot(path=shots / f"{name}-{size['width']}-{scheme}.png", full_page=True)
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{name}: {wide} px wider than the screen"
            await accessible(page)


async def test_deals_are_rehearsed_without_a_script_and_the_address_can_be_shared(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Iris Castell", java_script_enabled=False) as page:
        page.set_default_timeout(120_000)
        await page.goto(HERE)
        await expect(page.get_by_role("heading", name="Nothing is rehearsed yet")).to_be_visible()
        await page.get_by_label("Deals", exact=True).fill("2")
        await page.get_by_label("Months", exact=True).fill("1")
        await page.get_by_role("button", name="Rehearse").click()
        await expect(page.get_by_role("heading", name="2 deals")).to_be_visible()
        await expect(page.get_by_role("img", name="managed-services: 2 rehearsed deals")).to_be_visible()
        first = await page.locator("main").inner_text()
        await page.goto(page.url)
        assert await page.locator("main").inner_text() == first


async def test_what_cannot_be_rehearsed_is_told_beside_the_field(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Iris Castell") as page:
        await page.goto(STATES["rehearsal-wrong"])
        for field, told in (
            ("Deals", "Deals: a whole number from 1 to 50"),
            ("Months", "Months: a whole number from 1 to 12"),
            ("Seed", "Seed: a whole number from 0 to 1000000"),
            ("Outage of", "this flow does not use that system"),
        ):
            await expect(page.get_by_label(field, exact=True)).to_have_accessible_description(told)


async def test_an_outage_that_never_ends_shows_as_an_incident(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Iris Castell") as page:
        page.set_default_timeout(120_000)
        await page.goto(f"{HERE}?deals=1&months=6&seed=1&outage=ERP&outage_from=0&outage_days=0")
        await expect(page.get_by_role("table").filter(has_text="it did not answer in time")).to_be_visible()
