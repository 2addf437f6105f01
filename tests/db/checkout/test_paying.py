"""Paying: however often and at once it is asked for, one attempt lives; and every answer ends where it should."""

from __future__ import annotations

import asyncio

import pytest

from checkie import checkout, customers, payments
from checkie.checkout import SessionStatus
from checkie.checkout.model import AlreadyPaid, EmailMissing, ProviderMissing, SessionOver
from checkie.checkout.open import Opened
from checkie.db import Database
from checkie.payments import PaymentStatus
from checkie.payments.model import NoAttemptsLeft
from checkie.payments.port import ActionNeeded, AttemptId, Unknown
from tests import make
from tests.fakes import ASKS, DECLINED, GOOD
from tests.make import START, Shop


@pytest.fixture
async def shop(db: Database) -> Shop:
    return await make.shop(db)


async def count(shop: Shop, table: str) -> int:
    found: int = await shop.db.fetchval(f"select count(*) from {table} where store = $1", shop.store.number)
    return found


async def decline(shop: Shop, opened: Opened) -> AttemptId:
    """One more try, declined."""
    paying = await shop.pay(opened)
    shop.fake.confirm(paying.attempt.id, DECLINED)
    await shop.hear(paying.attempt.id)
    await shop.drain()
    return paying.attempt.id


class TestOnePurchase:
    async def test_ends_completed_everywhere(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        assert isinstance(paying.outcome, ActionNeeded)
        shop.fake.confirm(paying.attempt.id, GOOD)
        assert await shop.hear(paying.attempt.id)
        await shop.drain()
        status = await shop.status(opened)
        assert status.session.status is SessionStatus.COMPLETED
        assert status.payment is not None
        assert status.payment.status is PaymentStatus.SUCCEEDED
        assert await shop.order(opened) == "COMPLETED"
        assert await shop.balances() == {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}

    async def test_tells_each_fact_once(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id, GOOD)
        await shop.hear(paying.attempt.id)
        await shop.drain()
        await shop.drain()
        session = (await shop.status(opened)).session
        assert await shop.events(session.id) == ["session.completed"]
        assert await shop.events(session.payment) == ["payment.created", "payment.completed"]
        assert await shop.events(session.order) == ["order.created", "order.completed"]

    async def test_with_a_proof_waits_for_the_buyer(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id, ASKS)
        await shop.hear(paying.attempt.id)
        await shop.drain()
        assert (await shop.status(opened)).session.status is SessionStatus.AWAITING_ACTION
        shop.fake.authenticate(paying.attempt.id)
        await shop.hear(paying.attempt.id)
        await shop.drain()
        assert (await shop.status(opened)).session.status is SessionStatus.COMPLETED

    async def test_paid_at_once_needs_no_webhook(self, shop: Shop) -> None:
        """A provider may say yes in its very answer."""
        opened = await shop.open()

        async def meanwhile(key: AttemptId) -> None:
            shop.fake.confirm(key, GOOD)

        shop.fake.meanwhile = meanwhile
        await shop.pay(opened)
        await shop.pay(opened)
        await shop.drain()
        assert await shop.order(opened) == "COMPLETED"


class TestPaying:
    async def test_costs_few_statements(self, shop: Shop) -> None:
        """The session, the customer, the intent and the provider's reference; joining, the payment instead of both."""
        opened = await shop.open()
        for cost in (4, 3):
            before = make.statements()
            await shop.pay(opened)
            assert make.statements() - before == cost


class TestAtOnce:
    @pytest.mark.parametrize("met_before", [False, True])
    async def test_twenty_calls_make_one_attempt(self, shop: Shop, *, met_before: bool) -> None:
        if met_before:
            async with shop.db.transaction() as tx:
                await customers.ensure(tx, shop.store.number, "buyer@shop.example", START)
        opened = await shop.open()
        payings = await asyncio.gather(*(shop.pay(opened) for _ in range(20)))
        assert len({paying.attempt.id for paying in payings}) == 1
        assert len({paying.payment.id for paying in payings}) == 1
        assert await shop.attempts(opened) == ["PENDING"]
        assert [await count(shop, table) for table in ("payments.payment", 'orders."order"')] == [1, 1]
        assert len(shop.fake.twins) == 1
        secrets = {paying.outcome.client_secret for paying in payings if isinstance(paying.outcome, ActionNeeded)}
        assert len(secrets) == 1

    async def test_twenty_calls_after_a_decline_make_one_more(self, shop: Shop) -> None:
        opened = await shop.open()
        await decline(shop, opened)
        await asyncio.gather(*(shop.pay(opened) for _ in range(20)))
        assert await shop.attempts(opened) == ["FAILED", "PENDING"]

    async def test_a_call_decides_anew_when_the_payment_changes_under_its_hands(self, shop: Shop) -> None:
        opened = await shop.open()
        await decline(shop, opened)
        before = (await shop.status(opened)).payment
        assert before is not None
        async with shop.db.transaction() as somebody:
            await somebody.execute("update payments.payment set seq = seq + 1 where store = $1", shop.store.number)
            call = asyncio.create_task(shop.pay(opened))
            await asyncio.sleep(0.1)
        assert (await call).payment.seq == before.seq + 2
        assert await shop.attempts(opened) == ["FAILED", "PENDING"]

    async def test_calls_before_the_news_of_a_decline_make_one_more(self, shop: Shop) -> None:
        """The webhook has come, the consumer has not: the buyer need not wait for it."""
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id, DECLINED)
        await shop.hear(paying.attempt.id)
        await asyncio.gather(*(shop.pay(opened) for _ in range(5)))
        await shop.drain()
        assert await shop.attempts(opened) == ["FAILED", "PENDING"]
        assert (await shop.status(opened)).session.status is SessionStatus.PROCESSING

    async def test_paying_and_changing_leave_one_price(self, shop: Shop) -> None:
        opened = await shop.open()
        ends = await asyncio.gather(
            *(shop.pay(opened) for _ in range(3)),
            *(shop.change(opened, quantity=number) for number in (2, 3, 4)),
            return_exceptions=True,
        )
        assert not [end for end in ends if isinstance(end, Exception) and not hasattr(end, "code")]
        await shop.drain()
        await shop.pay(opened)
        live = await shop.status(opened)
        assert live.attempt is not None
        assert live.attempt.amount == live.session.quote.total
        assert [status for status in await shop.attempts(opened) if status != "CANCELLED"] == ["PENDING"]


