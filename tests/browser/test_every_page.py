"""Every page in a real browser: accessible, without a script error, on desktop and phone, light and dark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.api.company import SIGN_TOKEN
from tests.browser.conftest import DESKTOP, PHONE, accessible, visit

pytestmark = pytest.mark.browser

PAGES = {
    "inbox": ("Noor Halvorsen", "/inbox"),
    "inbox-empty": ("Vera Lindqvist", "/inbox"),
    "approval": ("Noor Halvorsen", "/requests/hubspot/5012345/approval:finance/1"),
    "deals": ("Dana Whitlock", "/deals"),
    "deal": ("Dana Whitlock", "/deals/hubspot/5012345"),
    "deal-won": ("Dana Whitlock", "/deals/hubspot/5012352"),
    "journal": ("Dana Whitlock", "/deals/hubspot/5012345/journal"),
    "task": ("Dana Whitlock", "/requests/hubspot/5012349/task:site-survey/1"),
    "revise": ("Dana Whitlock", "/requests/hubspot/5012349/stage:quote/1"),
    "question": ("Dana Whitlock", "/requests/hubspot/5012350/approval:security/1"),
    "handoff": ("Marco Ilves", "/requests/hubspot/5012348/handoff:managed-services/1"),
    "incident": ("Iris Castell", "/requests/hubspot/5012347/call:create_sales_order/1"),
    "incidents": ("Iris Castell", "/incidents"),
    "board": ("Marco Ilves", "/onboarding"),
    "onboarding": ("Marco Ilves", "/onboarding/hubspot/5012352"),
    "inbound": ("Iris Castell", "/inbound"),
    "sandboxes": ("Iris Castell", "/sandboxes"),
    "flows": ("Iris Castell", "/flows"),
    "sign": ("Iris Castell", f"/sign/{SIGN_TOKEN}"),
    "absences": ("Noor Halvorsen", "/absences"),
    "people": ("Iris Castell", "/people"),
    "person": ("Iris Castell", "/people/noor"),
    "person-own": ("Noor Halvorsen", "/people/noor"),
    "problem": ("Iris Castell", "/deals/hubspot/none"),
}


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop-light", "phone-dark"])
async def test_no_page_has_an_accessibility_fault_or_a_script_error(
    browser: Browser, doors: str, shots: Path, size: dict[str, int], scheme: str
) -> None:
    faults = []
    by_person: dict[str, list[tuple[str, str]]] = {}
    for name, (person, address) in PAGES.items():
        by_person.setdefault(person, []).append((name, address))
    for person, pages in by_person.items():
        async with visit(browser, doors, person, viewport=size, color_scheme=scheme) as page:
            for name, address in pages:
                await page.goto(address)
                await page.screenshot(path=shots / f"{name}-{size['width']}-{scheme}.png", full_page=name == "deal")
                wide = await page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                if wide > 0:
                    faults.append(f"{name}: {wide} px wider than the screen")
                try:
                    await accessible(page)
                except AssertionError as fault:
                    faults.append(f"{name}: {fault}")
    assert not faults, "\n".join(faults)


async def test_time_away_is_entered_on_a_phone_corrected_and_taken_back(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Vera Lindqvist", viewport=PHONE) as page:
        await page.goto("/absences")
        await page.get_by_label("First day").fill("2031-03-05")
        await page.get_by_label("Last day").fill("2031-03-01")
        await page.get_by_label("Who stands in").select_option(label="Daniel Reyes")
        await page.get_by_role("button", name="Enter").click()
        await accessible(page)
        assert await page.get_by_label("First day").get_attribute("aria-invalid") == "true"
        await page.get_by_label("First day").fill(f"{datetime.now(UTC).date() + timedelta(days=30)}")
        await page.get_by_label("Last day").fill(f"{datetime.now(UTC).date() + timedelta(days=33)}")
        await page.get_by_role("button", name="Enter").click()
        await page.get_by_text("move to Daniel Reyes when it begins").wait_for()
        await accessible(page)
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0
        await page.get_by_role("button", name="Take back").click()
        await page.get_by_text("Requests not answered yet come back").wait_for()
