"""Connections to share, and transactions on them: asyncpg with our codecs."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

import asyncpg

from checkie.db import statements
from checkie.db.conflicts import Constraints, translated
from checkie.db.unit import UnitOfWork

Answer = TypeVar("Answer")
_CONNECT_S: Final = 10.0
_WAIT_S: Final = 30.0
_DOUBTFUL: Final = (asyncio.CancelledError, TimeoutError, OSError, asyncpg.InterfaceError, GeneratorExit)
OUTAGES: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""Errors that mean an unavailable database, not a wrong statement."""
_COMMON: Final = {"application_name": "checkie", "timezone": "UTC", "jit": "off"}


@dataclass(frozen=True, slots=True)
class Profile:
    """How a pool's connections are set up: the server's settings, and the time limit of a statement in seconds."""

    settings: Mapping[str, str]
    statement_s: float


def _hot(plan_cache_mode: str) -> Profile:
    """For short statements that find rows by key.

    Planning each execution costs more than running it, and a plan made while a table was empty must not scan it when it
    has grown. `plan_cache_mode` is `auto` where PostgreSQL is distributed (Citus), which cannot force generic
    plans.
    """
    return Profile(
        {
            **_COMMON,
            "idle_in_transaction_session_timeout": "10000",
            "plan_cache_mode": plan_cache_mode,
            "enable_seqscan": "off",
        },
        statement_s=30.0,
    )


_REPORTS: Final = Profile({**_COMMON, "default_transaction_read_only": "on"}, statement_s=300.0)
"""For lists, reports and `doctor`: PostgreSQL's own plans, more time, no writes."""


@dataclass(slots=True)
class Database:
    """Connections to share. Its own `fetch…` are single statements, each a transaction of its own.

    asyncpg's own pool creates a task and yields to the loop several times for each use, which costs as much as a short
    statement. A connection in an unknown state (a cancelled or timed-out statement) is closed.
    """

    url: str
    size: int = 10
    profile: Profile = field(default_factory=lambda: _hot("force_generic_plan"), repr=False)
    constraints: Constraints = field(default_factory=dict, repr=False)
    """Which refusal a violated constraint becomes."""
    cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    """Rows that never change, as modules have read them, by a key that begins with the module's name."""
    _idle: list[asyncpg.Connection] = field(default_factory=list, init=False, repr=False)
    _waiting: deque[asyncio.Future[asyncpg.Connection | None]] = field(default_factory=deque, init=False, repr=False)
    _count: int = field(default=0, init=False)
    _is_open: bool = field(default=True, init=False)

    @classmethod
    def hot(cls, url: str, size: int, *, plan_cache_mode: str, constraints: Constraints) -> Self:
        """For requests and the worker: short statements that find rows by key."""
        return cls(url, size, _hot(plan_cache_mode), constraints)

    @classmethod
    def reporting(cls, url: str, size: int = 4) -> Self:
        """For lists, reports and `doctor`: PostgreSQL's own plans, more time, no writes. May be a replica."""
        return cls(url, size, _REPORTS)

    async def open(self) -> Self:
        """Connect once, so that a wrong address is found at start. Otherwise the first statement connects."""
        self.release(await self.acquire())
        return self

    async def close(self) -> None:
        """Close every connection; those in use close when they are released."""
        self._is_open = False
        while self._idle:
            await self._idle.pop().close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work that commits unless the block raises. Never wait for the network in one.

        Raises WriteConflict when a write touched another number of rows than expected and on a deadlock, and the
        refusal of a constraint that is violated.
        """
        unit = UnitOfWork(self)
        try:
            yield unit
            await unit.commit()
        except _DOUBTFUL:
            unit.terminate()
            raise
        except BaseException as error:
            await unit.roll_back()
            refusal = translated(error, self.constraints, is_conditional=unit.is_conditional)
            if refusal is error:
                raise
            raise refusal from error
        finally:
            unit.close()

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows of one statement."""
        return await self._alone(statements.fetch, sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row of one statement, or None."""
        return await self._alone(statements.fetchrow, sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row of one statement, or None."""
        return await self._alone(statements.fetchval, sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement; how many rows it touched."""
        return await self._alone(statements.execute, sql, *args)

    read = fetchrow
    read_all = fetch

    async def _alone(self, run: Callable[..., Awaitable[Answer]], sql: str, *args: object) -> Answer:
        connection = await self.acquire()
        try:
            return await run(connection, sql, *args)
        except _DOUBTFUL:
            connection.terminate()
            raise
        finally:
            self.release(connection)

    async def acquire(self) -> asyncpg.Connection:
        """A connection for exclusive use. The caller releases it."""
        if not self._is_open:
            raise RuntimeError("the database was closed")
        while True:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._count -= 1
            if self._count < self.size:
                return await self._connect()
            released = await self._wait()
            if released is not None:
                return released

    async def _wait(self) -> asyncpg.Connection | None:
        """The next connection that is released; None when one was closed, so that a new one may be opened."""
        turn: asyncio.Future[asyncpg.Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(_WAIT_S):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._pass_on(turn.result())
            raise

    async def _connect(self) -> asyncpg.Connection:
        self._count += 1
        try:
            connection = await asyncpg.connect(
                self.url,
                command_timeout=self.profile.statement_s,
                timeout=_CONNECT_S,
                server_settings=dict(self.profile.settings),
            )
            await connection.set_type_codec("jsonb", encoder=_dumps, decoder=json.loads, schema="pg_catalog")
        except BaseException:
            self._count -= 1
            self._pass_on(None)
            raise
        return connection

    def release(self, connection: asyncpg.Connection) -> None:
        """Return a connection. A closed one makes room for a new one."""
        if not self._is_open:
            connection.terminate()
        if connection.is_closed():
            self._count -= 1
            self._pass_on(None)
        else:
            self._pass_on(connection)

    def _pass_on(self, connection: asyncpg.Connection | None) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is not None:
            self._idle.append(connection)


_dumps: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
