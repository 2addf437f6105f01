"""Several bookings in one unit of work."""

from __future__ import annotations

from checkie import ledger
from checkie.db import Database
from checkie.kernel import Money
from checkie.kernel.ids import PaymentId
from checkie.ledger import Account, Kind, Transfer
from tests import make
from tests.make import START

CLEARING, MERCHANT = Account(Kind.CLEARING, "fake"), Account(Kind.MERCHANT)


async def test_a_unit_may_book_twice_on_accounts_that_it_opens(db: Database) -> None:
    store = (await make.store(db)).number
    sale = Transfer("payment", CLEARING, MERCHANT, Money(1000, "USD"), PaymentId.new(store, START), "k1")
    other = Transfer("payment", CLEARING, MERCHANT, Money(500, "USD"), PaymentId.new(store, START), "k2")
    async with db.transaction() as unit:
        await ledger.post(unit, store, [sale], START)
        await ledger.post(unit, store, [other], START)
    found = {balance.account: balance.amount.minor for balance in await ledger.balances(db, store)}
    assert found == {CLEARING: -1500, MERCHANT: 1500}
