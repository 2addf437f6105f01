"""Due work needs no queue: a row that says when it is due *is* the job.

A module offers `Due`: a plain read that finds what is due in some partitions, and a verb that does one piece, which locks
its row by store and id and looks again whether it is still due. Several workers at once, or a crash, lose nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from checkie.db.pool import Database

BATCH: Final = 200
_log = structlog.get_logger()

Find: TypeAlias = Callable[[Database, Sequence[int], datetime, int], Awaitable[Sequence[tuple[int, UUID]]]]
Do: TypeAlias = Callable[[int, UUID, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Due:
    """One kind of due work. `find(db, partitions, now, limit)` gives (store, id) pairs; `do(store, id, now)` does one."""

    name: str
    find: Find
    do: Do


async def work_off(db: Database, due: Due, partitions: Sequence[int], now: datetime, limit: int = BATCH) -> int:
    """Do what is due now, each piece on its own: one that fails is logged and stays due. How many were found."""
    found = await due.find(db, partitions, now, limit)
    for store, row_id in found:
        try:
            await due.do(store, row_id, now)
        except Exception:
            _log.exception("due_work_failed", work=due.name, store=store, id=str(row_id))
    return len(found)
