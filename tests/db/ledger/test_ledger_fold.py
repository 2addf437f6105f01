"""Folding changes how a balance is kept, never what it is."""

from __future__ import annotations

import asyncio
from importlib import import_module

import pytest

from checkie import ledger
from checkie.db import Database, retry_on_conflict
from checkie.kernel import Money
from checkie.kernel.ids import PaymentId
from checkie.ledger import Account, Kind, Transfer
from checkie.ledger.fold import fold, stores_to_fold
from tests import make
from tests.make import START

CLEARING, MERCHANT = Account(Kind.CLEARING, "fake"), Account(Kind.MERCHANT)


@pytest.fixture
async def store(db: Database) -> int:
    return (await make.store(db)).number


@retry_on_conflict()
async def book(db: Database, store: int, key: str, minor: int = 10) -> None:
    booked = Transfer("payment", CLEARING, MERCHANT, Money(minor, "USD"), PaymentId.new(store, START), key)
    async with db.transaction() as unit:
        await ledger.post(unit, store, [booked], START)


async def merchant(db: Database, store: int) -> int:
    found = {balance.account.kind: balance.amount.minor for balance in await ledger.balances(db, store)}
    return found[Kind.MERCHANT]


async def deltas(db: Database, store: int) -> int:
    count: int = await db.fetchval("select count(*) from ledger.delta where store = $1", store)
    return count


async def cached(db: Database, store: int) -> int:
    sql = """
    select b.posted_minor from ledger.balance b join ledger.account a on a.store = b.store and a.id = b.account
    where a.store = $1 and a.kind = 'MERCHANT'
    """
    found: int = await db.fetchval(sql, store)
    return found


class TestFold:
    async def test_moves_every_delta_into_the_balance(self, db: Database, store: int) -> None:
        for number in range(5):
            await book(db, store, f"k{number}")
        assert await fold(db, store, START) == 10
        assert (await deltas(db, store), await cached(db, store), await merchant(db, store)) == (0, 50, 50)

    async def test_adds_to_what_was_folded_before(self, db: Database, store: int) -> None:
        await book(db, store, "k1")
        await fold(db, store, START)
        await book(db, store, "k2", 7)
        assert await merchant(db, store) == 17
        await fold(db, store, START)
        assert (await cached(db, store), await merchant(db, store)) == (17, 17)

    async def test_without_deltas_changes_nothing(self, db: Database, store: int) -> None:
        assert await fold(db, store, START) == 0
        await book(db, store, "k1")
        await fold(db, store, START)
        assert await fold(db, store, START) == 0

    async def test_does_not_change_other_stores(self, db: Database, store: int) -> None:
        other = (await make.store(db)).number
        await book(db, store, "k1")
        await book(db, other, "k1")
        await fold(db, store, START)
        assert await deltas(db, other) == 2

    async def test_works_in_batches(self, db: Database, store: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(import_module("checkie.ledger.fold"), "_BATCH", 3)
        for number in range(4):
            await book(db, store, f"k{number}")
        folded = [await fold(db, store, START) for _ in range(4)]
        assert folded == [3, 3, 2, 0]
        assert await cached(db, store) == 40

    async def test_stores_that_have_something_to_fold_are_found(self, db: Database, store: int) -> None:
        assert store not in await stores_to_fold(db, 10_000)
        await book(db, store, "k1")
        assert store in await stores_to_fold(db, 10_000)
        await fold(db, store, START)
        assert store not in await stores_to_fold(db, 10_000)


class TestConcurrency:
    async def test_each_delta_counts_once_among_folds_and_bookings(self, db: Database, store: int) -> None:
        bookings = [book(db, store, f"k{number}") for number in range(40)]
        folds = [fold(db, store, START) for _ in range(20)]
        mixed = [work for pair in zip(bookings[::2], bookings[1::2], folds, strict=True) for work in pair]
        await asyncio.gather(*mixed)
        assert await merchant(db, store) == 400
        while await fold(db, store, START):
            pass
        assert (await cached(db, store), await merchant(db, store)) == (400, 400)

    async def test_a_reader_never_sees_money_twice_or_not_at_all(self, db: Database, store: int) -> None:
        for number in range(20):
            await book(db, store, f"k{number}")

        async def look() -> int:
            return await merchant(db, store)

        seen = await asyncio.gather(*(work for _ in range(10) for work in (fold(db, store, START), look())))
        assert set(seen[1::2]) == {200}
