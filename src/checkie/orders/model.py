"""An order and its lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from checkie.kernel import Conflict, Lifecycle
from checkie.kernel.ids import OrderId, PaymentId, SessionId
from checkie.orders import events
from checkie.orders.events import OrderEvent
from checkie.payments import Payment, PaymentStatus


class IllegalOrderTransition(Conflict):
    """The status of the order does not allow this transition."""

    code = "order_illegal_transition"


class OrderStatus(StrEnum):
    """The status of an order."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


class OrderVerb(StrEnum):
    """What can happen to an order."""

    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    REFUND_PART = "refund_part"
    REFUND_REST = "refund_rest"


_S, _V = OrderStatus, OrderVerb
ORDER: Final = Lifecycle[OrderStatus, OrderVerb, type[OrderEvent]](
    name="order",
    start=_S.PENDING,
    refusal=IllegalOrderTransition,
    transitions={
        # from                verb               to                      published event
        (_S.PENDING, _V.COMPLETE): (_S.COMPLETED, events.OrderCompleted),
        (_S.PENDING, _V.FAIL): (_S.FAILED, events.OrderFailed),
        (_S.PENDING, _V.CANCEL): (_S.CANCELLED, events.OrderCancelled),
        # a payment that succeeds late is never lost
        (_S.FAILED, _V.COMPLETE): (_S.COMPLETED, events.OrderCompleted),
        (_S.CANCELLED, _V.COMPLETE): (_S.COMPLETED, events.OrderCompleted),
        (_S.COMPLETED, _V.REFUND_PART): (_S.PARTIALLY_REFUNDED, events.OrderRefunded),
        (_S.PARTIALLY_REFUNDED, _V.REFUND_PART): (_S.PARTIALLY_REFUNDED, events.OrderRefunded),
        (_S.COMPLETED, _V.REFUND_REST): (_S.REFUNDED, events.OrderRefunded),
        (_S.PARTIALLY_REFUNDED, _V.REFUND_REST): (_S.REFUNDED, events.OrderRefunded),
    },
)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its lifecycle needs it. `payment` is the payment that collects for it now."""

    id: OrderId
    session: SessionId
    payment: PaymentId
    status: OrderStatus
    seq: int
    total_minor: int
    currency: str

    def event(self, kind: type[OrderEvent], _verb: OrderVerb) -> OrderEvent:
        """The event that it publishes."""
        return kind(
            order=self.id, session=self.session, payment=self.payment, total=self.total_minor, currency=self.currency
        )


def verbs_to_agree(order: Order, payment: Payment) -> list[OrderVerb]:
    """What has yet to happen to the order for its status to agree with its payment's present status."""
    if payment.status is PaymentStatus.FAILED and payment.is_spent:
        return ORDER.path(order.status, OrderStatus.FAILED)
    target = _AGREES.get(payment.status)
    return ORDER.path(order.status, target) if target else []


_AGREES: Final = {
    PaymentStatus.SUCCEEDED: OrderStatus.COMPLETED,
    PaymentStatus.PARTIALLY_REFUNDED: OrderStatus.PARTIALLY_REFUNDED,
    PaymentStatus.REFUNDED: OrderStatus.REFUNDED,
}
