"""Paying on the provider's own page, where a provider has that page only for attempts that were begun for it."""

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
    async def test_is_there_for_who_needs_it(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        paying = await merchant.pay(opened, hosted=True)
        assert page_of(paying)
        merchant.fake.confirm(paying.attempt.id)
        await merchant.hear(paying.attempt.id)
        await merchant.drain()
        assert await merchant.order(opened) == "COMPLETED"
        assert await merchant.balances() == SALE

    async def test_is_one_however_often_and_at_once_it_is_asked_for(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        all_of_them = await asyncio.gather(*(merchant.pay(opened, hosted=True) for _ in range(20)))
        assert len({page_of(paying) for paying in all_of_them}) == 1
        assert await merchant.attempts(opened) == ["PENDING"]

    async def test_is_told_to_a_script_that_joins_and_not_taken_from_its_buyer(self, merchant: Merchant) -> None:
        """Whoever knows a session's id may call checkout (ADR 0012)."""
        opened = await merchant.open()
        begun = await merchant.pay(opened, hosted=True)
        joined = await merchant.pay(opened)
        assert (page_of(joined), joined.attempt.id) == (page_of(begun), begun.attempt.id)
        assert cancelled(merchant) == []

    async def test_of_a_provider_without_any_is_not_tried_for(self, merchant: Merchant) -> None:
        merchant.fake.pages = "never"
        opened = await merchant.open()
        assert page_of(await merchant.pay(opened, hosted=True)) is None
        assert cancelled(merchant) == []


class TestAnAttemptWithoutThePage:
    async def begun(self, merchant: Merchant) -> tuple[Opened, PaymentStarted]:
        opened, paying = await merchant.paying()
        assert page_of(paying) is None
        return opened, paying

    async def test_is_called_off_and_the_next_one_has_it(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)
        second = await merchant.pay(opened, hosted=True)
        assert page_of(second)
        assert (cancelled(merchant), second.attempt.number) == ([first.attempt.id], 2)
        merchant.fake.confirm(first.attempt.id)  # too late: it is called off
        merchant.fake.confirm(second.attempt.id)
        await merchant.hear(second.attempt.id)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["CANCELLED", "SUCCEEDED"]
        assert await merchant.balances() == SALE

    async def test_costs_no_try(self, merchant: Merchant) -> None:
        opened, _ = await self.begun(merchant)
        await merchant.pay(opened, hosted=True)
        assert (await merchant.status(opened)).attempts_left == 3

    async def test_that_asks_for_a_proof_is_called_off_too(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)
        merchant.fake.confirm(first.attempt.id, ASKS)
        await merchant.hear(first.attempt.id)
        assert page_of(await merchant.pay(opened, hosted=True))
        await merchant.drain()
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_that_was_just_paid_stays(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)

        async def paid_meanwhile(key: AttemptId) -> None:
            merchant.fake.meanwhile = None
            merchant.fake.confirm(key, GOOD)

        merchant.fake.meanwhile = paid_meanwhile
        with pytest.raises(PaymentInProgress):
            await merchant.pay(opened, hosted=True)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["SUCCEEDED"]
        assert await merchant.balances() == SALE
        assert first.attempt.number == 1

    async def test_that_could_not_be_called_off_for_certain_stays(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)

        async def silent_from_now_on(_: AttemptId) -> None:
            merchant.fake.silent = True

        merchant.fake.meanwhile = silent_from_now_on
        with pytest.raises(PaymentInProgress):
            await merchant.pay(opened, hosted=True)
        merchant.fake.silent, merchant.fake.meanwhile = False, None
        merchant.fake.confirm(first.attempt.id)
        await merchant.hear(first.attempt.id)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["SUCCEEDED"]

    async def test_that_was_called_off_elsewhere_is_followed_by_the_next(self, merchant: Merchant) -> None:
        """The page's time at the provider is over, say, and the news is on its way."""
        opened, first = await self.begun(merchant)
        merchant.fake.settle(first.attempt.id, Cancelled("fake_1"))
        assert page_of(await merchant.pay(opened, hosted=True))
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_is_joined_by_who_needs_no_page(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)
        assert (await merchant.pay(opened)).attempt.id == first.attempt.id
        assert cancelled(merchant) == []

    async def test_that_is_at_work_is_joined(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)
        merchant.fake.settle(first.attempt.id, InProgress("fake_1"))
        assert isinstance((await merchant.pay(opened, hosted=True)).outcome, InProgress)
        assert cancelled(merchant) == []

    async def test_is_called_off_once_by_twenty_at_once(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)
        ends = await asyncio.gather(*(merchant.pay(opened, hosted=True) for _ in range(20)))
        assert len({page_of(end) for end in ends}) == 1
        assert set(cancelled(merchant)) == {first.attempt.id}
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_that_succeeds_all_the_same_is_not_lost(self, merchant: Merchant) -> None:
        opened, first = await self.begun(merchant)
        second = await merchant.pay(opened, hosted=True)
        merchant.fake.approve(first.attempt.id)
        await merchant.hear(first.attempt.id)
        await merchant.drain()
        merchant.clock.tick(seconds=5)
        await merchant.drain()
        assert await merchant.order(opened) == "COMPLETED"
        assert second.attempt.id in cancelled(merchant)
        assert await merchant.balances() == SALE

    async def test_is_left_alone_when_there_may_be_no_further_one(self, merchant: Merchant) -> None:
        opened, _ = await self.begun(merchant)
        for number in range(2, MAX_ATTEMPTS + 1):
            await merchant.change(opened, reopens=True)
            assert (await merchant.pay(opened)).attempt.number == number
        before = cancelled(merchant)
        with pytest.raises(NoAttemptsLeft):
            await merchant.pay(opened, hosted=True)
        assert cancelled(merchant) == before

    async def test_is_left_alone_when_the_session_has_expired(self, merchant: Merchant) -> None:
        opened, _ = await self.begun(merchant)
        merchant.clock.tick(hours=1)
        with pytest.raises(SessionOver):
            await merchant.pay(opened, hosted=True)
        assert cancelled(merchant) == []


class TestACrash:
    async def test_after_calling_off_is_finished_by_the_next_call(self, merchant: Merchant) -> None:
        opened, first = await merchant.paying()
        await merchant.fake.cancel(first.attempt.id, None)  # and then the process died: nothing is recorded
        assert page_of(await merchant.pay(opened, hosted=True))
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_after_it_began_is_resolved_by_asking(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.fake.deaf = True
        await merchant.pay(opened, hosted=True)
        merchant.fake.deaf = False
        merchant.clock.tick(seconds=5)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["PENDING"]
        assert page_of(await merchant.pay(opened, hosted=True))
