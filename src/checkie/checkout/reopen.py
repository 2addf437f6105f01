"""Reopen a session whose payment waits for its buyer: the payment is cancelled for certain, or nothing changes."""

from __future__ import annotations

from datetime import datetime

from checkie.checkout import sql
from checkie.checkout.advance import Transition, advance, verb_to_agree
from checkie.checkout.model import PaymentInProgress, Session, SessionStatus, check_time
from checkie.db import Database
from checkie.payments import Attempt, cancel, find_latest
from checkie.payments.port import Cancelled, Declined, Providers


async def reopen(db: Database, providers: Providers, session: Session, now: datetime) -> Session:
    """The session, open again: its live attempt is cancelled.

    Refuses with PaymentInProgress if the attempt could still succeed, and with SessionOver or AlreadyPaid.
    """
    found = await find_latest(db, session.payment) if session.payment else None
    if found is not None:
        await cancel_attempt(db, providers, session, found[1], now)
    session = await sql.get_session(db, session.id)
    check_time(session, now)
    if session.status is not SessionStatus.OPEN:
        raise PaymentInProgress
    return session


async def cancel_attempt(db: Database, providers: Providers, session: Session, attempt: Attempt, now: datetime) -> None:
    """Make sure that this attempt can no longer succeed, and let the session follow if it is paying with it.

    Refuses with PaymentInProgress if that is not certain.
    """
    if attempt.is_live:
        outcome = await cancel(db, providers, attempt, now)
        if not isinstance(outcome, Cancelled | Declined):
            raise PaymentInProgress
    found = await find_latest(db, session.payment) if session.payment else None
    verb = verb_to_agree(session, *found) if found else None
    if verb is not None:
        async with db.transaction() as unit:
            advance(unit, Transition(session.id, verb, None if found and found[0].is_paid else session.attempt), now)
