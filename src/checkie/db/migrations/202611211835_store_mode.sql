-- A store is live or test. A live store has a test twin: a store of its own number with the same settings, and pages, keys and
-- data of its own. A test store may have no twin.
alter table stores.store drop constraint store_slug_plain,
  add constraint store_slug_plain check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(-test)?$'),
  add column mode text not null default 'live' constraint store_mode_known check (mode in ('live', 'test')),
  add column twin int constraint store_twin_once unique constraint store_twin_exists references stores.store (number);
alter table stores.store alter column mode drop default;

-- The simulator exists in test stores alone.
update stores.store set mode = 'test' where number in (select store from catalog.page where provider = 'simulator');

-- The slug of a twin is the store's and `-test`, with the store's number in between where that is taken already. Its id is as
-- `checkie.kernel.id` makes them.
do $$
declare
  live stores.store;
  twin_number int;
  twin_slug text;
begin
  for live in select * from stores.store where mode = 'live' order by number loop
    twin_number := nextval(pg_get_serial_sequence('stores.store', 'number'));
    twin_slug := live.slug || '-test';
    if exists (select from stores.store where slug = twin_slug) then
      twin_slug := left(live.slug, 50) || '-' || live.number || '-test';
    end if;
    insert into stores.store
      (number, id, slug, name, currency, locale, fee_bps, support_email, created_at, mode, twin)
    values (twin_number,
      (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0')
        || '8' || lpad(to_hex(twin_number % 4096), 3, '0')
        || to_hex((b'10' || twin_number::bit(32) || (random() * 1073741823)::int::bit(30))::bit(64)::bigint))::uuid,
      twin_slug, live.name, live.currency, live.locale, live.fee_bps, live.support_email, now(), 'test', live.number);
    update stores.store set twin = twin_number where number = live.number;
  end loop;
end $$;

alter table stores.store add constraint live_store_has_twin check (mode = 'test' or twin is not null);
