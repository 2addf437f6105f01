-- Which version of its event's fields a body has. Readers bring older ones up to date.
alter table outbox.event add column version smallint not null default 1;
