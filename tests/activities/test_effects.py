"""The effect ledger: once, whoever calls, whoever dies, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.effects import (
    PRACTICE,
    Annulled,
    Busy,
    Effect,
    KeyReused,
    Ledger,
    NotAllowed,
    OutcomeUnknown,
)
from connectors.contract import DuplicateSafety, ExternalRef
from connectors.database import Database
from connectors.failures import Ambiguous, ConnectorFailure, Unavailable
from tests.activities.outside import LOST, NOTHING_DONE, Killed, Outside

DEADLINE, LAG = timedelta(seconds=10), timedelta(seconds=30)
BODY = {"customer": "Brightwater Dental", "total": "48000.00"}
SAFE = [each for each in DuplicateSafety if PRACTICE[each].repeats]

_LATER = text("update effect set lease_until = lease_until - :by where lease_until is not null")
_numbers = itertools.count(1)


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database.write)


def an_effect(safety: DuplicateSafety = DuplicateSafety.SEARCH_FIRST, **more: Any) -> Effect:
    deal = more.pop("deal_id", f"deal/hubspot/{next(_numbers)}")
    step, revision = more.pop("step", "call:create_sales_order"), more.pop("revision", 1)
    fields = {"deadline": DEADLINE, "commit_lag": LAG, "system": "Outside", "connector": "outside", **more}
    return Effect(key=f"{deal}|{step}|{revision}", deal_id=deal, step=step, revision=revision, safety=safety, **fields)


def attempt(
    ledger: Ledger, outside: Outside, effect: Effect, fate: str = "ok", body: dict[str, Any] | None = None
) -> Awaitable[ExternalRef]:
    outside.fate = fate
    return ledger.once(
        effect, BODY if body is None else body, lambda: outside.find(effect.key), lambda: outside.create(effect.key)
    )


async def later(database: Database, outside: Outside, by: timedelta) -> None:
    """Let time pass: for the outside by its clock, for the ledger by moving what it noted into the past."""
    outside.now += by.total_seconds()
    async with database.write() as session:
        connection = await session.connection()
        await connection.execute(_LATER, {"by": by})


async def row(database: Database, key: str) -> Any:
    async with database.read() as session:
        found = await (await session.connection()).execute(text("select * from effect where key = :key"), {"key": key})
        return found.mappings().one()


@pytest.mark.parametrize("safety", DuplicateSafety)
async def test_it_happens_once_and_the_record_is_returned_without_a_call(
    database: Database, ledger: Ledger, safety: DuplicateSafety
) -> None:
    outside, effect = Outside(safety, 30), an_effect(safety)
    refs = [await attempt(ledger, outside, effect) for _ in range(3)]
    assert refs == [ExternalRef(id="X-1")] * 3
    assert (outside.creates, outside.looks) == (1, 0)
    kept = await row(database, effect.key)
    assert (kept["state"], kept["attempts"], kept["lease_until"]) == ("confirmed", 1, None)


async def test_the_intent_is_committed_before_anything_is_sent(database: Database, ledger: Ledger) -> None:
    effect, seen = an_effect(), []

    async def create() -> ExternalRef:
        seen.append(await row(database, effect.key))
        return ExternalRef(id="1")

    async def find() -> ExternalRef | None:
        return None

    await ledger.once(effect, BODY, find, create)
    assert seen[0]["state"] == "intended"
    assert seen[0]["lease_until"] - seen[0]["sent_at"] >= DEADLINE + LAG


@pytest.mark.parametrize("safety", DuplicateSafety)
async def test_of_callers_at_the_same_moment_one_sends_and_the_others_come_back(
    ledger: Ledger, safety: DuplicateSafety
) -> None:
    outside, effect = Outside(safety, 30), an_effect(safety)
    sent = asyncio.Event()

    async def slow() -> ExternalRef:
        await asyncio.wait_for(sent.wait(), 5)
        return await outside.create(effect.key)

    async def call() -> ExternalRef | Exception:
        try:
            return await ledger.once(effect, BODY, lambda: outside.find(effect.key), slow)
        except Busy as busy:
            return busy

    waiting = {asyncio.create_task(call()) for _ in range(8)}
    answers: list[ExternalRef | Exception] = []
    while len(answers) < 8:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        answers += [each.result() for each in done]
        if len(answers) == 7:
            sent.set()
    assert sum(isinstance(each, ExternalRef) for each in answers) == 1
    pauses = [each.retry_after for each in answers if isinstance(each, Busy)]
    assert len(pauses) == 7
    assert all(pause and timedelta(0) < pause <= DEADLINE + LAG + timedelta(seconds=2) for pause in pauses)
    assert len(outside.made) == 1


@pytest.mark.parametrize("safety", SAFE)
@pytest.mark.parametrize("fate", LOST)
async def test_a_lost_attempt_is_found_or_repeated_never_doubled(
    database: Database, ledger: Ledger, safety: DuplicateSafety, fate: str
) -> None:
    outside, effect = Outside(safety, LAG.total_seconds()), an_effect(safety)
    with pytest.raises((ConnectorFailure, Killed, KeyError)):
        await attempt(ledger, outside, effect, fate)
    if PRACTICE[safety].waits_out_lag or fate.startswith("killed"):
        with pytest.raises(Busy):
            await attempt(ledger, outside, effect)
    await later(database, outside, DEADLINE + LAG + timedelta(seconds=3))
    ref = await attempt(ledger, outside, effect)
    assert [each.id for each in outside.of(effect.key)] == [ref.id]
    assert await attempt(ledger, outside, effect) == ref


async def test_without_the_ledger_the_same_fates_make_duplicates() -> None:
    """The control: if this stopped finding duplicates, the tests above would be blind."""
    doubled = {"naive": 0, "looks": 0}
    for fate, style in itertools.product(LOST, doubled):
        outside = Outside(DuplicateSafety.SEARCH_FIRST, LAG.total_seconds())
        for outside.fate in (fate, "ok"):
            try:
                if style == "naive" or await outside.find("k") is None:
                    await outside.create("k")
            except (ConnectorFailure, Killed, KeyError):
                continue
        doubled[style] += len(outside.made) > 1
    assert doubled == {"naive": 5, "looks": 2}


async def test_a_commit_that_appears_after_the_answer_was_lost_is_waited_for(database: Database) -> None:
    """In real time: the other side commits 250 ms after we gave up, and declares 400 ms."""
    lag = timedelta(milliseconds=400)
    effect = an_effect(deadline=timedelta(milliseconds=50), commit_lag=lag)
    ledger, orders, background = Ledger(database.write, margin=timedelta(milliseconds=50)), list[str](), set()

    async def commit() -> ExternalRef:
        await asyncio.sleep(0.3)
        orders.append("order")
        return ExternalRef(id=str(len(orders)))

    async def create() -> ExternalRef:
        working = asyncio.create_task(commit())
        background.add(working)
        return await asyncio.shield(working)

    async def find() -> ExternalRef | None:
        return ExternalRef(id="1") if orders else None

    tries, pauses = 0, []
    while True:
        tries += 1
        try:
            assert await ledger.once(effect, BODY, find, create) == ExternalRef(id="1")
            break
        except (Busy, Ambiguous) as failure:
            pauses.append(failure.retry_after)
            await asyncio.sleep(0.05)
    await asyncio.gather(*background)
    assert orders == ["order"]
    assert pauses[0] == lag
    assert tries > 2


@pytest.mark.parametrize("fate", NOTHING_DONE)
@pytest.mark.parametrize("safety", DuplicateSafety)
async def test_a_failure_that_did_nothing_may_be_repeated_at_once(
    database: Database, ledger: Ledger, safety: DuplicateSafety, fate: str
) -> None:
    outside, effect = Outside(safety, 30), an_effect(safety)
    with pytest.raises(ConnectorFailure):
        await attempt(ledger, outside, effect, fate)
    kept = await row(database, effect.key)
    assert kept["state"] == ("refused" if fate == "refused" else "intended")
    assert kept["sent_at"] is None
    assert kept["error"]
    looks = outside.looks
    assert (await attempt(ledger, outside, effect)).id == "X-1"
    assert outside.looks == looks


async def test_a_key_with_another_body_is_refused_in_every_state(database: Database, ledger: Ledger) -> None:
    for fate in ("ok", "refused", "lost_after"):
        outside, effect = Outside(DuplicateSafety.SEARCH_FIRST, 30), an_effect()
        with suppress(ConnectorFailure):
            await attempt(ledger, outside, effect, fate)
        calls = outside.creates
        with pytest.raises(KeyReused, match="a changed input needs a new revision"):
            await attempt(ledger, outside, effect, body={**BODY, "total": "1.00"})
        assert outside.creates == calls


async def test_equal_bodies_are_equal_however_they_are_written(ledger: Ledger) -> None:
    outside, effect = Outside(DuplicateSafety.SEARCH_FIRST, 30), an_effect()
    await attempt(ledger, outside, effect, body={"a": (1, 2), "b": "x"})
    await attempt(ledger, outside, effect, body={"b": "x", "a": [1, 2]})


@pytest.mark.parametrize("fate", [each for each in LOST if not each.startswith("killed")])
async def test_mail_whose_answer_is_lost_is_left_to_a_person(database: Database, ledger: Ledger, fate: str) -> None:
    outside, effect = Outside(DuplicateSafety.AT_MOST_ONCE, 0), an_effect(DuplicateSafety.AT_MOST_ONCE)
    with pytest.raises(OutcomeUnknown, match="settle it"):
        await attempt(ledger, outside, effect, fate)
    await later(database, outside, timedelta(days=1))
    with pytest.raises(OutcomeUnknown):
        await attempt(ledger, outside, effect)
    assert (outside.creates, outside.looks) == (1, 0)


async def test_mail_during_which_the_worker_died_is_left_to_a_person(database: Database, ledger: Ledger) -> None:
    outside, effect = Outside(DuplicateSafety.AT_MOST_ONCE, 0), an_effect(DuplicateSafety.AT_MOST_ONCE)
    with pytest.raises(Killed):
        await attempt(ledger, outside, effect, "killed_after")
    with pytest.raises(Busy):
        await attempt(ledger, outside, effect)
    await later(database, outside, DEADLINE + timedelta(seconds=3))
    with pytest.raises(OutcomeUnknown):
        await attempt(ledger, outside, effect)
    assert outside.creates == 1


async def an_unknown(ledger: Ledger, outside: Outside) -> Effect:
    effect = an_effect(DuplicateSafety.AT_MOST_ONCE)
    with pytest.raises(OutcomeUnknown):
        await attempt(ledger, outside, effect, "lost_before")
    return effect


async def test_a_person_settles_what_is_unknown(database: Database, ledger: Ledger) -> None:
    outside = Outside(DuplicateSafety.AT_MOST_ONCE, 0)
    there = await an_unknown(ledger, outside)
    await ledger.settle(there.key, "confirmed", "seen in the mailbox", "iris", ExternalRef(id="M-7"))
    assert await attempt(ledger, outside, there) == ExternalRef(id="M-7")
    again = await an_unknown(ledger, outside)
    await ledger.settle(again.key, "retry", "not in the mail log", "iris")
    assert (await attempt(ledger, outside, again)).id == "X-1"
    never = await an_unknown(ledger, outside)
    await ledger.settle(never.key, "void", "the customer phoned instead", "iris")
    with pytest.raises(Annulled, match="the customer phoned instead"):
        await attempt(ledger, outside, never)
    kept = await row(database, never.key)
    assert (kept["state"], kept["settled_by"]) == ("void", "iris")


async def test_settling_needs_evidence_a_record_and_something_unknown(ledger: Ledger) -> None:
    outside = Outside(DuplicateSafety.AT_MOST_ONCE, 0)
    unknown = await an_unknown(ledger, outside)
    with pytest.raises(NotAllowed, match="without evidence"):
        await ledger.settle(unknown.key, "void", "  ", "iris")
    with pytest.raises(NotAllowed, match="which record"):
        await ledger.settle(unknown.key, "confirmed", "seen", "iris")
    done = an_effect()
    await attempt(ledger, outside, done)
    with pytest.raises(NotAllowed, match="is confirmed"):
        await ledger.settle(done.key, "void", "seen", "iris")
    with pytest.raises(NotAllowed, match="not in the ledger"):
        await ledger.settle("deal/x/1|call:y|1", "void", "seen", "iris")
    running = an_effect()
    with pytest.raises(Killed):
        await attempt(ledger, outside, running, "killed_after")
    with pytest.raises(NotAllowed, match="under way"):
        await ledger.settle(running.key, "retry", "seen", "iris")


async def test_only_the_holder_of_the_lease_confirms(database: Database, ledger: Ledger) -> None:
    """A worker frozen beyond its lease wakes up: the record of whoever took over stands, the extra one is noted."""
    outside, effect = Outside(DuplicateSafety.SEARCH_FIRST, 30), an_effect()

    async def frozen() -> ExternalRef:
        await later(database, outside, DEADLINE + LAG + timedelta(seconds=3))
        assert await attempt(ledger, outside, effect) == ExternalRef(id="X-1")
        return ExternalRef(id="LATE")

    assert await ledger.once(effect, BODY, lambda: outside.find(effect.key), frozen) == ExternalRef(id="X-1")
    kept = await row(database, effect.key)
    assert kept["external_id"] == "X-1"
    assert "LATE" in kept["error"]


async def test_a_call_that_takes_longer_than_its_deadline_is_an_ambiguous_one(database: Database) -> None:
    ledger = Ledger(database.write)
    effect = an_effect(deadline=timedelta(milliseconds=20))

    async def create() -> ExternalRef:
        await asyncio.sleep(5)
        raise AssertionError

    async def find() -> ExternalRef | None:
        return None

    with pytest.raises(Ambiguous, match=r"no answer within 0\.02 s"):
        await ledger.once(effect, BODY, find, create)


async def test_a_look_up_that_fails_proves_nothing(database: Database, ledger: Ledger) -> None:
    outside, effect = Outside(DuplicateSafety.SEARCH_FIRST, 30), an_effect()
    with pytest.raises(Ambiguous):
        await attempt(ledger, outside, effect, "lost_after")
    await later(database, outside, LAG)
    outside.sight = "unavailable"
    with pytest.raises(Unavailable):
        await attempt(ledger, outside, effect)
    with pytest.raises(NotAllowed, match="may exist"):
        await ledger.annul(effect.key, "no longer needed", "dana")
    outside.sight = "ok"
    assert (await attempt(ledger, outside, effect)).id == "X-1"
    assert len(outside.made) == 1


async def test_a_refusal_that_means_you_have_it_already_is_a_confirmation(database: Database, ledger: Ledger) -> None:
    outside, effect = Outside(DuplicateSafety.NATURAL_KEY, 0), an_effect(DuplicateSafety.NATURAL_KEY)
    made = await outside.create(effect.key)  # before a backup of our database was restored
    assert await attempt(ledger, outside, effect) == made


async def test_a_connector_that_must_look_needs_a_way_to_look(ledger: Ledger) -> None:
    async def create() -> ExternalRef:
        raise AssertionError

    with pytest.raises(ValueError, match="needs a way to find"):
        await ledger.once(an_effect(DuplicateSafety.SEARCH_FIRST), BODY, None, create)
