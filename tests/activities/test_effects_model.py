"""The ledger against a model: any order of calls, deaths, late commits and settling makes at most one thing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.ext.asyncio import create_async_engine

from activities.effects import (
    PRACTICE,
    Annulled,
    Busy,
    Effect,
    KeyReused,
    Ledger,
    LedgerFailure,
    NotAllowed,
    OutcomeUnknown,
)
from activities.ledger_rows import Row, lock
from connectors.contract import DuplicateSafety, ExternalRef
from connectors.database import Database
from connectors.failures import ConnectorFailure
from models.tables.effects import EffectOperation
from tests.activities.outside import LOST, NOTHING_DONE, Killed, Outside
from tests.activities.test_effects import DEADLINE, LAG, later
from tests.conftest import settings_for

T = TypeVar("T")
LEASE = DEADLINE + LAG + timedelta(seconds=3)
PAUSES = (timedelta(0), DEADLINE + timedelta(seconds=3), LAG, LEASE)
_deals = itertools.count(1)


class Effects(RuleBasedStateMachine):
    """One step of one deal, its revisions, and the system it works in."""

    runner: ClassVar[asyncio.Runner]
    database: ClassVar[Database]
    safety: ClassVar[DuplicateSafety]

    @initialize()
    def open(self) -> None:
        self.ledger = Ledger(self.database.write)
        self.outside = Outside(self.safety, LAG.total_seconds())
        self.deal = f"deal/model/{next(_deals)}"
        self.revision = 1
        self.known: Row | None = None
        self.told: dict[str, ExternalRef] = {}
        self.undos: set[str] = set()

    def run(self, work: Awaitable[T]) -> T:
        async def do() -> T:
            return await work

        return self.runner.run(do())

    def effect(self, revision: int, operation: EffectOperation = "do") -> Effect:
        step = "call:create_sales_order"
        return Effect(
            key=f"{self.deal}|{step}|{revision}",
            deal_id=self.deal,
            step=step,
            revision=revision,
            operation=operation,
            system="Outside",
            connector="outside",
            safety=self.outside.safety,
            deadline=DEADLINE,
            commit_lag=LAG,
        )

    def rows(self, *revisions: int) -> list[Row | None]:
        async def read() -> list[Row | None]:
            async with self.database.write() as session:
                return [await lock(session, self.effect(each).key) for each in revisions]

        return self.run(read())

    def attempt(self, effect: Effect, body: dict[str, Any]) -> ExternalRef | BaseException:
        out = self.outside
        try:
            return self.run(
                self.ledger.once(effect, body, lambda: out.find(effect.key), lambda: out.create(effect.key))
            )
        except (ConnectorFailure, LedgerFailure, KeyError, Killed) as failure:
            return failure

    @rule()
    def call_and_be_answered(self) -> None:
        self.call("ok")

    @precondition(lambda self: not at_an_end(self))
    @rule(fate=st.sampled_from(NOTHING_DONE))
    def call_and_nothing_is_done(self, fate: str) -> None:
        self.call(fate)

    @precondition(lambda self: not at_an_end(self))
    @rule(fate=st.sampled_from(LOST), by=st.sampled_from(PAUSES), sight=st.sampled_from(("ok", "unavailable")))
    def call_lose_the_answer_and_call_again(self, fate: str, by: timedelta, sight: str) -> None:
        self.call(fate)
        self.run(later(self.database, self.outside, by))
        [self.known] = self.rows(self.revision)
        self.call("ok", sight)

    def call(self, fate: str, sight: str = "ok") -> None:
        effect, before, calls = self.effect(self.revision), self.known, self.outside.creates
        self.outside.fate, self.outside.sight = fate, sight
        answer = self.attempt(effect, {"revision": self.revision})
        if before and (before.state in ("confirmed", "unknown", "void") or before.leased):
            assert self.outside.creates == calls
            assert isinstance(answer, ExternalRef | OutcomeUnknown | Annulled | Busy)
        if isinstance(answer, ExternalRef):
            assert answer == self.told.setdefault(effect.key, answer)
            assert self.outside.of(effect.key)[0].id == answer.id

    @precondition(lambda self: self.known is not None)
    @rule()
    def call_with_another_body(self) -> None:
        calls = self.outside.creates
        assert isinstance(self.attempt(self.effect(self.revision), {"other": 1}), KeyReused)
        assert self.outside.creates == calls

    @precondition(lambda self: self.revision > 1)
    @rule()
    def call_an_old_revision(self) -> None:
        calls, old = self.outside.creates, self.revision - 1
        if self.effect(old).key in self.undos:
            old -= 1
        answer = self.attempt(self.effect(old), {"revision": old})
        assert self.outside.creates == calls or self.known is None
        assert not isinstance(answer, KeyReused)

    @precondition(lambda self: not at_an_end(self))
    @rule(by=st.sampled_from(PAUSES))
    def wait(self, by: timedelta) -> None:
        self.run(later(self.database, self.outside, by))

    @rule(again=st.booleans())
    def an_honest_person_settles(self, again: bool) -> None:
        self.run(later(self.database, self.outside, LEASE))
        key, there = self.effect(self.revision).key, self.outside.of(self.effect(self.revision).key)
        outcome = "confirmed" if there else "retry" if again else "void"
        settling = self.ledger.settle(key, outcome, "looked", "iris", ExternalRef(id=there[0].id) if there else None)
        if self.known and self.known.state in ("unknown", "intended"):
            self.run(settling)
        else:
            with pytest.raises(NotAllowed):
                self.run(settling)

    @rule()
    def give_up(self) -> None:
        key = self.effect(self.revision).key
        try:
            self.run(self.ledger.annul(key, "no longer needed", "dana"))
        except NotAllowed:
            return
        assert not self.outside.of(key)

    @precondition(lambda self: self.known is not None and self.known.state in ("void", "refused"))
    @rule()
    def open_a_new_revision(self) -> None:
        self.revision += 1

    @precondition(lambda self: self.known is not None and self.known.state == "confirmed")
    @rule()
    def undo_it_and_open_a_new_revision(self) -> None:
        done, undo = self.effect(self.revision), self.effect(self.revision + 1, "undo")
        ref, out = self.told.get(done.key) or ExternalRef(id=self.outside.of(done.key)[0].id), self.outside
        out.fate = "ok"
        self.run(self.ledger.once(undo, {"undo": ref.id}, lambda: out.find("gone"), lambda: out.remove(undo.key, ref)))
        assert out.made == []
        self.undos.add(undo.key)
        self.revision += 2

    @invariant()
    def at_most_one_of_each_key_and_of_all_revisions(self) -> None:
        assert len(self.outside.made) <= 1, self.outside.made

    @invariant()
    def the_ledger_tells_the_truth(self) -> None:
        revisions = range(max(1, self.revision - 2), self.revision + 1)
        for revision, row in zip(revisions, self.rows(*revisions), strict=True):
            there = self.outside.of(self.effect(revision).key)
            match row.state if row else None:
                case "confirmed" if self.effect(revision).key in self.undos:
                    assert not there
                case "confirmed":
                    assert [each.id for each in there] == [row.ref.id]
                case None | "refused" | "void":
                    assert not there
                case "intended" if not row.doubtful:
                    assert not there
            self.known = row


def at_an_end(self: Effects) -> bool:
    return self.known is not None and self.known.state in ("confirmed", "unknown", "void")


@pytest.mark.parametrize("safety", DuplicateSafety)
def test_any_history_makes_at_most_one_thing_and_the_ledger_knows_it(
    database_url: str, safety: DuplicateSafety
) -> None:
    Effects.safety = safety
    with asyncio.Runner() as runner:
        Effects.runner, Effects.database = runner, Database(create_async_engine(settings_for(database_url).dsn))
        try:
            run_state_machine_as_test(
                Effects,
                settings=settings(
                    max_examples=15,
                    stateful_step_count=15,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(Effects.database.close())


def test_the_model_knows_every_class() -> None:
    assert set(PRACTICE) == set(DuplicateSafety)
