"""Read orders."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from checkie.db import Database
from checkie.kernel.ids import OrderId

_PAID: Final = """
select id from orders."order" where status in ('COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED')
"""


async def paid(db: Database) -> Collection[OrderId]:
    """The ids of all orders that are paid."""
    return {OrderId.of(row["id"]) for row in await db.fetch(_PAID)}
