"""Payments and attempts: their lifecycles, and what an answer from a provider changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypedDict

from checkie.kernel import Conflict, Lifecycle, Money, NotFound
from checkie.kernel.ids import AttemptId, OrderId, PaymentId, SessionId
from checkie.payments import events

MAX_FAILURES: Final = 3
MAX_ATTEMPTS: Final = 20
ASK_AFTER: Final = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
ASK_DAILY: Final = timedelta(days=1)


class NoSuchAttempt(NotFound):
    """There is no such attempt. A provider that tells of one is asked to tell again later."""

    code = "attempt_not_found"


class IllegalPaymentTransition(Conflict):
    """The payment's state does not allow this."""

    code = "payment_illegal_transition"


class NoAttemptsLeft(Conflict):
    """Three attempts failed; this checkout is over. Start again."""

    code = "payment_no_attempts_left"


class NotYetSucceeded(Conflict):
    """The provider tells of a refund before it told of the payment: tell again later."""

    code = "webhook_out_of_order"


class PaymentStatus(StrEnum):
    """How a payment stands. FAILED is not the end while attempts are left."""

    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class AttemptStatus(StrEnum):
    """How one try stands. UNKNOWN: the provider was silent, money may have moved."""

    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    INTEGRITY_FAILURE = "INTEGRITY_FAILURE"


_P, _A = PaymentStatus, AttemptStatus
LIVE: Final = (_A.PENDING, _A.REQUIRES_ACTION, _A.PROCESSING, _A.UNKNOWN)
_OVER: Final = (_A.FAILED, _A.CANCELLED)

PAYMENT: Final = Lifecycle[PaymentStatus, Any, type[events.PaymentEvent]](
    name="payment",
    start=_P.PENDING,
    refusal=IllegalPaymentTransition,
    transitions={
        # from                      verb              to                      and this happened
        (_P.PENDING, "need_action"): (_P.REQUIRES_ACTION, events.PaymentRequiresAction),
        (_P.PROCESSING, "need_action"): (_P.REQUIRES_ACTION, events.PaymentRequiresAction),
        (_P.PENDING, "process"): (_P.PROCESSING, events.PaymentProcessing),
        (_P.REQUIRES_ACTION, "process"): (_P.PROCESSING, events.PaymentProcessing),
        (_P.PENDING, "succeed"): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.REQUIRES_ACTION, "succeed"): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.PROCESSING, "succeed"): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.FAILED, "succeed"): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.CANCELLED, "succeed"): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.PENDING, "fail"): (_P.FAILED, events.PaymentFailed),
        (_P.REQUIRES_ACTION, "fail"): (_P.FAILED, events.PaymentFailed),
        (_P.PROCESSING, "fail"): (_P.FAILED, events.PaymentFailed),
        (_P.FAILED, "retry"): (_P.PENDING, events.PaymentRetried),
        (_P.CANCELLED, "retry"): (_P.PENDING, events.PaymentRetried),
        (_P.PENDING, "cancel"): (_P.CANCELLED, events.PaymentCancelled),
        (_P.REQUIRES_ACTION, "cancel"): (_P.CANCELLED, events.PaymentCancelled),
        (_P.PROCESSING, "cancel"): (_P.CANCELLED, events.PaymentCancelled),
        (_P.SUCCEEDED, "refund_part"): (_P.PARTIALLY_REFUNDED, events.PaymentRefunded),
        (_P.PARTIALLY_REFUNDED, "refund_part"): (_P.PARTIALLY_REFUNDED, events.PaymentRefunded),
        (_P.SUCCEEDED, "refund_rest"): (_P.REFUNDED, events.PaymentRefunded),
        (_P.PARTIALLY_REFUNDED, "refund_rest"): (_P.REFUNDED, events.PaymentRefunded),
    },
)

