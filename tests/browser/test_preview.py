"""A change before it is made, in a real browser before the real deal: on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.api.conftest import as_token
from tests.api.test_real_deal import new, real, started, until
from tests.browser.conftest import visit
from tests.browser.test_request_page import SIZES, fits

__all__ = ["real"]
pytestmark = pytest.mark.browser


async def test_a_preview_is_accessible_and_asks_before_it_takes_answers_back(
    browser: Browser, real: str, shots: Path
) -> None:
    async with as_token(real, "dana") as dana, as_token(real, "joel") as joel:
        deal = await started(dana, new("9901", "20"))
        await until(dana, deal, "approval")
        said = {"do": "decide", "step": "approval:discount", "round": 1, "edition": 1, "verdict": "approve"}
        await joel.post(f"/api/deals/{deal}/acts", json={**said, "key": "joel-approves-9901"})
    for size, scheme in SIZES:
        async with visit(browser, real, "Dana Whitlock", viewport=size, color_scheme=scheme) as page:
            await page.goto(f"/deals/{deal}")
            await page.get_by_role("link", name="Change it").click()
            await fits(page, shots, "preview-now", size["width"])
            await page.get_by_label("Discount").fill("24 %")
            await page.get_by_role("button", name="Show what it would do").click()
            await expect(page.get_by_text("This takes back what was said")).to_be_visible()
            await fits(page, shots, "preview-change", size["width"])
