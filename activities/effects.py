"""The effect ledger: every change in somebody else's system happens once, though they may not help and we may die."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, assert_never

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python
from sqlalchemy.exc import IntegrityError

from activities import ledger_rows as rows
from activities.ledger_rows import Row
from connectors.contract import DuplicateSafety, ExternalRef, Manifest
from connectors.database import WriteSession
from connectors.failures import AccessDenied, Ambiguous, ConnectorFailure, NotFound, RateLimited, Refused, Unavailable
from models.tables.effects import EffectOperation

Find = Callable[[], Awaitable[ExternalRef | None]]
Create = Callable[[], Awaitable[ExternalRef]]
Writing = Callable[[], AbstractAsyncContextManager[WriteSession]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Practice:
    """What a duplicate-safety class lets us do after an attempt whose end nobody knows."""

    repeats: bool
    looks_first: bool
    waits_out_lag: bool
    looks_after_refusal: bool = False


PRACTICE: Mapping[DuplicateSafety, Practice] = {
    # The server merges a repeat: send it again, at once.
    DuplicateSafety.SERVER_KEY: Practice(repeats=True, looks_first=False, waits_out_lag=False),
    # Nothing refuses a repeat: what the lost attempt did must be visible before "not found" means "not done".
    DuplicateSafety.SEARCH_FIRST: Practice(repeats=True, looks_first=True, waits_out_lag=True),
    # As above, and the server refuses what slipped through; a look-up tells whether that means "you have it already".
    DuplicateSafety.NATURAL_KEY: Practice(repeats=True, looks_first=True, waits_out_lag=True, looks_after_refusal=True),
    # As SEARCH_FIRST; a draft that stayed behind is not found, and the connector's create takes it up again.
    DuplicateSafety.DRAFT_THEN_CONFIRM: Practice(repeats=True, looks_first=True, waits_out_lag=True),
    # Nobody can look: never again without a person.
    DuplicateSafety.AT_MOST_ONCE: Practice(repeats=False, looks_first=False, waits_out_lag=False),
}


class Effect(BaseModel):
    """One revision of one effect, and what its connector declares about it."""

    model_config = ConfigDict(frozen=True)

    key: str
    deal_id: str
    step: str
    revision: int
    operation: EffectOperation = "do"
    system: str
    connector: str
    safety: DuplicateSafety
    deadline: timedelta
    commit_lag: timedelta

    @classmethod
    def declared(
        cls, manifest: Manifest, what: str, *, deal_id: str, step: str, revision: int, operation: EffectOperation = "do"
    ) -> Effect:
        """Return the effect of a step under the declarations of its connector's manifest."""
        return cls(
            key=f"{deal_id}|{step}|{revision}",
            deal_id=deal_id,
            step=step,
            revision=revision,
            operation=operation,
            system=manifest.title,
            connector=manifest.name,
            safety=manifest.duplicate_safety[what],
            deadline=manifest.deadline,
            commit_lag=manifest.max_commit_lag,
        )

    @property
    def lag(self) -> timedelta:
        """How long after an attempt its result may still appear, as far as that matters."""
        return self.commit_lag if PRACTICE[self.safety].waits_out_lag else timedelta(0)


class LedgerFailure(Exception):
    """The ledger does not let the call happen; the text says what to do next."""

    def __init__(self, key: str, what: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(key, what)
        self.key = key
        self.what = what
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.key}: {self.what}"


class Busy(LedgerFailure):
    """Somebody else is at it, or its end is not yet visible: come back after `retry_after`."""


class KeyReused(LedgerFailure):
    """The key was used with another body."""


class OutcomeUnknown(LedgerFailure):
    """It may or may not have happened, and only a person can find out."""


class Annulled(LedgerFailure):
    """The effect was given up or undone; a new revision is needed."""


class NotAllowed(LedgerFailure):
    """Settling or annulling would contradict what the ledger knows."""


@dataclass(frozen=True)
class _Claim:
    effect: Effect
    token: str
    since: float
    doubtful: bool


