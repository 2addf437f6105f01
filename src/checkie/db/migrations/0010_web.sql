create schema web;

create table web.idempotency_key (
  store int not null,
  key text not null,
  endpoint text not null,
  request_hash bytea not null,
  locked_until timestamptz not null,
  response_status smallint,
  response_sealed bytea,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (store, endpoint, key)
);
create index idempotency_key_by_expiry on web.idempotency_key (expires_at);

grant usage on schema web to checkie_app;
grant select, insert, update, delete on web.idempotency_key to checkie_app;
