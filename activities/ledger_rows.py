"""The ledger's statements: each reads or changes one row by PostgreSQL's clock, fenced by the lease token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import text

from connectors.contract import ExternalRef
from connectors.database import ReadSession, WriteSession
from models.tables.effects import EffectState

if TYPE_CHECKING:
    from activities.effects import Effect


@dataclass(frozen=True)
class Row:
    """An effect as the ledger has it. `doubtful`: an earlier attempt may have reached the other side."""

    key: str
    revision: int
    state: EffectState
    body_hash: str
    ref: ExternalRef | None
    leased: bool
    left: timedelta
    doubtful: bool
    error: str | None
    evidence: str | None


@dataclass(frozen=True)
class Live:
    """Something of ours that exists outside, by the newest revision that touched it."""

    key: str
    step: str
    revision: int
    system: str
    connector: str
    ref: ExternalRef


_ROW = """
    select key, revision, state, body_hash, external_id, external_url, sent_at is not null as doubtful, error, evidence,
        coalesce(state = 'intended' and lease_until > clock_timestamp(), false) as leased,
        greatest(coalesce(lease_until, clock_timestamp()) - clock_timestamp(), interval '0') as "left"
    from effect
"""
_LOCK = text(f"{_ROW} where key = :key for update")
_LOCK_OTHERS = text(f"""{_ROW}
    where deal_id = :deal_id and step = :step and key <> :key
        and (state in ('intended', 'unknown') or revision > :revision)
    order by key for update
""")
_OPEN = text("""
    insert into effect (key, deal_id, step, revision, operation, system, connector, duplicate_safety, state,
        body_hash, lease_token, lease_until, attempts, intended_at, sent_at)
    values (:key, :deal_id, :step, :revision, :operation, :system, :connector, :safety, 'intended',
        :body_hash, :token, clock_timestamp() + :lease, 1, clock_timestamp(), clock_timestamp())
    on conflict (key) do nothing returning key
""")
# A refused effect left nothing behind; an intended one keeps its doubt until somebody has looked.
_TAKE = text("""
    update effect set state = 'intended', lease_token = :token, lease_until = clock_timestamp() + :lease,
        attempts = attempts + 1, error = null, sent_at = coalesce(sent_at, clock_timestamp())
    where key = :key
""")
_RENEW = text("""
    update effect set lease_until = clock_timestamp() + :lease, sent_at = clock_timestamp()
    where key = :key and lease_token = :token and state = 'intended' returning key
""")
_RELEASE = text("""
    update effect set lease_token = null, lease_until = clock_timestamp() + :quiet, error = :error,
        sent_at = case when :certain then null else sent_at end
    where key = :key and lease_token = :token and state = 'intended'
""")
_CLOSE = text("""
    update effect set state = :state, lease_token = null, lease_until = null, error = :error,
        sent_at = case when :state = 'refused' then null else sent_at end
    where key = :key and lease_token = :token and state = 'intended'
""")
_CONFIRM = text("""
    update effect set state = 'confirmed', external_id = :id, external_url = :url, confirmed_at = clock_timestamp(),
        lease_token = null, lease_until = null, error = null
    where key = :key and lease_token = :token and state = 'intended' returning key
""")
_SETTLE = text("""
    update effect set state = :state, external_id = :id, external_url = :url, evidence = :evidence, settled_by = :by,
        confirmed_at = case when :state = 'confirmed' then clock_timestamp() end,
        sent_at = case when :state = 'confirmed' then sent_at end, lease_token = null, lease_until = null
    where key = :key
""")
_UNDONE = text("""
    update effect set state = 'void', evidence = 'undone by ' || undo.key
    from effect as undo
    where undo.key = :key and undo.operation = 'undo' and effect.deal_id = undo.deal_id and effect.step = undo.step
        and effect.revision < undo.revision and effect.state = 'confirmed'
""")
_LIVE = text("""
    select * from (
        select distinct on (step) key, step, revision, system, connector, external_id, external_url,
            min(confirmed_at) over (partition by step) as born
        from effect
        where deal_id = :deal_id and state = 'confirmed' and operation <> 'undo' and step not like 'outbound:%'
        order by step, revision desc
    ) as newest order by born desc
