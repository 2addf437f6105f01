"""Read sessions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from checkie.checkout import sql
from checkie.checkout.status import Status, status_of
from checkie.db import Database, UnitOfWork
from checkie.kernel.ids import PageId, SessionId

_COMPLETED: Final = "select id from checkout.session where status = 'COMPLETED'"
_OVERDUE: Final = """
select format('store %s, session %s: %s', store, id, status) as offender from checkout.session
where (status in ('OPEN', 'PROCESSING', 'AWAITING_ACTION')) <> (due_at is not null)
  or due_at < now() - interval '10 minutes'
"""
_PAGES: Final = "select id, page from checkout.session where store = $1 and id = any($2)"


async def pages_of(
    db: Database | UnitOfWork, store: int, sessions: Collection[SessionId]
) -> Mapping[SessionId, PageId]:
    """The page of each of these sessions of the store; unknown sessions are left out."""
    found = await db.read_all(_PAGES, store, [one.uuid for one in sessions])
    return {SessionId.of(record["id"]): PageId.of(record["page"]) for record in found}


async def get_status(db: Database, session_id: SessionId) -> Status:
    """The status of a session, for a caller who is known to be allowed to see it. Refuses with NoSuchSession."""
    return await status_of(db, await sql.get_session(db, session_id))


async def completed(db: Database) -> Collection[SessionId]:
    """The ids of all sessions that are paid."""
    return {SessionId.of(row["id"]) for row in await db.fetch(_COMPLETED)}


async def check(db: Database) -> dict[str, Sequence[str]]:
    """The violations of each invariant; empty lists if there are none."""
    return {"no_session_stuck": [row["offender"] for row in await db.fetch(_OVERDUE)]}
