-- One store may have a thousand times the sales of the others, but plans are made for any store. A planner that goes by the
-- average believes that a store has few rows, and rather than look up ten keys it would look through the store. So it is told
-- that there is one store: it reckons with the largest it has seen.
alter table outbox.event alter column store set (n_distinct = 1);
alter table outbox.inbox alter column store set (n_distinct = 1);
alter table outbox.dead_letter alter column store set (n_distinct = 1);
alter table web.idempotency_key alter column store set (n_distinct = 1);
alter table customers.customer alter column store set (n_distinct = 1);
alter table ledger.transfer alter column store set (n_distinct = 1);
alter table ledger.delta alter column store set (n_distinct = 1);
alter table payments.payment alter column store set (n_distinct = 1);
alter table payments.attempt alter column store set (n_distinct = 1);
alter table orders."order" alter column store set (n_distinct = 1);
alter table checkout.session alter column store set (n_distinct = 1);
alter table webhooks.event alter column store set (n_distinct = 1);
alter table webhooks.delivery alter column store set (n_distinct = 1);

-- Of a new table it knows nothing, and every index that begins with `store` is as good to it as the key. So the others begin
-- with what is looked for, but for those that give a list its order: ids are unique by themselves.
alter table outbox.event drop constraint seq_once_per_aggregate,
  add constraint seq_once_per_aggregate unique (aggregate, seq, store);
alter table customers.customer drop constraint customer_once_per_email,
  add constraint customer_once_per_email unique (email_key, store);
alter table ledger.transfer drop constraint transfer_once, add constraint transfer_once unique (key, store);
drop index ledger.transfer_by_subject;
create index transfer_by_subject on ledger.transfer (subject, store);
alter table payments.payment drop constraint payment_once_per_session,
  add constraint payment_once_per_session unique (session, store);
alter table payments.attempt drop constraint attempt_number_once,
  add constraint attempt_number_once unique (payment, number, store);
drop index payments.one_live_attempt;
create unique index one_live_attempt on payments.attempt (payment, store)
  where status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'UNKNOWN');
alter table orders."order" drop constraint order_once_per_session,
  add constraint order_once_per_session unique (session, store);
alter table webhooks.delivery drop constraint event_once_per_endpoint,
  add constraint event_once_per_endpoint unique (endpoint, event, store);
