-- A claim of a delivery is recorded on condition of its version, as every row that was read is written.
alter table webhooks.delivery add column version int not null default 1;

-- The schedule of six tries has a name that says what it does.
alter table webhooks.endpoint drop constraint schedule_known;
update webhooks.endpoint set schedule = 'exponential' where schedule = 'seed';
alter table webhooks.endpoint
  add constraint schedule_known check (schedule in ('standard', 'exponential'));
