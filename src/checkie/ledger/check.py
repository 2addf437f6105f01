"""Check the invariants of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from checkie.db import Database

# Entries are two sides of one row, so they sum to zero. The cached balances might not.
_NOT_ZERO: Final = """
select format('store %s, %s: %s', store, currency, sum(amount_minor)) as offender from (
  select store, currency, amount_minor from ledger.entry
  union all
  select a.store, a.currency, c.minor from ledger.account a join (
    select store, account, posted_minor as minor from ledger.balance
    union all select store, account, amount_minor from ledger.delta) c on c.store = a.store and c.account = a.id
) sides group by store, currency having sum(amount_minor) <> 0
"""
_CACHE_OFF: Final = """
select format('store %s, account %s: cached %s, entries %s',
  a.store, a.id, coalesce(c.minor, 0), coalesce(e.minor, 0)) as offender
from ledger.account a
left join (
  select store, account, sum(minor) as minor from (
    select store, account, posted_minor as minor from ledger.balance
    union all select store, account, amount_minor from ledger.delta) parts
  group by store, account
) c on c.store = a.store and c.account = a.id
left join (select store, account, sum(amount_minor) as minor from ledger.entry group by store, account) e
  on e.store = a.store and e.account = a.id
where coalesce(c.minor, 0) <> coalesce(e.minor, 0)
"""
_ORPHANS: Final = """
select format('store %s, transfer %s', x.store, x.id) as offender from ledger.transfer x
where not exists (select from ledger.account a where a.store = x.store and a.id = x.source and a.currency = x.currency)
   or not exists (select from ledger.account a where a.store = x.store and a.id = x.target and a.currency = x.currency)
"""
CHECKS: Final = {
    "ledger_currencies_sum_to_zero": _NOT_ZERO,
    "ledger_cached_equals_recomputed": _CACHE_OFF,
    "ledger_transfers_have_accounts": _ORPHANS,
}


async def check(db: Database) -> dict[str, Sequence[str]]:
    """The violations of each invariant; empty lists if there are none."""
    return {name: [row["offender"] for row in await db.fetch(sql)] for name, sql in CHECKS.items()}
