"""A real Chromium in front of the real doors."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.api.conftest import doors, rows

__all__ = ["doors", "rows"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 30_000
"""Milliseconds a page may take; only a test that fails waits so long."""
expect.set_options(timeout=PATIENCE)
SHOTS = Path(__file__).parents[2] / "test-results" / "screens"


def chromium() -> str:
    """The system's Chromium. Without one the tests are skipped, but never in CI: there that is a failure."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("no Chromium here; install one, such as `apt-get install chromium`")
    pytest.skip("no Chromium on this machine; install one, such as `apt-get install chromium`")


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for a module's tests."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield started
        await started.close()


@asynccontextmanager
async def visit(browser: Browser, url: str, person: str, **context: Any) -> AsyncIterator[Page]:
    """Open a page of somebody who has signed in; any error a script reports fails the test."""
    known: dict[str, Any] = {"viewport": DESKTOP, "base_url": url, "reduced_motion": "reduce"}
    opened = await browser.new_context(**{**known, **context})
    page = await opened.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: wrong.append(said.text) if said.type == "error" and "status of 4" not in said.text else None,
    )
    try:
        await page.goto("/sign-in")
        await page.get_by_role("button", name=f"as {person}").click()
        await page.wait_for_url("**/inbox*")
        yield page
        assert not wrong, wrong
    finally:
        await opened.close()


async def accessible(page: Page) -> None:
    """Let axe look at the page; it finds nothing."""
    found = await Axe().run(page)
    told = [
        f"{v['id']}: {v['help']} at {', '.join(str(n['target']) + ' ' + n['failureSummary'] for n in v['nodes'][:3])}"
        for v in found.response["violations"]
    ]
    assert not told, "\n".join(told)


@pytest.fixture
def shots() -> Path:
    """Where screenshots go."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS
