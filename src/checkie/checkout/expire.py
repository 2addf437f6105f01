"""End sessions whose time has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from checkie.checkout import sql
from checkie.checkout.advance import Move, advance
from checkie.checkout.model import PAYING, Session
from checkie.db import Database
from checkie.kernel.ids import SessionId
from checkie.payments import cancel, find_latest
from checkie.payments.port import Providers

_LOOK_AGAIN = timedelta(minutes=5)


async def expire_row(db: Database, providers: Providers, row_id: UUID, now: datetime) -> None:
    """Expire or abandon one session if it is due. One that is paying ends only when no attempt can still succeed."""
    session = await sql.claim_due(db, SessionId.of(row_id), now, now + _LOOK_AGAIN)
    if session is None:
        return
    moves = [Move(session.id, "expire" if session.expires_at <= now else "abandon")]
    if session.status in PAYING:
        moves = [*await _call_off(db, providers, session, now), *moves]
    async with db.transaction() as unit:
        standing = await sql.lock(unit, session.id)
        if session.status in PAYING or standing.version == session.version:  # else the buyer was quicker
            await advance(unit, session.id.store, moves, now)


async def _call_off(db: Database, providers: Providers, session: Session, now: datetime) -> list[Move]:
    """Call a live attempt off at its provider; the move that follows from how the payment stands then."""
    found = await find_latest(db, session.payment) if session.payment else None
    if found is None:
        return []
    if found[1].is_live:
        await cancel(db, providers, found[1], now)
        found = await find_latest(db, found[0].id) or found
    move = Move.after(*found)
    return [move] if move else []
