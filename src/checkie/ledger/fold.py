"""Fold deltas into balances, so that reading a balance stays fast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from checkie.db import Database

_BATCH: Final = 5_000
# Deleting and adding in one statement: each delta counts exactly once, whenever its transaction committed.
_FOLD: Final = """
with picked as (
  select store, transfer, account from ledger.delta where store = $1
  order by transfer, account limit $2 for update skip locked
), gone as (
  delete from ledger.delta d using picked p
  where d.store = $1 and d.transfer = p.transfer and d.account = p.account
  returning d.account, d.amount_minor
), sums as (select account, sum(amount_minor)::bigint as amount_minor from gone group by account order by account)
insert into ledger.balance (store, account, posted_minor, version, updated_at)
select $1, account, amount_minor, 1, $3 from sums
on conflict (store, account) do update set posted_minor = ledger.balance.posted_minor + excluded.posted_minor,
  version = ledger.balance.version + 1, updated_at = excluded.updated_at
returning (select count(*) from gone)
"""
_STORES: Final = "select distinct store from ledger.delta limit $1"


async def fold(db: Database, store: int, now: datetime) -> int:
    """Fold a batch of the store's deltas. Returns how many."""
    count: int | None = await db.fetchval(_FOLD, store, _BATCH, now)
    return count or 0


async def stores_to_fold(db: Database, limit: int) -> Sequence[int]:
    """Stores that have deltas."""
    return [row["store"] for row in await db.fetch(_STORES, limit)]
