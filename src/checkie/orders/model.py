"""An order's lifecycle."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from checkie.kernel import Conflict, Lifecycle
from checkie.orders import events


class IllegalOrderMove(Conflict):
    """The order's state does not allow this."""

    code = "order_illegal_move"


class OrderStatus(StrEnum):
    """How an order stands."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


_S = OrderStatus
ORDER: Final = Lifecycle[OrderStatus, type[events.OrderEvent]](
    name="order",
    start=_S.PENDING,
    refusal=IllegalOrderMove,
    moves={
        # from                        verb              to                        and this happened
        (_S.PENDING, "complete"): (_S.COMPLETED, events.OrderCompleted),
        (_S.PENDING, "fail"): (_S.FAILED, events.OrderFailed),
        (_S.PENDING, "cancel"): (_S.CANCELLED, events.OrderCancelled),
        # money that arrives late is never lost
        (_S.FAILED, "complete"): (_S.COMPLETED, events.OrderCompleted),
        (_S.CANCELLED, "complete"): (_S.COMPLETED, events.OrderCompleted),
        (_S.COMPLETED, "refund_part"): (_S.PARTIALLY_REFUNDED, events.OrderRefunded),
        (_S.PARTIALLY_REFUNDED, "refund_part"): (_S.PARTIALLY_REFUNDED, events.OrderRefunded),
        (_S.COMPLETED, "refund_rest"): (_S.REFUNDED, events.OrderRefunded),
        (_S.PARTIALLY_REFUNDED, "refund_rest"): (_S.REFUNDED, events.OrderRefunded),
    },
)
