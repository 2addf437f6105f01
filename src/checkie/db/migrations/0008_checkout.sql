create schema checkout;

-- No foreign key leads to the page: each new session would put a shared lock on the row that all sessions of a page have in
-- common. Pages are never deleted (no such grant).
create table checkout.session (
  store int not null,
  id uuid not null,
  page uuid not null,
  secret_hash bytea not null,
  status text not null,
  version int not null,
  email text,
  quote jsonb not null,
  total_minor bigint not null constraint session_total_positive check (total_minor > 0),
  currency text not null,
  provider text not null,
  fee_bps int not null,
  payment uuid,
  order_id uuid,
  attempt int not null default 0,
  return_url text not null,
  visitor jsonb not null,
  seq int not null default 0,
  partition smallint not null,
  abandoned_s int not null,
  due_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  abandoned_at timestamptz,
  primary key (store, id)
);
create index session_due on checkout.session (due_at) where due_at is not null;

grant usage on schema checkout to checkie_app;
grant select, insert, update on checkout.session to checkie_app;
