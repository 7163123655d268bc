"""`price_quote` and `render`: from the CRM's stored lines to a stored quote and a statement of work."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import col, select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import content
from activities.crm import store_lines
from activities.documents import SHIPPED
from activities.pricing import shipped_book
from activities.quoting import Quoting
from activities.rendering import Rendering
from connectors.database import Database
from models.calls import ActionCall
from models.money import percent, usd
from models.outcomes import Result
from models.quote import Quote
from models.tables.documents import Document
from models.values import Digest, Items, Text, Value, Whole
from tests.activities.calls import ONBOARDING, SERVERS, call, fresh_deal, line, record, stored, to_price

DAY = date(2026, 11, 16)


@pytest.fixture
def quoting(database: Database) -> Quoting:
    return Quoting(database, shipped_book(), on=lambda: DAY)


async def kept_quote(database: Database, result: Result) -> Quote:
    digest = result.facts["quote"]
    assert isinstance(digest, Digest)
    async with database.read() as session:
        return Quote.model_validate_json(await content.get(session, digest.sha256))


async def test_content_is_kept_once_under_its_hash(database: Database) -> None:
    async with database.write() as session:
        first = await content.put(session, b"one", "text/plain", "a")
        assert await content.put(session, b"one", "text/plain", "b") == first
    async with database.read() as session:
        assert await content.get(session, first) == b"one"
        with pytest.raises(content.NotStored):
            await content.get(session, "0" * 64)


async def test_a_quote_is_priced_from_the_stored_lines_and_kept(database: Database, quoting: Quoting) -> None:
    result = await quoting.price_quote(call("price_quote", await to_price(database), revision=3))
    quote = await kept_quote(database, result)
    # 12 × 36 × 185.00 and 12,500.00 once, less 20 %; at cost 12 × 36 × 118.00 and 8,200.00: 14,760 of 73,936 is left.
    assert result.facts["amount"] == quote.totals.amount == usd("73936.00")
    assert result.facts["margin"] == percent("20.0")
    assert (str(result.facts["quote"]).rpartition(" ")[0], quote.version) == ("quote v3", 3)
    assert result.facts["scope"] == Digest(sha256=quote.scope, label="scope")
    assert result.valid_until == datetime(2026, 12, 16, 23, 59, 59, 999999, tzinfo=UTC)
    assert set(result.facts) == {"amount", "margin", "quote", "scope"}


async def test_pricing_again_gives_the_same_quote(database: Database, quoting: Quoting) -> None:
    asked = call("price_quote", await to_price(database))
    assert await quoting.price_quote(asked) == await quoting.price_quote(asked)


async def test_the_price_book_wins_over_what_the_crm_says(database: Database, quoting: Quoting) -> None:
    seats = line("l1", "managed-workplace", "100", "1.00", "0.50", recurring="monthly")
    quote = await kept_quote(database, await quoting.price_quote(call("price_quote", await to_price(database, seats))))
    assert quote.lines[0].unit_list == usd("52.00")


async def test_what_the_lines_add_up_to_is_known_line_by_line_and_family_by_family(
    database: Database, quoting: Quoting
) -> None:
    seats = line("l1", "managed-workplace", "100", "52.00", recurring="monthly", discount=Decimal(10))
    own = line("l4", "OWN", "1", "500.00", "300.00", discount=Decimal(40))
    more = line("l2", "managed-workplace", "20", "52.00", recurring="monthly")
    backup = line("l3", "backup-recovery", "5", "46.00", recurring="monthly")
    asked = await to_price(database, seats, more, backup, own)
    result = await quoting.sum_up_lines(call("sum_up_lines", asked))
    quote = await kept_quote(database, await quoting.price_quote(call("price_quote", asked)))
    assert result.facts["line_count"] == Whole(v=4)
    assert (result.facts["family_count"], result.facts["largest_family"]) == (Whole(v=3), Whole(v=2))
    assert result.facts["given_away"] == quote.totals.list_price - quote.totals.amount
    assert result.facts["largest_discount"] == percent(40)
    assert result.valid_until is None


async def test_no_lines_at_all_add_up_to_nothing(database: Database, quoting: Quoting) -> None:
    with pytest.raises(ApplicationError) as failed:
        await quoting.sum_up_lines(call("sum_up_lines", {**await to_price(database), "lines": Items(items=())}))
    assert failed.value.type == "invalid"


async def test_a_lines_own_discount_counts_for_it(database: Database, quoting: Quoting) -> None:
    lines = (SERVERS.model_copy(update={"discount": Decimal(100) / 3}), ONBOARDING)
    quote = await kept_quote(database, await quoting.price_quote(call("price_quote", await to_price(database, *lines))))
    assert [str(each.discount) for each in quote.lines] == ["33.333333 %", "20 %"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((line("l1", "UNKNOWN", "1", "5"),), "UNKNOWN is not in the price book and has no cost in the CRM"),
        ((line("l1", "ODD", "1", "5", "1", recurring="annually"),), "is billed annually; sell it monthly or once"),
        ((line("l1", "X", "1", "5", "1"), line("l2", "X", "1", "6", "1")), "is sold at two prices"),
        ((line("l1", "X", "0", "5", "1"),), "line l1"),
    ],
)
async def test_what_has_no_price_says_what_to_change(
    database: Database, quoting: Quoting, lines: tuple[object, ...], said: str
) -> None:
    inputs = await to_price(database, *lines)  # type: ignore[arg-type]
    with pytest.raises(ApplicationError, match=said) as failed:
        await quoting.price_quote(call("price_quote", inputs))
    assert (failed.value.type, failed.value.non_retryable) == ("invalid", True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("lines", Items(items=({"key": "l9", "digest": "0" * 64},)), "line l9 is not stored here"),
        ("discount", Text(v="a lot"), "discount: .*correct the fact"),
    ],
)
async def test_a_wrong_input_is_named(database: Database, quoting: Quoting, name: str, value: Value, said: str) -> None:
    inputs = {**await to_price(database), name: value}
    with pytest.raises(ApplicationError, match=said) as failed:
        await quoting.price_quote(call("price_quote", inputs))
    assert (failed.value.type, failed.value.non_retryable) == ("invalid", True)


async def test_equal_lines_are_the_same_fact_however_the_crm_spells_them(database: Database) -> None:
    spelt = SERVERS.model_copy(
        update={"quantity": Decimal("12.0"), "unit_price": Decimal(185), "properties": {"hs_lastmodifieddate": "now"}}
    )
    assert await stored(database, SERVERS) == await stored(database, spelt)
    assert await stored(database, SERVERS) != await stored(
        database, SERVERS.model_copy(update={"quantity": Decimal(13)})
    )


async def test_actions_run_as_activities(database: Database, quoting: Quoting) -> None:
    asked = call("price_quote", await to_price(database))
    result = await ActivityEnvironment().run(quoting.price_quote, asked)
    assert result.facts["amount"] == usd("73936.00")


async def sow(database: Database, quoting: Quoting, deal: str, revision: int = 1, **more: Value) -> ActionCall:
    """Return the call that renders the statement of work of a priced deal."""
    priced = await quoting.price_quote(call("price_quote", await to_price(database), deal=deal))
    inputs: dict[str, Value] = {
        "account": Text(v="Corvane Logistics"),
        "signatory": Text(v="Mara Oduya <mara@corvane.example>"),
        **{name: priced.facts[name] for name in ("quote", "scope", "amount")},
        **more,
    }
    about = {"step": "render:sow", "document": "sow", "template": "sow/managed_services", "revision": revision}
    return call("render", inputs, deal=deal, **about)


async def versions(database: Database, deal: str) -> list[Document]:
    async with database.read() as session:
        query = select(Document).where(col(Document.deal_id) == deal).order_by(col(Document.version))
        return list((await session.execute(query)).scalars())


async def test_a_document_is_rendered_kept_and_numbered(database: Database, quoting: Quoting) -> None:
    rendering, deal = Rendering(database, on=lambda: DAY), fresh_deal()
    first = await rendering.render(await sow(database, quoting, deal))
    second = await rendering.render(await sow(database, quoting, deal, revision=2, account=Text(v="Corvane Freight")))
    assert [str(r.document).rpartition(" ")[0] for r in (first, second)] == ["sow v1", "sow v2"]
    rows = await versions(database, deal)
    assert [(row.name, row.version, row.template) for row in rows] == [
        ("sow", 1, "sow/managed_services"),
        ("sow", 2, "sow/managed_services"),
    ]
    async with database.read() as session:
        assert (await content.get(session, rows[1].sha256_pdf)).startswith(b"%PDF")
        assert "Corvane Freight" in (await content.get(session, rows[1].sha256_html)).decode()
    assert second.document is not None
    assert second.document.sha256 == rows[1].sha256_pdf


async def test_a_retry_returns_the_version_it_made(database: Database, quoting: Quoting) -> None:
    rendering, deal = Rendering(database, on=lambda: DAY), fresh_deal()
    asked = await sow(database, quoting, deal)
    made = await asyncio.gather(rendering.render(asked), rendering.render(asked))
    later = await Rendering(database, on=lambda: date(2027, 1, 5)).render(asked)
    assert made == [later, later]
    assert len(await versions(database, deal)) == 1


async def test_a_deal_keeps_its_template_when_the_file_changes(
    database: Database, quoting: Quoting, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    shutil.copytree(SHIPPED / "sow" / "managed_services", folder / "sow" / "managed_services")
    rendering, deal = Rendering(database, [folder], on=lambda: DAY), fresh_deal()
    asked = await sow(database, quoting, deal)
    first = await rendering.render(asked)
    text = folder / "sow" / "managed_services" / "template.typ.j2"
    text.write_text(text.read_text().replace("Training beyond", "Coaching beyond"))

    pinned = await rendering.render(asked.model_copy(update={"revision": 2, "template_hash": first.template}))
    assert pinned.template == first.template
    assert pinned.document is not None
    assert first.document is not None
    assert pinned.document.sha256 == first.document.sha256
    newer = await rendering.render(asked.model_copy(update={"revision": 3}))
    assert newer.template != first.template
    async with database.read() as session:
        latest = (await versions(database, deal))[-1]
        assert "Coaching beyond" in (await content.get(session, latest.sha256_html)).decode()


async def test_a_missing_variable_is_an_incident_of_its_own_kind(database: Database, quoting: Quoting) -> None:
    asked = await sow(database, quoting, fresh_deal())
    inputs = {name: value for name, value in asked.inputs.items() if name != "signatory"}
    with pytest.raises(ApplicationError, match="signatory") as failed:
        await Rendering(database).render(asked.model_copy(update={"inputs": inputs}))
    assert (failed.value.type, failed.value.non_retryable) == ("missing_variable", True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"template": "sow/nothing"}, "there is no template 'sow/nothing'"),
        ({"template_hash": "0" * 64}, "nothing is stored under 000000000000"),
        ({"inputs": {"amount": Text(v="much")}}, "amount is a text"),
    ],
)
async def test_what_cannot_be_rendered_says_why(
    database: Database, quoting: Quoting, change: dict[str, object], said: str
) -> None:
    asked = await sow(database, quoting, fresh_deal())
    if "inputs" in change:
        change = {"inputs": {**asked.inputs, **change["inputs"]}}  # type: ignore[dict-item]
    with pytest.raises(ApplicationError, match=said) as failed:
        await Rendering(database).render(asked.model_copy(update=change))
    assert (failed.value.type, failed.value.non_retryable) == ("invalid", True)


async def test_lines_are_stored_with_the_deal(database: Database) -> None:
    async with database.write() as session:
        items = await store_lines(session, record())
    async with database.read() as session:
        kept = await content.find(session, [item.digest for item in items.items])
    assert [item.key for item in items.items] == ["l1", "l2"]
    assert len(kept) == 2
