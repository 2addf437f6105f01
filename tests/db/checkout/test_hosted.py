"""Paying on the provider's own page, where a provider has that page only for attempts that were begun for it."""

from __future__ import annotations

import asyncio

import pytest

from checkie.checkout.model import PaymentUnderWay, SessionOver
from checkie.checkout.open import Opened
from checkie.checkout.pay import Paying
from checkie.db import Database
from checkie.payments.model import MAX_ATTEMPTS, NoAttemptsLeft
from checkie.payments.port import ActionNeeded, AttemptId, InProgress, Withdrawn
from tests import make
from tests.fakes import ASKS, GOOD
from tests.make import Shop

SALE = {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}


@pytest.fixture
async def shop(db: Database) -> Shop:
    shop = await make.shop(db, session_expires_s=3600)
    shop.fake.pages = "on request"
    return shop


def page_of(paying: Paying) -> str | None:
    assert isinstance(paying.outcome, ActionNeeded)
    return paying.outcome.hosted_url


def cancelled(shop: Shop) -> list[AttemptId]:
    return [key for verb, key in shop.fake.calls if verb == "cancel"]


class TestThePage:
    async def test_is_there_for_who_needs_it(self, shop: Shop) -> None:
        opened = await shop.open()
        paying = await shop.pay(opened, hosted=True)
        assert page_of(paying)
        shop.fake.confirm(paying.attempt.id)
        await shop.hear(paying.attempt.id)
        await shop.drain()
        assert await shop.order(opened) == "COMPLETED"
        assert await shop.balances() == SALE

    async def test_is_one_however_often_and_at_once_it_is_asked_for(self, shop: Shop) -> None:
        opened = await shop.open()
        all_of_them = await asyncio.gather(*(shop.pay(opened, hosted=True) for _ in range(20)))
        assert len({page_of(paying) for paying in all_of_them}) == 1
        assert await shop.attempts(opened) == ["PENDING"]

    async def test_is_told_to_a_script_that_joins_and_not_taken_from_its_buyer(self, shop: Shop) -> None:
        """Whoever knows a session's id may call checkout (ADR 0012)."""
        opened = await shop.open()
        begun = await shop.pay(opened, hosted=True)
        joined = await shop.pay(opened)
        assert (page_of(joined), joined.attempt.id) == (page_of(begun), begun.attempt.id)
        assert cancelled(shop) == []

    async def test_of_a_provider_without_any_is_not_tried_for(self, shop: Shop) -> None:
        shop.fake.pages = "never"
        opened = await shop.open()
        assert page_of(await shop.pay(opened, hosted=True)) is None
        assert cancelled(shop) == []


