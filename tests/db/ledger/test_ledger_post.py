"""Booking: each key once, appended, however many book at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from checkie import ledger
from checkie.db import Database, WriteConflict, retry_on_conflict
from checkie.kernel import Money
from checkie.kernel.ids import PaymentId
from checkie.ledger import Account, Kind, Transfer
from tests import make
from tests.make import START

CLEARING, MERCHANT, FEES = Account(Kind.CLEARING, "fake"), Account(Kind.MERCHANT), Account(Kind.FEES)


@pytest.fixture
async def store(db: Database) -> int:
    return (await make.store(db)).number


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(owner_url)
    yield connection
    await connection.close()


def transfer(
    store: int,
    key: str = "k1",
    minor: int = 1000,
    currency: str = "USD",
    source: Account = CLEARING,
    target: Account = MERCHANT,
) -> Transfer:
    return Transfer("payment", source, target, Money(minor, currency), PaymentId.new(store, START), key)


@retry_on_conflict()
async def post(db: Database, store: int, *transfers: Transfer) -> None:
    async with db.transaction() as unit:
        await ledger.post(unit, store, transfers, START)


async def held(db: Database, store: int) -> dict[tuple[str, str, str], int]:
    return {
        (found.account.kind, found.account.owner, found.amount.currency): found.amount.minor
        for found in await ledger.balances(db, store)
    }


class TestPost:
    async def test_moves_money_from_source_to_target(self, db: Database, store: int) -> None:
        await post(db, store, transfer(store), transfer(store, "k2", 29, source=MERCHANT, target=FEES))
        assert await held(db, store) == {
            ("CLEARING", "fake", "USD"): -1000,
            ("MERCHANT", "", "USD"): 971,
            ("FEES", "", "USD"): 29,
        }

    async def test_moves_money_once_under_a_key(self, db: Database, store: int) -> None:
        for _ in range(3):
            await post(db, store, transfer(store))
        moved = {account: minor for account, minor in (await held(db, store)).items() if minor}
        assert moved == {("CLEARING", "fake", "USD"): -1000, ("MERCHANT", "", "USD"): 1000}

    async def test_refuses_something_else_under_a_known_key(self, db: Database, store: int) -> None:
        await post(db, store, transfer(store))
        for other in (transfer(store, minor=999), transfer(store, target=FEES)):
            with pytest.raises(WriteConflict):
                await post(db, store, other)
        moved = {account: minor for account, minor in (await held(db, store)).items() if minor}
        assert moved == {("CLEARING", "fake", "USD"): -1000, ("MERCHANT", "", "USD"): 1000}

    async def test_books_new_transfers_beside_a_known_key(self, db: Database, store: int) -> None:
        await post(db, store, transfer(store))
        await post(db, store, transfer(store, "k2", 5), transfer(store))
        assert (await held(db, store))["MERCHANT", "", "USD"] == 1005

    async def test_refuses_a_key_that_comes_twice(self, db: Database, store: int) -> None:
        with pytest.raises(ValueError, match="a key of its own"):
            await post(db, store, transfer(store), transfer(store))

    async def test_takes_no_second_connection_in_an_open_transaction(self, database_url: str, store: int) -> None:
        """With one connection a unit of work that has begun must not wait for another to open its accounts."""
        async with Database(database_url, size=1) as narrow:
            async with asyncio.timeout(5), narrow.transaction() as unit:
                await unit.execute("select 1")
                await ledger.post(unit, store, [transfer(store)], START)
            assert (await held(narrow, store))["MERCHANT", "", "USD"] == 1000

    async def test_forgets_accounts_whose_opening_was_rolled_back(self, db: Database, store: int) -> None:
        async def crash() -> None:
            async with db.transaction() as unit:
                await unit.execute("select 1")
                await ledger.post(unit, store, [transfer(store)], START)
                await unit.execute("select 1")
                await ledger.post(unit, store, [transfer(store, "k2")], START)
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await crash()
        await post(db, store, transfer(store))
        assert await db.fetchval("select count(*) from ledger.account where store = $1", store) == 2
        assert (await held(db, store))["MERCHANT", "", "USD"] == 1000

    async def test_without_transfers_does_nothing(self, db: Database, store: int) -> None:
        await post(db, store)
        assert await held(db, store) == {}

    async def test_keeps_currencies_and_providers_apart(self, db: Database, store: int) -> None:
        await post(db, store, transfer(store), transfer(store, "k2", 7, "EUR"))
        await post(db, store, transfer(store, "k3", 3, source=Account(Kind.CLEARING, "other")))
        assert await held(db, store) == {
            ("CLEARING", "fake", "USD"): -1000,
            ("CLEARING", "other", "USD"): -3,
            ("MERCHANT", "", "USD"): 1003,
            ("CLEARING", "fake", "EUR"): -7,
            ("MERCHANT", "", "EUR"): 7,
        }

    async def test_two_stores_may_use_one_key(self, db: Database, store: int) -> None:
        other = (await make.store(db)).number
        await post(db, store, transfer(store))
        await post(db, other, transfer(other, minor=5))
        assert (await held(db, other))["MERCHANT", "", "USD"] == 5

    async def test_is_rolled_back_with_its_transaction(self, db: Database, store: int) -> None:
        async def crash() -> None:
            async with db.transaction() as unit:
                await ledger.post(unit, store, [transfer(store)], START)
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await crash()
        assert set((await held(db, store)).values()) <= {0}

    async def test_is_found_by_what_it_is_about(self, db: Database, store: int) -> None:
        gross = transfer(store)
        fee = Transfer("fee", MERCHANT, FEES, Money(29, "USD"), gross.subject, "fee")
        await post(db, store, gross, fee)
        await post(db, store, transfer(store, "another subject"))
        found = await ledger.transfers_of(db, gross.subject)
        assert [(row["kind"], row["amount_minor"], row["source"], row["target"]) for row in found] == [
            ("payment", 1000, "CLEARING", "MERCHANT"),
            ("fee", 29, "MERCHANT", "FEES"),
        ]


class TestConcurrency:
    async def test_first_bookings_open_each_account_once(self, db: Database, store: int) -> None:
        await asyncio.gather(*(post(db, store, transfer(store, f"k{number}")) for number in range(20)))
        assert await held(db, store) == {("CLEARING", "fake", "USD"): -20_000, ("MERCHANT", "", "USD"): 20_000}
        assert await db.fetchval("select count(*) from ledger.account where store = $1", store) == 2

    async def test_one_key_books_once(self, db: Database, store: int) -> None:
        await asyncio.gather(*(post(db, store, transfer(store)) for _ in range(20)))
        assert (await held(db, store))["MERCHANT", "", "USD"] == 1000

    async def test_one_key_for_two_amounts_books_one_of_them(self, db: Database, store: int) -> None:
        posts = (post(db, store, transfer(store, minor=minor)) for minor in (1, 2) * 10)
        ends = await asyncio.gather(*posts, return_exceptions=True)
        assert ends.count(None) == 10
        assert sum(isinstance(end, WriteConflict) for end in ends) == 10
        assert (await held(db, store))["MERCHANT", "", "USD"] in {1, 2}


class TestTransfer:
    @pytest.mark.parametrize("minor", [0, -1])
    def test_moves_a_positive_amount(self, minor: int) -> None:
        with pytest.raises(ValueError, match="positive"):
            transfer(make.STORE, minor=minor)

    def test_needs_two_accounts(self) -> None:
        with pytest.raises(ValueError, match="two accounts"):
            transfer(make.STORE, source=MERCHANT)


class TestAppendOnly:
    @pytest.mark.parametrize(
        "sql",
        [
            "update ledger.transfer set amount_minor = 1 where store = $1",
            "delete from ledger.transfer where store = $1",
            "update ledger.account set kind = 'FEES' where store = $1",
            "delete from ledger.account where store = $1",
            "delete from ledger.balance where store = $1",
            "delete from outbox.event where store = $1",
            "update outbox.event set seq = 9 where store = $1",
            "delete from payments.payment where store = $1",
            "delete from payments.attempt where store = $1",
        ],
    )
    async def test_the_application_may_not_rewrite_history(self, db: Database, store: int, sql: str) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(sql, store)

    async def test_the_application_may_not_empty_a_table(self, db: Database) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute("truncate ledger.transfer")

    async def test_not_even_the_owner_can_book_a_negative_or_circular_transfer(
        self, db: Database, owner: asyncpg.Connection, store: int
    ) -> None:
        await post(db, store, transfer(store))
        for change, rule in (
            ("amount_minor = -1", "transfer_positive"),
            ("target = source", "transfer_between_two"),
        ):
            with pytest.raises(asyncpg.CheckViolationError) as violated:
                await owner.execute(f"update ledger.transfer set {change} where store = $1", store)
            assert violated.value.constraint_name == rule


class TestABoundedDebit:
    """Many at once take what the account holds, and never more."""

    async def debit(self, db: Database, store: int, key: str) -> bool:
        async with db.transaction() as unit:
            available = await ledger.lock(unit, store, MERCHANT, "USD")
            await asyncio.sleep(0)  # others would read the same here, if they were not made to wait
            wanted = transfer(store, key, 400, source=MERCHANT, target=CLEARING)
            if available < wanted.amount:
                return False
            await ledger.post(unit, store, [wanted], START)
            return True

    async def test_takes_no_more_than_the_balance(self, db: Database, store: int) -> None:
        await post(db, store, transfer(store))
        taken = await asyncio.gather(*(self.debit(db, store, f"debit {number}") for number in range(8)))
        assert taken.count(True) == 2
        assert (await held(db, store))["MERCHANT", "", "USD"] == 200

    async def test_of_an_account_without_transfers_takes_nothing(self, db: Database, store: int) -> None:
        assert await self.debit(db, store, "debit") is False
