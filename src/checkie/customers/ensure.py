"""Find or create the customer with an email address."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from checkie.customers.events import CustomerCreated
from checkie.db import UnitOfWork
from checkie.kernel.ids import CustomerId
from checkie.outbox import publish

_KNOWN: Final = "select id from customers.customer where store = $1 and email_key = $2"
_CREATE: Final = """
insert into customers.customer (store, id, email, email_key, seq, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (email_key, store) do nothing
"""


async def ensure(unit: UnitOfWork, store: int, email: str, now: datetime) -> CustomerId:
    """The store's customer with this address, regardless of case; created and published if it is new.

    WriteConflict if a concurrent transaction creates the same customer: a retry finds it.
    """
    key = email.casefold()
    known = await unit.read(_KNOWN, store, key)
    if known is not None:
        return CustomerId.of(known["id"])
    fresh = CustomerId.new(store, now)
    seq = publish(unit, fresh, CustomerCreated(customer=fresh, email=email), after=0, now=now)
    unit.add(_CREATE, store, fresh.uuid, email, key, seq, now)
    return fresh
