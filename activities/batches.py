"""Writes one batch of a deal in one statement, which is its own transaction, unless somebody else wrote meanwhile."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from activities.journal import linked
from activities.read_side import Asking, Row, crm_view
from connectors.direct import Direct, Transaction
from models.journal import JournalEntry
from models.tables.deals import Deal
from models.tables.documents import Signing
from models.tables.journal import JournalRow
from models.tables.requests import Request

_REMEMBERED = 4096
"""How many deals are remembered as they were last written; the others are looked up, which costs three steps more."""
Rows = Callable[..., Awaitable[list[Any]]]


def _names(table: Any, *without: str) -> list[str]:
    return [column.name for column in table.__table__.columns if column.name not in without]


def _same(names: Iterable[str], *without: str) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names if name not in without)


_DEAL = _names(Deal, "delivery")
_REQUEST = _names(Request)
_SIGNING = _names(Signing, "signed_at", "evidence")
_TOLD = _names(JournalRow, "id", "txid")
_ITEM = "array['question', 'deal_title', 'account', 'amount', 'due', 'request']"

# Inserts or locks: either way the row is ours until the transaction ends. xmin names the very version of the row,
# which every writer makes anew: while it is the same, nobody has written to this deal.
_LOCK = """
insert into journal_head (deal_id, position, hash) values ($1, 0, '')
on conflict (deal_id) do update set deal_id = excluded.deal_id returning xmin::text, position, hash
"""
_READ = """
select array(select seq from journal where deal_id = $1 and seq = any($2::bigint[])),
    coalesce((select max(seq) from journal where deal_id = $1), 0),
    (select array[seq::text, stage, status, amount::text] from deal where id = $1),
    coalesce((select jsonb_object_agg(id, jsonb_build_array(kind, step, round)) from request
        where deal_id = $1 and state = 'open'), '{}')
"""
_WRITE = f"""
with given as materialized (select $1::jsonb as b),
head as (
    update journal_head set position = (b ->> 'position')::bigint, hash = b ->> 'hash' from given
    where deal_id = $2 and xmin = $3::xid and position = $4::bigint and hash = $5
    returning xmin::text as version
),
told as (
    insert into journal ({", ".join(_TOLD)}) select {", ".join(_TOLD)}
    from head, given, jsonb_populate_recordset(null::journal, b -> 'told') order by position
),
kept as (
    insert into deal ({", ".join(_DEAL)}) select {", ".join(_DEAL)}
    from head, given, jsonb_populate_recordset(null::deal, b -> 'deal')
    on conflict (id) do update set {_same(_DEAL, "id", "opened_at", "stage_since")},
        stage_since = case when deal.stage = excluded.stage then deal.stage_since else excluded.stage_since end
    where excluded.seq >= deal.seq
),
asked as (
    insert into request ({", ".join(_REQUEST)}) select {", ".join(_REQUEST)}
    from head, given, jsonb_populate_recordset(null::request, b -> 'asked')
    on conflict (id) do update set {_same(_REQUEST, "id")} returning id
),
closed as (
    update request r set state = 'closed', closed_at = (b ->> 'at')::timestamptz, seq = (b ->> 'seq')::bigint,
        outcome = c.outcome, answered_by = c.answered_by
    from head, given, jsonb_to_recordset(b -> 'closed') as c(id text, outcome text, answered_by text)
    where r.id = c.id and r.state = 'open' returning r.id
),
reopened as (
    select r.id from asked join request r using (id) where r.state = 'closed'
),
signing as (
    insert into signing ({", ".join(_SIGNING)}) select {", ".join(_SIGNING)}
    from head, given, jsonb_populate_recordset(null::signing, b -> 'signing') on conflict do nothing
),
void as (
    update signing s set state = 'void' from head, given
    where b ? 'signing' and s.deal_id = $2 and s.state = 'open'
        and not b -> 'signing' @> jsonb_build_array(jsonb_build_object('token_hash', s.token_hash))
),
owed as (
    insert into outbound (id, kind, deal_id, person, body, not_before, state)
    select id, kind, deal_id, person, body, coalesce(o.not_before, now()), coalesce(o.state, 'waiting')
    from head, given, jsonb_populate_recordset(null::outbound, b -> 'owed') o on conflict do nothing
    returning kind, deal_id, person, body, not_before
),
digests as (
    insert into outbound (id, kind, deal_id, person, not_before, body)
    select o.body ->> 'digest', kind, deal_id, person, not_before, jsonb_build_object('template', 'digest',
        'to', min(o.body ->> 'to'), 'name', min(o.body ->> 'name'), 'zone', min(o.body ->> 'zone'),
        'items', jsonb_agg((select jsonb_object_agg(key, value) from jsonb_each(o.body) where key = any({_ITEM}))))
    from owed o where o.body ? 'digest' group by 1, 2, 3, 4, 5
    on conflict (id) do update
        set body = jsonb_set(outbound.body, '{{items}}', (outbound.body -> 'items') || (excluded.body -> 'items'))
        where outbound.state = 'waiting'
),
rewritten as (
    insert into outbound (id, kind, deal_id, person, body)
    select o.id || r.suffix || case when again.id is null then '' else '-' || (b ->> 'seq') end,
        'slack', o.deal_id, o.person, o.body || r.change || jsonb_build_object('rewrites', o.id)
    from given, (select id, '|closed', '{{"template": "closed"}}'::jsonb from closed
        union all select id, '|open', '{{}}' from reopened) r(id, suffix, change)
    join outbound o on o.deal_id = $2 and o.kind = 'slack' and o.body ->> 'request' = r.id
    left join outbound again on again.id = o.id || r.suffix
    where not o.body ? 'rewrites' and not o.body ? 'digest'
    on conflict do nothing
),
linked as (
    insert into door_link (token_hash, deal_id, request_id, step, round, person)
    select token_hash, deal_id, request_id, step, round, person
    from head, given, jsonb_populate_recordset(null::door_link, b -> 'links') on conflict do nothing
),
expired as (
    update door_link l set expires_at = case when r.closed then (b ->> 'at')::timestamptz end from given,
        (select id, true from closed union all select id, false from reopened) r(id, closed)
    where l.request_id = r.id
)
select version from head
"""  # noqa: S608 - only names of our own columns are put in


@dataclass
class Seen:
    """A deal as the database has it: what is there need not be written, and what changed is told from it."""

    version: str
    position: int
    hash: str
    told: int = 0
    """The highest `seq` in the journal."""
    known: frozenset[int] = frozenset()
    """Which of the batch's entries are in the journal already."""
    seq: int = -1
    view: dict[str, str] = field(default_factory=dict)
    open: dict[str, Asking] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    """A hash of every open request's row; none where it was not written from here."""
    signing: frozenset[str] | None = None
    owed: set[str] = field(default_factory=set)
    """The ids of messages that are certainly owed or sent."""


