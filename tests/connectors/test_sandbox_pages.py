"""Each sandbox shows a person what arrived, and lets no other site write to it."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
import pytest

from connectors.contract import IssueBody, ProjectBody
from connectors.erpnext.connector import ErpNext
from connectors.http import correlated
from connectors.redmine.connector import Redmine
from connectors.sandbox.start import Sandbox
from connectors.slack.connector import Slack
from connectors.smtp.connector import Smtp
from tests.connectors.outside import Outside, customer, fresh_key, message, order


async def test_every_page_lists_what_arrived_and_what_it_made(
    outside: Outside, erpnext: ErpNext, redmine: Redmine, slack: Slack, mail: Smtp
) -> None:
    key = fresh_key("page")
    with correlated(key):
        buyer = await erpnext.create_customer(key, customer("Shown & Co"))
        sold = await erpnext.create_sales_order(key, order(buyer.id))
        project = await redmine.create_project(key, ProjectBody(name="Shown project"))
        await redmine.create_issue(project, key, IssueBody(subject="Shown issue"))
        await slack.send(key, message("U0SHOWN01", "Shown in Slack"))
        await mail.send(key, message("shown@halden.example", "Shown by mail"))
    shown = {
        "erpnext": ("Shown &amp; Co", sold.id, "POST /api/resource/Customer", key),
        "redmine": ("Shown project", "Shown issue", "POST /issues.json", key),
        "slack": ("Shown in Slack", "POST /api/chat.postMessage", key),
        "mail": ("Shown by mail", "shown@halden.example", "DATA"),
    }
    for vendor, texts in shown.items():
        page = await outside.page(vendor)
        for text in texts:
            assert text in page, f"{vendor} does not show {text}"


async def test_pages_need_no_script_and_show_no_key(sandbox: Sandbox, outside: Outside) -> None:
    for name in sandbox.pages:
        page = await outside.page(name.removesuffix("_PAGE"))
        assert page.count("<h1>") == 1
        assert "<script" not in page
        for setting, value in sandbox.settings.items():
            if setting.endswith(("TOKEN", "SECRET", "KEY")):
                assert value not in page, f"{name} shows {setting}"


async def test_a_person_enters_and_changes_a_deal_with_the_forms(sandbox: Sandbox, outside: Outside) -> None:
    page = sandbox.pages["HUBSPOT_PAGE"]
    browser = {"Accept": "text/html", "Origin": page.rstrip("/")}
    async with httpx2.AsyncClient(base_url=page, headers=browser, trust_env=False, timeout=30) as client:
        form = {
            "name": "By form",
            "company": "Form & Sons",
            "lines": "MS-SERVER x 2 @ 100\r\nPS-ONBOARD x 1",
            "data_class": "",
        }
        assert (await client.post("/_sandbox/deals", data=form)).status_code == 303
        deal = next(
            each for each in await outside.objects("hubspot", "deals") if each["properties"]["dealname"] == "By form"
        )
        assert deal["properties"]["amount"] == "12700.00"
        assert "data_class" not in deal["properties"]
        change = {"discount_percent": "35", "stage": "closedwon"}
        assert (await client.post(f"/_sandbox/deals/{deal['id']}", data=change)).status_code == 303
        wrong = await client.post("/_sandbox/deals", data=form | {"lines": "MS-SERVER x many"})
        assert wrong.status_code == 422
    changed = next(each for each in await outside.objects("hubspot", "deals") if each["id"] == deal["id"])
    assert changed["properties"]["discount_percent"] == "35"
    assert changed["properties"]["dealstage"] == "closedwon"


@pytest.mark.parametrize("vendor", ["HUBSPOT", "ERPNEXT", "REDMINE", "SLACK", "MAIL"])
async def test_another_site_may_not_write_here(sandbox: Sandbox, vendor: str) -> None:
    page = sandbox.pages[f"{vendor}_PAGE"]
    async with httpx2.AsyncClient(base_url=page, trust_env=False, timeout=30) as client:
        elsewhere = {"Origin": "https://evil.example"}
        answer = await client.post("/_sandbox/faults", json=[], headers=elsewhere)
        assert answer.status_code == 403
        assert (await client.post("/_sandbox/faults", json={"fault": "no such"})).status_code == 422
        assert urlsplit(page).hostname == "127.0.0.1"
