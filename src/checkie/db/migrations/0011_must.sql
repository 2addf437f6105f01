-- Writes that were decided on what was read before are sent in one statement with what must still hold. Where it does not,
-- somebody else was quicker, and this undoes the statement: the caller reads again and decides anew.
create function db.must(held boolean) returns void language plpgsql as $$
begin
  if not held then
    raise exception 'overtaken: a row is not as it was read' using errcode = 'serialization_failure';
  end if;
end $$;
grant execute on function db.must(boolean) to checkie_app;
