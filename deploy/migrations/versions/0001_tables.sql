-- All tables of the first release. Statements are separated by a blank line; 0001_tables.py runs them in order.

create table connector_health (
    connector text not null,
    state text default 'ok' not null,
    since timestamptz not null,
    error text,
    checked_at timestamptz not null,
    primary key (connector),
    constraint state_is_known check (state in ('ok', 'down'))
);

create table content (
    sha256 text not null,
    media text not null,
    name text default '' not null,
    bytes bytea not null,
    created_at timestamptz default now() not null,
    primary key (sha256)
);

create table deal (
    id text not null,
    source text not null,
    source_id text not null,
    life integer default 1 not null,
    title text not null,
    account text default '' not null,
    owner text default '' not null,
    flow text not null,
    flow_version integer not null,
    flow_digest text not null,
    stage text default '' not null,
    status text default 'running' not null,
    amount numeric,
    currency text default 'USD' not null,
    discount numeric,
    margin numeric,
    waiting_on text[] default '{}' not null,
    waits jsonb default '[]' not null,
    path jsonb default '[]' not null,
    facts jsonb default '{}' not null,
    delivery jsonb,
    crm_url text default '' not null,
    seq bigint default 0 not null,
    opened_at timestamptz not null,
    changed_at timestamptz not null,
    stage_since timestamptz not null,
    ended_at timestamptz,
    incidents integer default 0 not null,
    primary key (id),
    constraint status_is_known check (status in ('running', 'hold', 'won', 'lost', 'cancelled', 'merged')),
    constraint deal_source_key unique (source, source_id, life)
);

create index deal_by_flow on deal (flow, changed_at desc, id desc);

create index deal_by_owner on deal (owner, changed_at desc, id desc);

create index deal_by_stage on deal (stage, changed_at desc, id desc);

create index deal_by_status on deal (status, changed_at desc, id desc);

create index deal_newest on deal (changed_at desc, id desc);

create index deal_waiting_on on deal using gin (waiting_on);

create index deal_with_incidents on deal (changed_at desc, id desc) where incidents > 0;

create table document (
    id text not null,
    deal_id text not null,
    name text not null,
    version integer not null,
    sha256_pdf text not null,
    sha256_html text default '' not null,
    template text not null,
    template_hash text not null,
    at timestamptz not null,
    primary key (id)
);

create index document_of_deal on document (deal_id, name, version);

create table effect (
    key text not null,
    deal_id text not null,
    step text not null,
    revision integer not null,
    operation text default 'do' not null,
    system text not null,
    connector text not null,
    duplicate_safety text not null,
    state text default 'intended' not null,
    body_hash text not null,
    external_id text,
    external_url text,
    lease_until timestamptz,
    lease_token text,
    attempts integer default 0 not null,
    error text,
    evidence text,
    settled_by text,
    intended_at timestamptz default now() not null,
    sent_at timestamptz,
    confirmed_at timestamptz,
    primary key (key),
    constraint operation_is_known check (operation in ('do', 'amend', 'undo')),
    constraint state_is_known check (state in ('intended', 'confirmed', 'refused', 'unknown', 'void')),
    constraint duplicate_safety_is_known check (duplicate_safety in ('A', 'B', 'C', 'D', 'E'))
);

create index effect_of_deal on effect (deal_id, intended_at);

create unique index effect_in_flight on effect (deal_id, step) where state in ('intended', 'unknown');

create index effect_of_step on effect (deal_id, step, revision);

create index effect_unsettled on effect (system, intended_at) where state in ('intended', 'unknown');

create table flow_version (
    digest text not null,
    name text not null,
    version integer not null,
    definition jsonb not null,
    source_path text default '' not null,
    first_seen_at timestamptz default now() not null,
    primary key (digest)
);

create index flow_version_by_name on flow_version (name, version);

create table idempotency (
    key text not null,
    route text not null,
    body_hash text not null,
    response jsonb,
    status integer not null,
    at timestamptz default now() not null,
    person text not null,
    primary key (key)
);

create index idempotency_at on idempotency (at);

create table inbound_counter (
    source text not null,
    what text not null,
    count bigint default 0 not null,
    primary key (source, what)
);

create table inbound_event (
    id bigint generated always as identity,
    source text not null,
    event_key text not null,
    kind text not null,
    object_id text not null,
    occurred_at timestamptz not null,
    received_at timestamptz default now() not null,
    raw bytea not null,
    state text default 'stored' not null,
    reason text,
    tries integer default 0 not null,
    not_before timestamptz default now() not null,
    lease_until timestamptz,
    lease_token text,
    deal_id text,
    primary key (id),
    constraint state_is_known check (state in ('stored', 'relayed', 'ignored', 'failed', 'rejected')),
    constraint inbound_event_key unique (source, event_key)
);

create index inbound_newest on inbound_event (received_at desc, id desc);

create index inbound_of_deal on inbound_event (deal_id, occurred_at);

create index inbound_queue on inbound_event (source, object_id, occurred_at, id) where state = 'stored';