""")


async def lock(session: WriteSession, key: str) -> Row | None:
    """Return the row, ours until the transaction ends."""
    found = (await (await session.connection()).execute(_LOCK, {"key": key})).mappings().one_or_none()
    return None if found is None else _row(found)


async def lock_others(session: WriteSession, effect: Effect) -> list[Row]:
    """Return the step's other revisions that are not at an end or came later."""
    which = {"deal_id": effect.deal_id, "step": effect.step, "key": effect.key, "revision": effect.revision}
    found = (await (await session.connection()).execute(_LOCK_OTHERS, which)).mappings().all()
    return [_row(each) for each in found]


async def open_new(session: WriteSession, effect: Effect, body_hash: str, token: str, lease: timedelta) -> bool:
    """Write the intent; return whether the key was new."""
    fields = effect.model_dump(include={"key", "deal_id", "step", "revision", "operation", "system", "connector"})
    fields |= {"safety": effect.safety.value, "body_hash": body_hash, "token": token, "lease": lease}
    return await _one(session, _OPEN, **fields)


async def take(session: WriteSession, key: str, token: str, lease: timedelta) -> None:
    await _one(session, _TAKE, key=key, token=token, lease=lease)


async def renew(session: WriteSession, key: str, token: str, lease: timedelta) -> bool:
    return await _one(session, _RENEW, key=key, token=token, lease=lease)


async def release(
    session: WriteSession, key: str, token: str, error: str, *, certain: bool, quiet: timedelta = timedelta(0)
) -> None:
    """End an attempt that may be repeated after `quiet`; `certain` if nothing of it can be outside."""
    await _one(session, _RELEASE, key=key, token=token, error=error, certain=certain, quiet=quiet)


async def close(session: WriteSession, key: str, token: str, state: Literal["refused", "unknown"], error: str) -> None:
    await _one(session, _CLOSE, key=key, token=token, state=state, error=error)


async def confirm(session: WriteSession, key: str, token: str, made: ExternalRef) -> bool:
    """Record what was made; only the holder of the lease can. Return whether that was us."""
    return await _one(session, _CONFIRM, key=key, token=token, id=made.id, url=made.url)


async def settle(
    session: WriteSession,
    key: str,
    outcome: Literal["confirmed", "void", "retry"],
    evidence: str,
    by: str,
    ref: ExternalRef | None,
) -> None:
    state = "intended" if outcome == "retry" else outcome
    which = {"id": ref.id if ref else None, "url": ref.url if ref else None}
    await _one(session, _SETTLE, key=key, state=state, evidence=evidence, by=by, **which)


async def void_what_it_undid(session: WriteSession, key: str) -> None:
    """After a confirmed undo, the revisions before it are no longer live."""
    await _one(session, _UNDONE, key=key)


async def note(session: WriteSession, key: str, error: str) -> None:
    await _one(session, text("update effect set error = :error where key = :key"), key=key, error=error)


async def live(session: ReadSession | WriteSession, deal_id: str) -> list[Live]:
    """Return what a deal has outside, newest first: the list that ending a deal undoes (semantics 49)."""
    found = (await (await session.connection()).execute(_LIVE, {"deal_id": deal_id})).mappings().all()
    return [
        Live(
            key=each["key"],
            step=each["step"],
            revision=each["revision"],
            system=each["system"],
            connector=each["connector"],
            ref=ExternalRef(id=each["external_id"], url=each["external_url"]),
        )
        for each in found
    ]


async def _one(session: WriteSession, statement: Any, **values: Any) -> bool:
    return (await (await session.connection()).execute(statement, values)).rowcount == 1


def _row(found: Any) -> Row:
    ref = ExternalRef(id=found["external_id"], url=found["external_url"]) if found["external_id"] else None
    names = ("key", "revision", "state", "body_hash", "leased", "left", "doubtful", "error", "evidence")
    return Row(ref=ref, **{name: found[name] for name in names})
