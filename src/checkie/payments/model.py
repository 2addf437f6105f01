"""Payments and attempts: their lifecycles and rules. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypedDict

from checkie.kernel import Conflict, Lifecycle, Money, NotFound
from checkie.kernel.ids import AttemptId, OrderId, PaymentId, SessionId
from checkie.payments import events

MAX_FAILURES: Final = 3
MAX_ATTEMPTS: Final = 20
CHECK_AFTER: Final = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
CHECK_EVERY: Final = timedelta(days=1)


class NoSuchAttempt(NotFound):
    """The webhook refers to an attempt that does not exist. The provider should send it again later."""

    code = "attempt_not_found"


class IllegalPaymentTransition(Conflict):
    """The status of the payment does not allow this transition."""

    code = "payment_illegal_transition"


class NoAttemptsLeft(Conflict):
    """The maximum number of failed attempts has been reached. Open a new checkout session."""

    code = "payment_no_attempts_left"


class OrderHasLivePayment(Conflict):
    """Another payment for this order is in progress. Wait for its outcome."""

    code = "order_has_live_payment"


class NotYetSucceeded(Conflict):
    """The webhook refers to a payment that has not succeeded yet. The provider should send it again later."""

    code = "webhook_out_of_order"


CONSTRAINTS: Final = {"one_live_payment_per_order": OrderHasLivePayment}
"""The refusal of each constraint that a caller can violate."""


class PaymentStatus(StrEnum):
    """The status of a payment. FAILED is not final while attempts are left."""

    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class PaymentVerb(StrEnum):
    """What changes a payment's status."""

    NEED_ACTION = "need_action"
    PROCESS = "process"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    CANCEL = "cancel"
    REFUND_PART = "refund_part"
    REFUND_REST = "refund_rest"


class AttemptStatus(StrEnum):
    """The status of one attempt. UNKNOWN: the provider did not answer, and money may have moved."""

    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    INTEGRITY_FAILURE = "INTEGRITY_FAILURE"


class AttemptVerb(StrEnum):
    """What changes an attempt's status."""

    AWAIT_BUYER = "await_buyer"
    MARK_UNKNOWN = "mark_unknown"
    NEED_ACTION = "need_action"
    PROCESS = "process"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    FLAG_MISMATCH = "flag_mismatch"


_P, _PV, _A, _AV = PaymentStatus, PaymentVerb, AttemptStatus, AttemptVerb
LIVE: Final = (_A.PENDING, _A.REQUIRES_ACTION, _A.PROCESSING, _A.UNKNOWN)
WITH_MONEY: Final = (_A.SUCCEEDED, _A.INTEGRITY_FAILURE)
_UNPAID: Final = (_A.FAILED, _A.CANCELLED)

PAYMENT: Final = Lifecycle[PaymentStatus, PaymentVerb, type[events.PaymentEvent]](
    name="payment",
    start=_P.PENDING,
    refusal=IllegalPaymentTransition,
    transitions={
        # from                       verb               to                     event
        (_P.PENDING, _PV.NEED_ACTION): (_P.REQUIRES_ACTION, events.PaymentRequiresAction),
        (_P.PROCESSING, _PV.NEED_ACTION): (_P.REQUIRES_ACTION, events.PaymentRequiresAction),
        (_P.PENDING, _PV.PROCESS): (_P.PROCESSING, events.PaymentProcessing),
        (_P.REQUIRES_ACTION, _PV.PROCESS): (_P.PROCESSING, events.PaymentProcessing),
        (_P.PENDING, _PV.SUCCEED): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.REQUIRES_ACTION, _PV.SUCCEED): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.PROCESSING, _PV.SUCCEED): (_P.SUCCEEDED, events.PaymentCompleted),
        # a success that arrives late is still booked
        (_P.FAILED, _PV.SUCCEED): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.CANCELLED, _PV.SUCCEED): (_P.SUCCEEDED, events.PaymentCompleted),
        (_P.PENDING, _PV.FAIL): (_P.FAILED, events.PaymentFailed),
        (_P.REQUIRES_ACTION, _PV.FAIL): (_P.FAILED, events.PaymentFailed),
        (_P.PROCESSING, _PV.FAIL): (_P.FAILED, events.PaymentFailed),
        (_P.FAILED, _PV.RETRY): (_P.PENDING, events.PaymentRetried),
        (_P.CANCELLED, _PV.RETRY): (_P.PENDING, events.PaymentRetried),
        (_P.PENDING, _PV.CANCEL): (_P.CANCELLED, events.PaymentCancelled),
        (_P.REQUIRES_ACTION, _PV.CANCEL): (_P.CANCELLED, events.PaymentCancelled),
        (_P.PROCESSING, _PV.CANCEL): (_P.CANCELLED, events.PaymentCancelled),
        (_P.SUCCEEDED, _PV.REFUND_PART): (_P.PARTIALLY_REFUNDED, events.PaymentRefunded),
        (_P.PARTIALLY_REFUNDED, _PV.REFUND_PART): (_P.PARTIALLY_REFUNDED, events.PaymentRefunded),
        (_P.SUCCEEDED, _PV.REFUND_REST): (_P.REFUNDED, events.PaymentRefunded),
        (_P.PARTIALLY_REFUNDED, _PV.REFUND_REST): (_P.REFUNDED, events.PaymentRefunded),
    },
)

