"""The page of one request with all its evidence, and the pages of a mail's link: on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from connectors.database import Database
from tests.api.company import Company, load
from tests.api.test_links import FINANCE, MANY, door, extended
from tests.browser.conftest import DESKTOP, PHONE, accessible, visit

pytestmark = pytest.mark.browser
SIZES = [(DESKTOP, "light"), (PHONE, "dark")]


@pytest.fixture(scope="module")
async def rows(database: Database) -> Company:
    """A company with past deals, links by mail and requests with everything an approver weighs."""
    await load(database, extended())
    return extended()


async def fits(page: Page, shots: Path, name: str, width: int) -> None:
    await page.screenshot(path=shots / f"{name}-{width}.png", full_page=True)
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} px wider than the screen"
    await accessible(page)


@pytest.mark.parametrize(("size", "scheme"), SIZES, ids=["desktop", "phone"])
async def test_a_request_with_all_its_evidence_and_every_sheet_open_is_accessible(
    browser: Browser, doors: str, shots: Path, size: dict[str, int], scheme: str
) -> None:
    async with visit(browser, doors, "Iris Castell", viewport=size, color_scheme=scheme) as page:
        await page.goto(f"/requests/hubspot/{MANY[5]}/{FINANCE}/1")
        for sheet in await page.locator(".steer summary").all():
            await sheet.click()
        await fits(page, shots, "request-steering", size["width"])
        await page.goto(door("noor"))
        await fits(page, shots, "link-foreign", size["width"])
    async with visit(browser, doors, "Noor Halvorsen", viewport=size, color_scheme=scheme) as page:
        await page.goto(f"/requests/hubspot/5012345/{FINANCE}/1")
        await fits(page, shots, "request-approver", size["width"])
        await page.goto(door("late"))
        await fits(page, shots, "link-late", size["width"])


async def test_from_the_mail_on_a_phone_without_javascript_sign_in_read_hand_over_and_answer(
    browser: Browser, doors: str
) -> None:
    context = await browser.new_context(viewport=PHONE, base_url=doors, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(door("asks"))
    await expect(page.get_by_role("heading", name="Sign in to answer")).to_be_visible()
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_role("button", name="as Noor Halvorsen").click()
    await expect(page.get_by_role("heading", name=f"Client {MANY[4]}")).to_be_visible()
    await page.locator("summary", has_text="Hand over").click()
    await page.get_by_label("To", exact=True).fill("Nobody At All")
    await page.locator("#reassign-why").fill("on leave")
    await page.locator("button[value=reassign]").click()
    await expect(page.get_by_text("Nobody here is called").last).to_be_visible()
    await expect(page.locator("#reassign-why")).to_have_value("on leave")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_text(f"Your answer to Client {MANY[4]}")).to_be_visible()
    await page.goto(door("asks"))
    await expect(page.get_by_text("nothing was changed now")).to_be_visible()
    await context.close()
