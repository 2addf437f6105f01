"""Read customers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from checkie.db import Database, UnitOfWork, row
from checkie.kernel.ids import CustomerId

_BY_IDS: Final = "select id, email, created_at from customers.customer where store = $1 and id = any($2)"


@dataclass(frozen=True, slots=True)
class Customer:
    """A buyer as a store knows them. `email` is written as it was first entered."""

    id: CustomerId
    email: str
    created_at: datetime


async def list_by_ids(
    db: Database | UnitOfWork, store: int, ids: Collection[CustomerId]
) -> Mapping[CustomerId, Customer]:
    """Those customers of the store, by id; unknown ids are left out."""
    found = await db.read_all(_BY_IDS, store, [one.uuid for one in ids])
    customers = [row(Customer, record) for record in found]
    return {customer.id: customer for customer in customers}
