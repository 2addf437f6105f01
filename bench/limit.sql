-- The least work that a checkout can be for PostgreSQL: the rows that Checkie writes, in one transaction for each step that has to
-- be durable before a network call. Five statements, each a transaction of its own; ids grow with time, as ours do.
\set turn :turn + 1
\set number :run * 1000000000 + :turn * 1000 + :client_id

-- 1. The page is opened.
insert into checkout.session (store, id, page, secret_hash, status, version, quote, total_minor, currency, provider, fee_bps,
  return_url, visitor, partition, abandoned_s, due_at, expires_at, created_at, updated_at)
values (1, bench.id(:number, 1), bench.id(0, 1), sha256(bench.id(:number, 1)::text::bytea), 'OPEN', 1,
  '{"title": "Field Notes: a pocket guide to calm software", "unit_minor": 2500, "quantity": 1, "pricing": "FIXED", "min_minor": 2500, "max_minor": 2500, "quantity_max": 10}',
  2500, 'USD', 'simulator', 290, 'http://127.0.0.1:8000/demo/field-notes/ses_00000000000000000000000000',
  '{"ip": "127.0.0.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) checkie-bench"}',
  :number::bigint % 16, 21600, now() + interval '1 day', now() + interval '1 day', now(), now());

-- 2. The buyer enters an email address and pays: everything before the call to the provider.
with asked as (
  insert into web.idempotency_key (store, key, endpoint, request_hash, locked_until, response_status, response_sealed,
    created_at, expires_at)
  values (1, bench.id(:number, 1)::text, 'checkout', sha256(bench.id(:number, 1)::text::bytea), now() + interval '15 s', 200,
    convert_to(repeat('s', 720), 'UTF8'), now(), now() + interval '2 days')
), met as (
  insert into customers.customer (store, id, email, email_key, seq, created_at)
  values (1, bench.id(:number, 2), 'buyer-' || :number::bigint || '@example.com', 'buyer-' || :number::bigint || '@example.com', 1, now())
), paying as (
  update checkout.session set email = 'buyer-' || :number::bigint || '@example.com', status = 'PROCESSING', version = 3,
    payment = bench.id(:number, 3), order_id = bench.id(:number, 4), attempt = 1, updated_at = now()
  where store = 1 and id = bench.id(:number, 1)
), placed as (
  insert into orders."order" (store, id, session, customer, payment, email, status, quote, total_minor, currency, seq,
    created_at, updated_at)
  values (1, bench.id(:number, 4), bench.id(:number, 1), bench.id(:number, 2), bench.id(:number, 3),
    'buyer-' || :number::bigint || '@example.com', 'PENDING',
    '{"title": "Field Notes: a pocket guide to calm software", "unit_minor": 2500, "quantity": 1, "pricing": "FIXED", "min_minor": 2500, "max_minor": 2500, "quantity_max": 10}',
    2500, 'USD', 1, now(), now())
), intended as (
  insert into payments.payment (store, id, session, order_id, amount_minor, currency, fee_bps, status, attempts, failures, seq,
    created_at, updated_at)
  values (1, bench.id(:number, 3), bench.id(:number, 1), bench.id(:number, 4), 2500, 'USD', 290, 'PENDING', 1, 0, 1, now(), now())
), tried as (
  insert into payments.attempt (store, id, payment, number, amount_minor, currency, provider, status, next_check_at, partition,
    created_at, updated_at)
  values (1, bench.id(:number, 5), bench.id(:number, 3), 1, 2500, 'USD', 'simulator', 'PENDING', now() + interval '5 s',
    :number::bigint % 16, now(), now())
)
insert into outbox.event (store, id, aggregate, seq, name, body, at, partition)
select 1, id, aggregate, 1, name, body::jsonb, now(), :number::bigint % 16 from (values
  (bench.id(:number, 6), bench.id(:number, 2), 'customer.created',
    '{"email": "buyer-0000-0000@example.com", "customer": "cus_00000000000000000000000000"}'),
  (bench.id(:number, 7), bench.id(:number, 4), 'order.created',
    '{"order": "ord_00000000000000000000000000", "session": "ses_00000000000000000000000000", "payment": "pay_00000000000000000000000000", "total": 2500, "currency": "USD"}'),
  (bench.id(:number, 8), bench.id(:number, 3), 'payment.created',
    '{"payment": "pay_00000000000000000000000000", "session": "ses_00000000000000000000000000", "order": "ord_00000000000000000000000000", "amount": 2500, "currency": "USD", "attempt": "att_00000000000000000000000000", "attempt_number": 1, "provider": "simulator"}')
) as e (id, aggregate, name, body);

