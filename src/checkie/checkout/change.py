"""Change an open session: who buys, how many, for how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from checkie.checkout import store
from checkie.checkout.advance import Move, advance
from checkie.checkout.model import (
    OVER,
    PAYING,
    AlreadyPaid,
    PaymentUnderWay,
    Session,
    SessionOver,
    SessionStatus,
    VersionMismatch,
)
from checkie.customers import parse_email
from checkie.db import Database
from checkie.payments import cancel, latest_of
from checkie.payments.port import Declined, Provider, Withdrawn

_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to change; None stays as it is. `amount_minor` is for each, in the quote's currency."""

    email: str | None = None
    quantity: int | None = None
    amount_minor: int | None = None


async def change(
    db: Database,
    providers: Mapping[str, Provider],
    session: Session,
    changes: Changes,
    *,
    if_version: int | None,
    now: datetime,
) -> Session:
    """Apply `changes` to the session (as the caller read it) and requote, all or nothing. In calm, one statement.

    A payment that waits for its buyer is called off first, so that nobody pays the old price. Refuses with
    VersionMismatch when `if_version` is given and is not the session's, and with SessionOver, AlreadyPaid,
    PaymentUnderWay and the refusals of the fields.
    """
    for _ in range(_TRIES):
        if if_version is not None and session.version != if_version:
            raise VersionMismatch
        _check(session, now)
        if apply(session, changes) == session:  # nothing to change, or refused before a payment is called off for it
            return session
        if session.status in PAYING:
            session = await _reopen(db, providers, session, now)
            if_version = if_version and session.version
        wanted = apply(session, changes)
        if await store.change(db, wanted, now):
            return replace(wanted, version=session.version + 1)
        session = await store.get_session(db, session.id)
    raise VersionMismatch


def apply(session: Session, changes: Changes) -> Session:
    """The session as it would be. Refuses what a field does not allow."""
    quote = session.quote
    if changes.quantity is not None:
        quote = quote.with_quantity(changes.quantity)
    if changes.amount_minor is not None:
        quote = quote.with_amount(changes.amount_minor)
    email = session.email if changes.email is None else parse_email(changes.email)
    return replace(session, quote=quote, email=email)


def _check(session: Session, now: datetime) -> None:
    if session.status is SessionStatus.COMPLETED:
        raise AlreadyPaid
    if session.status in OVER or session.expires_at <= now:
        raise SessionOver


async def _reopen(db: Database, providers: Mapping[str, Provider], session: Session, now: datetime) -> Session:
    """The session, open again: the payment that waits for its buyer is called off."""
    await _withdraw(db, providers, session, now)
    session = await store.get_session(db, session.id)
    _check(session, now)
    if session.status is not SessionStatus.OPEN:
        raise PaymentUnderWay
    return session


async def _withdraw(db: Database, providers: Mapping[str, Provider], session: Session, now: datetime) -> None:
    found = await latest_of(db, session.id)
    if found is None:
        return
    payment, attempt = found
    if attempt.is_live:
        outcome = await cancel(db, providers, attempt, now)
        if not isinstance(outcome, Withdrawn | Declined):
            raise PaymentUnderWay
        payment, attempt = await latest_of(db, session.id) or found
    move = Move.after(payment, attempt)
    if move is not None:
        async with db.transaction() as tx:
            await advance(tx, session.id.store, [move], now)
