"""Place an order when its session starts to pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from checkie.customers import CustomerId
from checkie.db import Tx
from checkie.kernel import Money
from checkie.orders.events import OrderCreated
from checkie.outbox import Draft, publish
from checkie.payments import OrderId, SessionId
from checkie.payments.port import PaymentId

_INSERT: Final = """
insert into orders."order" (store, id, session, customer, payment, email, status, quote, total_minor, currency, seq,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, 'PENDING', $7, $8, $9, 1, $10, $10)
"""
_REQUOTE: Final = """
update orders."order" set customer = $3, email = $4, quote = $5, total_minor = $6, updated_at = $7
where store = $1 and id = $2 and status = 'PENDING'
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


def place(tx: Tx, placed: Placed, now: datetime) -> None:
    """Write the order. The caller writes its session on condition that it had none, so there is one."""
    tx.write(
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
        now,
    )
    news = OrderCreated(
        order=placed.id,
        session=placed.session,
        payment=placed.payment,
        total=placed.total.minor,
        currency=placed.total.currency,
    )
    publish(tx, [Draft(placed.id, 1, news)], now)


def requote(tx: Tx, placed: Placed, now: datetime) -> None:
    """The buyer changed something between two attempts: the pending order says what is bought now."""
    tx.write(
        _REQUOTE,
        placed.id.store,
        placed.id.uuid,
        placed.customer.uuid,
        placed.email,
        placed.quote,
        placed.total.minor,
        now,
    )
