"""Change an open session: who buys, how many, for how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from checkie.checkout import sql
from checkie.checkout.model import (
    PAYING,
    AlreadyPaid,
    NoSuchSession,
    PaymentInProgress,
    Session,
    SessionOver,
    VersionMismatch,
    check_time,
)
from checkie.checkout.quote import AmountNotYours, AmountOutOfRange, QuantityOutOfRange
from checkie.checkout.reopen import reopen
from checkie.customers import InvalidEmail, parse_email
from checkie.db import Database, WriteConflict, retry_on_conflict
from checkie.kernel import refuses
from checkie.payments.port import Providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change; None leaves a field as it is. `amount_minor` is per unit, in the quote's currency.

    `reopens`: a payment that waits for its buyer is cancelled even if nothing else changes.
    """

    email: str | None = None
    quantity: int | None = None
    amount_minor: int | None = None
    reopens: bool = False


@refuses(
    *(NoSuchSession, AlreadyPaid, PaymentInProgress, SessionOver, VersionMismatch, WriteConflict),
    *(InvalidEmail, QuantityOutOfRange, AmountNotYours, AmountOutOfRange),
)
async def change(
    db: Database,
    providers: Providers,
    session: Session,
    changes: Changes,
    *,
    if_version: int | None,
    now: datetime,
) -> Session:
    """Apply `changes` to the session (as the caller read it) and requote, all or nothing. Usually one statement.

    A payment that waits for its buyer is cancelled first, so that the old price cannot be paid. VersionMismatch:
    `if_version` is given and is not the session's.
    """
    known: Session | None = session

    @retry_on_conflict()
    async def decide() -> Session:
        nonlocal known, if_version
        found = known or await sql.get_session(db, session.id)
        known = None
        if if_version is not None and found.version != if_version:
            raise VersionMismatch
        check_time(found, now)
        is_other = apply(found, changes) != found  # refused, if at all, before a payment is cancelled for it
        if found.status in PAYING and (is_other or changes.reopens):
            found = await reopen(db, providers, found, now)
            if_version = if_version and found.version
        wanted = apply(found, changes)
        if wanted == found:
            return found
        await sql.change(db, wanted, now)
        return replace(wanted, version=found.version + 1)

    return await decide()


def apply(session: Session, changes: Changes) -> Session:
    """The session as it would be. Refuses what a field does not allow."""
    quote = session.quote
    if changes.quantity is not None:
        quote = quote.with_quantity(changes.quantity)
    if changes.amount_minor is not None:
        quote = quote.with_amount(changes.amount_minor)
    email = session.email if changes.email is None else parse_email(changes.email)
    return replace(session, quote=quote, email=email)
