create schema customers;

create table customers.customer (
  store int not null,
  id uuid not null,
  email text not null,
  email_key text not null,
  seq int not null,
  created_at timestamptz not null,
  primary key (store, id),
  constraint customer_once_per_email unique (store, email_key)
);

grant usage on schema customers to checkie_app;
grant select, insert, update on customers.customer to checkie_app;
