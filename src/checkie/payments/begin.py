"""Begin an attempt: the intent, written before any provider is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from checkie.db import UnitOfWork, WriteConflict
from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, OrderId, PaymentId, SessionId
from checkie.outbox import publish
from checkie.payments import sql
from checkie.payments.events import PaymentCreated
from checkie.payments.model import (
    PAYMENT,
    Attempt,
    AttemptStatus,
    NoAttemptsLeft,
    Payment,
    PaymentStatus,
    PaymentVerb,
    event_fields,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """What to collect for which order, through which provider. `fee_bps`: the fee in hundredths of a percent."""

    order: OrderId
    session: SessionId | None
    amount: Money
    fee_bps: int
    provider: str


def begin(unit: UnitOfWork, collect: Collect, now: datetime) -> tuple[Payment, Attempt]:
    """A new payment with its first attempt. Refused on commit while the order has a live one (OrderHasLivePayment).

    Whether the order still needs money is for the caller to decide.
    """
    payment = Payment(
        id=PaymentId.new(collect.order.store, now),
        order=collect.order,
        session=collect.session,
        amount=collect.amount,
        fee_bps=collect.fee_bps,
        status=PaymentStatus.PENDING,
        attempts=1,
        failures=0,
        refunded_minor=0,
        failure_code=None,
        failure_message=None,
        seq=0,
        version=1,
    )
    attempt = _attempt(payment, collect.provider, now)
    created = PaymentCreated(**event_fields(payment, attempt))
    payment = replace(payment, seq=publish(unit, payment.id, created, after=0, now=now))
    sql.create(unit, payment, attempt, now)
    return payment, attempt


def retry(unit: UnitOfWork, payment: Payment, amount: Money, provider: str, now: datetime) -> tuple[Payment, Attempt]:
    """A further attempt of a payment that failed or was cancelled. Refuses with NoAttemptsLeft.

    Refused on commit while the order has another live payment (OrderHasLivePayment). `WriteConflict` when the payment
    is not as it was read, for instance because a concurrent call has started an attempt.
    """
    if payment.is_spent:
        raise NoAttemptsLeft
    if not PAYMENT.allows(payment.status, PaymentVerb.RETRY):
        raise WriteConflict
    payment, event = PAYMENT.step(replace(payment, attempts=payment.attempts + 1, amount=amount), PaymentVerb.RETRY)
    attempt = _attempt(payment, provider, now)
    retried = event(**event_fields(payment, attempt))
    payment = replace(payment, seq=publish(unit, payment.id, retried, after=payment.seq, now=now))
    sql.retry(unit, payment, attempt, now)
    return replace(payment, version=payment.version + 1), attempt


def _attempt(payment: Payment, provider: str, now: datetime) -> Attempt:
    return Attempt(
        id=AttemptId.new(payment.id.store, now),
        number=payment.attempts,
        amount=payment.amount,
        provider=provider,
        reference=None,
        status=AttemptStatus.PENDING,
        is_applied=False,
        refunded_minor=0,
        failure_code=None,
        failure_message=None,
        requires_3ds=False,
        three_ds_status=None,
        facts={},
        version=1,
    )
