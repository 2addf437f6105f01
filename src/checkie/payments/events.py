"""What payments publish. Amounts are whole minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from checkie.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent(Event):
    """What every event of a payment tells."""

    payment: str
    session: str
    order: str
    amount: int
    currency: str
    attempt: str
    attempt_number: int
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCreated(PaymentEvent):
    """A buyer started to pay."""

    name: ClassVar[str] = "payment.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRetried(PaymentEvent):
    """A buyer tries again, in a new attempt."""

    name: ClassVar[str] = "payment.retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequiresAction(PaymentEvent):
    """The buyer's bank asks for a proof (3-D Secure)."""

    name: ClassVar[str] = "payment.requires_action"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentProcessing(PaymentEvent):
    """The provider is at work and will tell."""

    name: ClassVar[str] = "payment.processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCompleted(PaymentEvent):
    """The money arrived and is booked: `amount` from the buyer, of it `fee` for the platform, `net` for the store."""

    name: ClassVar[str] = "payment.completed"
    public: ClassVar[bool] = True
    fee: int
    net: int
    provider_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(PaymentEvent):
    """An attempt was refused. While `attempts_left` is not 0 the buyer may try again and the payment yet complete."""

    name: ClassVar[str] = "payment.failed"
    public: ClassVar[bool] = True
    code: str
    message: str
    attempts_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCancelled(PaymentEvent):
    """The attempt was called off before any money moved."""

    name: ClassVar[str] = "payment.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefunded(PaymentEvent):
    """`refund` went back to the buyer; `refunded` in all so far."""

    name: ClassVar[str] = "payment.refunded"
    public: ClassVar[bool] = True
    refund: int
    refunded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentUnapplied(PaymentEvent):
    """Money arrived that does not fit: another sum than asked for (`INTEGRITY`) or a second time (`DUPLICATE`).

    It is booked apart, as `received` of `received_currency`, and has to be looked at by a person.
    """

    name: ClassVar[str] = "payment.unapplied"
    reason: str
    received: int
    received_currency: str
