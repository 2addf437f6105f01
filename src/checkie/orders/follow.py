"""What orders do on the events of payments."""

from __future__ import annotations

from datetime import datetime

from checkie.db import UnitOfWork
from checkie.kernel.ids import OrderId
from checkie.orders.advance import advance
from checkie.orders.model import OrderVerb
from checkie.payments.events import PaymentCompleted, PaymentFailed, PaymentRefunded


async def on_payment_completed(unit: UnitOfWork, event: PaymentCompleted, now: datetime) -> None:
    """The order is paid."""
    advance(unit, OrderId(event.order), OrderVerb.COMPLETE, now)


async def on_payment_failed(unit: UnitOfWork, event: PaymentFailed, now: datetime) -> None:
    """The order fails with the last attempt."""
    if not event.attempts_left:
        advance(unit, OrderId(event.order), OrderVerb.FAIL, now)


async def on_payment_refunded(unit: UnitOfWork, event: PaymentRefunded, now: datetime) -> None:
    """The order is refunded in part or in full."""
    is_rest = event.refunded >= event.amount
    advance(unit, OrderId(event.order), OrderVerb.REFUND_REST if is_rest else OrderVerb.REFUND_PART, now)
