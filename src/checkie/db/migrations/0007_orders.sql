create schema orders;

create table orders."order" (
  store int not null,
  id uuid not null,
  session uuid not null,
  customer uuid not null,
  payment uuid not null,
  email text not null,
  status text not null,
  quote jsonb not null,
  total_minor bigint not null constraint order_total_positive check (total_minor > 0),
  currency text not null,
  seq int not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  primary key (store, id),
  constraint order_once_per_session unique (store, session)
);

grant usage on schema orders to checkie_app;
grant select, insert, update on orders."order" to checkie_app;
