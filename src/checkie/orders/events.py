"""What orders publish. Amounts are whole minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from checkie.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent(Event):
    """What every event of an order tells."""

    order: str
    session: str
    payment: str
    total: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCreated(OrderEvent):
    """A buyer started to pay for it."""

    name: ClassVar[str] = "order.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCompleted(OrderEvent):
    """It is paid."""

    name: ClassVar[str] = "order.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFailed(OrderEvent):
    """No attempt to pay it succeeded, and none is left."""

    name: ClassVar[str] = "order.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(OrderEvent):
    """Its session ended unpaid."""

    name: ClassVar[str] = "order.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefunded(OrderEvent):
    """Money for it went back, all or in part."""

    name: ClassVar[str] = "order.refunded"