class Ledger:
    """Performs effects. `margin` is the longest this process may stall between taking a lease and sending.

    Stalled longer than that at exactly the wrong moment (a frozen machine), a late send can still make a duplicate.
    """

    def __init__(self, writing: Writing, *, margin: timedelta = timedelta(seconds=2)) -> None:
        self._writing = writing
        self._margin = margin

    async def once(self, effect: Effect, body: Mapping[str, Any], find: Find | None, create: Create) -> ExternalRef:
        """Make the effect happen if it has not, and return what it made.

        Raises the connector's failure, or a LedgerFailure. Calling again with the same key and body is always safe.
        """
        practice = PRACTICE[effect.safety]
        if practice.looks_first and find is None:
            raise ValueError(f"{effect.connector} is of class {effect.safety}: it needs a way to find what it made")
        claim = await self._claim(effect, body)
        if isinstance(claim, ExternalRef):
            return claim
        if claim.doubtful:
            if not practice.repeats:
                raise await self._give_to_a_person(claim, "the last attempt ended without an answer")
            if practice.looks_first and find is not None:
                found = await self._look(claim, find)
                if found is not None:
                    return await self._confirm(claim, found)
            claim = await self._renew(claim, certain=practice.looks_first and practice.waits_out_lag)
        elif self._age(claim) > self._margin / 2:
            claim = await self._renew(claim, certain=True)
        return await self._send(claim, find, create)

    async def settle(
        self,
        key: str,
        outcome: Literal["confirmed", "void", "retry"],
        evidence: str,
        by: str,
        ref: ExternalRef | None = None,
    ) -> None:
        """Record what a person found out: it happened (`ref`), it did not and is given up, or it did not: do it."""
        async with self._writing() as session:
            row = await rows.lock(session, key)
            if row is None or row.leased or row.state not in ("unknown", "intended"):
                raise NotAllowed(key, f"is {_state(row)}; only an effect whose end is unknown can be settled.")
            if not evidence.strip():
                raise NotAllowed(key, "say what you saw there: settling without evidence is refused.")
            if outcome == "confirmed" and ref is None:
                raise NotAllowed(key, "say which record it made there; without one it cannot be amended or undone.")
            await rows.settle(session, key, outcome, evidence, by, ref)
            if outcome == "confirmed":
                await rows.void_what_it_undid(session, key)

    async def annul(self, key: str, reason: str, by: str) -> None:
        """Give up an effect of which nothing can be outside. Raises NotAllowed where something may be."""
        async with self._writing() as session:
            row = await rows.lock(session, key)
            if row is None or row.state == "void":
                return
            if row.leased or row.state in ("unknown", "confirmed") or (row.state == "intended" and row.doubtful):
                raise NotAllowed(key, f"is {_state(row)}: it may exist there; undo it or settle it instead.")
            await rows.settle(session, key, "void", reason, by, None)

    async def _claim(self, effect: Effect, body: Mapping[str, Any]) -> ExternalRef | _Claim:
        since, token, body_hash = asyncio.get_running_loop().time(), secrets.token_hex(8), digest(effect, body)
        lease = effect.deadline + effect.lag + self._margin
        try:
            async with self._writing() as session:
                row = await rows.lock(session, effect.key)
                if row is not None and (recorded := _judge(row, effect, body_hash)):
                    return recorded
                await self._close_earlier(session, effect)
                if row is None and await rows.open_new(session, effect, body_hash, token, lease):
                    return _Claim(effect, token, since, doubtful=False)
                row = await rows.lock(session, effect.key)
                assert row is not None
                if recorded := _judge(row, effect, body_hash):
                    return recorded
                await rows.take(session, effect.key, token, lease)
                return _Claim(effect, token, since, doubtful=row.doubtful)
        except IntegrityError as wrong:
            if "effect_in_flight" not in str(wrong):
                raise
            # Another revision of the step was opened between our look and our insert.
            raise Busy(effect.key, "another revision is under way.", retry_after=effect.deadline) from wrong

    async def _close_earlier(self, session: WriteSession, effect: Effect) -> None:
        """Let a revision open only when the step's others are at an end (semantics 37)."""
        for other in await rows.lock_others(session, effect):
            if other.revision > effect.revision:
                raise Annulled(effect.key, f"{other.key} came after it; only the newest revision is done.")
            if other.leased:
                raise Busy(effect.key, f"{other.key} is under way.", retry_after=other.left)
            if other.state == "unknown" or other.doubtful:
                raise OutcomeUnknown(effect.key, f"{other.key} may have happened; settle it, then retry this.")
            await rows.settle(session, other.key, "void", f"superseded by {effect.key}", "ledger", None)

    async def _look(self, claim: _Claim, find: Find) -> ExternalRef | None:
        effect = claim.effect
        try:
            async with asyncio.timeout(effect.deadline.total_seconds()):
                return await find()
        except Ambiguous as blind:
            raise await self._give_to_a_person(claim, blind.what) from blind
        except TimeoutError as late:
            failure = Unavailable(effect.system, f"the look-up took longer than {effect.deadline.total_seconds():g} s")
            await self._release(claim, failure, certain=False)
            raise failure from late
        except Exception as failure:
            await self._release(claim, failure, certain=False)
            raise

    async def _send(self, claim: _Claim, find: Find | None, create: Create) -> ExternalRef:
        effect = claim.effect
        try:
            async with asyncio.timeout(effect.deadline.total_seconds()):
                made = await create()
        except (Unavailable, RateLimited, AccessDenied, NotFound) as failure:
            await self._release(claim, failure, certain=not claim.doubtful)
            raise
        except Refused as refusal:
            if PRACTICE[effect.safety].looks_after_refusal and find is not None:
                there = await self._look(claim, find)
                if there is not None:
                    return await self._confirm(claim, there)
            await self._close(claim, "refused", refusal)
            raise
        except TimeoutError as late:
            lost = Ambiguous(effect.system, f"no answer within {effect.deadline.total_seconds():g} s")
            raise await self._doubt(claim, lost) from late
        except Exception as lost:
            raise await self._doubt(claim, lost) from lost
        return await self._confirm(claim, made)

    async def _doubt(self, claim: _Claim, lost: Exception) -> Exception:
        """Let the lease stand until whatever the lost attempt did is visible, and return what to raise."""
        if not PRACTICE[claim.effect.safety].repeats:
            return await self._give_to_a_person(claim, _said(lost))
        async with self._writing() as session:
            await rows.release(
                session, claim.effect.key, claim.token, _said(lost), certain=False, quiet=claim.effect.lag
            )
        if isinstance(lost, Ambiguous) and lost.retry_after is None:
            return Ambiguous(lost.system, lost.what, retry_after=claim.effect.lag)
        return lost

    async def _release(self, claim: _Claim, failure: Exception, *, certain: bool) -> None:
        async with self._writing() as session:
            await rows.release(session, claim.effect.key, claim.token, _said(failure), certain=certain)

    async def _renew(self, claim: _Claim, *, certain: bool) -> _Claim:
        """Take the lease anew right before sending; whoever lost it must not send."""
        effect, since = claim.effect, asyncio.get_running_loop().time()
        async with self._writing() as session:
            lease = effect.deadline + effect.lag + self._margin
            if not await rows.renew(session, effect.key, claim.token, lease):
                raise Busy(effect.key, "somebody else took over.", retry_after=effect.deadline)
        return _Claim(effect, claim.token, since, doubtful=claim.doubtful and not certain)

    async def _close(self, claim: _Claim, state: Literal["refused", "unknown"], why: Exception | str) -> None:
        async with self._writing() as session:
            await rows.close(session, claim.effect.key, claim.token, state, _said(why))

    async def _give_to_a_person(self, claim: _Claim, why: str) -> OutcomeUnknown:
        await self._close(claim, "unknown", why)
        system = claim.effect.system
        return OutcomeUnknown(claim.effect.key, f"{system}: {why}. Look there whether it happened, then settle it.")

    async def _confirm(self, claim: _Claim, made: ExternalRef) -> ExternalRef:
        effect = claim.effect
        async with self._writing() as session:
            if await rows.confirm(session, effect.key, claim.token, made):
                await rows.void_what_it_undid(session, effect.key)
                return made
            row = await rows.lock(session, effect.key)
            if row is None or row.state != "confirmed" or row.ref is None:
                raise Busy(effect.key, f"the lease was lost; it is {_state(row)}.", retry_after=effect.deadline)
            if row.ref.id != made.id:
                _log.error(
                    "%s made %s although %s is recorded; void one of them there", effect.key, made.id, row.ref.id
                )
                await rows.note(session, effect.key, f"made a second record, {made.id}")
            return row.ref

    def _age(self, claim: _Claim) -> timedelta:
        return timedelta(seconds=asyncio.get_running_loop().time() - claim.since)


