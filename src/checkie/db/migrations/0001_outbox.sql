-- Leases share work between processes; events are written with the change they tell of, and read behind every open transaction.
create schema if not exists db;
create schema outbox;

create table db.lease (
  name text not null,
  partition smallint not null,
  owner text not null,
  until timestamptz not null,
  primary key (name, partition)
);

create table db.owner (
  name text not null,
  owner text not null,
  until timestamptz not null,
  primary key (name, owner)
);

create table outbox.event (
  store int not null,
  id uuid not null,
  aggregate uuid not null,
  seq int not null constraint seq_starts_at_one check (seq > 0),
  name text not null,
  body jsonb not null,
  at timestamptz not null,
  partition smallint not null,
  xid xid8 not null default pg_current_xact_id(),
  primary key (store, id),
  constraint seq_once_per_aggregate unique (store, aggregate, seq)
);
create index event_in_order on outbox.event (partition, xid, id);

create table outbox.position (
  consumer text not null,
  partition smallint not null,
  xid xid8 not null,
  event uuid not null,
  primary key (consumer, partition)
);

create table outbox.inbox (
  store int not null,
  consumer text not null,
  message text not null,
  at timestamptz not null,
  primary key (store, consumer, message)
);
create index inbox_by_age on outbox.inbox (at);

create table outbox.dead_letter (
  store int not null,
  consumer text not null,
  event uuid not null,
  error text not null,
  at timestamptz not null,
  primary key (store, consumer, event)
);

grant usage on schema db, outbox to checkie_app;
grant select, insert, update, delete on db.lease, db.owner to checkie_app;
grant select, insert on outbox.event to checkie_app;
grant select, insert, update on outbox.position to checkie_app;
grant select, insert, delete on outbox.inbox, outbox.dead_letter to checkie_app;
