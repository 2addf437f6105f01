"""The migrated database keeps the design's rules for tables; each rule is shown to fail on a table that breaks it."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import checkie
from checkie.app.compose import CONSTRAINTS
from checkie.db import Database
from scripts.docs import schema

ROOT = Path(__file__).parents[2]
GLOBAL = {"db.lease", "db.migration", "db.owner", "outbox.position", "stores.store"}
SMALL = {"catalog.page", "ledger.account", "ledger.balance", "webhooks.endpoint"}
"""What a store has a handful of, however much it sells."""
APPEND_ONLY = {"db.migration", "ledger.account", "ledger.transfer", "outbox.event", "webhooks.event"}

TABLES = """
with relation as (
  select c.oid, format('%s.%s', n.nspname, c.relname) as name, n.nspname as module,
         format('%s.%s', n.nspname, c.relname) = any($1::text[]) as is_global
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname not in ('information_schema', 'pg_catalog') and n.nspname !~ '^pg_'
), key as (
  select i.indrelid, i.indexrelid::regclass::text as name, i.indisprimary,
         array(select a.attname::text from unnest(i.indkey) with ordinality k (number, place)
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number order by k.place) as columns
  from pg_index i where i.indisunique
), reference as (
  select k.conname as name, k.conrelid, k.confrelid,
         array(select format('%s=%s', a.attname, b.attname)
               from unnest(k.conkey, k.confkey) as pair (here, there)
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.here
               join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.there) as columns
  from pg_constraint k where k.contype = 'f'
)
"""
UNKEYED = """
select r.name from relation r left join key k on k.indrelid = r.oid and k.indisprimary
where not r.is_global and k.columns[1] is distinct from 'store' order by 1
"""
NOT_GLOBAL = """
select g from unnest($1::text[]) g left join relation r on r.name = g
left join key k on k.indrelid = r.oid and k.indisprimary and k.columns[1] = 'store'
where r.name is null or k.name is not null order by 1
"""
STORELESS_UNIQUE = """
select k.name from relation r join key k on k.indrelid = r.oid
where not r.is_global and not 'store' = any(k.columns) order by 1
"""
STORELESS_REFERENCE = """
select format('%s %s', r.name, f.name) from relation r join reference f on f.conrelid = r.oid
join relation target on target.oid = f.confrelid
where case when target.is_global then false else r.is_global or not 'store=store' = any(f.columns) end order by 1
"""
AVERAGED = """
select r.name from relation r join pg_attribute a on a.attrelid = r.oid and a.attname = 'store'
where not r.is_global and not coalesce('n_distinct=1' = any(a.attoptions), false) order by 1
"""
REFERENCES = """
select r.name, r.module, target.module as target from relation r join reference f on f.conrelid = r.oid
join relation target on target.oid = f.confrelid order by 1
"""
MODULES = "select distinct module from relation"
TRIGGERS = """
select format('%s %s', r.name, t.tgname) from relation r join pg_trigger t on t.tgrelid = r.oid
where not t.tgisinternal order by 1
"""
# To lock a row needs the right to update one column of it: `created_at`, which nothing is decided on.
CHANGEABLE = """
select format('%s %s', r.name, p) from relation r, unnest(array['update', 'delete', 'truncate']) p
where r.name = any($1::text[]) and has_table_privilege('checkie_app', r.oid, p)
or r.name = any($1::text[]) and p = 'update' and exists (
  select from pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and a.attname <> 'created_at'
    and has_column_privilege('checkie_app', r.oid, a.attnum, p)
) order by 1
"""
RULES = """
select k.conname::text from relation r join pg_constraint k on k.conrelid = r.oid
union select c.relname::text from relation r join pg_index i on i.indrelid = r.oid and i.indisunique
join pg_class c on c.oid = i.indexrelid
"""
OWNED = "select c.relname::text from pg_class c where c.relowner = 'checkie_app'::regrole"


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may change the schema; all of it is undone."""
    connection = await asyncpg.connect(owner_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("set local lock_timeout = '10s'")
    yield connection
    await transaction.rollback()
    await connection.close()


async def names(owner: asyncpg.Connection, query: str, given: set[str] = GLOBAL) -> list[str]:
    ground = "" if query == OWNED else TABLES
    return [row[0] for row in await owner.fetch(ground + query, *([sorted(given)] if ground else []))]


def rows() -> dict[str, int]:
    """The row of each module; the lowest row has the highest number."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    return {name.strip(" ()"): row for row, layer in enumerate(layers) for name in layer.split("|")}


async def upward(owner: asyncpg.Connection) -> list[str]:
    """References to a table of another module that is not below."""
    found = await owner.fetch(TABLES + REFERENCES, sorted(GLOBAL))
    height = rows()
    return [name for name, module, target in found if module != target and height[module] >= height[target]]


class TestEveryTable:
    async def test_is_keyed_by_store_or_listed_as_global(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, UNKEYED) == []

    async def test_that_grows_with_sales_is_planned_for_by_its_largest_store(self, owner: asyncpg.Connection) -> None:
        assert set(await names(owner, AVERAGED)) == SMALL
        await owner.execute('alter table orders."order" alter column store reset (n_distinct)')
        assert set(await names(owner, AVERAGED)) == SMALL | {"orders.order"}

    async def test_that_is_listed_as_global_exists_and_is(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, NOT_GLOBAL) == []

    async def test_has_the_store_in_each_unique_key(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, STORELESS_UNIQUE) == []

    async def test_refers_to_tenant_tables_with_the_store(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, STORELESS_REFERENCE) == []

    async def test_refers_only_to_modules_below(self, owner: asyncpg.Connection) -> None:
        assert await upward(owner) == []

    async def test_has_no_trigger(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, TRIGGERS) == []

    async def test_is_not_owned_by_the_app(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, OWNED) == []

    async def test_is_in_the_schema_of_a_module(self, owner: asyncpg.Connection) -> None:
        assert set(await names(owner, MODULES)) <= set(rows())

    async def test_that_only_grows_cannot_be_changed_by_the_app(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, CHANGEABLE, APPEND_ONLY) == []

    async def test_is_documented_as_it_is(self, db: Database) -> None:
        written = (ROOT / "docs" / "generated" / "schema.md").read_text()
        assert written == await schema.page(db), "run make docs"


class TestEveryRefusalOfAConstraint:
    async def test_is_of_one_that_exists(self, owner: asyncpg.Connection) -> None:
        assert CONSTRAINTS.keys() - set(await names(owner, RULES)) == set()
        await owner.execute("alter table stores.store drop constraint store_slug_taken")
        assert CONSTRAINTS.keys() - set(await names(owner, RULES)) == {"store_slug_taken"}

    async def test_is_known_to_the_database(self) -> None:
        modules = [importlib.import_module(found.name) for found in pkgutil.iter_modules(checkie.__path__, "checkie.")]
        declared = {name for module in modules for name in getattr(module, "CONSTRAINTS", ())}
        assert declared == CONSTRAINTS.keys()


class TestABreach:
    async def test_of_the_key_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute("create table orders.planted (id uuid primary key, store int)")
        assert await names(owner, UNKEYED) == ["orders.planted"]
        assert await names(owner, STORELESS_UNIQUE) == ["orders.planted_pkey"]

    async def test_of_having_any_key_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute("create table orders.planted (store int)")
        assert await names(owner, UNKEYED) == ["orders.planted"]

    async def test_of_the_global_list_is_found(self, owner: asyncpg.Connection) -> None:
        assert await names(owner, NOT_GLOBAL, {"orders.gone", "ledger.transfer"}) == ["ledger.transfer", "orders.gone"]

    async def test_of_a_unique_key_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute("create unique index planted on ledger.transfer (id)")
        assert await names(owner, STORELESS_UNIQUE) == ["ledger.planted"]

    async def test_of_a_reference_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute("create unique index planted on ledger.transfer (id)")
        await owner.execute("create table orders.planted (store int, id uuid references ledger.transfer (id))")
        assert await names(owner, STORELESS_REFERENCE) == ["orders.planted planted_id_fkey"]

    async def test_of_a_global_table_that_refers_to_a_tenants_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute(
            "alter table stores.store add foreign key (number, id) references ledger.transfer (store, id) not valid"
        )
        assert await names(owner, STORELESS_REFERENCE) == ["stores.store store_number_id_fkey"]

    async def test_of_the_rows_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute(
            "alter table ledger.delta add foreign key (store, transfer) references orders.order (store, id) not valid"
        )
        assert "ledger.delta" in await upward(owner)

    async def test_by_a_trigger_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute("create function planted() returns trigger language plpgsql as 'begin return new; end'")
        await owner.execute("create trigger planted before insert on ledger.delta execute function planted()")
        assert await names(owner, TRIGGERS) == ["ledger.delta planted"]

    async def test_by_an_owner_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute("grant create on schema orders to checkie_app")
        await owner.execute("set role checkie_app; create table orders.planted (store int); reset role")
        assert await names(owner, OWNED) == ["planted"]

    async def test_by_a_grant_is_found(self, owner: asyncpg.Connection) -> None:
        await owner.execute("grant delete on ledger.transfer to checkie_app")
        await owner.execute("grant update (kind) on ledger.account to checkie_app")
        assert await names(owner, CHANGEABLE, APPEND_ONLY) == ["ledger.account update", "ledger.transfer delete"]


class TestTheApp:
    @pytest.mark.parametrize(
        "statement",
        [
            "update ledger.transfer set amount_minor = 1",
            "delete from ledger.transfer",
            "truncate ledger.transfer",
            "update outbox.event set name = ''",
            "delete from outbox.event",
            "drop table ledger.transfer",
            "create table ledger.other (store int)",
        ],
    )
    async def test_cannot_rewrite_history(self, db: Database, statement: str) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(statement)
