-- The simulator's SQLite file.
create table if not exists intent (
    seq integer primary key,
    id text not null,
    key text not null unique,
    client_secret text not null,
    created_at real not null,
    amount integer, currency text, description text, return_url text, email text, metadata text, fingerprint text,
    status text not null,
    brand text, last4 text,
    three_d_secure text,
    declines_after_challenge text,
    failure text,
    charged integer not null,
    amount_received integer not null,
    currency_received text,
    refunded integer not null,
    faults text not null,
    later_at real
);
create index if not exists intent_later on intent (later_at) where later_at is not null;
create table if not exists event (
    seq integer primary key,
    id text not null,
    intent_seq integer not null references intent,
    name text not null,
    body text not null,
    created_at real not null,
    due_at real,
    tries integer not null default 0,
    copies integer not null,
    held integer not null,
    releases integer not null,
    delivered_at real
);
create index if not exists event_due on event (due_at) where due_at is not null;
create index if not exists event_held on event (intent_seq) where held;
create table if not exists refund (
    key text primary key, intent_seq integer not null references intent, amount integer not null
);
create table if not exists fault (
    seq integer primary key, fault text not null, left integer, match text not null, params text not null
);
