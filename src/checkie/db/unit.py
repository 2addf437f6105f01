"""A unit of work: the writes of one decision, which commit together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import asyncpg

from checkie.db.batch import Batch
from checkie.db.statements import execute, fetch, fetchrow, fetchval

Flush: TypeAlias = "Callable[[UnitOfWork, list[Any]], Awaitable[None]]"
_LOCKS: Final = "for update"


class Connections(Protocol):
    """What a unit of work needs of the database."""

    cache: dict[Any, Any]

    async def acquire(self) -> asyncpg.Connection:
        """A connection for exclusive use."""
        ...

    def release(self, connection: asyncpg.Connection) -> None:
        """Take a connection back."""
        ...

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows of one statement, outside of any transaction."""
        ...

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement, outside of any transaction."""
        ...


@dataclass(slots=True)
class UnitOfWork:
    """A transaction (READ COMMITTED). A use case reads, decides and adds its writes; who opened the unit commits it.

    Writes wait and are sent together, because a statement costs more on its way than at work. The transaction begins at
    the server with the first statement that cannot wait; a unit that only reads and adds is one statement in all.
    """

    connections: Connections
    store: int | None = None
    """The store whose events are published in it: there is one at most."""
    added: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What modules have added to it and would not find by reading, by a key that begins with the module's name."""
    _connection: asyncpg.Connection | None = None
    _batches: list[Batch] = field(default_factory=list, repr=False)
    _deferred: dict[Flush, list[Any]] = field(default_factory=dict, repr=False)
    _sends_conditional: bool = False

    def add(self, sql: str, *args: object, expect: int | None = 1, name: str | None = None) -> None:
        """Send this write later, in one statement with the unit's other writes.

        `expect`: how many rows it must touch; with any other number nothing of the unit takes effect and it raises
        WriteConflict. None: any number. `name`: what another write that is added next may call the rows that this one
        returns. Two writes to one table are sent in two statements, in order.
        """
        if not self._batches or not self._batches[-1].accepts(sql):
            self._batches.append(Batch())
        self._batches[-1].add(sql, args, expect, name)

    def defer(self, flush: Flush, items: Iterable[Any]) -> None:
        """Give `items` to `flush` before the commit, with all others deferred to it: one statement, not many."""
        self._deferred.setdefault(flush, []).extend(items)

    async def read(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row of a plain select, or None. It locks nothing and does not see writes that still wait."""
        rows = await self.read_all(sql, *args)
        return rows[0] if rows else None

    async def read_all(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows of a plain select. It locks nothing and does not see writes that still wait."""
        if self._connection is None:
            return await self.connections.fetch(sql, *args)
        return await fetch(self._connection, sql, *args)

    async def lock(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """The rows of a select `for update`, locked until the unit ends."""
        if _LOCKS not in sql.lower():
            raise ValueError(f"a lock is taken with {_LOCKS!r}")
        return await self.fetch(sql, *args)

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows, now."""
        connection = await self._begin()
        return await fetch(connection, sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None, now."""
        connection = await self._begin()
        return await fetchrow(connection, sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None, now."""
        connection = await self._begin()
        return await fetchval(connection, sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run it now; how many rows it touched."""
        connection = await self._begin()
        return await execute(connection, sql, *args)

    @property
    def has_begun(self) -> bool:
        """Whether a transaction is open at the server."""
        return self._connection is not None

    @property
    def is_conditional(self) -> bool:
        """Whether the batch that was sent last has expectations."""
        return self._sends_conditional

    async def _begin(self) -> asyncpg.Connection:
        """The connection, with the transaction begun and all earlier writes sent."""
        if self._connection is None:
            self._connection = await self.connections.acquire()
            await execute(self._connection, "begin")
        while self._batches:
            sql, args = self._next_batch()
            await execute(self._connection, sql, *args)
        self._sends_conditional = False
        return self._connection

    def _next_batch(self) -> tuple[str, Sequence[object]]:
        batch = self._batches.pop(0)
        self._sends_conditional = batch.is_conditional
        return batch.joined()

    async def flush(self) -> None:
        """Do what was deferred, and what that defers in turn."""
        while self._deferred:
            deferred, self._deferred = self._deferred, {}
            for flush, items in deferred.items():
                await flush(self, items)

    async def commit(self) -> None:
        """Make it last: `Database.transaction` calls this at the end of its block."""
        await self.flush()
        if self._connection is None and len(self._batches) < 2:
            if self._batches:
                sql, args = self._next_batch()
                await self.connections.execute(sql, *args)
            return
        connection = await self._begin()
        await execute(connection, "commit")

    async def roll_back(self) -> None:
        """Undo it."""
        if self._connection is not None:
            await _roll_back(self._connection)

    def terminate(self) -> None:
        """Close the connection of a unit whose state is unknown: the server undoes it."""
        if self._connection is not None:
            self._connection.terminate()

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self.connections.release(self._connection)


async def _roll_back(connection: asyncpg.Connection) -> None:
    try:
        await execute(connection, "rollback")
    except BaseException:  # noqa: BLE001  the server rolls back when the connection goes
        connection.terminate()
