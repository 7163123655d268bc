"""The SQL that writes one batch of a deal: a statement that is a transaction, made of what the batch needs."""
# ruff: noqa: S608 - only the names of our own columns are put in

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from models.tables.deals import Deal
from models.tables.documents import Signing
from models.tables.journal import JournalRow
from models.tables.requests import Request


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
LOCK = """
insert into journal_head (deal_id, position, hash) values ($1, 0, '')
on conflict (deal_id) do update set deal_id = excluded.deal_id returning xmin::text, position, hash
"""
READ = """
select array(select seq from journal where deal_id = $1 and seq = any($2::bigint[])),
    coalesce((select max(seq) from journal where deal_id = $1), 0),
    (select array[seq::text, stage, status, amount::text] from deal where id = $1),
    coalesce((select jsonb_object_agg(id, jsonb_build_array(kind, step, round, edition, people, body)) from request
        where deal_id = $1 and state = 'open'), '{}')
"""
# Each part stands in the statement only when it has something to do: PostgreSQL prepares for every table it names.
_ALWAYS = f"""
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
)"""
_PARTS = {
    "asked": f"""
asked as (
    insert into request ({", ".join(_REQUEST)}) select {", ".join(_REQUEST)}
    from head, given, jsonb_populate_recordset(null::request, b -> 'asked')
    on conflict (id) do update set {_same(_REQUEST, "id")} returning id
)""",
    "turned": """
closed as (
    update request r set state = 'closed', closed_at = (b ->> 'at')::timestamptz, seq = (b ->> 'seq')::bigint,
        outcome = c.outcome, answered_by = c.answered_by
    from head, given, jsonb_to_recordset(b -> 'closed') as c(id text, outcome text, answered_by text)
    where r.id = c.id and r.state = 'open' returning r.id
),
reopened as (
    select r.id from asked join request r using (id) where r.state = 'closed'
),
rewritten as (
    insert into outbound (id, kind, deal_id, person, body)
    select o.id || r.suffix || case when again.id is null then '' else '-' || (b ->> 'seq') end,
        'slack', o.deal_id, o.person, o.body || r.change || jsonb_build_object('rewrites', o.id)
    from given, (select id, '|closed', '{"template": "closed"}'::jsonb, null::text[] from closed
        union all select id, '|open', '{}', null from reopened
        union all select m.id, '|asked-' || (b ->> 'seq'), '{}', m.people
            from head, given, jsonb_to_recordset(b -> 'moved') as m(id text, people text[])
    ) r(id, suffix, change, people)
    join outbound o on o.deal_id = $2 and o.kind = 'slack' and o.body ->> 'request' = r.id
        and (r.people is null or o.person = any(r.people))
    left join outbound again on again.id = o.id || r.suffix
    where not o.body ? 'rewrites' and not o.body ? 'digest'
    on conflict do nothing
),
expired as (
    update door_link l set expires_at = case when r.closed then (b ->> 'at')::timestamptz end from given,
        (select id, true from closed union all select id, false from reopened) r(id, closed)
    where l.request_id = r.id
)""",
    "signing": f"""
signing as (
    insert into signing ({", ".join(_SIGNING)}) select {", ".join(_SIGNING)}
    from head, given, jsonb_populate_recordset(null::signing, b -> 'signing') on conflict do nothing
),
void as (
    update signing s set state = 'void' from head, given
    where s.deal_id = $2 and s.state = 'open'
        and not b -> 'signing' @> jsonb_build_array(jsonb_build_object('token_hash', s.token_hash))
)""",
    "owed": f"""
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
linked as (
    insert into door_link (token_hash, deal_id, request_id, step, round, person)
    select token_hash, deal_id, request_id, step, round, person
    from head, given, jsonb_populate_recordset(null::door_link, b -> 'links') on conflict do nothing
)""",
}


@cache
def write(*parts: str) -> str:
    """Return the statement that writes a batch with these parts; it says under which version, if nobody was faster."""
    return ",".join([_ALWAYS, *(_PARTS[part] for part in parts)]) + "\nselect version from head"
