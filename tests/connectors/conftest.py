"""The sandbox vendors over real HTTP, and connectors that cannot tell them from the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.erpnext.connector import ErpNext
from connectors.hubspot.connector import HubSpot
from connectors.redmine.connector import Redmine
from connectors.sandbox.start import Sandbox
from connectors.slack.connector import Slack
from connectors.smtp.connector import Smtp
from tests.connectors.outside import Outside


@pytest.fixture(scope="session")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
async def outside(sandbox: Sandbox) -> AsyncIterator[Outside]:
    """What a test may ask of, and do to, the sandboxes; scripted faults end with the test."""
    async with Outside(sandbox.pages) as hands:
        yield hands
        await hands.forget_faults()


@pytest.fixture
async def hubspot(sandbox: Sandbox) -> AsyncIterator[HubSpot]:
    told = sandbox.settings
    connector = HubSpot(told["HUBSPOT_BASE_URL"], told["HUBSPOT_TOKEN"], told["HUBSPOT_CLIENT_SECRET"])
    yield connector
    await connector.aclose()


@pytest.fixture
async def erpnext(sandbox: Sandbox) -> AsyncIterator[ErpNext]:
    told = sandbox.settings
    connector = ErpNext(told["ERPNEXT_BASE_URL"], told["ERPNEXT_KEY"], told["ERPNEXT_SECRET"])
    yield connector
    await connector.aclose()


@pytest.fixture
async def redmine(sandbox: Sandbox) -> AsyncIterator[Redmine]:
    connector = Redmine(sandbox.settings["REDMINE_BASE_URL"], sandbox.settings["REDMINE_KEY"])
    yield connector
    await connector.aclose()


@pytest.fixture
async def slack(sandbox: Sandbox) -> AsyncIterator[Slack]:
    connector = Slack(sandbox.settings["SLACK_BASE_URL"], sandbox.settings["SLACK_TOKEN"])
    yield connector
    await connector.aclose()


@pytest.fixture
def mail(sandbox: Sandbox) -> Smtp:
    told = sandbox.settings
    return Smtp(told["SMTP_HOST"], int(told["SMTP_PORT"]), "Throughline <throughline@halden.example>")
