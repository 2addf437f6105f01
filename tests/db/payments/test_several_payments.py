"""A payment collects for an order: there may be several, one of them live at a time, and none needs a session."""

from __future__ import annotations

import asyncio

import pytest

from checkie import payments
from checkie.db import Database
from checkie.kernel.ids import OrderId
from checkie.payments import Attempt, Payment
from checkie.payments.authorize import record
from checkie.payments.model import OrderHasLivePayment
from checkie.payments.port import Approved, Cancelled, Declined, InProgress, Outcome
from tests import make
from tests.make import PRICE, START, Merchant

DECLINED = Declined("fake_1", "card_declined", "No.")


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db)


@pytest.fixture
def order(merchant: Merchant) -> OrderId:
    return OrderId.new(merchant.store.number, START)


async def begin(merchant: Merchant, order: OrderId) -> tuple[Payment, Attempt]:
    """A payment for an order that no session placed."""
    collect = payments.Collect(order=order, session=None, amount=PRICE, fee_bps=290, provider="fake")
    async with merchant.db.transaction() as unit:
        return payments.begin(unit, collect, START)


async def retry(merchant: Merchant, payment: Payment) -> tuple[Payment, Attempt]:
    found = await payments.find_latest(merchant.db, payment.id)
    assert found is not None
    async with merchant.db.transaction() as unit:
        return payments.retry(unit, found[0], PRICE, "fake", START)


async def status(merchant: Merchant, payment: Payment) -> str:
    found = await payments.find_latest(merchant.db, payment.id)
    assert found is not None
    return found[0].status


class TestAPaymentWithoutASession:
    async def test_is_paid_and_booked(self, merchant: Merchant, order: OrderId) -> None:
        payment, attempt = await begin(merchant, order)
        await merchant.receive_webhook(attempt.id, Approved("fake_1", PRICE))
        assert await status(merchant, payment) == "SUCCEEDED"
        assert await merchant.balances() == {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}

    async def test_is_read_as_it_was_written(self, merchant: Merchant, order: OrderId) -> None:
        started = await begin(merchant, order)
        assert await payments.find_latest(merchant.db, started[0].id) == started

    async def test_publishes_events_that_no_session_follows(self, merchant: Merchant, order: OrderId) -> None:
        payment, attempt = await begin(merchant, order)
        await merchant.receive_webhook(attempt.id, Approved("fake_1", PRICE))
        await merchant.drain()
        assert await merchant.events(payment.id) == ["payment.created", "payment.completed"]
        lost = "select count(*) from outbox.dead_letter where store = $1"
        assert await merchant.db.fetchval(lost, merchant.store.number) == 0


class TestASecondPayment:
    @pytest.mark.parametrize("outcome", [None, InProgress("fake_1")], ids=["pending", "processing"])
    async def test_is_refused_while_the_first_is_live(
        self, merchant: Merchant, order: OrderId, outcome: Outcome | None
    ) -> None:
        _, attempt = await begin(merchant, order)
        if outcome is not None:
            await record(merchant.db, attempt.id, outcome, START)
        with pytest.raises(OrderHasLivePayment):
            await begin(merchant, order)

    @pytest.mark.parametrize("outcome", [DECLINED, Cancelled("fake_1")], ids=["failed", "cancelled"])
    async def test_starts_once_the_first_can_no_longer_be_paid(
        self, merchant: Merchant, order: OrderId, outcome: Outcome
    ) -> None:
        first, attempt = await begin(merchant, order)
        await record(merchant.db, attempt.id, outcome, START)
        second, _ = await begin(merchant, order)
        assert second.id != first.id
        with pytest.raises(OrderHasLivePayment):
            await retry(merchant, first)

    async def test_gives_way_to_a_retry_of_the_first(self, merchant: Merchant, order: OrderId) -> None:
        first, attempt = await begin(merchant, order)
        await record(merchant.db, attempt.id, DECLINED, START)
        _, other = await begin(merchant, order)
        await record(merchant.db, other.id, Cancelled("fake_2"), START)
        await retry(merchant, first)
        assert await status(merchant, first) == "PENDING"

    @pytest.mark.parametrize("outcome", [DECLINED, Cancelled("fake_1")], ids=["failed", "cancelled"])
    async def test_does_not_keep_the_first_from_succeeding_late(
        self, merchant: Merchant, order: OrderId, outcome: Outcome
    ) -> None:
        first, attempt = await begin(merchant, order)
        await record(merchant.db, attempt.id, outcome, START)
        second, _ = await begin(merchant, order)
        assert await merchant.receive_webhook(attempt.id, Approved("fake_1", PRICE))
        assert await status(merchant, first) == "SUCCEEDED"
        assert await status(merchant, second) == "PENDING"
        assert (await merchant.balances())["MERCHANT"] == 2524

    async def test_started_concurrently_is_refused(self, merchant: Merchant, order: OrderId) -> None:
        ends = await asyncio.gather(*(begin(merchant, order) for _ in range(5)), return_exceptions=True)
        refused = [end for end in ends if isinstance(end, OrderHasLivePayment)]
        assert len(refused) == 4
        sql = "select count(*) from payments.payment where store = $1 and order_id = $2"
        assert await merchant.db.fetchval(sql, order.store, order.uuid) == 1

    async def test_for_another_order_is_independent(self, merchant: Merchant, order: OrderId) -> None:
        await begin(merchant, order)
        await begin(merchant, OrderId.new(merchant.store.number, START))
