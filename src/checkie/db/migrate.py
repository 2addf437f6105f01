"""Migrations: SQL files numbered by the time of their writing (yyyymmddhhmm), applied in order, forward only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import asyncpg

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_NAME: Final = re.compile(r"(\d{4}|\d{12})_[a-z0-9_]+\.sql")  # four digits: before numbers were times
_LOCK: Final = "select pg_advisory_lock(3131961357)"  # one number for all who migrate; ends with the connection
_DONE: Final = "insert into db.migration values ($1, $2, $3)"
_GROUND: Final = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'checkie_app') then create role checkie_app login; end if;
exception when duplicate_object or unique_violation then null; end $$;  -- made meanwhile, for another database
create schema if not exists db;
create table if not exists db.migration (
    number bigint primary key, name text not null, checksum text not null,
    applied_at timestamptz not null default now());
alter table db.migration alter column number type bigint;
grant usage on schema db to checkie_app; grant select on db.migration to checkie_app;
"""


class MigrationError(Exception):
    """A migration cannot be applied, or the files differ from those that were applied. The message names it."""


class _Migration(NamedTuple):
    number: int
    name: str
    checksum: str
    sql: str


async def migrate(owner_url: str, folder: Path = MIGRATIONS, *, create: bool = True) -> list[str]:
    """Bring the database up to date; the names of what was applied. Safe to run concurrently.

    `create`: create the database if it is missing. The role `checkie_app` is created if it is. A file is a transaction.
    MigrationError if one fails; before any is applied if one is misnamed, missing, doubled or changed since applied.
    Two that were written side by side may land in either order: whatever is missing is applied, the oldest first.
    """
    migrations = _read(folder)
    if create:
        await _create_database(owner_url)
    async with _connected(owner_url) as connection:
        await connection.execute(_LOCK)
        await connection.execute(_GROUND)
        todo = await _missing(connection, migrations)
        for number, name, checksum, sql in todo:
            try:
                async with connection.transaction():
                    await connection.execute(sql)
                    await connection.execute(_DONE, number, name, checksum)
            except asyncpg.PostgresError as error:
                raise MigrationError(f"{name}: {error}") from error
        return [migration.name for migration in todo]


async def pending(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """The names of the migrations that are not applied yet. The application's role suffices.

    Migrations that the database has beyond these files are a newer release's and are not reported.
    """
    async with _connected(url) as connection:
        applied: set[str] = set()
        if await connection.fetchval("select to_regclass('db.migration')") is not None:
            applied = {row["name"] for row in await connection.fetch("select name from db.migration")}
    return [migration.name for migration in _read(folder) if migration.name not in applied]


def _read(folder: Path) -> Sequence[_Migration]:
    found: dict[int, _Migration] = {}
    for path in folder.glob("*.sql"):
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise MigrationError(f"{path.name} is misnamed: a migration is called yyyymmddhhmm_what_it_does.sql")
        number, body = int(name[1]), path.read_bytes()
        if number in found:
            raise MigrationError(f"{path.name} and {found[number].name}.sql have the same number")
        found[number] = _Migration(number, path.stem, hashlib.sha256(body).hexdigest(), body.decode())
    return [found[number] for number in sorted(found)]


async def _missing(connection: asyncpg.Connection, migrations: Sequence[_Migration]) -> Sequence[_Migration]:
    if await connection.fetchval("select to_regclass('db.migration')") is None:
        return migrations
    known = {(migration.name, migration.checksum) for migration in migrations}
    applied = await connection.fetch("select name, checksum from db.migration order by number")
    if other := [row["name"] for row in applied if tuple(row) not in known]:
        raise MigrationError(f"{', '.join(other)}: applied before, but changed (write a new one) or missing here")
    done = {row["name"] for row in applied}
    return [migration for migration in migrations if migration.name not in done]


async def _create_database(owner_url: str) -> None:
    name = unquote(urlsplit(owner_url).path.removeprefix("/"))
    async with _connected(owner_url, database="postgres") as connection:
        await connection.execute(_LOCK)
        if not await connection.fetchval("select true from pg_database where datname = $1", name):
            await connection.execute('create database "{}"'.format(name.replace('"', '""')))


@asynccontextmanager
async def _connected(url: str, database: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, database=database)
    try:
        yield connection
    finally:
        await connection.close()
