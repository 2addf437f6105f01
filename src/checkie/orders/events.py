"""What orders publish. Amounts are whole minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from checkie.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent(Event):
    """The fields that every event of an order has."""

    order: str
    session: str
    payment: str
    total: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCreated(OrderEvent):
    """A buyer started to pay for the order."""

    name: ClassVar[str] = "order.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCompleted(OrderEvent):
    """The order was paid."""

    name: ClassVar[str] = "order.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFailed(OrderEvent):
    """No attempt to pay the order succeeded, and none is left."""

    name: ClassVar[str] = "order.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(OrderEvent):
    """The order's session ended unpaid."""

    name: ClassVar[str] = "order.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefunded(OrderEvent):
    """The order was refunded in full or in part."""

    name: ClassVar[str] = "order.refunded"
