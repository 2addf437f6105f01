"""Pay: record the intent, call the provider, record the outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from checkie import customers, orders, outbox, payments, stores
from checkie.checkout import sql
from checkie.checkout.advance import verb_to_agree
from checkie.checkout.get_session import get_session
from checkie.checkout.model import (
    PAYING,
    SESSION,
    AlreadyPaid,
    EmailMissing,
    PaymentInProgress,
    Session,
    SessionOver,
    SessionVerb,
    check_time,
)
from checkie.checkout.reopen import cancel_attempt
from checkie.db import Database, UnitOfWork, WriteConflict, retry_on_conflict
from checkie.kernel import refuses
from checkie.kernel.ids import OrderId, SessionId
from checkie.payments import Attempt, Payment
from checkie.payments.port import ActionNeeded, Cancelled, Intent, Outcome, ProviderNotConfigured, Providers, Unknown
from checkie.web import IdempotentRequest


@dataclass(frozen=True, slots=True)
class PaymentStarted:
    """A payment in progress: the attempt as it was before the provider answered, and the outcome."""

    session: Session
    payment: Payment
    attempt: Attempt
    outcome: Outcome


_Intended: TypeAlias = tuple[Session, Payment, Attempt]


Once: TypeAlias = IdempotentRequest[PaymentStarted] | None


@refuses(
    *(get_session, AlreadyPaid, SessionOver, EmailMissing, ProviderNotConfigured, stores.ProviderNotAllowed),
    *(payments.NoAttemptsLeft, WriteConflict),
)
async def pay(
    db: Database,
    providers: Providers,
    session_id: SessionId,
    secret: str,
    now: datetime,
    *,
    once: Once = None,
) -> PaymentStarted:
    """Start a payment of the session with this client secret, or join the attempt that is in progress.

    However often and concurrently it is called, one attempt is live. If the provider does not answer (Unknown) the
    attempt stays live, and the worker checks with the provider. `once` is written in the payment's transactions.
    """
    intended = await _intend(db, providers, (session_id, secret), now, once)
    return await _authorize(db, providers, intended, now, once=once)


@refuses(pay, PaymentInProgress)
async def pay_hosted(
    db: Database, providers: Providers, session_id: SessionId, secret: str, now: datetime
) -> PaymentStarted:
    """The same for a browser without JavaScript, which needs the provider's hosted page.

    A live attempt that was started without such a page is cancelled for certain, and the next is started.
    """
    intended = await _intend(db, providers, (session_id, secret), now)
    paying = await _authorize(db, providers, intended, now, hosted=True)
    if not _lacks_page(paying):
        return paying
    check_time(paying.session, now)
    if paying.payment.is_spent:
        raise payments.NoAttemptsLeft
    await cancel_attempt(db, providers, paying.session, paying.attempt, now)
    intended = await _intend(db, providers, (session_id, secret), now)
    return await _authorize(db, providers, intended, now, hosted=True)


async def _intend(
    db: Database,
    providers: Providers,
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
            providers.cards(intended[2].provider)  # refuses before the intent is written
            return intended

    return await decide()


async def _authorize(
    db: Database,
    providers: Providers,
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
    outcome = await payments.authorize(db, providers.cards(attempt.provider), intent, now, end)
    return PaymentStarted(session, payment, attempt, outcome)


def _lacks_page(paying: PaymentStarted) -> bool:
    """Whether an earlier call started the attempt, and the buyer cannot continue it on a hosted page.

    A new attempt is not cancelled for that: its provider has no such page.
    """
    if paying.attempt.reference is None:
        return False
    outcome = paying.outcome
    return isinstance(outcome, Cancelled) or (isinstance(outcome, ActionNeeded) and not outcome.hosted_url)


async def _attempt(unit: UnitOfWork, session: Session, now: datetime) -> _Intended:
    """The live attempt, or a new one."""
    found = await payments.find_latest(unit, session.payment) if session.payment else None
    if session.status in PAYING and found is not None:
        payment, attempt = found
        if attempt.is_live:
            return session, payment, attempt
        verb = verb_to_agree(session, payment, attempt)  # its event is not handled yet: the buyer need not wait for it
        session = outbox.apply(unit, SESSION, session, verb, now) if verb else session
    if found is not None and found[0].is_paid:
        raise AlreadyPaid
    _check(session, now)
    await stores.check_provider(unit, session.id.store, session.provider)
    return await _start(unit, session, found[0] if found else None, now)


def _check(session: Session, now: datetime) -> None:
    check_time(session, now)
    if session.email is None:
        raise EmailMissing(param="email")


async def _start(unit: UnitOfWork, session: Session, earlier: Payment | None, now: datetime) -> _Intended:
    session = outbox.apply(unit, SESSION, session, SessionVerb.PAY, now)
    email = session.email or ""
    customer = await customers.ensure(unit, session.id.store, email, now)
    total = session.quote.total
    order = earlier.order if earlier else OrderId.new(session.id.store, now)
    if earlier:
        payment, attempt = payments.retry(unit, earlier, total, session.provider, now)
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
    session = replace(session, payment=payment.id, order=order, attempt=attempt.number)
    sql.write_paying(unit, session, now)
    return replace(session, version=session.version + 1), payment, attempt
