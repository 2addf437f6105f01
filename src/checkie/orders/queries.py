"""Read orders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from checkie.db import Database, UnitOfWork, row
from checkie.kernel import Money
from checkie.kernel.ids import CustomerId, OrderId
from checkie.orders.model import OrderStatus

_PAID: Final = """
select id from orders."order" where status in ('COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED')
"""
_BY_IDS: Final = """
select id, customer, email, status, quote, total_minor, currency from orders."order" where store = $1 and id = any($2)
"""


@dataclass(frozen=True, slots=True)
class Details:
    """What was bought, by whom and for how much. `quote` is the JSON of the quote that was accepted."""

    id: OrderId
    customer: CustomerId
    email: str
    status: OrderStatus
    quote: Mapping[str, Any]
    total: Money


async def list_by_ids(db: Database | UnitOfWork, store: int, ids: Collection[OrderId]) -> Mapping[OrderId, Details]:
    """Those orders of the store, by id; unknown ids are left out."""
    found = await db.read_all(_BY_IDS, store, [one.uuid for one in ids])
    orders = [row(Details, record) for record in found]
    return {order.id: order for order in orders}


async def paid(db: Database) -> Collection[OrderId]:
    """The ids of all orders that are paid."""
    return {OrderId.of(row["id"]) for row in await db.fetch(_PAID)}
