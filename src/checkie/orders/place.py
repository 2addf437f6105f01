"""Place an order when its session starts to pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from checkie.db import UnitOfWork, WriteConflict
from checkie.kernel import Money
from checkie.kernel.ids import CustomerId, OrderId, PaymentId, SessionId
from checkie.orders.events import OrderCreated
from checkie.outbox import publish

_INSERT: Final = """
insert into orders."order" (store, id, session, customer, payment, email, status, quote, total_minor, currency, seq,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, 'PENDING', $7, $8, $9, $10, $11, $11)
"""
_PENDING: Final = """select version from orders."order" where store = $1 and id = $2 and status = 'PENDING'"""
_REQUOTE: Final = """
update orders."order" set version = version + 1, customer = $3, email = $4, quote = $5, total_minor = $6,
  updated_at = $7
where store = $1 and id = $2 and version = $8
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What is bought, by whom and for how much."""

    id: OrderId
    session: SessionId
    payment: PaymentId
    customer: CustomerId
    email: str
    quote: Mapping[str, Any]
    total: Money


def place(unit: UnitOfWork, placed: Placed, now: datetime) -> None:
    """Write the order. The caller writes its session on condition that it had none, so there is one."""
    created = OrderCreated(
        order=placed.id,
        session=placed.session,
        payment=placed.payment,
        total=placed.total.minor,
        currency=placed.total.currency,
    )
    seq = publish(unit, placed.id, created, after=0, now=now)
    unit.add(
        _INSERT,
        placed.id.store,
        placed.id.uuid,
        placed.session.uuid,
        placed.customer.uuid,
        placed.payment.uuid,
        placed.email,
        placed.quote,
        placed.total.minor,
        placed.total.currency,
        seq,
        now,
    )


async def requote(unit: UnitOfWork, placed: Placed, now: datetime) -> None:
    """Write what the buyer changed between two attempts to the pending order. WriteConflict if it is not pending."""
    found = await unit.read(_PENDING, placed.id.store, placed.id.uuid)
    if found is None:
        raise WriteConflict
    unit.add(
        _REQUOTE,
        placed.id.store,
        placed.id.uuid,
        placed.customer.uuid,
        placed.email,
        placed.quote,
        placed.total.minor,
        now,
        found["version"],
    )
