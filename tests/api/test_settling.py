"""An effect whose end nobody knows is settled by a person who has looked, and then goes on by itself."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.database import Database
from models.tables.effects import EffectRow
from models.tables.outbound import Outbound
from tests.api.conftest import as_token

DEAL = "deal/hubspot/5012345"


async def in_doubt(database: Database, kind: str = "mail") -> str:
    row = f"{DEAL}|approval:discount|1|joel|{secrets.token_hex(4)}"
    effect = EffectRow(
        key=f"e|{row}", deal_id=DEAL, step=f"outbound:{row}", revision=1, system="Mail", connector="smtp",
        duplicate_safety="E", state="unknown", body_hash="b" * 64, attempts=1, intended_at=datetime.now(UTC),
        sent_at=datetime.now(UTC),
    )  # fmt: skip
    async with database.write() as session:
        session.add(effect)
        session.add(Outbound(id=row, kind=kind, deal_id=DEAL, person="joel", body={}, state="unknown",
                             not_before=datetime.now(UTC)))  # fmt: skip
    return row


async def rows(database: Database, row: str) -> tuple[EffectRow, Outbound]:
    async with database.read() as session:
        effect, outbound = await session.get(EffectRow, f"e|{row}"), await session.get(Outbound, row)
    assert effect
    assert outbound
    return effect, outbound


async def settle(url: str, person: str, **body: Any) -> Any:
    async with as_token(url, person) as client:
        return await client.post("/api/effects/settle", json=body)


async def test_what_did_not_arrive_is_sent_again(doors: str, database: Database) -> None:
    row = await in_doubt(database)
    answer = await settle(
        doors, "iris", key=f"e|{row}", outcome="did_not_happen", evidence="it is not in Joel's mailbox"
    )
    assert answer.status_code == 200, answer.text
    effect, outbound = await rows(database, row)
    assert (effect.state, effect.settled_by, effect.sent_at) == ("intended", "iris", None)
    assert outbound.state == "waiting"


async def test_what_arrived_stays_as_it_is(doors: str, database: Database) -> None:
    row = await in_doubt(database)
    answer = await settle(
        doors, "iris", key=f"e|{row}", outcome="happened", evidence="Joel has it", reference="<a@halden.example>"
    )
    assert answer.json()["state"] == "confirmed"
    effect, outbound = await rows(database, row)
    assert effect.external_id == "<a@halden.example>"
    assert outbound.state == "waiting"  # the sender finds it confirmed and is done with it


async def test_the_journal_keeps_who_looked_and_what_they_saw(doors: str, database: Database) -> None:
    row = await in_doubt(database)
    await settle(doors, "iris", key=f"e|{row}", outcome="did_not_happen", evidence="nothing in the log of the server")
    async with as_token(doors, "iris") as client:
        entries = (await client.get(f"/api/deals/{DEAL[5:]}/journal", params={"limit": 200})).json()["entries"]
    assert any(e["kind"] == "settled" and e["who"] == "iris" and "log of the server" in e["text"] for e in entries)


@pytest.mark.parametrize(("change", "code"), [
    ({"key": "no such effect"}, "unknown_effect"),
    ({"outcome": "happened"}, "invalid"),
    ({"evidence": "   "}, "unreadable"),
])  # fmt: skip
async def test_what_cannot_be_settled_changes_nothing(
    doors: str, database: Database, change: dict[str, str], code: str
) -> None:
    row = await in_doubt(database)
    asked = {"key": f"e|{row}", "outcome": "did_not_happen", "evidence": "looked", **change}
    answer = await settle(doors, "iris", **asked)
    assert answer.json()["code"] == code
    assert [each.state for each in await rows(database, row)] == ["unknown", "unknown"]


async def test_only_those_who_run_the_company_settle(doors: str, database: Database) -> None:
    row = await in_doubt(database)
    answer = await settle(doors, "noor", key=f"e|{row}", outcome="did_not_happen", evidence="looked")
    assert answer.json()["code"] == "wrong_role"
