-- A payment collects for an order. A session is where it may have come from; a renewal or an API call has none.
alter table payments.payment alter column session drop not null, drop constraint payment_once_per_session;

-- An order may have several payments, one of them alive at a time. A payment is alive while an attempt of it is at work:
--   PENDING, REQUIRES_ACTION, PROCESSING: alive. This includes an attempt whose provider is silent (UNKNOWN).
--   FAILED with attempts left, CANCELLED: not alive. Nobody can pay them now, so they do not keep the order from being paid
--     in another way. A retry makes them PENDING, which is refused while another payment of the order is alive.
--   FAILED for good: not alive, and never again.
--   SUCCEEDED and what follows: not alive. A late success of a FAILED or CANCELLED payment must be booked even while another
--     payment of its order is alive, so success must never violate this. Whether a paid order is to be paid again is for
--     the caller of `begin` to decide.
-- Only `begin` and `retry` make a payment alive, so only they can violate it.
create unique index one_live_payment_per_order on payments.payment (order_id, store)
  where status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING');

alter table payments.attempt rename column asks to checks;
alter table payments.attempt rename column ask_at to next_check_at;
alter index payments.attempt_to_ask rename to attempt_to_check;

-- Refunds and disputes that begin at the provider name the payment by the provider's reference, and nothing else.
create index attempt_by_reference on payments.attempt (provider_reference, provider)
  where status in ('SUCCEEDED', 'INTEGRITY_FAILURE');

-- `is_booked`: the refunded total of the attempt includes it, and the ledger with it. Refunds are booked by that total, which
-- providers repeat and reorder without harm; a refund without `provider_reference` was seen in the total alone.
create table payments.refund (
  store int not null,
  id uuid not null,
  payment uuid not null,
  attempt uuid not null,
  amount_minor bigint not null constraint refund_positive check (amount_minor > 0),
  currency text not null,
  status text not null
    constraint refund_status_known check (status in ('PENDING', 'PROCESSING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  reason text,
  provider_reference text,
  is_booked boolean not null,
  seq int not null,
  version int not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (store, id),
  constraint refund_once_per_reference unique (attempt, provider_reference, store),
  foreign key (store, payment) references payments.payment (store, id),
  foreign key (store, attempt) references payments.attempt (store, id)
);

-- A dispute books nothing yet.
create table payments.dispute (
  store int not null,
  id uuid not null,
  payment uuid not null,
  attempt uuid not null,
  amount_minor bigint not null constraint dispute_positive check (amount_minor > 0),
  currency text not null,
  status text not null
    constraint dispute_status_known check (status in ('WARNING_NEEDS_RESPONSE', 'WARNING_UNDER_REVIEW', 'WARNING_CLOSED',
      'NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST', 'PREVENTED')),
  reason text,
  provider_reference text not null,
  seq int not null,
  version int not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (store, id),
  constraint dispute_once_per_reference unique (attempt, provider_reference, store),
  foreign key (store, payment) references payments.payment (store, id),
  foreign key (store, attempt) references payments.attempt (store, id)
);

alter table payments.refund alter column store set (n_distinct = 1);
alter table payments.dispute alter column store set (n_distinct = 1);
grant select, insert, update on payments.refund, payments.dispute to checkie_app;

-- What was refunded before there were refunds: one for each attempt, of its total. The ids are as `checkie.kernel.id` makes them.
insert into payments.refund
  (store, id, payment, attempt, amount_minor, currency, status, is_booked, seq, created_at, updated_at)
select store,
  (lpad(to_hex((extract(epoch from updated_at) * 1000)::bigint), 12, '0')
    || '8' || lpad(to_hex((row_number() over () % 4096)::int), 3, '0')
    || to_hex((b'10' || store::bit(32) || (random() * 1073741823)::int::bit(30))::bit(64)::bigint))::uuid,
  payment, id, refunded_minor, currency, 'SUCCEEDED', true, 0, updated_at, updated_at
from payments.attempt where refunded_minor > 0;
