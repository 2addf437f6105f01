"""The SQL that finds, claims and ends checks with providers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments.model import Attempt, next_check_at
from checkie.payments.sql import COLUMNS, Found, found

_DUE: Final = """
select store, id from payments.attempt where partition = any($1) and next_check_at <= $2
order by next_check_at limit $3
"""
_CHECKS: Final = "select checks, version from payments.attempt where store = $1 and id = $2"
_CLAIM: Final = f"""
update payments.attempt a set version = a.version + 1, checks = a.checks + 1, next_check_at = $4, updated_at = $3
from payments.payment p
where a.store = $1 and a.id = $2 and a.next_check_at <= $3 and a.version = $5 and p.store = a.store and p.id = a.payment
returning {COLUMNS}
"""
_END: Final = """
update payments.attempt set version = version + 1, next_check_at = null, updated_at = $3
where store = $1 and id = $2 and version = $4
"""


async def find_due(db: Database, partitions: Sequence[int], now: datetime, limit: int) -> Sequence[tuple[int, UUID]]:
    """Attempts that are due for a check with their provider."""
    return [(row["store"], row["id"]) for row in await db.fetch(_DUE, list(partitions), now, limit)]


async def claim(db: Database, attempt: AttemptId, now: datetime) -> Found | None:
    """Claim the due check of this attempt and schedule the next; None if none is due, or another worker claimed it."""
    row = await db.fetchrow(_CHECKS, attempt.store, attempt.uuid)
    if row is None:
        return None
    next_at = next_check_at(row["checks"] + 1, now)
    claimed = await db.fetchrow(_CLAIM, attempt.store, attempt.uuid, now, next_at, row["version"])
    return None if claimed is None else found(claimed)


async def end_checks(db: Database, attempt: Attempt, now: datetime) -> None:
    """A declined attempt can no longer be paid at the provider either: there is nothing left to check.

    Without effect if the attempt has changed since it was read; then the next check decides.
    """
    await db.execute(_END, attempt.id.store, attempt.id.uuid, now, attempt.version)
