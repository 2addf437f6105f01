"""Find or make the customer with an address."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from checkie.customers.events import CustomerCreated
from checkie.customers.model import CustomerId
from checkie.db import Tx
from checkie.outbox import Draft, publish

_KNOWN: Final = "select id from customers.customer where store = $1 and email_key = $2"
_MAKE: Final = """
insert into customers.customer (store, id, email, email_key, seq, created_at) values ($1, $2, $3, $4, 1, $5)
on conflict (store, email_key) do nothing
"""


async def ensure(tx: Tx, store: int, email: str, now: datetime) -> CustomerId:
    """The store's customer with this address (upper and lower case are one); a new one is published.

    `Overtaken` when another transaction makes the same customer meanwhile: to the next look it is known.
    """
    key = email.casefold()
    known = await tx.peek(_KNOWN, store, key)
    if known is not None:
        return CustomerId.of(known["id"])
    fresh = CustomerId.new(store, now)
    tx.write(_MAKE, store, fresh.uuid, email, key, now, rows=1)
    publish(tx, [Draft(fresh, 1, CustomerCreated(customer=fresh, email=email))], now)
    return fresh
