-- A row that was read is written on condition of its version: one token for every table that is written so.
alter table payments.payment add column version int not null default 1;
alter table payments.attempt add column version int not null default 1;
alter table orders."order" add column version int not null default 1;

-- Writes are sent in one statement with the number of rows that each must touch. Another number undoes them all.
create function db.assert_row_counts(as_expected boolean) returns void language plpgsql as $$
begin
  if not as_expected then
    raise exception 'write conflict: a row was changed since it was read' using errcode = 'serialization_failure';
  end if;
end $$;
grant execute on function db.assert_row_counts(boolean) to checkie_app;
drop function db.must(boolean);

-- A bounded debit locks its account, and PostgreSQL asks for the right to update one column of what is locked `for update`.
grant update (created_at) on ledger.account to checkie_app;
