"""Connections and transactions: asyncpg with our codecs, a count of statements, nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg
from prometheus_client import Counter

STATEMENTS = Counter("checkie_sql_statements", "SQL statements sent, transaction control included")
_STATEMENT_TIMEOUT_MS = 30_000
_IDLE_IN_TRANSACTION_MS = 10_000


Flush: TypeAlias = "Callable[[Tx, list[Any]], Awaitable[None]]"


@dataclass(frozen=True, slots=True)
class Tx:
    """An open transaction. Whoever has one writes in it; whoever opened it commits it."""

    connection: Any
    _deferred: dict[Flush, list[Any]] = field(default_factory=dict, repr=False)

    def defer(self, flush: Flush, items: Iterable[Any]) -> None:
        """Hand `items` to `flush` just before the commit, with all others deferred to it: one statement, not many."""
        self._deferred.setdefault(flush, []).extend(items)

    async def flush(self) -> None:
        """Do what was deferred. `Database.transaction` calls this before it commits."""
        for flush, items in self._deferred.items():
            await flush(self, items)
        self._deferred.clear()

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows."""
        STATEMENTS.inc()
        rows: Sequence[asyncpg.Record] = await self.connection.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None."""
        STATEMENTS.inc()
        row: asyncpg.Record | None = await self.connection.fetchrow(sql, *args)
        return row

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        STATEMENTS.inc()
        return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run it; how many rows it touched."""
        STATEMENTS.inc()
        tag: str = await self.connection.execute(sql, *args)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run it for each of `rows`, in one batch."""
        STATEMENTS.inc()
        await self.connection.executemany(sql, rows)


@dataclass(slots=True)
class Database:
    """A pool of connections. Its own `fetch…` are single statements, each a transaction of its own."""

    url: str
    size: int = 10
    _pool: asyncpg.Pool | None = field(default=None, init=False, repr=False)

    async def open(self) -> Database:
        """Connect."""
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=self.size,
            init=_init,
            reset=_no_reset,
            command_timeout=_STATEMENT_TIMEOUT_MS / 1000,
            server_settings={
                "application_name": "checkie",
                "timezone": "UTC",
                "jit": "off",
                "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
            },
        )
        return self

    async def close(self) -> None:
        """Let every connection finish and go."""
        if self._pool:
            await self._pool.close()

    async def __aenter__(self) -> Database:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """A transaction (READ COMMITTED) that commits unless the block raises. Never hold one over a network call."""
        async with self._ready.acquire() as connection:
            STATEMENTS.inc(2)
            async with connection.transaction():
                tx = Tx(connection)
                yield tx
                await tx.flush()

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows of one statement."""
        async with self._ready.acquire() as connection:
            return await Tx(connection).fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row of one statement, or None."""
        async with self._ready.acquire() as connection:
            return await Tx(connection).fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row of one statement, or None."""
        async with self._ready.acquire() as connection:
            return await Tx(connection).fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement; how many rows it touched."""
        async with self._ready.acquire() as connection:
            return await Tx(connection).execute(sql, *args)

    @property
    def _ready(self) -> asyncpg.Pool:
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool


async def _init(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=_dumps, decoder=json.loads, schema="pg_catalog")


async def _no_reset(_: asyncpg.Connection) -> None:
    """Nothing to reset: we set nothing on a session, and asyncpg's default costs a round trip."""


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
