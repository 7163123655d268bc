"""A full inbox in a real browser: its lists, its keys, several answers together, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import update
from sqlmodel import col

from activities.journal import append
from connectors.database import Database
from models.journal import JournalEntry
from models.tables.requests import Request
from tests.api.busy_inbox import busy
from tests.api.company import NOW, Company, load
from tests.api.test_approval_figures import seeded, write
from tests.browser.conftest import DESKTOP, PHONE, accessible, visit

pytestmark = pytest.mark.browser
VIEWS = {
    "inbox-mine": "/inbox",
    "inbox-delegated": "/inbox?tab=delegated",
    "inbox-team": "/inbox?tab=team",
    "inbox-all": "/inbox?tab=all&order=due",
    "inbox-decided": "/inbox?tab=decided",
    "inbox-narrowed": "/inbox?ask=nothing+like+it",
    "team": "/team",
    "approvals-empty": "/approvals?flow=saas",
}
RUNNING = {
    "team-all": "/team?of=all",
    "approvals": "/approvals?days=365",
    "policies": "/policies",
    "policies-flow": "/policies?flow=financial-services",
    "policies-none": "/policies?flow=nothing",
}


@pytest.fixture(scope="module")
async def rows(database: Database) -> Company:
    """A company whose inboxes are full, with approvals that were answered before, one of them by Noor first."""
    await load(database, busy())
    await write(database, seeded())
    said = JournalEntry(
        seq=None, at=NOW, who="noor", kind="decided", text="said", step="approval:second", round=1,
        body={"verdict": "approve"},
    )  # fmt: skip
    async with database.write() as session:
        await append(session, "deal/hubspot/6300", [said])
    return busy()


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
@pytest.mark.parametrize(("person", "views"), [("Noor Halvorsen", VIEWS), ("Iris Castell", RUNNING)])
async def test_every_list_and_figure_is_accessible_and_fits_the_screen(
    browser: Browser, doors: str, shots: Path, person: str, views: dict[str, str], size: dict[str, int], scheme: str
) -> None:
    async with visit(browser, doors, person, viewport=size, color_scheme=scheme) as page:
        for name, address in views.items():
            await page.goto(address)
            await page.screenshot(path=shots / f"{name}-{size['width']}-{scheme}.png")
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{name}: {wide} px wider than the screen"
            await accessible(page)


async def test_what_is_delegated_says_for_whom_and_until_when(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Noor Halvorsen", viewport=PHONE, java_script_enabled=False) as page:
        await page.goto("/inbox?tab=delegated")
        await expect(page.get_by_text("For Daniel Reyes, Chief financial officer, away until")).to_be_visible()
        await expect(page.locator(".row").first).to_contain_text("for Daniel Reyes")


async def test_a_tick_stays_while_the_page_moves_and_goes_when_the_content_does(
    browser: Browser, doors: str, database: Database
) -> None:
    async with visit(browser, doors, "Noor Halvorsen") as page, visit(browser, doors, "Noor Halvorsen") as other:
        eastgate = page.get_by_label("Select Eastgate Labs, Finance review")
        fernhill = page.get_by_label("Select Fernhill Schools, Finance review")
        await eastgate.check()
        await fernhill.check()
        await expect(page.get_by_text("selected, each with the edition")).to_be_visible()
        async with database.write() as session:
            moved = update(Request).where(col(Request.deal_id) == "deal/hubspot/6105")
            await session.execute(moved.values(edition=2))
        await other.goto("/requests/hubspot/6103/approval:finance/1")
        await other.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("link", name="Dunmore Hotels")).to_have_count(0)
        await expect(eastgate).to_be_checked()
        await expect(fernhill).not_to_be_checked()


async def test_the_keyboard_alone_answers_one_after_the_other(browser: Browser, doors: str) -> None:
    async with visit(browser, doors, "Noor Halvorsen") as page:
        first, second = [await page.locator(".row .what a").nth(n).inner_text() for n in (0, 1)]
        await page.keyboard.press("j")
        await page.keyboard.press("a")
        await expect(page.get_by_role("button", name="Approve the selected")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text(f"Your answer to {first}")).to_be_visible()
        await expect(page.get_by_role("link", name=second, exact=True)).to_be_focused()
        await page.keyboard.press("j")
        await page.keyboard.press("k")
        await page.keyboard.press("r")
        await expect(page.get_by_label("Reason, the owners read it")).to_be_focused()
        await page.keyboard.type("The margin is too thin")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text(f"Your answer to {second}")).to_be_visible()
        await accessible(page)


async def test_without_a_script_a_reason_is_asked_for_beside_the_field_and_the_ticks_stay(
    browser: Browser, doors: str
) -> None:
    async with visit(browser, doors, "Noor Halvorsen", java_script_enabled=False) as page:
        ticks = page.locator(".tick input")
        await ticks.nth(0).check()
        await ticks.nth(1).check()
        await page.get_by_text("Reject", exact=True).click()
        await page.get_by_role("button", name="Reject the selected").click()
        await expect(page.get_by_label("Reason, the owners read it")).to_have_attribute("aria-invalid", "true")
        await expect(page.locator(".wrong")).to_have_text("Say why: the owner reads it.")
        assert await page.locator(".tick input:checked").count() == 2


async def test_on_a_phone_several_are_ticked_and_answered_together(browser: Browser, doors: str, shots: Path) -> None:
    async with visit(browser, doors, "Noor Halvorsen", viewport=PHONE, has_touch=True) as page:
        await page.goto("/inbox?tab=delegated")
        ticks = page.locator(".tick input")
        for n in range(2):
            touched = page.locator("label.tick").nth(n)
            box = await touched.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
            await touched.tap(position={"x": 3, "y": 3})
            await expect(ticks.nth(n)).to_be_checked()
        await page.screenshot(path=shots / "inbox-ticked-390.png")
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{wide} px wider than the screen"
        await accessible(page)
        await page.get_by_role("button", name="Approve the selected").tap()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("of 2 recorded")


async def test_several_are_answered_together_each_with_its_own_result(
    browser: Browser, doors: str, shots: Path, database: Database
) -> None:
    async with visit(browser, doors, "Noor Halvorsen") as page:
        await page.goto("/inbox?ask=Finance+review&order=age")
        ticks = page.locator(".tick input")
        wanted = await ticks.count()
        assert wanted >= 4
        for n in range(wanted):
            await ticks.nth(n).check()
        async with database.write() as session:  # meanwhile the content of one gets worse: the stand-in refuses it
            gone = update(Request).where(col(Request.deal_id) == "deal/hubspot/6102")
            await session.execute(gone.values(people=["frida"]))
        await page.get_by_role("button", name="Approve the selected").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(f"of {wanted} recorded")
        await page.screenshot(path=shots / "answered-together.png", full_page=True)
        await accessible(page)
