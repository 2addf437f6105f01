"""Background jobs. Due work needs no queue: a row that says when it is due *is* the job.

A module's `jobs(services)` returns its jobs, and the worker runs them, each by itself. Several workers share the work
by partitions, so a job must be safe to run concurrently and after a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from checkie.db.pool import Database

BATCH: Final = 200
CONCURRENCY: Final = 8
"""How many rows are worked on at a time: one that waits for a slow provider delays few."""
_log = structlog.get_logger()

Find: TypeAlias = Callable[[Database, Sequence[int], datetime, int], Awaitable[Sequence[tuple[int, UUID]]]]
Do: TypeAlias = Callable[[UUID, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that is repeated. `run(partitions)` does what it finds in the partitions held, and returns how much it did.

    The worker pauses for `min_s` after a run that did something, and up to `max_s` while there is nothing to do.
    """

    name: str
    run: Callable[[Sequence[int]], Awaitable[int]]
    min_s: float
    max_s: float
    copies: int = 1
    """How many run side by side in one worker."""
    is_housekeeping: bool = False
    """Whether nothing waits for it: `Worker.drain` leaves it out."""


def due_rows(name: str, db: Database, now: Callable[[], datetime], find: Find, do: Do) -> Job:
    """The job that works on rows whose time has come.

    `find(db, partitions, now, limit)` is a plain read that returns (store, id) pairs. `do(id, now)` works on one: it
    locks or claims the row by store and id, and checks again that it is due. One that fails is logged and stays due.
    """

    async def run(partitions: Sequence[int]) -> int:
        found = await find(db, partitions, now(), BATCH)
        slots = asyncio.Semaphore(CONCURRENCY)

        async def work(store: int, row_id: UUID) -> None:
            async with slots:
                try:
                    await do(row_id, now())
                except Exception:  # noqa: BLE001  the others go on
                    _log.exception("due_work_failed", work=name, store=store, id=str(row_id))

        await asyncio.gather(*(work(store, row_id) for store, row_id in found))
        return len(found)

    return Job(name=name, run=run, min_s=0.5, max_s=0.5)
