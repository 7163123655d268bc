"""People answer in a real browser: mouse, keyboard, phone, without JavaScript; and pages move by themselves."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.conftest import PHONE, accessible, visit

pytestmark = pytest.mark.browser

FINANCE = "/requests/hubspot/5012345/approval:finance/1"
SECURITY = "/requests/hubspot/5012345/approval:security/1"


async def test_a_page_listens_however_late_its_scripts_arrive(browser: Browser, doors: str) -> None:
    async def late(route: Route) -> None:
        await asyncio.sleep(0.5)
        await route.continue_()

    async with visit(browser, doors, "Dana Whitlock") as page:
        await page.route("**/htmx-sse*", late)
        async with page.expect_response(re.compile("/api/events")):
            await page.goto("/inbox")


async def test_a_page_follows_somebody_elses_answer_by_itself(browser: Browser, doors: str) -> None:
    async with (
        visit(browser, doors, "Dana Whitlock") as watching,
        visit(browser, doors, "Noor Halvorsen") as answering,
    ):
        async with watching.expect_response(re.compile("/api/events")):
            await watching.goto("/deals/hubspot/5012345")
        await expect(watching.get_by_role("heading", name="Finance review")).to_be_visible()
        await answering.goto(FINANCE)
        await answering.get_by_role("button", name="Approve").click()
        await expect(answering.get_by_text("Your answer to Corvane Logistics")).to_be_visible()
        await expect(watching.get_by_role("heading", name="Finance review")).to_have_count(0)
        await expect(watching.get_by_text("Waiting for one answer")).to_be_visible()
        await expect(watching.locator(".tl")).to_contain_text("Approve approval:finance")
        await accessible(watching)


async def test_an_open_form_keeps_what_was_typed_while_the_page_moves(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Hiro Tanabe") as page, visit(browser, doors, "Dana Whitlock") as owner:
        await page.goto(SECURITY)
        await page.get_by_text("Reject", exact=True).click()
        await page.get_by_label("Reason, the owner reads it").fill("half a sentence")
        await owner.goto("/deals/hubspot/5012345")
        await owner.locator("summary", has_text="Hold").click()
        await owner.get_by_label("Why the deal stands still").fill("The lease is not signed")
        await owner.locator("form.panel").get_by_role("button", name="Hold").click()
        await expect(owner.get_by_text("On hold")).to_be_visible()
        await page.wait_for_timeout(1200)
        await expect(page.get_by_label("Reason, the owner reads it")).to_have_value("half a sentence")
        await expect(page.get_by_label("Reason, the owner reads it")).to_be_visible()


async def test_the_keyboard_alone_finds_opens_and_rejects_with_a_reason(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Noor Halvorsen") as page:
        await page.keyboard.press("/")
        await expect(page.get_by_role("searchbox")).to_be_focused()
        await page.keyboard.press("Escape")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/requests/hubspot/5012346/**")
        await page.keyboard.press("r")
        await expect(page.get_by_label("Reason, the owner reads it")).to_be_focused()
        await page.keyboard.type("The margin is too thin")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Your answer to Meridale Clinics")).to_be_visible()


async def test_without_javascript_a_task_is_read_and_completed_on_a_phone(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Dana Whitlock", java_script_enabled=False, viewport=PHONE) as page:
        await page.get_by_role("link", name="Brockway Foods").first.click()
        await page.goto("/requests/hubspot/5012349/task:site-survey/1")
        await page.get_by_label("Seats").fill("95")
        await page.get_by_label("Site contact").fill("Amit Rao")
        await page.get_by_role("button", name="Complete the task").click()
        await expect(page.get_by_text("Your answer to Brockway Foods")).to_be_visible()


async def test_without_javascript_a_rejection_without_a_reason_is_told_beside_the_field(
    browser: Browser, doors: str
) -> None:
    async with visit(browser, doors, "Marco Ilves", java_script_enabled=False) as page:
        await page.goto("/requests/hubspot/5012348/handoff:managed-services/1")
        await page.get_by_text("Reject", exact=True).click()
        await page.get_by_label("What sales has to bring").fill(" ")
        await page.get_by_role("button", name="Reject back to sales").click()
        await expect(page.get_by_text("Say why: the owner reads it.").last).to_be_visible()
        await expect(page.get_by_label("What sales has to bring")).to_have_attribute("aria-invalid", "true")


async def test_the_customer_signs_on_a_phone_and_axe_finds_nothing(browser: Browser, doors: str) -> None:
    from tests.api.company import SIGN_TOKEN

    context = await browser.new_context(viewport=PHONE, base_url=doors)
    page = await context.new_page()
    await page.goto(f"/sign/{SIGN_TOKEN}")
    await accessible(page)
    await page.get_by_label("Your full name").fill("Miles Garrity")
    await page.get_by_label("I have read the document").check()
    await page.get_by_role("button", name="Sign", exact=True).click()
    await expect(page.get_by_text("Thank you, it is signed.")).to_be_visible()
    await accessible(page)
    await context.close()
