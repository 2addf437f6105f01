"""Lock an account for a bounded debit."""

from __future__ import annotations

from typing import Final

from checkie.db import UnitOfWork
from checkie.kernel import Money
from checkie.ledger.model import Account

_LOCK: Final = """
select id from ledger.account where store = $1 and kind = $2 and owner = $3 and currency = $4 for update
"""
_HELD: Final = """
select coalesce((select posted_minor from ledger.balance where store = $1 and account = $2), 0)
  + coalesce((select sum(amount_minor) from ledger.delta where store = $1 and account = $2), 0)::bigint
"""


async def lock(unit: UnitOfWork, store: int, account: Account, currency: str) -> Money:
    """The account's balance. Until the unit ends only credits can change it: other bounded debits wait here.

    A debit that must not exceed the balance (a refund, a payout) locks, compares and posts in one unit of work. Credits
    take no lock. The balance of an account without transfers is zero.
    """
    rows = await unit.lock(_LOCK, store, account.kind, account.owner, currency)
    if not rows:
        return Money(0, currency)
    minor: int = await unit.fetchval(_HELD, store, rows[0]["id"])
    return Money(minor, currency)
