"""End sessions that are due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from checkie.checkout import sql
from checkie.checkout.advance import Transition, advance, verb_to_agree
from checkie.checkout.model import PAYING, Session, SessionVerb
from checkie.db import Database
from checkie.kernel.ids import SessionId
from checkie.payments import cancel, find_latest
from checkie.payments.port import Providers

_LOOK_AGAIN: Final = timedelta(minutes=5)
_UNPAID: Final = (SessionVerb.DECLINE, SessionVerb.CANCEL_PAYMENT)


async def expire_row(db: Database, providers: Providers, row_id: UUID, now: datetime) -> None:
    """Expire or abandon one session if it is due. One that is paying ends only when no attempt can still succeed."""
    session = await sql.claim_due(db, SessionId.of(row_id), now, now + _LOOK_AGAIN)
    if session is None:
        return
    verb = SessionVerb.EXPIRE if session.expires_at <= now else SessionVerb.ABANDON
    transitions: Sequence[Transition] = [Transition(session.id, verb)]
    if session.status in PAYING:
        transitions = await _end_payment(db, providers, session, verb, now)
    async with db.transaction() as unit:
        current = await sql.lock(unit, session.id)
        is_still_paying = session.status in PAYING and current.status in PAYING
        if is_still_paying or current.version == session.version:  # otherwise the buyer has changed it meanwhile
            for transition in transitions:
                advance(unit, transition, now)


async def _end_payment(
    db: Database, providers: Providers, session: Session, verb: SessionVerb, now: datetime
) -> Sequence[Transition]:
    """Cancel the session's live attempt at its provider; the transition that follows. None while it may succeed."""
    found = await find_latest(db, session.payment) if session.payment else None
    if found is None:
        return []
    if found[1].is_live:
        await cancel(db, providers, found[1], now)
        found = await find_latest(db, found[0].id) or found
    agreed = verb_to_agree(session, *found)
    if agreed in _UNPAID:
        agreed = verb
    is_settled = not found[1].is_live
    return [Transition(session.id, agreed, session.attempt)] if agreed and is_settled else []