@dataclass
class Told:
    """What a batch comes to, given how the deal was before. Without `deal` only the journal grows."""

    at: datetime
    seq: int
    entries: Sequence[JournalEntry]
    deal: Row | None = None
    asked: Mapping[str, Row] = field(default_factory=dict)
    closed: list[Row] = field(default_factory=list)
    signing: list[Row] | None = None
    owed: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)


class Batches:
    """Writes batches, and remembers how it left the deals."""

    def __init__(self, direct: Direct) -> None:
        self._direct = direct
        self._memory: OrderedDict[str, Seen] = OrderedDict()

    async def write(self, deal: str, entries: Sequence[JournalEntry], tell: Callable[[Seen], Told]) -> None:
        """Write what `tell` makes of the deal as it was; the same batch twice writes the same.

        A deal is remembered as it was left here. When somebody else has written to it since, nothing is written,
        and it is looked at again under its lock.
        """
        seen = self._memory.pop(deal, None)
        if seen is not None and all(entry.seq is not None and entry.seq > seen.told for entry in entries):
            after = await _write(self._direct.rows, deal, seen, tell(seen))
            if after is not None:
                return self._remember(deal, after)
        async with self._direct.transaction() as transaction:
            seen = await _look(transaction, deal, entries)
            after = await _write(transaction.rows, deal, seen, tell(seen))
            assert after is not None, "the lock is ours"
        return self._remember(deal, after)

    def _remember(self, deal: str, seen: Seen) -> None:
        self._memory[deal] = seen
        if len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)


async def _look(transaction: Transaction, deal: str, entries: Sequence[JournalEntry]) -> Seen:
    """Lock a deal's journal and return how the deal is."""
    [(version, position, digest)] = await transaction.rows(_LOCK, deal)
    seqs = [entry.seq for entry in entries if entry.seq is not None]
    [(known, told, row, asked)] = await transaction.rows(_READ, deal, seqs)
    seen = Seen(version, position, digest, told=told, known=frozenset(known))
    if row is not None:
        seq, stage, status, amount = row
        seen.seq, seen.view = int(seq), crm_view({"stage": stage, "status": status, "amount": amount})
    seen.open = {request: Asking(*each) for request, each in asked.items()}
    return seen


async def _write(rows: Rows, deal: str, seen: Seen, told: Told) -> Seen | None:
    """Write a batch and return how the deal is afterwards; None when it was not as it was seen."""
    new = linked(deal, [e for e in told.entries if e.seq not in seen.known], after=seen.position, prev_hash=seen.hash)
    position, digest = (new[-1]["position"], new[-1]["hash"]) if new else (seen.position, seen.hash)
    asked = {request: to_json(row) for request, row in told.asked.items()}
    hashes = {request: hash(row) for request, row in asked.items()}
    seq = b',"seq":%d}' % told.seq
    changed = [row[:-1] + seq for request, row in asked.items() if seen.rows.get(request) != hashes[request]]
    parts = {
        "at": to_json(told.at), "seq": to_json(told.seq), "position": to_json(position), "hash": to_json(digest),
        "told": to_json(new), "deal": to_json([told.deal] if told.deal else []), "asked": _list(changed),
        "closed": to_json(told.closed), "owed": to_json(told.owed), "links": to_json(told.links),
    }  # fmt: skip
    wanted = None if told.signing is None else frozenset(row["token_hash"] for row in told.signing)
    if wanted is not None and wanted != seen.signing:
        parts["signing"] = to_json(told.signing)
    given = b"{" + b",".join(b'"%s":%s' % (name.encode(), part) for name, part in parts.items()) + b"}"
    found = await rows(_WRITE, given.decode(), deal, seen.version, seen.position, seen.hash)
    if not found:
        return None
    after = Seen(found[0][0], position, digest, told=max([seen.told, *(e.seq or 0 for e in told.entries)]))
    if told.deal is None:
        return after
    after.seq, after.view, after.rows, after.signing = told.seq, crm_view(told.deal), hashes, wanted
    after.open = {request: Asking(row["kind"], row["step"], row["round"]) for request, row in told.asked.items()}
    after.owed = seen.owed | {row["id"] for row in told.owed}
    return after


def _list(rows: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"
