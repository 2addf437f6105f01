"""Transactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, TypeVar

import asyncpg

from checkie.db.statements import execute, fetch, fetchrow, fetchval
from checkie.db.writes import Batch
from checkie.kernel import Conflict

if TYPE_CHECKING:
    from checkie.db.pool import Database


Answer = TypeVar("Answer")
_TRIES: Final = 20


class Overtaken(Conflict):
    """Somebody else was quicker, and nothing was changed here. Ask again in a moment."""

    code = "overtaken"
    retry_after_s: ClassVar[int] = 1


Flush: TypeAlias = "Callable[[Tx, list[Any]], None]"


@dataclass(slots=True)
class Tx:
    """A transaction (READ COMMITTED). Whoever has one writes in it; whoever opened it commits it.

    Statements are few, because each costs more than the work in it: what is only written waits and goes together
    (`write`), and a transaction begins at the server with the first statement that cannot wait. One that only peeks
    and writes is a single statement there: it needs neither `begin` nor `commit`.
    """

    database: Database
    """For what is to last whatever becomes of the transaction."""
    _connection: asyncpg.Connection | None = None
    _waiting: list[Batch] = field(default_factory=list, repr=False)
    _deferred: dict[Flush, list[Any]] = field(default_factory=dict, repr=False)

    def write(self, sql: str, *args: object, rows: int | None = None) -> None:
        """Send this later, in one statement with the other writes of the transaction: nobody waits for its answer.

        `rows`: how many it must touch, else everything is undone and `Overtaken` raised. The writes of one statement do
        not see one another, so no two may touch one row. `sql` holds no `returning`, and no `with` that writes.
        """
        if not self._waiting or not self._waiting[-1].takes(sql):
            self._waiting.append(Batch())
        self._waiting[-1].add(sql, args, rows)

    def defer(self, flush: Flush, items: Iterable[Any]) -> None:
        """Hand `items` to `flush` just before the commit, with all others deferred to it: one write, not many."""
        self._deferred.setdefault(flush, []).extend(items)

    async def peek(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row of a plain select, or None: it locks nothing, so no transaction has to begin for it.

        It does not see writes that still wait.
        """
        if self._connection is None:
            return await self.database.fetchrow(sql, *args)
        return await fetchrow(self._connection, sql, *args)

    async def fetch(self, sql: str, *args: object) -> Sequence[asyncpg.Record]:
        """All rows."""
        connection = await self._begin()
        return await fetch(connection, sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None."""
        connection = await self._begin()
        return await fetchrow(connection, sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        connection = await self._begin()
        return await fetchval(connection, sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run it; how many rows it touched."""
        connection = await self._begin()
        return await execute(connection, sql, *args)

    async def _begin(self) -> asyncpg.Connection:
        """The connection, with the transaction begun and all earlier writes sent."""
        if self._connection is None:
            self._connection = await self.database.take()
            await execute(self._connection, "begin")
        while self._waiting:
            await self._send(self._connection)
        return self._connection

    async def _send(self, connection: asyncpg.Connection) -> None:
        sql, args = self._waiting.pop(0).joined()
        await execute(connection, sql, *args)

    def flush(self) -> None:
        """Write what was deferred."""
        for flush, items in self._deferred.items():
            flush(self, items)
        self._deferred.clear()

    async def commit(self) -> None:
        """Make it last: `Database.transaction` calls this at the end of its block."""
        self.flush()
        if self._connection is None and len(self._waiting) < 2:
            if self._waiting:
                sql, args = self._waiting.pop().joined()
                await self.database.execute(sql, *args)
            return
        connection = await self._begin()
        await execute(connection, "commit")

    async def roll_back(self) -> None:
        """Undo it."""
        if self._connection is not None:
            await _roll_back(self._connection)

    def doubt(self) -> None:
        """Nobody knows how far it came: the server undoes it when the connection goes."""
        if self._connection is not None:
            self._connection.terminate()

    def release(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self.database.give_back(self._connection)


async def undisturbed(decide: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `decide` comes to, which reads, decides and writes: again, from its start, whenever it is Overtaken."""
    for _ in range(_TRIES - 1):
        with suppress(Overtaken):
            return await decide()
    return await decide()


async def _roll_back(connection: asyncpg.Connection) -> None:
    try:
        await execute(connection, "rollback")
    except BaseException:  # noqa: BLE001  the server rolls back when the connection goes
        connection.terminate()