# An attempt is told of through its payment's events, so its own moves publish nothing.
ATTEMPT: Final = Lifecycle[AttemptStatus, Any, None](
    name="attempt",
    start=_A.PENDING,
    refusal=IllegalPaymentTransition,
    transitions={
        (_A.PENDING, "await_buyer"): (_A.PENDING, None),
        (_A.UNKNOWN, "await_buyer"): (_A.PENDING, None),
        (_A.PENDING, "mark_unknown"): (_A.UNKNOWN, None),
        (_A.PENDING, "need_action"): (_A.REQUIRES_ACTION, None),
        (_A.PROCESSING, "need_action"): (_A.REQUIRES_ACTION, None),
        (_A.UNKNOWN, "need_action"): (_A.REQUIRES_ACTION, None),
        (_A.PENDING, "process"): (_A.PROCESSING, None),
        (_A.REQUIRES_ACTION, "process"): (_A.PROCESSING, None),
        (_A.UNKNOWN, "process"): (_A.PROCESSING, None),
        **{(state, "succeed"): (_A.SUCCEEDED, None) for state in (*LIVE, *_OVER)},
        **{(state, "fail"): (_A.FAILED, None) for state in LIVE},
        **{(state, "cancel"): (_A.CANCELLED, None) for state in LIVE},
        **{(state, "flag_mismatch"): (_A.INTEGRITY_FAILURE, None) for state in (*LIVE, *_OVER)},
    },
)


@dataclass(frozen=True, slots=True)
class Payment:
    """The intent to collect one amount."""

    id: PaymentId
    session: SessionId
    order: OrderId
    amount: Money
    fee_bps: int
    status: PaymentStatus
    attempts: int
    failures: int
    refunded_minor: int
    failure_code: str | None
    failure_message: str | None
    seq: int
    version: int

    @property
    def fee(self) -> Money:
        """The platform's share."""
        return self.amount.share(self.fee_bps)

    @property
    def attempts_left(self) -> int:
        """How often the buyer may still try."""
        return MAX_FAILURES - self.failures

    @property
    def is_spent(self) -> bool:
        """Whether there may be no further attempt."""
        return self.attempts_left <= 0 or self.attempts >= MAX_ATTEMPTS

    @property
    def is_paid(self) -> bool:
        """Whether the money arrived, whatever went back since."""
        return self.status in (_P.SUCCEEDED, _P.PARTIALLY_REFUNDED, _P.REFUNDED)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a payment at one provider."""

    id: AttemptId
    number: int
    amount: Money
    provider: str
    reference: str | None
    status: AttemptStatus
    is_applied: bool
    refunded_minor: int
    failure_code: str | None
    failure_message: str | None
    requires_3ds: bool
    three_ds_status: str | None
    facts: dict[str, str]
    version: int

    @property
    def is_refused(self) -> bool:
        """Whether the provider said no. Its twin may still be payable there, so it is closed at once."""
        return self.status is AttemptStatus.FAILED

    @property
    def is_live(self) -> bool:
        """Whether it can still succeed as things should go."""
        return self.status in LIVE


def next_ask(asks: int, now: datetime) -> datetime:
    """When to ask the provider again after `asks` questions: 5 s, 30 s, 5 min and 1 h, then daily."""
    return now + (ASK_AFTER[asks] if asks < len(ASK_AFTER) else ASK_DAILY)


class PaymentFields(TypedDict):
    """The fields that every event of a payment has."""

    payment: str
    session: str
    order: str
    amount: int
    currency: str
    attempt: str
    attempt_number: int
    provider: str


def event_fields(payment: Payment, attempt: Attempt) -> PaymentFields:
    """The fields that every event of this payment has."""
    return {
        "payment": payment.id,
        "session": payment.session,
        "order": payment.order,
        "amount": payment.amount.minor,
        "currency": payment.amount.currency,
        "attempt": attempt.id,
        "attempt_number": attempt.number,
        "provider": attempt.provider,
    }