# What happens to an attempt is published as an event of its payment.
ATTEMPT: Final = Lifecycle[AttemptStatus, AttemptVerb, None](
    name="attempt",
    start=_A.PENDING,
    refusal=IllegalPaymentTransition,
    transitions={
        (_A.PENDING, _AV.AWAIT_BUYER): (_A.PENDING, None),
        (_A.UNKNOWN, _AV.AWAIT_BUYER): (_A.PENDING, None),
        (_A.PENDING, _AV.MARK_UNKNOWN): (_A.UNKNOWN, None),
        (_A.PENDING, _AV.NEED_ACTION): (_A.REQUIRES_ACTION, None),
        (_A.PROCESSING, _AV.NEED_ACTION): (_A.REQUIRES_ACTION, None),
        (_A.UNKNOWN, _AV.NEED_ACTION): (_A.REQUIRES_ACTION, None),
        (_A.PENDING, _AV.PROCESS): (_A.PROCESSING, None),
        (_A.REQUIRES_ACTION, _AV.PROCESS): (_A.PROCESSING, None),
        (_A.UNKNOWN, _AV.PROCESS): (_A.PROCESSING, None),
        **{(state, _AV.SUCCEED): (_A.SUCCEEDED, None) for state in (*LIVE, *_UNPAID)},
        **{(state, _AV.FAIL): (_A.FAILED, None) for state in LIVE},
        **{(state, _AV.CANCEL): (_A.CANCELLED, None) for state in LIVE},
        **{(state, _AV.FLAG_MISMATCH): (_A.INTEGRITY_FAILURE, None) for state in (*LIVE, *_UNPAID)},
    },
)


@dataclass(frozen=True, slots=True)
class Payment:
    """The intent to collect one amount for one order. `session`: the checkout session that it came from, if any."""

    id: PaymentId
    order: OrderId
    session: SessionId | None
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
        """How many more attempts may fail."""
        return MAX_FAILURES - self.failures

    @property
    def is_spent(self) -> bool:
        """Whether no further attempt is allowed."""
        return self.attempts_left <= 0 or self.attempts >= MAX_ATTEMPTS

    @property
    def is_paid(self) -> bool:
        """Whether the money arrived, even if it was refunded since."""
        return self.status in (_P.SUCCEEDED, _P.PARTIALLY_REFUNDED, _P.REFUNDED)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a payment at one provider. `is_applied`: its money paid the payment."""

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
    def is_declined(self) -> bool:
        """Whether the provider declined it. It may still be payable there, so it is cancelled there at once."""
        return self.status is AttemptStatus.FAILED

    @property
    def is_live(self) -> bool:
        """Whether it can still succeed in the ordinary course."""
        return self.status in LIVE

    @property
    def has_money(self) -> bool:
        """Whether money arrived by it, in whatever amount."""
        return self.status in WITH_MONEY


def next_check_at(checks: int, now: datetime) -> datetime:
    """When to check with the provider again after `checks` checks: 5 s, 30 s, 5 min and 1 h, then daily."""
    return now + (CHECK_AFTER[checks] if checks < len(CHECK_AFTER) else CHECK_EVERY)


class PaymentFields(TypedDict):
    """The fields that all events of a payment have."""

    payment: str
    session: str | None
    order: str
    amount: int
    currency: str
    attempt: str
    attempt_number: int
    provider: str


def event_fields(payment: Payment, attempt: Attempt) -> PaymentFields:
    """The fields that all events of this payment have."""
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
