"""`ledger.check` finds inconsistent rows. In a database of its own, because the rows are committed."""

from __future__ import annotations

from typing import Final

import asyncpg
import pytest

from checkie import ledger
from checkie.db import Database
from checkie.kernel import Money
from checkie.kernel.ids import PaymentId
from checkie.ledger import Account, Kind, Transfer
from checkie.ledger.fold import fold
from tests import make
from tests.make import START

CLEARING, MERCHANT = Account(Kind.CLEARING, "fake"), Account(Kind.MERCHANT)
PLANTED: Final = {
    "a balance that was changed": (
        "update ledger.balance set posted_minor = posted_minor + 1 where store = $1",
        "ledger_cached_equals_recomputed",
    ),
    "a delta that was lost": ("delete from ledger.delta where store = $1", "ledger_cached_equals_recomputed"),
    "a delta of no transfer": (
        """
        insert into ledger.delta select store, gen_random_uuid(), id, 5 from ledger.account
        where store = $1 and kind = 'MERCHANT'
        """,
        "ledger_cached_equals_recomputed",
    ),
    "a transfer without deltas": (
        """
        insert into ledger.transfer (store, id, kind, source, target, amount_minor, currency, subject, key, at)
        select store, gen_random_uuid(), kind, source, target, 1, currency, subject, 'planted', at from ledger.transfer
        where store = $1 limit 1
        """,
        "ledger_cached_equals_recomputed",
    ),
    "a transfer to nowhere": (
        "update ledger.transfer set target = gen_random_uuid() where store = $1 and key = 'fresh'",
        "ledger_transfers_have_accounts",
    ),
    "a transfer in another currency than its accounts": (
        "update ledger.transfer set currency = 'EUR' where store = $1 and key = 'fresh'",
        "ledger_transfers_have_accounts",
    ),
}


@pytest.fixture
async def store(own_db: Database) -> int:
    """A store with money that is folded, and money that is not."""
    found = (await make.store(own_db)).number
    await book(own_db, found, "folded")
    await fold(own_db, found, START)
    await book(own_db, found, "fresh")
    return found


async def book(db: Database, store: int, key: str) -> None:
    booked = Transfer("payment", CLEARING, MERCHANT, Money(10, "USD"), PaymentId.new(store, START), key)
    async with db.transaction() as unit:
        await ledger.post(unit, store, [booked], START)


async def offences(db: Database, store: int) -> set[str]:
    """The names of the invariants that this store offends against."""
    found = await ledger.check(db)
    return {name for name, offenders in found.items() for line in offenders if line.startswith(f"store {store},")}


class TestCheck:
    async def test_finds_nothing_in_a_consistent_ledger(self, own_db: Database, store: int) -> None:
        assert await offences(own_db, store) == set()

    @pytest.mark.parametrize("what", PLANTED)
    async def test_finds(self, own_db: Database, owner: asyncpg.Connection, store: int, what: str) -> None:
        sql, invariant = PLANTED[what]
        await owner.execute(sql, store)
        assert invariant in await offences(own_db, store)

    async def test_names_the_inconsistent_rows(self, own_db: Database, owner: asyncpg.Connection, store: int) -> None:
        sql = "update ledger.balance set posted_minor = 17 where store = $1 and posted_minor > 0 returning account"
        account = await owner.fetchval(sql, store)
        found = await ledger.check(own_db)
        assert f"store {store}, account {account}: cached 27, entries 20" in found["ledger_cached_equals_recomputed"]

    async def test_checks_that_cached_balances_sum_to_zero(
        self, own_db: Database, owner: asyncpg.Connection, store: int
    ) -> None:
        """Entries are two sides of one row and cannot but sum to zero; what is kept beside them can."""
        await owner.execute("update ledger.balance set posted_minor = posted_minor + 1 where store = $1", store)
        assert "ledger_currencies_sum_to_zero" in await offences(own_db, store)
