"""Due work needs no queue: a row that says when it is due *is* the job.

A module defines `Due`: a plain read that finds what is due in some partitions, and a function that does one piece,
which locks its row by store and id and checks again that it is still due. Several workers, or a crash, lose nothing.
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
ABREAST: Final = 8
"""How many pieces run at a time: one that waits for a slow provider delays few."""
_log = structlog.get_logger()

Find: TypeAlias = Callable[[Database, Sequence[int], datetime, int], Awaitable[Sequence[tuple[int, UUID]]]]
Do: TypeAlias = Callable[[int, UUID, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Due:
    """One kind of work. `find(db, partitions, now, limit)` gives (store, id) pairs; `do(store, id, now)` does one."""

    name: str
    find: Find
    do: Do


async def run_due(db: Database, due: Due, partitions: Sequence[int], now: datetime, limit: int = BATCH) -> int:
    """Do what is due now, each piece by itself: one that fails is logged and stays due. Returns how many were found."""
    found = await due.find(db, partitions, now, limit)
    slots = asyncio.Semaphore(ABREAST)

    async def do(store: int, row_id: UUID) -> None:
        async with slots:
            try:
                await due.do(store, row_id, now)
            except Exception:  # noqa: BLE001  the others go on
                _log.exception("due_work_failed", work=due.name, store=store, id=str(row_id))

    await asyncio.gather(*(do(store, row_id) for store, row_id in found))
    return len(found)
