"""Place an order when a buyer starts to pay."""

from __future__ import annotations

from datetime import datetime

from checkie.db import UnitOfWork
from checkie.orders import sql
from checkie.orders.events import OrderCreated
from checkie.orders.placed import Placed
from checkie.outbox import publish


def place(unit: UnitOfWork, placed: Placed, now: datetime) -> None:
    """Write a new order. The caller writes its session on condition that it had none."""
    created = OrderCreated(
        order=placed.id,
        session=placed.session,
        payment=placed.payment,
        total=placed.total.minor,
        currency=placed.total.currency,
    )
    sql.insert(unit, placed, publish(unit, placed.id, created, after=0, now=now), now)


async def requote(unit: UnitOfWork, placed: Placed, now: datetime) -> None:
    """Write what the buyer changed between two attempts to the pending order. WriteConflict if it is not pending."""
    await sql.requote(unit, placed, now)