class TestRefusals:
    async def test_without_an_address(self, shop: Shop) -> None:
        with pytest.raises(EmailMissing):
            await shop.pay(await shop.open(email=None))

    async def test_of_a_session_that_is_over(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.clock.tick(days=1)
        with pytest.raises(SessionOver):
            await shop.pay(opened)

    async def test_of_one_that_is_paid(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id)
        await shop.hear(paying.attempt.id)
        for _ in range(2):  # before and after the news
            with pytest.raises(AlreadyPaid):
                await shop.pay(opened)
            await shop.drain()

    async def test_of_one_that_was_paid_late_by_an_earlier_attempt(self, shop: Shop) -> None:
        opened = await shop.open()
        declined = await decline(shop, opened)
        shop.fake.approve(declined)
        await shop.hear(declined)
        with pytest.raises(AlreadyPaid):
            await shop.pay(opened)

    async def test_by_a_provider_that_is_not_configured_writes_nothing(self, shop: Shop) -> None:
        opened = await shop.open()
        for _ in range(2):
            with pytest.raises(ProviderMissing):
                await checkout.pay(shop.db, {}, opened.session.id, shop.clock())
        for table in ("payments.payment", "payments.attempt", 'orders."order"', "customers.customer", "outbox.event"):
            assert await count(shop, table) == 0
        assert (await shop.status(opened)).session.status is SessionStatus.OPEN


class TestDeclines:
    async def test_reopen_the_session_while_tries_are_left(self, shop: Shop) -> None:
        opened = await shop.open()
        await decline(shop, opened)
        status = await shop.status(opened)
        assert (status.session.status, status.attempts_left) == (SessionStatus.OPEN, 2)
        assert await shop.order(opened) == "PENDING"

    async def test_of_three_end_it(self, shop: Shop) -> None:
        opened = await shop.open()
        for _ in range(3):
            await decline(shop, opened)
        status = await shop.status(opened)
        assert (status.session.status, status.attempts_left) == (SessionStatus.EXPIRED, 0)
        assert await shop.order(opened) == "FAILED"
        assert await shop.attempts(opened) == ["FAILED"] * 3
        with pytest.raises(SessionOver):
            await shop.pay(opened)

    async def test_of_three_end_it_before_the_news_of_them(self, shop: Shop) -> None:
        opened = await shop.open()
        for _ in range(3):
            paying = await shop.pay(opened)
            shop.fake.confirm(paying.attempt.id, DECLINED)
            await shop.hear(paying.attempt.id)
        with pytest.raises((SessionOver, NoAttemptsLeft)):
            await shop.pay(opened)
        await shop.drain()
        assert (await shop.status(opened)).session.status is SessionStatus.EXPIRED

    async def test_then_paid_is_paid(self, shop: Shop) -> None:
        opened = await shop.open()
        await decline(shop, opened)
        paying = await shop.pay(opened)
        assert paying.attempt.number == 2
        shop.fake.confirm(paying.attempt.id)
        await shop.hear(paying.attempt.id)
        await shop.drain()
        assert await shop.order(opened) == "COMPLETED"
        assert await shop.balances() == {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}


class TestSilence:
    async def test_is_an_answer(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.fake.deaf = True
        paying = await shop.pay(opened)
        assert isinstance(paying.outcome, Unknown)
        assert await shop.attempts(opened) == ["UNKNOWN"]
        assert (await shop.status(opened)).session.status is SessionStatus.PROCESSING

    async def test_never_makes_a_second_attempt(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.fake.silent = True
        for _ in range(3):
            await shop.pay(opened)
        assert len(await shop.attempts(opened)) == 1

    async def test_joined_later_gives_the_buyer_what_is_needed(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.fake.deaf = True
        await shop.pay(opened)
        shop.fake.deaf = False
        paying = await shop.pay(opened)
        assert isinstance(paying.outcome, ActionNeeded)
        shop.fake.confirm(paying.attempt.id)
        await shop.hear(paying.attempt.id)
        await shop.drain()
        assert await shop.order(opened) == "COMPLETED"

    async def test_holds_no_transaction_while_it_lasts(self, shop: Shop) -> None:
        opened = await shop.open()

        async def meanwhile(_: AttemptId) -> None:
            sql = """
            select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'
            """
            assert await shop.db.fetchval(sql) == 0
            assert await shop.attempts(opened) == ["PENDING"]

        shop.fake.meanwhile = meanwhile
        await shop.pay(opened)
        assert await payments.latest_of(shop.db, opened.session.id) is not None