def digest(effect: Effect, body: Mapping[str, Any]) -> str:
    """Return what makes two uses of one key the same: operation, system and body."""
    told = {"operation": effect.operation, "system": effect.system, "body": to_jsonable_python(body)}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _judge(row: Row, effect: Effect, body_hash: str) -> ExternalRef | None:
    """Return what is recorded, None if the effect may be tried now, else raise why not."""
    if row.body_hash != body_hash:
        raise KeyReused(effect.key, "the key was used with another body; a changed input needs a new revision.")
    match row.state:
        case "confirmed":
            assert row.ref is not None
            return row.ref
        case "unknown":
            raise OutcomeUnknown(effect.key, f"{row.error}. Look there whether it happened, then settle it.")
        case "void":
            raise Annulled(effect.key, f"was given up ({row.evidence}); doing it again needs a new revision.")
        case "intended" if row.leased:
            raise Busy(effect.key, "it is under way, or its end is not yet visible.", retry_after=row.left)
        case "intended" | "refused":
            return None
        case _:
            assert_never(row.state)


def _state(row: Row | None) -> str:
    if row is None:
        return "not in the ledger"
    return "under way" if row.leased else row.state


def _said(why: Exception | str) -> str:
    return why.what if isinstance(why, ConnectorFailure) else (str(why) or type(why).__name__)
