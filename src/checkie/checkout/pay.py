"""Pay: note the intent, ask the provider, record the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from checkie import customers, orders, payments
from checkie.checkout import sql
from checkie.checkout.advance import Move, step
from checkie.checkout.get_session import get_session
from checkie.checkout.model import (
    PAYING,
    SESSION,
    AlreadyPaid,
    EmailMissing,
    PaymentUnderWay,
    ProviderMissing,
    Session,
    SessionOver,
    check_time,
)
from checkie.checkout.reopen import call_off
from checkie.db import Database, UnitOfWork, WriteConflict, retry_on_conflict
from checkie.kernel import refuses
from checkie.kernel.ids import OrderId, SessionId
from checkie.payments import Attempt, Payment
from checkie.payments.port import ActionNeeded, Intent, Outcome, Provider, Unknown, Withdrawn
from checkie.web import IdempotentRequest


@dataclass(frozen=True, slots=True)
class PaymentStarted:
    """What came of it: the attempt as it was before the provider answered, and the answer."""

    session: Session
    payment: Payment
    attempt: Attempt
    outcome: Outcome


_Intended: TypeAlias = tuple[Session, Payment, Attempt]
Once: TypeAlias = IdempotentRequest[PaymentStarted] | None


@refuses(get_session, AlreadyPaid, SessionOver, ProviderMissing, payments.NoAttemptsLeft, EmailMissing, WriteConflict)
async def pay(
    db: Database,
    providers: Mapping[str, Provider],
    session_id: SessionId,
    secret: str,
    now: datetime,
    *,
    once: Once = None,
) -> PaymentStarted:
    """Start a payment of the session with this client secret, or join the attempt that is in progress.

    However often it is called, and concurrently, there is one live attempt. If the provider does not answer (Unknown)
    the attempt stays, and the worker asks for its outcome. `once` is written in the transactions of the payment.
    """
    intended = await _intend(db, providers, (session_id, secret), now, once)
    return await _authorize(db, providers, intended, now, once=once)


@refuses(pay, PaymentUnderWay)
async def pay_hosted(
    db: Database, providers: Mapping[str, Provider], session_id: SessionId, secret: str, now: datetime
) -> PaymentStarted:
    """The same for a browser that needs the provider's own page.

    An attempt that was begun without such a page and only waits for its buyer is canceled at the provider, and another
    is begun.
    """
    intended = await _intend(db, providers, (session_id, secret), now)
    paying = await _authorize(db, providers, intended, now, hosted=True)
    if not _lacks_page(paying):
        return paying
    check_time(paying.session, now)
    if paying.payment.is_spent:
        raise payments.NoAttemptsLeft
    await call_off(db, providers, paying.payment, paying.attempt, now)
    intended = await _intend(db, providers, (session_id, secret), now)
    return await _authorize(db, providers, intended, now, hosted=True)


async def _intend(
    db: Database,
    providers: Mapping[str, Provider],
    key: tuple[SessionId, str],
    now: datetime,
    once: Once = None,
) -> _Intended:
    @retry_on_conflict()
    async def decide() -> _Intended:
        async with db.transaction() as unit:
            session = await get_session(unit, *key)
            if once:
                await once.begin(unit)
            intended = await _attempt(unit, session, now)
            if intended[2].provider not in providers:
                raise ProviderMissing
            return intended

    return await decide()


async def _authorize(
    db: Database,
    providers: Mapping[str, Provider],
    intended: _Intended,
    now: datetime,
    *,
    hosted: bool = False,
    once: Once = None,
) -> PaymentStarted:
    session, payment, attempt = intended

    def end(unit: UnitOfWork, outcome: Outcome) -> None:
        if once and isinstance(outcome, Unknown):
            once.release(unit)  # not the final answer: a repeated request asks the provider again
        elif once:
            once.keep(unit, PaymentStarted(session, payment, attempt, outcome))

    intent = Intent(
        key=attempt.id,
        payment=payment.id,
        amount=attempt.amount,
        description=session.quote.title,
        return_url=session.return_url,
        email=session.email,
        hosted=hosted,
        reference=attempt.reference,
    )
    outcome = await payments.authorize(db, providers[attempt.provider], intent, now, end)
    return PaymentStarted(session, payment, attempt, outcome)


def _lacks_page(paying: PaymentStarted) -> bool:
    """Whether an earlier call began the attempt, and the buyer cannot go on with it on a page of the provider's own.

    A fresh one is not called off for that: its provider has no such page.
    """
    if paying.attempt.reference is None:
        return False
    outcome = paying.outcome
    return isinstance(outcome, Withdrawn) or (isinstance(outcome, ActionNeeded) and not outcome.hosted_url)


async def _attempt(unit: UnitOfWork, session: Session, now: datetime) -> _Intended:
    """The attempt that lives, or a new one."""
    found = await payments.latest_of(unit, session.id) if session.payment else None
    if session.status in PAYING and found is not None:
        payment, attempt = found
        if attempt.is_live:
            return session, payment, attempt
        move = Move.after(payment, attempt)  # the news has not reached the session yet: it need not wait for it
        session = (move and step(session, move)) or session
    if found is not None and found[0].is_paid:
        raise AlreadyPaid
    _check(session, now)
    return await _start(unit, session, found[0] if found else None, now)


def _check(session: Session, now: datetime) -> None:
    check_time(session, now)
    if session.email is None:
        raise EmailMissing(param="email")


async def _start(unit: UnitOfWork, session: Session, earlier: Payment | None, now: datetime) -> _Intended:
    status, _ = SESSION.move(session.status, "pay")
    email = session.email or ""
    customer = await customers.ensure(unit, session.id.store, email, now)
    total = session.quote.total
    order = earlier.order if earlier else OrderId.new(session.id.store, now)
    if earlier:
        payment, attempt = payments.begin_again(unit, earlier, total, session.provider, now)
    else:
        collect = payments.Collect(
            session=session.id, order=order, amount=total, fee_bps=session.fee_bps, provider=session.provider
        )
        payment, attempt = payments.begin(unit, collect, now)
    placed = orders.Placed(
        id=order,
        session=session.id,
        payment=payment.id,
        customer=customer,
        email=email,
        quote=session.quote.as_json(),
        total=total,
    )
    if earlier:
        await orders.requote(unit, placed, now)
    else:
        orders.place(unit, placed, now)
    session = replace(
        session, status=status, version=session.version + 1, payment=payment.id, order=order, attempt=attempt.number
    )
    sql.write_paying(unit, session, now)
    return session, payment, attempt
