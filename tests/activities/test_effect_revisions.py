"""Revisions of one step: never two at once, never an old one after a new one, and an ending knows what to undo."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from activities.effects import Annulled, Busy, Ledger, NotAllowed, OutcomeUnknown
from activities.ledger_rows import live
from connectors.contract import DuplicateSafety, ExternalRef
from connectors.database import Database
from connectors.failures import ConnectorFailure, Refused
from tests.activities.outside import Killed, Outside
from tests.activities.test_effects import BODY, DEADLINE, LAG, an_effect, attempt, later


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database.write)


async def test_a_new_revision_waits_for_the_last_one(database: Database, ledger: Ledger) -> None:
    outside, first = Outside(DuplicateSafety.SEARCH_FIRST, 30), an_effect()
    second = an_effect(deal_id=first.deal_id, revision=2, operation="amend")
    with pytest.raises(Killed):
        await attempt(ledger, outside, first, "killed_late")
    with pytest.raises(Busy):
        await attempt(ledger, outside, second)
    await later(database, outside, DEADLINE + LAG + timedelta(seconds=3))
    with pytest.raises(OutcomeUnknown, match="may have happened"):
        await attempt(ledger, outside, second)
    await attempt(ledger, outside, first)
    await attempt(ledger, outside, second)
    assert await attempt(ledger, outside, first) == ExternalRef(id="X-1")


async def test_a_new_revision_replaces_one_that_did_nothing_for_ever(database: Database, ledger: Ledger) -> None:
    outside, first = Outside(DuplicateSafety.SEARCH_FIRST, 30), an_effect()
    with pytest.raises(ConnectorFailure):
        await attempt(ledger, outside, first, "denied")
    second = an_effect(deal_id=first.deal_id, revision=2)
    await attempt(ledger, outside, second, body={**BODY, "total": "1.00"})
    with pytest.raises(Annulled, match="superseded by"):
        await attempt(ledger, outside, first)
    refused = an_effect(deal_id=first.deal_id, step="call:other")
    with pytest.raises(Refused):
        await attempt(ledger, outside, refused, "refused")
    await attempt(ledger, outside, an_effect(deal_id=first.deal_id, step="call:other", revision=2))
    with pytest.raises(Annulled, match="came after it"):
        await attempt(ledger, outside, refused)


async def test_revisions_opened_at_the_same_moment_do_not_both_happen(ledger: Ledger) -> None:
    deal = an_effect().deal_id
    outside = Outside(DuplicateSafety.SEARCH_FIRST, 30)

    async def call(revision: int) -> ExternalRef:
        effect = an_effect(deal_id=deal, revision=revision)

        async def create() -> ExternalRef:
            await asyncio.sleep(0.2)
            return await outside.create(effect.key)

        return await ledger.once(effect, {"revision": revision}, lambda: outside.find(effect.key), create)

    answers = await asyncio.gather(*map(call, range(1, 9)), return_exceptions=True)
    assert sum(isinstance(each, ExternalRef) for each in answers) == 1
    assert all(isinstance(each, ExternalRef | Busy | Annulled) for each in answers)


async def test_the_undo_list_is_what_is_live_newest_first(database: Database, ledger: Ledger) -> None:
    outside = Outside(DuplicateSafety.SEARCH_FIRST, 30)
    order = an_effect()
    deal = order.deal_id
    await attempt(ledger, outside, order)
    await attempt(ledger, outside, an_effect(deal_id=deal, step="call:create_project"))
    await attempt(ledger, outside, an_effect(deal_id=deal, step="call:create_ticket"))
    await attempt(ledger, outside, an_effect(deal_id=deal, revision=2, operation="amend"))
    with pytest.raises(Refused):
        await attempt(ledger, outside, an_effect(deal_id=deal, step="call:bill"), "refused")
    async with database.read() as session:
        there = await live(session, deal)
    steps = ["call:create_ticket", "call:create_project", "call:create_sales_order"]
    assert [each.step for each in there] == steps
    assert there[-1].revision == 2
    undo = an_effect(deal_id=deal, step="call:create_ticket", revision=2, operation="undo")
    await ledger.once(undo, {}, lambda: outside.find(undo.key), lambda: outside.remove(undo.key, there[0].ref))
    async with database.read() as session:
        assert [each.step for each in await live(session, deal)] == steps[1:]
    with pytest.raises(Annulled, match=r"undone by|came after"):
        await attempt(ledger, outside, an_effect(deal_id=deal, step="call:create_ticket"))


async def test_only_what_cannot_exist_is_annulled(database: Database, ledger: Ledger) -> None:
    outside, done, nothing = Outside(DuplicateSafety.SEARCH_FIRST, 30), an_effect(), an_effect()
    await attempt(ledger, outside, done)
    with pytest.raises(NotAllowed, match="undo it or settle it"):
        await ledger.annul(done.key, "lost", "dana")
    with pytest.raises(ConnectorFailure):
        await attempt(ledger, outside, nothing, "unavailable")
    await ledger.annul(nothing.key, "the deal was lost", "dana")
    await ledger.annul(nothing.key, "the deal was lost", "dana")
    with pytest.raises(Annulled, match="the deal was lost"):
        await attempt(ledger, outside, nothing)
