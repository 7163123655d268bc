"""Policy coverage on a page: whom each approval asks today, its rule tables, and where nobody would be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from api.app import create
from api.flows_on_offer import on_offer
from connectors.database import Database
from tests.api.company import NOW, TOKENS, company, deal, load, request
from tests.api.conftest import settings

FLOW = '''
"""A flow of a company's own."""

from __future__ import annotations

from datetime import date

from workflows.flows.facts import deal
from workflows.language import Approval, Flow, Stage, business_days, group, lost, percent, person, row, table, usd

policy = Flow(
    "own-policy",
    Stage(
        "quote",
        Approval(
            "large",
            by=table(
                "large-deals",
                row("cfo", when=deal.amount > usd(500_000)),
                row(person("gone"), when=deal.amount > usd(900_000), since=date(2020, 1, 1), until=date(2021, 12, 31)),
                row("finance", when=deal.amount > usd(100_000)),
                match="first",
            ),
            within=business_days(2),
            escalate_to="ceo",
            when=deal.amount > usd(50_000),
            fallback="deal_desk",
            override="two",
        ),
        Approval("panel", by=group("board", 3), within=business_days(2), escalate_to="ceo"),
        Approval("plain", by="finance", within=business_days(1), escalate_to="cfo", when=deal.discount > percent(20)),
        on_reject=lost("rejected"),
    ),
    version=3,
)
'''


@pytest.fixture(scope="module")
async def client(database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx2.AsyncClient]:
    """A program of sales operations, at doors that offer the flow; its approval was asked twice."""
    folder: Path = tmp_path_factory.mktemp("flows")
    (folder / "own_policy.py").write_text(FLOW)
    rows = company()
    for n, hours in enumerate((50, 3)):
        owner = deal(f"90{n}", f"Asked {n}", "900000", flow="own-policy")
        rows.deals.append(owner)
        rows.requests.append(
            request(owner, "approval:large", "Large", ["daniel"], opened_at=NOW - timedelta(hours=hours))
        )
    await load(database, rows)
    app = create(settings(9), database=database, intake=on_offer([folder]), tokens=TOKENS, relaying=False)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:9",
        headers={"Authorization": "Bearer token-of-iris"},
    ) as opened:  # fmt: skip
        yield opened


async def of_policy(client: httpx2.AsyncClient, name: str) -> str:
    """Return the part of the page that is about one approval."""
    page = await client.get("/policies?flow=own-policy")
    assert page.status_code == 200, page.text[:2000]
    return page.text.partition(f'id="own-policy.{name}"')[2].partition("<section")[0]


async def test_an_approval_says_when_it_asks_whom_how_long_and_who_that_is_today(client: httpx2.AsyncClient) -> None:
    plain = await of_policy(client, "plain")
    assert "discount &gt; 20 %" in plain
    assert "finance: Noor Halvorsen" in plain
    assert "1 business day, then cfo" in plain
    assert "Covered" in plain
    assert "never" in plain


async def test_a_table_shows_its_rows_with_their_days_and_the_line_they_stand_in(client: httpx2.AsyncClient) -> None:
    large = await of_policy(client, "large")
    assert "Table large-deals: the first row that holds" in large
    assert "amount &gt; $500,000" in large
    assert "2020-01-01 to 2021-12-31" in large
    assert "not today" in large
    assert "deal desk instead" in large
    assert "by two administrators" in large
    line = 1 + FLOW[: FLOW.index('row("cfo"')].count("\n")
    assert f'data-th="Line">{line}</td>' in large


async def test_what_the_checks_find_stands_at_the_approval_it_is_about(client: httpx2.AsyncClient) -> None:
    large = await of_policy(client, "large")
    assert "names nobody for" in large, "between 50,000 and 100,000 no row holds"
    assert "wants two administrators" in large
    assert "Nobody holds gone" in large


async def test_a_role_nobody_holds_is_named_at_its_approval_and_on_top(client: httpx2.AsyncClient) -> None:
    panel = await of_policy(client, "panel")
    assert "Nobody holds board" in panel
    page = (await client.get("/policies?flow=own-policy")).text
    assert "Nobody holds board, gone." in page


async def test_when_it_was_last_asked_and_how_often_comes_from_the_requests(client: httpx2.AsyncClient) -> None:
    assert "2 times in all" in await of_policy(client, "large")


async def test_all_flows_are_listed_the_one_that_asked_most_first(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/policies")).text
    assert page.index("flow=managed-services") < page.index("flow=own-policy") < page.index("flow=saas")


async def test_only_those_with_findings_are_shown_when_asked_for(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/policies?flow=own-policy&gaps=true")).text
    assert 'id="own-policy.large"' in page
    assert 'id="own-policy.plain"' not in page


async def test_a_flow_that_is_not_on_offer_says_what_to_do(client: httpx2.AsyncClient) -> None:
    page = await client.get("/policies?flow=nothing")
    assert page.status_code == 200
    assert "There is no flow nothing" in page.text