class TestAnAttemptWithoutThePage:
    async def begun(self, shop: Shop) -> tuple[Opened, Paying]:
        opened, paying = await shop.paying()
        assert page_of(paying) is None
        return opened, paying

    async def test_is_called_off_and_the_next_one_has_it(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)
        second = await shop.pay(opened, hosted=True)
        assert page_of(second)
        assert (cancelled(shop), second.attempt.number) == ([first.attempt.id], 2)
        shop.fake.confirm(first.attempt.id)  # too late: it is called off
        shop.fake.confirm(second.attempt.id)
        await shop.hear(second.attempt.id)
        await shop.drain()
        assert await shop.attempts(opened) == ["CANCELLED", "SUCCEEDED"]
        assert await shop.balances() == SALE

    async def test_costs_no_try(self, shop: Shop) -> None:
        opened, _ = await self.begun(shop)
        await shop.pay(opened, hosted=True)
        assert (await shop.status(opened)).attempts_left == 3

    async def test_that_asks_for_a_proof_is_called_off_too(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)
        shop.fake.confirm(first.attempt.id, ASKS)
        await shop.hear(first.attempt.id)
        assert page_of(await shop.pay(opened, hosted=True))
        await shop.drain()
        assert await shop.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_that_was_just_paid_stays(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)

        async def paid_meanwhile(key: AttemptId) -> None:
            shop.fake.meanwhile = None
            shop.fake.confirm(key, GOOD)

        shop.fake.meanwhile = paid_meanwhile
        with pytest.raises(PaymentUnderWay):
            await shop.pay(opened, hosted=True)
        await shop.drain()
        assert await shop.attempts(opened) == ["SUCCEEDED"]
        assert await shop.balances() == SALE
        assert first.attempt.number == 1

    async def test_that_could_not_be_called_off_for_certain_stays(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)

        async def silent_from_now_on(_: AttemptId) -> None:
            shop.fake.silent = True

        shop.fake.meanwhile = silent_from_now_on
        with pytest.raises(PaymentUnderWay):
            await shop.pay(opened, hosted=True)
        shop.fake.silent, shop.fake.meanwhile = False, None
        shop.fake.confirm(first.attempt.id)
        await shop.hear(first.attempt.id)
        await shop.drain()
        assert await shop.attempts(opened) == ["SUCCEEDED"]

    async def test_that_was_called_off_elsewhere_is_followed_by_the_next(self, shop: Shop) -> None:
        """The page's time at the provider is over, say, and the news is on its way."""
        opened, first = await self.begun(shop)
        shop.fake.settle(first.attempt.id, Withdrawn("fake_1"))
        assert page_of(await shop.pay(opened, hosted=True))
        assert await shop.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_is_joined_by_who_needs_no_page(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)
        assert (await shop.pay(opened)).attempt.id == first.attempt.id
        assert cancelled(shop) == []

    async def test_that_is_at_work_is_joined(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)
        shop.fake.settle(first.attempt.id, InProgress("fake_1"))
        assert isinstance((await shop.pay(opened, hosted=True)).outcome, InProgress)
        assert cancelled(shop) == []

    async def test_is_called_off_once_by_twenty_at_once(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)
        ends = await asyncio.gather(*(shop.pay(opened, hosted=True) for _ in range(20)))
        assert len({page_of(end) for end in ends}) == 1
        assert set(cancelled(shop)) == {first.attempt.id}
        assert await shop.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_that_succeeds_all_the_same_is_not_lost(self, shop: Shop) -> None:
        opened, first = await self.begun(shop)
        second = await shop.pay(opened, hosted=True)
        shop.fake.approve(first.attempt.id)
        await shop.hear(first.attempt.id)
        await shop.drain()
        shop.clock.tick(seconds=5)
        await shop.drain()
        assert await shop.order(opened) == "COMPLETED"
        assert second.attempt.id in cancelled(shop)
        assert await shop.balances() == SALE

    async def test_is_left_alone_when_there_may_be_no_further_one(self, shop: Shop) -> None:
        opened, _ = await self.begun(shop)
        for number in range(2, MAX_ATTEMPTS + 1):
            await shop.change(opened, reopens=True)
            assert (await shop.pay(opened)).attempt.number == number
        before = cancelled(shop)
        with pytest.raises(NoAttemptsLeft):
            await shop.pay(opened, hosted=True)
        assert cancelled(shop) == before

    async def test_is_left_alone_when_the_session_has_expired(self, shop: Shop) -> None:
        opened, _ = await self.begun(shop)
        shop.clock.tick(hours=1)
        with pytest.raises(SessionOver):
            await shop.pay(opened, hosted=True)
        assert cancelled(shop) == []


class TestACrash:
    async def test_after_calling_off_is_finished_by_the_next_call(self, shop: Shop) -> None:
        opened, first = await shop.paying()
        await shop.fake.cancel(first.attempt.id, None)  # and then the process died: nothing is recorded
        assert page_of(await shop.pay(opened, hosted=True))
        assert await shop.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_after_it_began_is_resolved_by_asking(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.fake.deaf = True
        await shop.pay(opened, hosted=True)
        shop.fake.deaf = False
        shop.clock.tick(seconds=5)
        await shop.drain()
        assert await shop.attempts(opened) == ["PENDING"]
        assert page_of(await shop.pay(opened, hosted=True))