-- 3. The provider reports success.
with seen as (
  insert into outbox.inbox (store, consumer, message, at) values (1, 'provider.simulator', 'sev_' || :number::bigint, now())
), tried as (
  update payments.attempt set provider_reference = 'sim_' || :number::bigint, status = 'SUCCEEDED', is_applied = true, next_check_at = null,
    provider_response = '{"brand": "visa", "last4": "4242"}', updated_at = now()
  where store = 1 and id = bench.id(:number, 5)
), paid as (
  update payments.payment set status = 'SUCCEEDED', seq = 2, updated_at = now(), succeeded_at = now()
  where store = 1 and id = bench.id(:number, 3)
), moved as (
  insert into ledger.transfer (store, id, kind, source, target, amount_minor, currency, subject, key, at)
  values
    (1, bench.id(:number, 9), 'payment', bench.id(0, 1), bench.id(0, 2), 2500, 'USD', bench.id(:number, 3), 'att_0000000000000000' || :number::bigint || '.payment', now()),
    (1, bench.id(:number, 10), 'fee', bench.id(0, 2), bench.id(0, 3), 73, 'USD', bench.id(:number, 3), 'att_0000000000000000' || :number::bigint || '.fee', now())
), sides as (
  insert into ledger.delta (store, transfer, account, amount_minor)
  values (1, bench.id(:number, 9), bench.id(0, 1), -2500), (1, bench.id(:number, 9), bench.id(0, 2), 2500),
    (1, bench.id(:number, 10), bench.id(0, 2), -73), (1, bench.id(:number, 10), bench.id(0, 3), 73)
)
insert into outbox.event (store, id, aggregate, seq, name, body, at, partition)
values (1, bench.id(:number, 11), bench.id(:number, 3), 2, 'payment.completed',
  '{"payment": "pay_00000000000000000000000000", "session": "ses_00000000000000000000000000", "order": "ord_00000000000000000000000000", "amount": 2500, "currency": "USD", "attempt": "att_00000000000000000000000000", "attempt_number": 1, "provider": "simulator", "fee": 73, "net": 2427, "provider_reference": "sim_0000000000000000"}',
  now(), :number::bigint % 16);

-- 4. Session and order are completed, and two webhooks are queued for the merchant.
with seen as (
  insert into outbox.inbox (store, consumer, message, at)
  values (1, 'progress', bench.id(:number, 11)::text, now()), (1, 'merchants', bench.id(:number, 6)::text, now()),
    (1, 'merchants', bench.id(:number, 11)::text, now())
), completed as (
  update checkout.session set status = 'COMPLETED', version = 4, seq = 1, due_at = null, updated_at = now(), completed_at = now()
  where store = 1 and id = bench.id(:number, 1)
), fulfilled as (
  update orders."order" set status = 'COMPLETED', seq = 2, updated_at = now(), completed_at = now()
  where store = 1 and id = bench.id(:number, 4)
), said as (
  insert into webhooks.event (store, id, type, body, resource, created_at)
  values
    (1, bench.id(:number, 6), 'customer.created', repeat('b', 250), 'cus_00000000000000000000000000', now()),
    (1, bench.id(:number, 11), 'payment.completed', repeat('b', 560), 'pay_00000000000000000000000000', now())
), due as (
  insert into webhooks.delivery (store, id, event, endpoint, partition, status, scheduled_at, next_retry_at)
  values (1, bench.id(:number, 12), bench.id(:number, 6), bench.id(0, 1), :number::bigint % 16, 'PENDING', now(), now()),
    (1, bench.id(:number, 13), bench.id(:number, 11), bench.id(0, 1), :number::bigint % 16, 'PENDING', now(), now())
)
insert into outbox.event (store, id, aggregate, seq, name, body, at, partition)
select 1, id, aggregate, seq, name, body::jsonb, now(), :number::bigint % 16 from (values
  (bench.id(:number, 14), bench.id(:number, 1), 1, 'session.completed',
    '{"session": "ses_00000000000000000000000000", "page": "pag_00000000000000000000000000", "payment": "pay_00000000000000000000000000", "order": "ord_00000000000000000000000000", "email": "buyer-0000-0000@example.com"}'),
  (bench.id(:number, 15), bench.id(:number, 4), 2, 'order.completed',
    '{"order": "ord_00000000000000000000000000", "session": "ses_00000000000000000000000000", "payment": "pay_00000000000000000000000000", "total": 2500, "currency": "USD"}')
) as e (id, aggregate, seq, name, body);

-- 5. The merchant's server received both.
update webhooks.delivery set status = 'DELIVERED', attempt_number = 1, attempted_at = now(), next_retry_at = null,
  http_status = 200, response_body = '{"received": true}'
where store = 1 and id in (bench.id(:number, 12), bench.id(:number, 13));
