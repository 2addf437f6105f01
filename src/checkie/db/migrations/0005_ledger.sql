-- A transfer is one row with two sides, so it cannot be unbalanced; entries are its two sides, seen as a view.
-- No foreign key leads from a transfer to its accounts: each insert would put a shared lock on the three account rows that all
-- sales of a store have in common. Accounts cannot be deleted (no such grant), and `checkie doctor` looks for orphans.
-- Deltas are the credits and debits that `balance` has not folded in yet: appended without a lock, deleted as they are folded.
create schema ledger;

create table ledger.account (
  store int not null,
  id uuid not null,
  kind text not null constraint account_kind_known check (kind in ('CLEARING', 'MERCHANT', 'FEES', 'UNAPPLIED')),
  owner text not null default '',
  currency text not null,
  created_at timestamptz not null,
  primary key (store, id),
  constraint account_once unique (store, kind, owner, currency)
);

create table ledger.transfer (
  store int not null,
  id uuid not null,
  kind text not null,
  source uuid not null,
  target uuid not null,
  amount_minor bigint not null constraint transfer_positive check (amount_minor > 0),
  currency text not null,
  subject uuid not null,
  key text not null,
  at timestamptz not null,
  primary key (store, id),
  constraint transfer_once unique (store, key),
  constraint transfer_between_two check (source <> target)
);
create index transfer_by_subject on ledger.transfer (store, subject);
create index transfer_by_source on ledger.transfer (store, source, id);
create index transfer_by_target on ledger.transfer (store, target, id);

create view ledger.entry with (security_invoker = true) as
  select store, id as transfer, source as account, -amount_minor as amount_minor, currency, kind, subject, at from ledger.transfer
  union all
  select store, id as transfer, target as account, amount_minor, currency, kind, subject, at from ledger.transfer;

create table ledger.delta (
  store int not null,
  transfer uuid not null,
  account uuid not null,
  amount_minor bigint not null,
  primary key (store, transfer, account)
);

create table ledger.balance (
  store int not null,
  account uuid not null,
  posted_minor bigint not null,
  version int not null,
  updated_at timestamptz not null,
  primary key (store, account),
  foreign key (store, account) references ledger.account (store, id)
);

grant usage on schema ledger to checkie_app;
grant select, insert on ledger.account, ledger.transfer to checkie_app;
grant select on ledger.entry to checkie_app;
-- `for update` on the rows to fold needs the right to update them
grant select, insert, update, delete on ledger.delta to checkie_app;
grant select, insert, update on ledger.balance to checkie_app;
