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
from activities.ledger_rows import Row, live, lock
from connectors.contract import DuplicateSafety, ExternalRef
from connectors.database import Database
from connectors.failures import ConnectorFailure
from tests.activities.outside import LOST, NOTHING_DONE, Killed, Outside
from tests.activities.test_effects import DEADLINE, LAG, later
from tests.conftest import settings_for

T = TypeVar("T")
LEASE = DEADLINE + LAG + timedelta(seconds=3)
_deals = itertools.count(1)


class Effects(RuleBasedStateMachine):
    """One step of one deal, its revisions, and the system it works in."""

    url: ClassVar[str]
    runner: ClassVar[asyncio.Runner]
    database: ClassVar[Database]

    @initialize(safety=st.sampled_from(DuplicateSafety))
    def open(self, safety: DuplicateSafety) -> None:
        self.ledger = Ledger(self.database.write)
        self.outside = Outside(safety, LAG.total_seconds())
        self.deal = f"deal/model/{next(_deals)}"
        self.revision = 1
        self.told: dict[str, ExternalRef] = {}

    def run(self, work: Awaitable[T]) -> T:
        async def do() -> T:
            return await work

        return self.runner.run(do())

    def effect(self, revision: int) -> Effect:
        step = "call:create_sales_order"
        return Effect(
            key=f"{self.deal}|{step}|{revision}",
            deal_id=self.deal,
            step=step,
            revision=revision,
            system="Outside",
            connector="outside",
            safety=self.outside.safety,
            deadline=DEADLINE,
            commit_lag=LAG,
        )

    def row(self, revision: int) -> Row | None:
        async def read() -> Row | None:
            async with self.database.write() as session:
                return await lock(session, self.effect(revision).key)

        return self.run(read())

    def attempt(self, effect: Effect, body: dict[str, Any]) -> ExternalRef | BaseException:
        out = self.outside
        try:
            return self.run(
                self.ledger.once(effect, body, lambda: out.find(effect.key), lambda: out.create(effect.key))
            )
        except (ConnectorFailure, LedgerFailure, KeyError, Killed) as failure:
            return failure

    @rule(fate=st.sampled_from(("ok", *LOST, *NOTHING_DONE)), sight=st.sampled_from(("ok", "ok", "unavailable")))
    def call(self, fate: str, sight: str) -> None:
        effect, before, calls = self.effect(self.revision), self.row(self.revision), self.outside.creates
        self.outside.fate, self.outside.sight = fate, sight
        answer = self.attempt(effect, {"revision": self.revision})
        if before and (before.state in ("confirmed", "unknown", "void") or before.leased):
            assert self.outside.creates == calls
            assert isinstance(answer, ExternalRef | OutcomeUnknown | Annulled | Busy)
        if isinstance(answer, ExternalRef):
            assert answer == self.told.setdefault(effect.key, answer)
            assert self.outside.of(effect.key)[0].id == answer.id

    @rule()
    def call_with_another_body(self) -> None:
        calls, known = self.outside.creates, self.row(self.revision)
        if known:
            assert isinstance(self.attempt(self.effect(self.revision), {"other": 1}), KeyReused)
            assert self.outside.creates == calls

    @precondition(lambda self: self.revision > 1)
    @rule()
    def call_an_old_revision(self) -> None:
        calls = self.outside.creates
        answer = self.attempt(self.effect(self.revision - 1), {"revision": self.revision - 1})
        assert self.outside.creates == calls or self.row(self.revision) is None
        assert not isinstance(answer, KeyReused)

    @rule(by=st.sampled_from((timedelta(seconds=1), DEADLINE, LAG, LEASE)))
    def wait(self, by: timedelta) -> None:
        self.run(later(self.database, self.outside, by))

    @rule(again=st.booleans())
    def an_honest_person_settles(self, again: bool) -> None:
        self.run(later(self.database, self.outside, LEASE))
        key, there = self.effect(self.revision).key, self.outside.of(self.effect(self.revision).key)
        known = self.row(self.revision)
        outcome = "confirmed" if there else "retry" if again else "void"
        settling = self.ledger.settle(key, outcome, "looked", "iris", ExternalRef(id=there[0].id) if there else None)
        if known and known.state in ("unknown", "intended"):
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

    @precondition(lambda self: (row := self.row(self.revision)) is not None and row.state in ("void", "refused"))
    @rule()
    def open_a_new_revision(self) -> None:
        self.revision += 1

    @invariant()
    def at_most_one_of_each_key_and_of_all_revisions(self) -> None:
        assert len(self.outside.made) <= 1, self.outside.made

    @invariant()
    def the_ledger_tells_the_truth(self) -> None:
        for revision in range(1, self.revision + 1):
            row, there = self.row(revision), self.outside.of(self.effect(revision).key)
            match row.state if row else None:
                case "confirmed":
                    assert [each.id for each in there] == [row.ref.id]
                case None | "refused" | "void":
                    assert not there
                case "intended" if not row.doubtful:
                    assert not there

    @invariant()
    def what_is_live_is_listed(self) -> None:
        async def read() -> list[str]:
            async with self.database.read() as session:
                return [each.ref.id for each in await live(session, self.deal)]

        assert set(self.run(read())) <= {each.id for each in self.outside.made}


def test_any_history_makes_at_most_one_thing_and_the_ledger_knows_it(database_url: str) -> None:
    with asyncio.Runner() as runner:
        Effects.runner, Effects.database = runner, Database.at(settings_for(database_url))
        try:
            run_state_machine_as_test(
                Effects,
                settings=settings(
                    max_examples=60,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(Effects.database.close())


def test_the_model_knows_every_class() -> None:
    assert set(PRACTICE) == set(DuplicateSafety)
