"""Read sessions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from checkie.db import Database
from checkie.kernel.ids import SessionId

_COMPLETED: Final = "select id from checkout.session where status = 'COMPLETED'"
_OVERDUE: Final = """
select format('store %s, session %s: %s', store, id, status) as offender from checkout.session
where (status in ('OPEN', 'PROCESSING', 'AWAITING_ACTION')) <> (due_at is not null)
  or due_at < now() - interval '10 minutes'
"""


async def completed(db: Database) -> Collection[SessionId]:
    """The ids of all sessions that are paid."""
    return {SessionId.of(row["id"]) for row in await db.fetch(_COMPLETED)}


async def check(db: Database) -> dict[str, Sequence[str]]:
    """The violations of each invariant; empty lists if there are none."""
    return {"no_session_stuck": [row["offender"] for row in await db.fetch(_OVERDUE)]}
