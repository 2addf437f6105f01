create schema catalog;

create table catalog.page (
  store int not null references stores.store (number),
  id uuid not null,
  slug text not null,
  title text not null,
  description text not null default '',
  picture_url text,
  status text not null constraint page_status_known check (status in ('DRAFT', 'PUBLISHED', 'ARCHIVED')),
  pricing text not null constraint page_pricing_known check (pricing in ('FIXED', 'PAY_WHAT_YOU_WANT')),
  currency text not null,
  price_minor bigint not null,
  min_minor bigint not null,
  max_minor bigint not null,
  quantity_max int not null,
  provider text not null,
  session_expires_s int not null,
  session_abandoned_s int not null,
  success_url text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (store, id),
  constraint page_slug_taken unique (store, slug),
  constraint page_slug_plain check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  constraint page_prices_in_order check (0 < min_minor and min_minor <= price_minor and price_minor <= max_minor),
  constraint page_quantity_positive check (quantity_max between 1 and 999999),
  constraint page_expiry_within check (session_expires_s between 300 and 2592000),
  constraint page_abandonment_positive check (session_abandoned_s >= 60)
);

grant usage on schema catalog to checkie_app;
grant select, insert, update on catalog.page to checkie_app;
