"""What payments publish. Amounts are whole minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from checkie.outbox import Event

INTEGRITY: Final = "integrity_failure"
"""The `code` of a payment that failed because another amount or currency arrived than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent(Event):
    """The fields of every payment event. `session` is null where no checkout session was involved."""

    payment: str
    session: str | None
    order: str
    amount: int
    currency: str
    attempt: str
    attempt_number: int
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCreated(PaymentEvent):
    """A payment was created with its first attempt."""

    name: ClassVar[str] = "payment.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRetried(PaymentEvent):
    """A further attempt was started."""

    name: ClassVar[str] = "payment.retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequiresAction(PaymentEvent):
    """The buyer's bank requires authentication (3-D Secure)."""

    name: ClassVar[str] = "payment.requires_action"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentProcessing(PaymentEvent):
    """The provider is processing the payment."""

    name: ClassVar[str] = "payment.processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCompleted(PaymentEvent):
    """The payment succeeded and is booked: `amount` was paid, `fee` is the platform's, `net` the store's."""

    name: ClassVar[str] = "payment.completed"
    public: ClassVar[bool] = True
    fee: int
    net: int
    provider_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(PaymentEvent):
    """An attempt failed. While `attempts_left` is not 0, the buyer may try again and the payment may still succeed."""

    name: ClassVar[str] = "payment.failed"
    public: ClassVar[bool] = True
    code: str
    message: str
    attempts_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCancelled(PaymentEvent):
    """The attempt was cancelled before any money moved."""

    name: ClassVar[str] = "payment.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefunded(PaymentEvent):
    """`refund` was refunded to the buyer; `refunded` in total so far."""

    name: ClassVar[str] = "payment.refunded"
    public: ClassVar[bool] = True
    refund: int
    refunded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentUnapplied(PaymentEvent):
    """Money arrived that does not pay this payment: another amount (`INTEGRITY`) or a second time (`DUPLICATE`).

    It is booked separately, as `received` of `received_currency`, and must be reviewed by a person.
    """

    name: ClassVar[str] = "payment.unapplied"
    reason: str
    received: int
    received_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundEvent(Event):
    """The fields of every refund event. `provider_reference` is null while the provider has not named the refund."""

    refund: str
    payment: str
    attempt: str
    amount: int
    currency: str
    status: str
    reason: str | None
    provider_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCreated(RefundEvent):
    """A refund was recorded."""

    name: ClassVar[str] = "refund.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSucceeded(RefundEvent):
    """The refund reached the buyer's bank."""

    name: ClassVar[str] = "refund.succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed(RefundEvent):
    """The refund failed. If it was booked already, a person must correct the books."""

    name: ClassVar[str] = "refund.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCancelled(RefundEvent):
    """The refund was cancelled before any money moved, or it turned out to be recorded as another refund already."""

    name: ClassVar[str] = "refund.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeEvent(Event):
    """The fields of every dispute event."""

    dispute: str
    payment: str
    attempt: str
    amount: int
    currency: str
    status: str
    reason: str | None
    provider_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeCreated(DisputeEvent):
    """A buyer disputed the payment at their bank. Nothing is booked."""

    name: ClassVar[str] = "dispute.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeUpdated(DisputeEvent):
    """The status of a dispute that is open changed."""

    name: ClassVar[str] = "dispute.updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeClosed(DisputeEvent):
    """The dispute is closed; `status` is its result. Nothing is booked."""

    name: ClassVar[str] = "dispute.closed"
