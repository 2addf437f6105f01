"""The one place an order changes state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from checkie.db import UnitOfWork
from checkie.kernel.ids import OrderId, PaymentId, SessionId
from checkie.orders.model import ORDER, OrderStatus
from checkie.outbox import publish

_LOCK: Final = """
select id, session, payment, status, seq, total_minor, currency from orders."order"
where store = $1 and id = any($2) order by id for update
"""
_WRITE: Final = """
update orders."order" o set version = o.version + 1, status = w.status, seq = w.seq, updated_at = $5,
  completed_at = case when w.status = 'COMPLETED' then coalesce(o.completed_at, $5) else o.completed_at end
from unnest($2::uuid[], $3::text[], $4::int[]) as w (id, status, seq) where o.store = $1 and o.id = w.id
"""


@dataclass(frozen=True, slots=True)
class Move:
    """What is to happen to an order."""

    order: OrderId
    verb: str


async def advance(unit: UnitOfWork, store: int, moves: Sequence[Move], now: datetime) -> None:
    """Lock, decide, write and publish, for orders of one store in the caller's transaction: three statements in all.

    The moves follow from facts (a payment succeeded), so one that the table lacks is old news and changes nothing.
    """
    locked = {row["id"]: row for row in await unit.fetch(_LOCK, store, [move.order.uuid for move in moves])}
    stands = {key: (OrderStatus(row["status"]), row["seq"]) for key, row in locked.items()}
    changed = set()
    for move in moves:
        key = move.order.uuid
        if key not in stands or not ORDER.allows(stands[key][0], move.verb):
            continue
        status, event = ORDER.move(stands[key][0], move.verb)
        row, seq = locked[key], stands[key][1] + 1
        stands[key] = (status, seq)
        changed.add(key)
        news = event(
            order=move.order,
            session=SessionId.of(row["session"]),
            payment=PaymentId.of(row["payment"]),
            total=row["total_minor"],
            currency=row["currency"],
        )
        publish(unit, move.order, news, after=seq - 1, now=now)
    if changed:
        ids = sorted(changed)
        await unit.execute(_WRITE, store, ids, [stands[key][0] for key in ids], [stands[key][1] for key in ids], now)
