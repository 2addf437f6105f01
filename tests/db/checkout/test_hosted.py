"""Paying on the provider's own page, where a provider has that page only for attempts that were started for it."""

from __future__ import annotations

import asyncio

import pytest

from checkie.checkout.model import PaymentInProgress, SessionOver
from checkie.checkout.open import Opened
from checkie.checkout.pay import PaymentStarted
from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments.model import MAX_ATTEMPTS, NoAttemptsLeft
from checkie.payments.port import ActionNeeded, Cancelled, InProgress
from tests import make
from tests.fakes import ASKS, GOOD
from tests.make import Merchant

SALE = {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    merchant = await make.merchant(db, session_expires_s=3600)
    merchant.fake.pages = "on request"
    return merchant


def page_of(paying: PaymentStarted) -> str | None:
    assert isinstance(paying.outcome, ActionNeeded)
    return paying.outcome.hosted_url


def cancelled(merchant: Merchant) -> list[AttemptId]:
    return [key for verb, key in merchant.fake.calls if verb == "cancel"]


class TestThePage:
    async def test_is_returned_to_a_buyer_who_needs_it(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        paying = await merchant.pay(opened, hosted=True)
        assert page_of(paying)
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        assert await merchant.order(opened) == "COMPLETED"
        assert await merchant.balances() == SALE

    async def test_is_created_once_by_concurrent_calls(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        all_of_them = await asyncio.gather(*(merchant.pay(opened, hosted=True) for _ in range(20)))
        assert len({page_of(paying) for paying in all_of_them}) == 1
        assert await merchant.attempts(opened) == ["PENDING"]

    async def test_is_shared_with_a_script_that_joins_the_attempt(self, merchant: Merchant) -> None:
        """A call by a script does not cancel the page that the buyer has."""
        opened = await merchant.open()
        started = await merchant.pay(opened, hosted=True)
        joined = await merchant.pay(opened)
        assert (page_of(joined), joined.attempt.id) == (page_of(started), started.attempt.id)
        assert cancelled(merchant) == []

    async def test_of_a_provider_that_has_none_is_not_requested(self, merchant: Merchant) -> None:
        merchant.fake.pages = "never"
        opened = await merchant.open()
        assert page_of(await merchant.pay(opened, hosted=True)) is None
        assert cancelled(merchant) == []


class TestAnAttemptWithoutThePage:
    async def started(self, merchant: Merchant) -> tuple[Opened, PaymentStarted]:
        opened, paying = await merchant.paying()
        assert page_of(paying) is None
        return opened, paying

    async def test_is_cancelled_and_the_next_one_has_it(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)
        second = await merchant.pay(opened, hosted=True)
        assert page_of(second)
        assert (cancelled(merchant), second.attempt.number) == ([first.attempt.id], 2)
        merchant.fake.confirm(first.attempt.id)  # too late: it is cancelled
        merchant.fake.confirm(second.attempt.id)
        await merchant.receive_webhook(second.attempt.id)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["CANCELLED", "SUCCEEDED"]
        assert await merchant.balances() == SALE

    async def test_does_not_count_as_a_failure(self, merchant: Merchant) -> None:
        opened, _ = await self.started(merchant)
        await merchant.pay(opened, hosted=True)
        assert (await merchant.status(opened)).attempts_left == 3

    async def test_that_requires_3d_secure_is_cancelled_too(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)
        merchant.fake.confirm(first.attempt.id, ASKS)
        await merchant.receive_webhook(first.attempt.id)
        assert page_of(await merchant.pay(opened, hosted=True))
        await merchant.drain()
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_that_was_just_paid_is_kept(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)

        async def paid(key: AttemptId) -> None:
            merchant.fake.during_authorize = None
            merchant.fake.confirm(key, GOOD)

        merchant.fake.during_authorize = paid
        with pytest.raises(PaymentInProgress):
            await merchant.pay(opened, hosted=True)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["SUCCEEDED"]
        assert await merchant.balances() == SALE
        assert first.attempt.number == 1

    async def test_whose_cancellation_is_uncertain_is_kept(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)

        async def unreachable_from_now_on(_: AttemptId) -> None:
            merchant.fake.unreachable = True

        merchant.fake.during_authorize = unreachable_from_now_on
        with pytest.raises(PaymentInProgress):
            await merchant.pay(opened, hosted=True)
        merchant.fake.unreachable, merchant.fake.during_authorize = False, None
        merchant.fake.confirm(first.attempt.id)
        await merchant.receive_webhook(first.attempt.id)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["SUCCEEDED"]

    async def test_that_was_cancelled_at_the_provider_is_followed_by_the_next(self, merchant: Merchant) -> None:
        """For example because the page expired at the provider and the webhook has not arrived yet."""
        opened, first = await self.started(merchant)
        merchant.fake.settle(first.attempt.id, Cancelled("fake_1"))
        assert page_of(await merchant.pay(opened, hosted=True))
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_is_joined_by_a_buyer_who_needs_no_page(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)
        assert (await merchant.pay(opened)).attempt.id == first.attempt.id
        assert cancelled(merchant) == []

    async def test_that_is_in_progress_is_joined(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)
        merchant.fake.settle(first.attempt.id, InProgress("fake_1"))
        assert isinstance((await merchant.pay(opened, hosted=True)).outcome, InProgress)
        assert cancelled(merchant) == []

    async def test_is_cancelled_once_by_twenty_concurrent_calls(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)
        ends = await asyncio.gather(*(merchant.pay(opened, hosted=True) for _ in range(20)))
        assert len({page_of(end) for end in ends}) == 1
        assert set(cancelled(merchant)) == {first.attempt.id}
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_that_succeeds_after_it_was_cancelled_is_not_lost(self, merchant: Merchant) -> None:
        opened, first = await self.started(merchant)
        second = await merchant.pay(opened, hosted=True)
        merchant.fake.approve(first.attempt.id)
        await merchant.receive_webhook(first.attempt.id)
        await merchant.drain()
        merchant.clock.tick(seconds=5)
        await merchant.drain()
        assert await merchant.order(opened) == "COMPLETED"
        assert second.attempt.id in cancelled(merchant)
        assert await merchant.balances() == SALE

    async def test_is_not_cancelled_when_no_attempts_are_left(self, merchant: Merchant) -> None:
        opened, _ = await self.started(merchant)
        for number in range(2, MAX_ATTEMPTS + 1):
            await merchant.change(opened, reopens=True)
            assert (await merchant.pay(opened)).attempt.number == number
        before = cancelled(merchant)
        with pytest.raises(NoAttemptsLeft):
            await merchant.pay(opened, hosted=True)
        assert cancelled(merchant) == before

    async def test_is_not_cancelled_when_the_session_has_expired(self, merchant: Merchant) -> None:
        opened, _ = await self.started(merchant)
        merchant.clock.tick(hours=1)
        with pytest.raises(SessionOver):
            await merchant.pay(opened, hosted=True)
        assert cancelled(merchant) == []


class TestACrash:
    async def test_after_cancelling_is_recovered_by_the_next_call(self, merchant: Merchant) -> None:
        opened, first = await merchant.paying()
        await merchant.fake.cancel(first.attempt.id, None)  # and then the process died: nothing is recorded
        assert page_of(await merchant.pay(opened, hosted=True))
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_after_starting_is_resolved_by_a_check(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.fake.loses_responses = True
        await merchant.pay(opened, hosted=True)
        merchant.fake.loses_responses = False
        merchant.clock.tick(seconds=5)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["PENDING"]
        assert page_of(await merchant.pay(opened, hosted=True))
