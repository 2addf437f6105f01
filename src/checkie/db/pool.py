"""Connections and transactions: asyncpg with our codecs, a count of statements, nothing else."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias, TypeVar

import asyncpg
from prometheus_client import Counter

STATEMENTS = Counter("checkie_sql_statements", "SQL statements sent, transaction control included")
Answer = TypeVar("Answer")
_STATEMENT_S: Final = 30.0
_CONNECT_S: Final = 10.0
_TURN_S: Final = 30.0
_DOUBTFUL: Final = (asyncio.CancelledError, TimeoutError, OSError, asyncpg.InterfaceError, GeneratorExit)
OUTAGES: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""What says that the database is away, not that a statement is wrong."""
_SETTINGS: Final = {
    "application_name": "checkie",
    "timezone": "UTC",
    "jit": "off",
    "idle_in_transaction_session_timeout": "10000",
    # Our statements find rows by key. Planning them anew each time costs more than running them, and a plan made while
    # a table was empty must not scan it when it has grown.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}


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
    """Connections to share. Its own `fetch…` are single statements, each a transaction of its own.

    A pool of our own: asyncpg's makes a task and several round trips through the loop for each use, which cost as much
    as a short statement. Whatever leaves a connection in doubt (a cancelled or timed-out statement) closes it.
    """

    url: str
    size: int = 10
    _idle: list[asyncpg.Connection] = field(default_factory=list, init=False, repr=False)
    _waiting: deque[asyncio.Future[asyncpg.Connection | None]] = field(default_factory=deque, init=False, repr=False)
    _count: int = field(default=0, init=False)
    _is_open: bool = field(default=False, init=False)

    async def open(self) -> Self:
        """Connect."""
        self._is_open = True
        self._give_back(await self._take())
        return self

    async def close(self) -> None:
        """Let every connection go; those at work go when they are given back."""
        self._is_open = False
        while self._idle:
            await self._idle.pop().close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """A transaction (READ COMMITTED) that commits unless the block raises. Never hold one over a network call."""
        connection = await self._take()
        try:
            STATEMENTS.inc(2)
            await connection.execute("begin")
            tx = Tx(connection)
            yield tx
            await tx.flush()
            await connection.execute("commit")
        except _DOUBTFUL:
            connection.terminate()
            raise
        except BaseException:
            await _roll_back(connection)
            raise
        finally:
            self._give_back(connection)

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows of one statement."""
        return await self._alone(Tx.fetch, sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row of one statement, or None."""
        return await self._alone(Tx.fetchrow, sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row of one statement, or None."""
        return await self._alone(Tx.fetchval, sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement; how many rows it touched."""
        return await self._alone(Tx.execute, sql, *args)

    async def _alone(self, run: Callable[..., Awaitable[Answer]], sql: str, *args: object) -> Answer:
        connection = await self._take()
        try:
            return await run(Tx(connection), sql, *args)
        except _DOUBTFUL:
            connection.terminate()
            raise
        finally:
            self._give_back(connection)

    async def _take(self) -> asyncpg.Connection:
        if not self._is_open:
            raise RuntimeError("the database is not open")
        while True:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._count -= 1
            if self._count < self.size:
                return await self._connect()
            given = await self._wait()
            if given is not None:
                return given

    async def _wait(self) -> asyncpg.Connection | None:
        """The next connection that is given back; None when one was closed, so that a new one may be made."""
        turn: asyncio.Future[asyncpg.Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(_TURN_S):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._hand_on(turn.result())
            raise

    async def _connect(self) -> asyncpg.Connection:
        self._count += 1
        try:
            connection = await asyncpg.connect(
                self.url, command_timeout=_STATEMENT_S, timeout=_CONNECT_S, server_settings=_SETTINGS
            )
            await connection.set_type_codec("jsonb", encoder=_dumps, decoder=json.loads, schema="pg_catalog")
        except BaseException:
            self._count -= 1
            self._hand_on(None)
            raise
        return connection

    def _give_back(self, connection: asyncpg.Connection) -> None:
        if not self._is_open:
            connection.terminate()
        if connection.is_closed():
            self._count -= 1
            self._hand_on(None)
        else:
            self._hand_on(connection)

    def _hand_on(self, connection: asyncpg.Connection | None) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is not None:
            self._idle.append(connection)


async def _roll_back(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("rollback")
    except BaseException:  # noqa: BLE001  the server rolls back when the connection goes
        connection.terminate()


_dumps: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
