"""The gallery and the page of a flow in a real browser: a plan that follows typing, words that do not overlap."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, accessible, visit

pytestmark = pytest.mark.browser
FLOWS = ("managed-services", "manufacturing", "saas", "construction", "financial-services")
OVERLAPS = """() => [...document.querySelectorAll('svg.flow')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const found = [];
  for (const [i, [said, a]] of texts.entries())
    for (const [other, b] of texts.slice(i + 1))
      if (a.left < b.right - 2 && b.left < a.right - 2 && a.top + 3 < b.bottom - 3 && b.top + 3 < a.bottom - 3)
        found.push(said + ' / ' + other);
  return found;
})"""


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "dark")], ids=["light", "dark", "phone"]
)
async def test_the_pages_of_flows_are_accessible_and_fit_the_screen(
    browser: Browser, doors: str, shots: Path, size: dict[str, int], scheme: str
) -> None:
    compared = f"/flows/managed-services?old={'d' * 12}&new={'e' * 12}"
    async with visit(browser, doors, "Iris Castell", viewport=size, color_scheme=scheme) as page:
        for name, address in (("gallery", "/flows"), ("flow", compared), ("flow-wrong", f"{compared}&f.discount=lots")):
            await page.goto(address)
            await page.screenshot(path=shots / f"{name}-{size['width']}-{scheme}.png", full_page=True)
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{name}: {wide} px wider than the screen"
            await accessible(page)


async def test_no_word_of_a_shipped_flows_picture_lies_on_another(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Iris Castell") as page:
        for name in FLOWS:
            await page.goto(f"/flows/{name}")
            assert await page.evaluate(OVERLAPS) == [], name


async def test_the_plan_follows_what_is_typed_and_the_field_keeps_the_cursor(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Iris Castell") as page:
        await page.goto("/flows/managed-services")
        await type_into(page, "Discount", "20 %")
        await expect(page.locator("#plan-result")).to_contain_text("discount 20 % > 15 %")
        await expect(page.get_by_label("Discount", exact=True)).to_be_focused()
        await expect(page.get_by_label("Discount", exact=True)).to_have_value("20 %")
        await type_into(page, "Discount", "a lot")
        await expect(page.locator("#plan .field", has_text="Discount").locator(".wrong")).to_be_visible()
        await expect(page.locator("#plan-result")).to_contain_text("There is no plan yet")
        await type_into(page, "Discount", "25 %")
        await page.get_by_role("button", name="Show the plan").click()
        await page.wait_for_url("**f.discount=25*")


async def test_the_plan_works_without_a_script(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Iris Castell", java_script_enabled=False) as page:
        await page.goto("/flows/managed-services")
        await type_into(page, "Discount", "20 %")
        await page.get_by_role("button", name="Show the plan").click()
        await expect(page.locator("#plan-result")).to_contain_text("discount 20 % > 15 %")


async def test_two_versions_are_chosen_and_compared(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Iris Castell") as page:
        await page.goto("/flows/managed-services")
        await page.get_by_label("Old", exact=True).select_option("d" * 12)
        await page.get_by_label("New", exact=True).select_option("e" * 12)
        await page.get_by_role("button", name="Compare").click()
        await expect(page.locator("#difference")).to_contain_text("Security now has 3 business days instead of 5.")
        await expect(page.get_by_role("img", name="What version 2 of managed-services changes")).to_be_visible()


async def type_into(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    await field.fill("")
    await field.press_sequentially(text, delay=20)
