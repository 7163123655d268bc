"""Records histories of deals for the replay test: run it as a module when a new kind of deal should be kept for ever.

It never overwrites: a recorded history stays as it was written. Needs DATABASE_URL (migrated) and TEMPORAL_ADDRESS.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from connectors.database import Database
from connectors.settings import DatabaseSettings
from models import acts
from models.money import percent, usd
from tests.workflows.worlds import Company, Outside, connect, deal_facts, employ

HERE = Path(__file__).parent


async def main() -> None:
    """Let five deals live and keep their histories."""
    settings = DatabaseSettings(database_url=SecretStr(os.environ["DATABASE_URL"]))
    database = Database.at(settings)
    await employ(database)
    company = Company(await connect(os.environ["TEMPORAL_ADDRESS"]), database, Outside())
    async with company.at_work():
        for name, play in PLAYS.items():
            handle = await play(company)
            _keep("DealLifecycle", name, (await handle.fetch_history()).to_json())
            if name in ("won", "unwritten"):
                below = company.client.get_workflow_handle(handle.id.replace("deal/", "onboarding/", 1))
                _keep("Onboarding", name, (await below.fetch_history()).to_json())
    await database.close()


def _keep(kind: str, name: str, text: str) -> None:
    file = HERE / kind / f"{name}.json"
    if file.exists():
        sys.stdout.write(f"{file.name} is recorded already\n")
        return
    file.parent.mkdir(exist_ok=True)
    text = text.replace(socket.gethostname(), "recorded")
    file.write_text(json.dumps(_anonymous(json.loads(text)), separators=(",", ":")) + "\n")


def _anonymous(plain: Any) -> Any:
    """Return a history that does not name the machine it was recorded on; replay does not look at it."""
    if isinstance(plain, dict):
        return {k: "recorded" if k == "identity" else _anonymous(v) for k, v in plain.items()}
    return [_anonymous(each) for each in plain] if isinstance(plain, list) else plain


async def _won(company: Company):
    company.outside.price = (usd(500_000), percent(20))
    handle = await company.arrive()
    for person, step in (("joel", "discount"), ("daniel", "deep-discount"), ("hanna", "legal"), ("noor", "finance")):
        await company.answer(handle, person, f"approval:{step}")
    await company.answer(handle, "hiro", "approval:security")
    await company.answer(handle, "sofia", "approval:security")
    await company.sign(handle)
    await company.answer(handle, "marco", "handoff:managed-services", "accept")
    await company.ended(handle)
    return handle


async def _sent_back(company: Company):
    handle = await company.arrive()
    await company.answer(handle, "joel", "approval:discount")
    await company.answer(handle, "daniel", "approval:deep-discount", "reject", "too cheap")
    company.outside.price = (usd(550_000), percent(26))
    at = (await company.state(handle)).opened_at
    await company.act(handle, acts.Revise(key="r", by="dana", source="person", at=at, facts={"discount": percent(20)}))
    await company.act(handle, acts.Resubmit(key="again", by="dana"))
    await company.until(handle, "approval:legal")
    return handle


async def _held(company: Company):
    handle = await company.arrive()
    await company.until(handle, "approval:discount")
    await company.act(handle, acts.HoldDeal(key="h", by="dana", reason="holiday"))
    await company.answer(handle, "joel", "approval:discount")
    await company.act(handle, acts.Release(key="go", by="dana"))
    await company.until(handle, "approval:deep-discount")
    await company.act(handle, acts.Cancel(key="c", by="dana", reason="budget cut"))
    await company.ended(handle)
    return handle


async def _small(company: Company):
    company.outside.price = (usd(5_000), percent(30))
    handle = await company.arrive(values=deal_facts(discount=5))
    await company.sign(handle)
    await company.until(handle, "handoff:managed-services")
    return handle


async def _unwritten(company: Company):
    """The database refuses twice for over a minute: while the deal is open, and when it and its onboarding begin."""
    company.outside.price = (usd(5_000), percent(30))
    handle = await company.arrive(values=deal_facts(discount=5))
    await company.until(handle, "signature:sow")
    async with _no_database(company):
        await company.sign(handle)
    await company.until(handle, "handoff:managed-services")
    async with _no_database(company):
        await company.answer(handle, "marco", "handoff:managed-services", "accept")
    await asyncio.wait_for(handle.result(), 120)
    await asyncio.sleep(60)  # the onboarding writes again
    return handle


@asynccontextmanager
async def _no_database(company: Company):
    company.outside.fail |= dict.fromkeys(("record", "record_onboarding"), ApplicationError("no", non_retryable=True))
    yield
    await asyncio.sleep(65)
    company.outside.fail.clear()


PLAYS = {"won": _won, "sent-back": _sent_back, "held": _held, "small": _small, "unwritten": _unwritten}

if __name__ == "__main__":
    asyncio.run(main())
