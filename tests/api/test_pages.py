"""Every page opens for the people it is for, carries the headers that keep it safe, and says what to do when empty."""

from __future__ import annotations

import httpx2
import pytest

from tests.api.browsing import sign_in
from tests.api.company import SIGN_TOKEN

PAGES = [
    "/inbox",
    "/inbox?tab=team",
    "/inbox?tab=all&order=due",
    "/inbox?tab=decided",
    "/inbox?tab=delegated&order=age&late=true",
    "/inbox?tab=team&person=noor&page=7",
    "/team",
    "/team?of=all&role=finance",
    "/team?role=nobody%20has%20it",
    "/approvals",
    "/approvals?days=30&flow=managed-services",
    "/policies",
    "/policies?flow=managed-services",
    "/policies?flow=saas&gaps=true",
    "/deals",
    "/deals?status=running&text=Corvane",
    "/deals?incidents=true",
    "/deals/hubspot/5012345",
    "/deals/hubspot/5012345/journal",
    "/deals/hubspot/5012352",
    "/requests/hubspot/5012345/approval:finance/1",
    "/requests/hubspot/5012347/call:create_sales_order/1",
    "/requests/hubspot/5012348/handoff:managed-services/1",
    "/requests/hubspot/5012349/stage:quote/1",
    "/requests/hubspot/5012349/task:site-survey/1",
    "/requests/hubspot/5012350/approval:security/1",
    "/requests/hubspot/5012352/approval:finance/1",
    "/flows",
    "/onboarding",
    "/onboarding?show=risk",
    "/onboarding/hubspot/5012352",
    "/incidents",
    "/inbound",
    "/inbound?state=rejected",
    "/sandboxes",
    "/problems/stale",
]


@pytest.mark.parametrize("page", PAGES)
async def test_the_page_opens_and_is_safe(doors: str, page: str) -> None:
    async with sign_in(doors, "iris") as browser:
        answer = await browser.get(page)
    assert answer.status_code == 200, answer.text[:2000]
    assert "<h1" in answer.text
    assert 'lang="en"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


async def test_a_stranger_is_led_to_sign_in_and_back(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.get("/deals/hubspot/5012345")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/deals/hubspot/5012345"


async def test_the_sign_page_opens_without_an_account_and_does_not_leak_its_address(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.get(f"/sign/{SIGN_TOKEN}")
    assert answer.status_code == 200
    assert "Miles Garrity" in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
