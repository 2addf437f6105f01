"""One sqlite file, written in batches: a batch a turn of the event loop.

Every write of one turn joins one transaction, committed at the turn's end, so what belongs together is written together
or not at all. Whoever answers waits for `settled` first, so no answer is sent before its change is in the file. WAL
with synchronous=NORMAL keeps what was committed when the process is killed (not when the machine loses power).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path


class Batches:
    """The file, opened by one process, used from one event loop. Reads see what was written, committed or not."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        # Exclusive: a second process is refused, and 28 system calls for locks are saved with every purchase.
        pragmas = "pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = normal;"
        self._db.executescript(f"{pragmas} {schema}")
        self.read = self._db.execute
        self.committed: Callable[[], None] = lambda: None
        """Called after each commit, when nothing is being written."""
        self.rolled_back: Callable[[], None] = lambda: None
        self._open: asyncio.Future[None] | None = None
        self._broken: Exception | None = None

    @property
    def is_settled(self) -> bool:
        """Whether all that was written is in the file."""
        return self._open is None

    async def settled(self) -> None:
        """Wait until all that was written so far is in the file. Raises what kept it from being so."""
        if self._open is not None:
            await asyncio.shield(self._open)

    def write(self, sql: str, row: Sequence[object]) -> int:
        """Run a statement in this turn's transaction; how many rows it touched.

        When it fails, half of a change may be written, so the whole batch goes, and all who wait for it are told.
        """
        if self._open is None:
            loop = asyncio.get_running_loop()
            self._db.execute("begin immediate")
            self._open = loop.create_future()
            loop.call_soon(self._commit)
        try:
            return self._db.execute(sql, row).rowcount
        except Exception as error:
            self._broken = error
            raise

    def close(self) -> None:
        """Commit what is open and let the file go."""
        self._commit()
        self._db.close()

    def _commit(self) -> None:
        batch, self._open = self._open, None
        error, self._broken = self._broken, None
        if batch is None:
            return
        if error is None:
            error = self._attempt("commit")
        if error is None:
            batch.set_result(None)
        else:
            self._attempt("rollback")
            self.rolled_back()
            batch.set_exception(error)
            batch.exception()  # whoever waits gets it; if nobody does, nobody was answered
        self.committed()

    def _attempt(self, verb: str) -> sqlite3.Error | None:
        try:
            self._db.execute(verb)
        except sqlite3.Error as error:
            return error
        return None
