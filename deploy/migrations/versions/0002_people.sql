-- Absences, changes of people and links by mail. Statements are separated by a blank line; 0002_people.py runs them.

alter table person
    add column calendar jsonb,
    add column notify jsonb default '{}' not null;

alter table request add column asks text[] default '{}' not null;

create index request_asks on request using gin (asks) where state = 'open';

create table absence (
    id text not null,
    person text not null,
    delegate text,
    starts timestamptz not null,
    ends timestamptz not null,
    zone text default 'UTC' not null,
    scope jsonb default '{}' not null,
    note text default '' not null,
    created_by text not null,
    created_at timestamptz default now() not null,
    ended_at timestamptz,
    primary key (id)
);

create index absence_of_person on absence (person, ends);

create index absence_of_delegate on absence (delegate, ends);

create table people_change (
    id text not null,
    due_at timestamptz not null,
    reason text default '' not null,
    people text[] default '{}' not null,
    keys text[] default '{}' not null,
    by text default '' not null,
    created_at timestamptz default now() not null,
    not_before timestamptz not null,
    looks integer default 0 not null,
    told text[] default '{}' not null,
    error text,
    done_at timestamptz,
    primary key (id)
);

create index people_change_due on people_change (not_before) where done_at is null;

create index people_change_newest on people_change (created_at desc, id);

create table door_link (
    token_hash text not null,
    deal_id text not null,
    request_id text not null,
    step text not null,
    round integer not null,
    person text not null,
    created_at timestamptz default now() not null,
    expires_at timestamptz,
    used_at timestamptz,
    primary key (token_hash)
);

create index door_link_of_request on door_link (request_id, person);

create index door_link_of_deal on door_link (deal_id);
