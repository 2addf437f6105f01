create schema payments;

-- `session` and `order_id` belong to modules above this one, so no foreign key leads there.
create table payments.payment (
  store int not null,
  id uuid not null,
  session uuid not null,
  order_id uuid not null,
  amount_minor bigint not null constraint payment_positive check (amount_minor > 0),
  currency text not null,
  fee_bps int not null,
  status text not null,
  attempts int not null constraint attempts_bounded check (attempts between 1 and 20),
  failures int not null constraint failures_within_three check (failures between 0 and 3),
  refunded_minor bigint not null default 0,
  failure_code text,
  failure_message text,
  seq int not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  succeeded_at timestamptz,
  primary key (store, id),
  constraint payment_once_per_session unique (store, session),
  constraint refund_within_captured check (refunded_minor between 0 and amount_minor)
);

create table payments.attempt (
  store int not null,
  id uuid not null,
  payment uuid not null,
  number int not null,
  amount_minor bigint not null constraint attempt_positive check (amount_minor > 0),
  currency text not null,
  provider text not null,
  provider_reference text,
  status text not null,
  is_applied boolean not null default false,
  refunded_minor bigint not null default 0,
  failure_code text,
  failure_message text,
  requires_3ds boolean not null default false,
  three_ds_status text,
  provider_response jsonb not null default '{}',
  asks int not null default 0,
  ask_at timestamptz,
  partition smallint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (store, id),
  constraint attempt_number_once unique (store, payment, number),
  foreign key (store, payment) references payments.payment (store, id)
);
create unique index one_live_attempt on payments.attempt (store, payment)
  where status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'UNKNOWN');
create index attempt_to_ask on payments.attempt (ask_at) where ask_at is not null;

grant usage on schema payments to checkie_app;
grant select, insert, update on payments.payment, payments.attempt to checkie_app;