create index inbound_ready on inbound_event (not_before, id) where state = 'stored';

create table journal (
    deal_id text not null,
    position bigint not null,
    seq bigint,
    at timestamptz not null,
    who text not null,
    kind text not null,
    step text,
    round integer,
    edition integer,
    revision integer,
    text text not null,
    body jsonb default '{}' not null,
    because bigint,
    prev_hash text not null,
    hash text not null,
    id bigint generated always as identity,
    txid xid8 default pg_current_xact_id() not null,
    primary key (deal_id, position),
    constraint journal_id_key unique (id)
);

create index journal_feed on journal (txid, id);

create unique index journal_seq_key on journal (deal_id, seq) where seq is not null;

create table journal_head (
    deal_id text not null,
    position bigint default 0 not null,
    hash text default '' not null,
    primary key (deal_id)
);

create table onboarding (
    id text not null,
    deal_id text not null,
    account text not null,
    title text not null,
    manager text default '' not null,
    phase text default '' not null,
    state text default 'running' not null,
    promised_go_live date,
    forecast_go_live date,
    tasks_total integer default 0 not null,
    tasks_done integer default 0 not null,
    blocked integer default 0 not null,
    risk text,
    since timestamptz not null,
    seq bigint default 0 not null,
    primary key (id),
    constraint state_is_known check (state in ('running', 'done'))
);

create index onboarding_by_forecast on onboarding (state, forecast_go_live, id);

create index onboarding_by_manager on onboarding (manager, state, forecast_go_live);

create index onboarding_of_deal on onboarding (deal_id);

create table onboarding_task (
    onboarding_id text not null,
    task text not null,
    name text not null,
    phase text default '' not null,
    owner text default '' not null,
    side text default 'us' not null,
    state text default 'waiting' not null,
    after text[] default '{}' not null,
    start date,
    due date,
    baseline_due date,
    done_at timestamptz,
    blocked_reason text,
    blocked_side text,
    external_id text,
    external_url text,
    seq bigint default 0 not null,
    primary key (onboarding_id, task),
    constraint state_is_known check (state in ('waiting', 'ready', 'started', 'blocked', 'done')),
    constraint side_is_known check (side in ('us', 'customer', 'vendor'))
);

create index onboarding_task_by_owner on onboarding_task (owner, due) where state <> 'done';

create table outbound (
    id text not null,
    number bigint generated always as identity,
    kind text not null,
    deal_id text not null,
    person text,
    body jsonb default '{}' not null,
    state text default 'waiting' not null,
    tries integer default 0 not null,
    not_before timestamptz default now() not null,
    lease_until timestamptz,
    lease_token text,
    error text,
    created_at timestamptz default now() not null,
    sent_at timestamptz,
    primary key (id),
    constraint kind_is_known check (kind in ('mail', 'slack', 'crm')),
    constraint state_is_known check (state in ('waiting', 'sent', 'unknown', 'refused'))
);

create index outbound_of_deal on outbound (deal_id, number);

create index outbound_queue on outbound (not_before, number) where state = 'waiting';

create index outbound_stuck on outbound (created_at) where state in ('unknown', 'refused');

create table person (
    id text not null,
    name text not null,
    email text not null,
    title text default '' not null,
    roles text[] default '{}' not null,
    manager text,
    zone text default 'UTC' not null,
    country text default 'US' not null,
    slack text,
    active boolean default true not null,
    primary key (id)
);

create index person_email on person (email);

create index person_roles on person using gin (roles);

create table request (
    id text not null,
    deal_id text not null,
    step text not null,
    round integer default 1 not null,
    edition integer default 1 not null,
    kind text not null,
    title text not null,
    reason text default '' not null,
    people text[] default '{}' not null,
    who text default '' not null,
    state text default 'open' not null,
    outcome text,
    answered_by text,
    opened_at timestamptz not null,
    due_at timestamptz,
    escalates_at timestamptz,
    escalates_to text,
    stopped boolean default false not null,
    body jsonb default '{}' not null,
    seq bigint default 0 not null,
    closed_at timestamptz,
    primary key (id),
    constraint kind_is_known check (kind in ('approval', 'task', 'handoff', 'signature', 'wait', 'revise', 'question', 'incident')),
    constraint state_is_known check (state in ('open', 'closed'))
);

create index request_answered_by on request (answered_by, closed_at desc) where state = 'closed';

create index request_due on request (due_at, id) where state = 'open';

create index request_inbox on request using gin (people) where state = 'open';

create index request_of_deal on request (deal_id, opened_at);

create table signing (
    token_hash text not null,
    deal_id text not null,
    step text not null,
    round integer not null,
    document_sha256 text not null,
    signer_name text not null,
    signer_email text not null,
    state text default 'open' not null,
    opened_at timestamptz not null,
    expires_at timestamptz,
    signed_at timestamptz,
    evidence jsonb default '{}' not null,
    primary key (token_hash),
    constraint state_is_known check (state in ('open', 'used', 'void'))
);

create index signing_of_deal on signing (deal_id, step, round);
