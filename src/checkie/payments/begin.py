"""Begin an attempt: the intent, written before any provider is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from checkie.db import Overtaken, Tx
from checkie.kernel import Money
from checkie.outbox import Draft, publish
from checkie.payments import store
from checkie.payments.events import PaymentCreated
from checkie.payments.model import (
    PAYMENT,
    Attempt,
    AttemptStatus,
    NoAttemptsLeft,
    OrderId,
    Payment,
    PaymentStatus,
    SessionId,
    told,
)
from checkie.payments.port import AttemptId, PaymentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """What is to be collected, for whom and through which provider; the fee in hundredths of a percent."""

    session: SessionId
    order: OrderId
    amount: Money
    fee_bps: int
    provider: str


def begin(tx: Tx, collect: Collect, now: datetime) -> tuple[Payment, Attempt]:
    """A new payment with its first attempt. The caller writes the session on condition that it had none."""
    payment = Payment(
        id=PaymentId.new(collect.session.store, now),
        session=collect.session,
        order=collect.order,
        amount=collect.amount,
        fee_bps=collect.fee_bps,
        status=PaymentStatus.PENDING,
        attempts=1,
        failures=0,
        refunded_minor=0,
        failure_code=None,
        failure_message=None,
        seq=1,
    )
    attempt = _attempt(payment, collect.provider, now)
    store.create(tx, payment, attempt, now)
    publish(tx, [Draft(payment.id, 1, PaymentCreated(**told(payment, attempt)))], now)  # type: ignore[arg-type]  # told() names the fields
    return payment, attempt


def begin_again(tx: Tx, earlier: Payment, amount: Money, provider: str, now: datetime) -> tuple[Payment, Attempt]:
    """A further attempt after one that failed or was called off. After three failures it refuses (NoAttemptsLeft).

    `Overtaken` when another call has begun one, or the payment is no longer as it was found (`earlier`).
    """
    if earlier.is_spent:
        raise NoAttemptsLeft
    if not PAYMENT.allows(earlier.status, "retry"):
        raise Overtaken
    status, event = PAYMENT.move(earlier.status, "retry")
    payment = replace(earlier, status=status, attempts=earlier.attempts + 1, amount=amount, seq=earlier.seq + 1)
    attempt = _attempt(payment, provider, now)
    store.retry(tx, payment, attempt, now)
    publish(tx, [Draft(payment.id, payment.seq, event(**told(payment, attempt)))], now)  # type: ignore[arg-type]  # as above
    return payment, attempt


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
    )
