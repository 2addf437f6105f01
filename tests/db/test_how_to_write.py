"""The example of CONTRIBUTING.md: a refund, written as new use cases are. Lock, decide, write; publish with the change.

It is a refund of our own as far as the ledger goes: no provider is asked. It must not refund more than was paid nor
more than the store has, however many are asked for at once, and an interrupted or repeated one changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import pytest

from checkie import ledger
from checkie.db import Database, UnitOfWork, retry_on_conflict
from checkie.kernel import Conflict, Money
from checkie.kernel.ids import PaymentId, RefundId
from checkie.ledger import Account, Kind, Transfer
from checkie.outbox import Event, publish
from tests import make
from tests.make import START, Merchant

LOCK = """
select amount_minor, refunded_minor, currency, seq, version from payments.payment
where store = $1 and id = $2 for update
"""
WRITE = """
update payments.payment set version = version + 1, refunded_minor = $4, seq = $5, updated_at = $6
where store = $1 and id = $2 and version = $3
"""


class RefundTooLarge(Conflict):
    """The refund exceeds what is left of the payment."""

    code = "refund_too_large"


class BalanceTooLow(Conflict):
    """The refund exceeds the store's balance."""

    code = "balance_too_low"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCreated(Event):
    """A refund was booked."""

    name: ClassVar[str] = "refund.created"
    refund: str
    payment: str
    amount: int


@retry_on_conflict()
async def refund(db: Database, key: RefundId, payment: PaymentId, amount: Money, now: datetime) -> None:
    """Refund `amount`, once for each `key`. Refuses with RefundTooLarge or BalanceTooLow."""
    async with db.transaction() as unit:
        (row,) = await unit.lock(LOCK, payment.store, payment.uuid)  # 1. lock what the decision rests on
        available = await ledger.lock(unit, payment.store, Account(Kind.MERCHANT), row["currency"])
        if await booked(unit, key, payment):
            return
        refunded = row["refunded_minor"] + amount.minor  # 2. decide: pure
        if refunded > row["amount_minor"]:
            raise RefundTooLarge
        if available < amount:
            raise BalanceTooLow
        # 3. write: all of it, or nothing
        event = RefundCreated(refund=key, payment=payment, amount=amount.minor)
        seq = publish(unit, payment, event, after=row["seq"], now=now)
        unit.add(WRITE, payment.store, payment.uuid, row["version"], refunded, seq, now)
        source, target = Account(Kind.MERCHANT), Account(Kind.CLEARING, "fake")
        await ledger.post(unit, payment.store, [Transfer("refund", source, target, amount, payment, key)], now)


async def booked(unit: UnitOfWork, key: RefundId, payment: PaymentId) -> bool:
    sql = "select 1 from ledger.transfer where store = $1 and key = $2"
    return await unit.read(sql, payment.store, key) is not None


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db, fee_bps=0)


async def paid(merchant: Merchant) -> PaymentId:
    _, paying = await merchant.paying()
    merchant.fake.confirm(paying.attempt.id)
    await merchant.receive_webhook(paying.attempt.id)
    return paying.payment.id


def new_key(merchant: Merchant) -> RefundId:
    return RefundId.new(merchant.store.number, START)


def dollars(amount: int) -> Money:
    return Money(amount * 100, "USD")


async def test_a_refund_is_booked_and_published(merchant: Merchant) -> None:
    payment = await paid(merchant)
    await refund(merchant.db, new_key(merchant), payment, dollars(10), START)
    assert await merchant.balances() == {"CLEARING": -1599, "MERCHANT": 1599}
    assert await merchant.events(payment) == ["payment.created", "payment.completed", "refund.created"]


async def test_the_same_refund_twice_is_one(merchant: Merchant) -> None:
    payment, key = await paid(merchant), new_key(merchant)
    await asyncio.gather(*(refund(merchant.db, key, payment, dollars(10), START) for _ in range(5)))
    assert await merchant.balances() == {"CLEARING": -1599, "MERCHANT": 1599}


async def test_many_at_once_never_exceed_the_payment(merchant: Merchant) -> None:
    payment = await paid(merchant)
    await paid(merchant)  # so that the balance alone would allow more
    refunds = (refund(merchant.db, new_key(merchant), payment, dollars(10), START) for _ in range(8))
    ends = await asyncio.gather(*refunds, return_exceptions=True)
    assert ends.count(None) == 2
    assert sum(isinstance(end, RefundTooLarge) for end in ends) == 6
    assert (await merchant.balances())["MERCHANT"] == 2 * 2599 - 2000


async def test_many_at_once_never_exceed_the_balance(merchant: Merchant) -> None:
    payments = [await paid(merchant) for _ in range(3)]
    payout = Transfer(
        "payout", Account(Kind.MERCHANT), Account(Kind.CLEARING, "bank"), dollars(50), payments[0], "payout"
    )
    async with merchant.db.transaction() as unit:
        await ledger.post(unit, merchant.store.number, [payout], START)
    refunds = (refund(merchant.db, new_key(merchant), payment, dollars(20), START) for payment in payments)
    ends = await asyncio.gather(*refunds, return_exceptions=True)
    assert ends.count(None) == 1
    assert sum(isinstance(end, BalanceTooLow) for end in ends) == 2


async def test_one_that_is_refused_changes_nothing(merchant: Merchant) -> None:
    payment = await paid(merchant)
    with pytest.raises(RefundTooLarge):
        await refund(merchant.db, new_key(merchant), payment, dollars(26), START)
    assert await merchant.balances() == {"CLEARING": -2599, "MERCHANT": 2599}
    assert await merchant.events(payment) == ["payment.created", "payment.completed"]
