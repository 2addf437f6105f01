"""Paying: repeated and concurrent calls make one attempt, and every outcome leads to the right status."""

from __future__ import annotations

import asyncio

import pytest

from checkie import checkout, customers
from checkie.checkout import SessionStatus
from checkie.checkout.model import AlreadyPaid, EmailMissing, SessionOver
from checkie.checkout.open import Opened
from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments import PaymentStatus
from checkie.payments.model import NoAttemptsLeft
from checkie.payments.port import ActionNeeded, ProviderNotConfigured, Providers, Unknown
from tests import make
from tests.fakes import ASKS, DECLINED, GOOD
from tests.make import START, Merchant


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db)


async def count(merchant: Merchant, table: str) -> int:
    found: int = await merchant.db.fetchval(f"select count(*) from {table} where store = $1", merchant.store.number)
    return found


async def decline(merchant: Merchant, opened: Opened) -> AttemptId:
    """One more try, declined."""
    paying = await merchant.pay(opened)
    merchant.fake.confirm(paying.attempt.id, DECLINED)
    await merchant.receive_webhook(paying.attempt.id)
    await merchant.drain()
    return paying.attempt.id


class TestOnePurchase:
    async def test_completes_session_payment_and_order(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        assert isinstance(paying.outcome, ActionNeeded)
        merchant.fake.confirm(paying.attempt.id, GOOD)
        assert await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        status = await merchant.status(opened)
        assert status.session.status is SessionStatus.COMPLETED
        assert status.payment is not None
        assert status.payment.status is PaymentStatus.SUCCEEDED
        assert await merchant.order(opened) == "COMPLETED"
        assert await merchant.balances() == {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}

    async def test_publishes_each_event_once(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, GOOD)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        await merchant.drain()
        session = (await merchant.status(opened)).session
        assert await merchant.events(session.id) == ["session.completed"]
        assert await merchant.events(session.payment) == ["payment.created", "payment.completed"]
        assert await merchant.events(session.order) == ["order.created", "order.completed"]

    async def test_with_3d_secure_waits_for_the_buyer(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, ASKS)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.AWAITING_ACTION
        merchant.fake.authenticate(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.COMPLETED

    async def test_paid_at_once_needs_no_webhook(self, merchant: Merchant) -> None:
        """A provider may say yes in its very answer."""
        opened = await merchant.open()

        async def during_authorize(key: AttemptId) -> None:
            merchant.fake.confirm(key, GOOD)

        merchant.fake.during_authorize = during_authorize
        await merchant.pay(opened)
        await merchant.pay(opened)
        await merchant.drain()
        assert await merchant.order(opened) == "COMPLETED"


class TestPaying:
    async def test_costs_few_statements(self, merchant: Merchant) -> None:
        """The session, the customer, the intent and the provider's reference; joining, the payment instead of both."""
        opened = await merchant.open()
        for cost in (4, 3):
            before = make.statements()
            await merchant.pay(opened)
            assert make.statements() - before == cost


class TestConcurrency:
    @pytest.mark.parametrize("met_before", [False, True])
    async def test_twenty_calls_make_one_attempt(self, merchant: Merchant, *, met_before: bool) -> None:
        if met_before:
            async with merchant.db.transaction() as unit:
                await customers.ensure(unit, merchant.store.number, "buyer@shop.example", START)
        opened = await merchant.open()
        payings = await asyncio.gather(*(merchant.pay(opened) for _ in range(20)))
        assert len({paying.attempt.id for paying in payings}) == 1
        assert len({paying.payment.id for paying in payings}) == 1
        assert await merchant.attempts(opened) == ["PENDING"]
        assert [await count(merchant, table) for table in ("payments.payment", 'orders."order"')] == [1, 1]
        assert len(merchant.fake.attempts) == 1
        secrets = {paying.outcome.client_secret for paying in payings if isinstance(paying.outcome, ActionNeeded)}
        assert len(secrets) == 1

    async def test_twenty_calls_after_a_decline_make_one_more(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        await decline(merchant, opened)
        await asyncio.gather(*(merchant.pay(opened) for _ in range(20)))
        assert await merchant.attempts(opened) == ["FAILED", "PENDING"]

    async def test_a_call_decides_again_when_the_payment_changes_concurrently(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        await decline(merchant, opened)
        before = (await merchant.status(opened)).payment
        assert before is not None
        async with merchant.db.transaction() as other:
            await other.execute(
                "update payments.payment set version = version + 1 where store = $1", merchant.store.number
            )
            call = asyncio.create_task(merchant.pay(opened))
            await asyncio.sleep(0.1)
        assert (await call).payment.version == before.version + 2
        assert await merchant.attempts(opened) == ["FAILED", "PENDING"]

    async def test_calls_before_the_event_of_a_decline_make_one_more(self, merchant: Merchant) -> None:
        """The webhook has come, the consumer has not: the buyer need not wait for it."""
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, DECLINED)
        await merchant.receive_webhook(paying.attempt.id)
        await asyncio.gather(*(merchant.pay(opened) for _ in range(5)))
        await merchant.drain()
        assert await merchant.attempts(opened) == ["FAILED", "PENDING"]
        assert (await merchant.status(opened)).session.status is SessionStatus.PROCESSING

    async def test_paying_and_changing_leave_one_price(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        ends = await asyncio.gather(
            *(merchant.pay(opened) for _ in range(3)),
            *(merchant.change(opened, quantity=number) for number in (2, 3, 4)),
            return_exceptions=True,
        )
        assert not [end for end in ends if isinstance(end, Exception) and not hasattr(end, "code")]
        await merchant.drain()
        await merchant.pay(opened)
        live = await merchant.status(opened)
        assert live.attempt is not None
        assert live.attempt.amount == live.session.quote.total
        assert [status for status in await merchant.attempts(opened) if status != "CANCELLED"] == ["PENDING"]


class TestRefusals:
    async def test_without_an_address(self, merchant: Merchant) -> None:
        with pytest.raises(EmailMissing):
            await merchant.pay(await merchant.open(email=None))

    async def test_of_a_session_that_is_over(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.clock.tick(days=1)
        with pytest.raises(SessionOver):
            await merchant.pay(opened)

    async def test_of_one_that_is_paid(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        for _ in range(2):  # before and after the event is handled
            with pytest.raises(AlreadyPaid):
                await merchant.pay(opened)
            await merchant.drain()

    async def test_of_one_that_was_paid_late_by_an_earlier_attempt(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        declined = await decline(merchant, opened)
        merchant.fake.approve(declined)
        await merchant.receive_webhook(declined)
        with pytest.raises(AlreadyPaid):
            await merchant.pay(opened)

    async def test_by_a_provider_that_is_not_configured_writes_nothing(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        for _ in range(2):
            with pytest.raises(ProviderNotConfigured):
                await checkout.pay(
                    merchant.db, Providers({}), opened.session.id, opened.client_secret, merchant.clock()
                )
        for table in ("payments.payment", "payments.attempt", 'orders."order"', "customers.customer", "outbox.event"):
            assert await count(merchant, table) == 0
        assert (await merchant.status(opened)).session.status is SessionStatus.OPEN


class TestDeclines:
    async def test_reopen_the_session_while_tries_are_left(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        await decline(merchant, opened)
        status = await merchant.status(opened)
        assert (status.session.status, status.attempts_left) == (SessionStatus.OPEN, 2)
        assert await merchant.order(opened) == "PENDING"

    async def test_of_three_end_it(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        for _ in range(3):
            await decline(merchant, opened)
        status = await merchant.status(opened)
        assert (status.session.status, status.attempts_left) == (SessionStatus.EXPIRED, 0)
        assert await merchant.order(opened) == "FAILED"
        assert await merchant.attempts(opened) == ["FAILED"] * 3
        with pytest.raises(SessionOver):
            await merchant.pay(opened)

    async def test_of_three_end_it_before_their_events_are_handled(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        for _ in range(3):
            paying = await merchant.pay(opened)
            merchant.fake.confirm(paying.attempt.id, DECLINED)
            await merchant.receive_webhook(paying.attempt.id)
        with pytest.raises((SessionOver, NoAttemptsLeft)):
            await merchant.pay(opened)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.EXPIRED

    async def test_followed_by_a_success_complete_it(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        await decline(merchant, opened)
        paying = await merchant.pay(opened)
        assert paying.attempt.number == 2
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        assert await merchant.order(opened) == "COMPLETED"
        assert await merchant.balances() == {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}


class TestNoResponse:
    async def test_is_an_unknown_outcome(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.fake.loses_responses = True
        paying = await merchant.pay(opened)
        assert isinstance(paying.outcome, Unknown)
        assert await merchant.attempts(opened) == ["UNKNOWN"]
        assert (await merchant.status(opened)).session.status is SessionStatus.PROCESSING

    async def test_never_makes_a_second_attempt(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.fake.unreachable = True
        for _ in range(3):
            await merchant.pay(opened)
        assert len(await merchant.attempts(opened)) == 1

    async def test_is_resolved_by_the_buyers_next_call(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.fake.loses_responses = True
        await merchant.pay(opened)
        merchant.fake.loses_responses = False
        paying = await merchant.pay(opened)
        assert isinstance(paying.outcome, ActionNeeded)
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        assert await merchant.order(opened) == "COMPLETED"

    async def test_holds_no_transaction_while_it_lasts(self, merchant: Merchant) -> None:
        opened = await merchant.open()

        async def during_authorize(_: AttemptId) -> None:
            sql = """
            select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'
            """
            assert await merchant.db.fetchval(sql) == 0
            assert await merchant.attempts(opened) == ["PENDING"]

        merchant.fake.during_authorize = during_authorize
        await merchant.pay(opened)
        assert (await merchant.status(opened)).payment is not None
