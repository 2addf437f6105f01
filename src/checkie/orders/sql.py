"""All the SQL that writes or locks orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from checkie.db import UnitOfWork, WriteConflict, row
from checkie.kernel.ids import OrderId
from checkie.orders.model import Order
from checkie.orders.placed import Placed

_INSERT: Final = """
insert into orders."order" (store, id, session, customer, payment, email, status, quote, total_minor, currency, seq,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, 'PENDING', $7, $8, $9, $10, $11, $11)
"""
_PENDING: Final = """select version from orders."order" where store = $1 and id = $2 and status = 'PENDING'"""
_REQUOTE: Final = """
update orders."order" set version = version + 1, customer = $4, payment = $5, email = $6, quote = $7, total_minor = $8,
  updated_at = $9
where store = $1 and id = $2 and version = $3
"""
_LOCK: Final = """
select id, session, payment, status, seq, total_minor, currency from orders."order"
where store = $1 and id = any($2) order by id for update
"""
_WRITE: Final = """
update orders."order" o set version = o.version + 1, status = w.status, seq = w.seq, updated_at = $5,
  completed_at = case when w.status = 'COMPLETED' then coalesce(o.completed_at, $5) else o.completed_at end
from unnest($2::uuid[], $3::text[], $4::int[]) as w (id, status, seq) where o.store = $1 and o.id = w.id
"""


def insert(unit: UnitOfWork, placed: Placed, seq: int, now: datetime) -> None:
    """Write a new order."""
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
    """Write the present quote to the pending order. WriteConflict if it is not pending or changes concurrently."""
    found = await unit.read(_PENDING, placed.id.store, placed.id.uuid)
    if found is None:
        raise WriteConflict
    unit.add(
        _REQUOTE,
        placed.id.store,
        placed.id.uuid,
        found["version"],
        placed.customer.uuid,
        placed.payment.uuid,
        placed.email,
        placed.quote,
        placed.total.minor,
        now,
    )


async def lock_many(unit: UnitOfWork, store: int, ids: Iterable[OrderId]) -> dict[OrderId, Order]:
    """Those of the store's orders, locked in order."""
    found = [row(Order, record) for record in await unit.lock(_LOCK, store, [order.uuid for order in ids])]
    return {order.id: order for order in found}


def write_many(unit: UnitOfWork, store: int, orders: Sequence[Order], now: datetime) -> None:
    """Write status and event count of locked orders of one store."""
    changed = sorted(orders, key=lambda order: order.id)
    unit.add(
        _WRITE,
        store,
        [order.id.uuid for order in changed],
        [order.status for order in changed],
        [order.seq for order in changed],
        now,
        expect=len(changed),
    )
