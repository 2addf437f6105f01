"""Find or make the customer with an address."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from checkie.customers.events import CustomerCreated
from checkie.customers.model import CustomerId
from checkie.db import Tx
from checkie.outbox import Draft, publish

# Two statements' worth in one: a known customer costs no write and no lock.
_ENSURE: Final = """
with known as (select id from customers.customer where store = $1 and email_key = $4),
made as (
  insert into customers.customer (store, id, email, email_key, seq, created_at)
  select $1, $2, $3, $4, 1, $5 where not exists (select from known)
  on conflict (store, email_key) do nothing returning id
)
select id, false as is_new from known union all select id, true from made
"""


async def ensure(tx: Tx, store: int, email: str, now: datetime) -> CustomerId:
    """The store's customer with this address (upper and lower case are one); a new one is published."""
    fresh = CustomerId.new(store, now)
    row = None
    while (
        row is None
    ):  # empty only when another transaction committed the same address meanwhile: the next look sees it
        row = await tx.fetchrow(_ENSURE, store, fresh.uuid, email, email.casefold(), now)
    customer = CustomerId.of(row["id"])
    if row["is_new"]:
        publish(tx, [Draft(customer, 1, CustomerCreated(customer=customer, email=email))], now)
    return customer
