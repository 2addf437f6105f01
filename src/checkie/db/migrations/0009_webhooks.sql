-- Merchants' webhooks: who wants to hear what, what was said, and each try of saying it.
create schema webhooks;

create table webhooks.endpoint (
  store int not null references stores.store (number),
  id uuid not null,
  url text not null,
  secret_sealed bytea not null,
  previous_sealed bytea,
  previous_until timestamptz,
  events text[] not null constraint endpoint_wants_something check (cardinality(events) > 0),
  schedule text not null constraint schedule_known check (schedule in ('standard', 'seed')),
  is_active boolean not null default true,
  disabled_reason text,
  created_at timestamptz not null,
  primary key (store, id),
  constraint previous_secret_ends check ((previous_sealed is null) = (previous_until is null)),
  constraint disabled_for_a_reason check (is_active = (disabled_reason is null))
);

-- An event is written only together with a delivery of it, and through that it refers to its store. Its body is text, not
-- jsonb: exactly these bytes are signed and sent.
create table webhooks.event (
  store int not null,
  id uuid not null,
  type text not null,
  body text not null,
  resource text not null,
  created_at timestamptz not null,
  primary key (store, id)
);

create table webhooks.delivery (
  store int not null,
  id uuid not null,
  event uuid not null,
  endpoint uuid not null,
  status text not null constraint delivery_status_known
    check (status in ('PENDING', 'RETRYING', 'DELIVERED', 'FAILED')),
  attempt_number int not null default 0,
  http_status int,
  response_body text,
  error text,
  scheduled_at timestamptz not null,
  attempted_at timestamptz,
  next_retry_at timestamptz,
  partition smallint not null,
  primary key (store, id),
  -- In this order it also serves the list of an endpoint's deliveries: event ids sort by time.
  constraint event_once_per_endpoint unique (store, endpoint, event),
  constraint due_until_it_ends check ((next_retry_at is null) = (status in ('DELIVERED', 'FAILED'))),
  foreign key (store, event) references webhooks.event (store, id),
  foreign key (store, endpoint) references webhooks.endpoint (store, id)
);
create index delivery_due on webhooks.delivery (next_retry_at) where status in ('PENDING', 'RETRYING');

grant usage on schema webhooks to checkie_app;
grant select, insert, update on webhooks.endpoint, webhooks.delivery to checkie_app;
grant select, insert on webhooks.event to checkie_app;
