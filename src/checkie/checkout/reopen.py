"""Open a session again whose payment waits for its buyer: the payment is called off, for certain, or nothing is."""

from __future__ import annotations

from datetime import datetime

from checkie.checkout import sql
from checkie.checkout.advance import Move, advance
from checkie.checkout.model import PaymentUnderWay, Session, SessionStatus, check_time
from checkie.db import Database
from checkie.payments import Attempt, Payment, cancel, find_latest
from checkie.payments.port import Cancelled, Declined, Providers


async def reopen(db: Database, providers: Providers, session: Session, now: datetime) -> Session:
    """The session, open again: its latest attempt is called off.

    Refuses with PaymentUnderWay when that could still succeed, and with SessionOver or AlreadyPaid.
    """
    found = await find_latest(db, session.payment) if session.payment else None
    if found is not None:
        await call_off(db, providers, *found, now)
    session = await sql.get_session(db, session.id)
    check_time(session, now)
    if session.status is not SessionStatus.OPEN:
        raise PaymentUnderWay
    return session


async def call_off(db: Database, providers: Providers, payment: Payment, attempt: Attempt, now: datetime) -> None:
    """Make sure that this attempt can no longer succeed, and let the session follow if it is paying with it.

    Refuses with PaymentUnderWay when that is not certain.
    """
    if attempt.is_live:
        outcome = await cancel(db, providers, attempt, now)
        if not isinstance(outcome, Cancelled | Declined):
            raise PaymentUnderWay
        payment, attempt = await find_latest(db, payment.id) or (payment, attempt)
    move = Move.after(payment, attempt)
    if move is not None:
        async with db.transaction() as unit:
            await advance(unit, payment.id.store, [move], now)
