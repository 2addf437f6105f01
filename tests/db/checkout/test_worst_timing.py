"""News in the worst order: before the answer, twice, too late, of another amount."""

from __future__ import annotations

import asyncio

import pytest

from checkie import checkout, payments
from checkie.checkout import SessionStatus
from checkie.checkout.model import AlreadyPaid, SessionOver, WrongSecret
from checkie.checkout.open import Opened
from checkie.checkout.pay import Paying
from checkie.db import Database
from checkie.kernel import Money
from checkie.payments.model import NoAttemptsLeft, NotYetSucceeded
from checkie.payments.port import Action, ActionNeeded, Approved, AttemptId, Declined, InProgress, Refunded
from tests import make
from tests.fakes import DECLINED
from tests.make import PRICE, Shop

SALE = {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}


@pytest.fixture
async def shop(db: Database) -> Shop:
    return await make.shop(db, session_expires_s=3600, session_abandoned_s=600)


async def stands(shop: Shop, opened: Opened) -> tuple[str, str | None]:
    await shop.drain()
    return (await shop.status(opened)).session.status, await shop.order(opened)


class TestAWebhook:
    async def test_before_the_answer_of_authorize(self, shop: Shop) -> None:
        opened = await shop.open()

        async def meanwhile(key: AttemptId) -> None:
            shop.fake.confirm(key)
            assert await shop.hear(key)

        shop.fake.meanwhile = meanwhile
        await shop.pay(opened)
        assert await shop.attempts(opened) == ["SUCCEEDED"]
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE

    async def test_of_a_decline_before_the_answer(self, shop: Shop) -> None:
        opened = await shop.open()

        async def meanwhile(key: AttemptId) -> None:
            shop.fake.confirm(key, DECLINED)
            await shop.hear(key)

        shop.fake.meanwhile = meanwhile
        await shop.pay(opened)
        assert await stands(shop, opened) == ("OPEN", "PENDING")

    async def test_that_comes_twice_changes_nothing(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id)
        first = await shop.hear(paying.attempt.id, event="sev_1")
        again = [await shop.hear(paying.attempt.id, event=name) for name in ("sev_1", "sev_1", "sev_2")]
        assert (first, again) == (True, [False, False, False])
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE

    async def test_that_comes_twenty_times_at_once_changes_nothing(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id)
        heard = await asyncio.gather(*(shop.hear(paying.attempt.id, event="sev_1") for _ in range(20)))
        assert sum(heard) == 1
        assert await shop.balances() == SALE
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_that_comes_again_after_a_newer_one_changes_nothing(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        key = paying.attempt.id
        proof = ActionNeeded("fake_1", Action.AUTHENTICATE, client_secret="s")
        assert await shop.hear(key, proof, event="older")
        assert await shop.hear(key, InProgress("fake_1"), event="newer")
        assert not await shop.hear(key, proof, event="older")
        assert await shop.attempts(opened) == ["PROCESSING"]

    async def test_that_is_stale_changes_nothing(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        key = paying.attempt.id
        waiting = shop.fake.twins[key].stands
        shop.fake.confirm(key)
        await shop.hear(key)
        for stale in (waiting, Declined("fake_1", "card_declined", "No.")):
            assert not await shop.hear(key, stale)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_of_a_refund_before_the_success_has_to_come_again(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        key, back = paying.attempt.id, Refunded("fake_1", PRICE)
        with pytest.raises(NotYetSucceeded):
            await shop.hear(key, back, event="sev_refund")
        shop.fake.confirm(key)
        await shop.hear(key)
        assert await shop.hear(key, back, event="sev_refund")
        assert await stands(shop, opened) == ("COMPLETED", "REFUNDED")
        assert await shop.balances() == {"MERCHANT": -75, "FEES": 75}

    async def test_of_a_refund_of_more_than_was_paid_is_taken_all_the_same(self, shop: Shop) -> None:
        """Refused, it would come again for three days, and nobody would know."""
        _, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id)
        await shop.hear(paying.attempt.id)
        await shop.hear(paying.attempt.id, Refunded("fake_1", PRICE * 2))
        await shop.drain()
        await shop.hear(paying.attempt.id, Refunded("fake_1", PRICE * 3))


class TestTime:
    async def test_ends_a_session_that_nobody_paid(self, shop: Shop) -> None:
        opened = await shop.open(email=None)
        shop.clock.tick(seconds=3599)
        assert await stands(shop, opened) == ("OPEN", None)
        shop.clock.tick(seconds=1)
        assert await stands(shop, opened) == ("EXPIRED", None)
        assert await shop.events(opened.session.id) == ["session.expired"]

    async def test_ends_one_whose_buyer_left_an_address_sooner(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.clock.tick(seconds=599)
        assert await stands(shop, opened) == ("OPEN", None)
        shop.clock.tick(seconds=1)
        assert await stands(shop, opened) == ("ABANDONED", None)
        assert await shop.events(opened.session.id) == ["session.abandoned"]

    async def test_is_counted_from_the_last_change(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.clock.tick(seconds=500)
        await shop.change(opened, quantity=2)
        shop.clock.tick(seconds=500)
        assert (await stands(shop, opened))[0] == "OPEN"

    async def test_calls_a_waiting_payment_off_first(self, shop: Shop) -> None:
        opened, _ = await shop.paying()
        shop.clock.tick(hours=1)
        assert await stands(shop, opened) == ("EXPIRED", "CANCELLED")
        assert await shop.attempts(opened) == ["CANCELLED"]

    async def test_does_not_end_one_that_can_still_succeed(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.silent = True
        shop.clock.tick(hours=1)
        assert (await stands(shop, opened))[0] == "PROCESSING"
        shop.fake.silent = False
        shop.fake.confirm(paying.attempt.id)
        shop.clock.tick(minutes=5)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_finds_that_it_was_paid_at_the_last_moment(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id)
        shop.clock.tick(hours=1)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE


class TestALateSuccess:
    async def test_after_expiry_is_fulfilled(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.clock.tick(hours=1)
        assert await stands(shop, opened) == ("EXPIRED", "CANCELLED")
        shop.fake.approve(paying.attempt.id)
        assert await shop.hear(paying.attempt.id)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE
        assert await shop.events(opened.session.id) == ["session.reopened", "session.expired", "session.completed"]

    async def test_after_abandonment_is_fulfilled(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.confirm(paying.attempt.id, DECLINED)
        await shop.hear(paying.attempt.id)
        await shop.drain()
        shop.clock.tick(minutes=10)
        assert await stands(shop, opened) == ("ABANDONED", "CANCELLED")
        shop.fake.approve(paying.attempt.id)
        await shop.hear(paying.attempt.id)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_after_three_declines_is_fulfilled(self, shop: Shop) -> None:
        opened = await shop.open()
        keys = []
        for _ in range(3):
            keys.append((await shop.pay(opened)).attempt.id)
            shop.fake.confirm(keys[-1], DECLINED)
            await shop.hear(keys[-1])
            await shop.drain()
        shop.fake.approve(keys[-1])
        await shop.hear(keys[-1])
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE

    async def test_of_the_first_while_the_second_waits_leaves_the_second_uncharged(self, shop: Shop) -> None:
        opened, first = await shop.paying()
        shop.fake.confirm(first.attempt.id, DECLINED)
        await shop.hear(first.attempt.id)
        await shop.drain()
        second = await shop.pay(opened)
        shop.fake.approve(first.attempt.id)
        await shop.hear(first.attempt.id)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        shop.clock.tick(seconds=5)
        await shop.drain()
        assert ("cancel", second.attempt.id) in shop.fake.calls
        assert await shop.attempts(opened) == ["SUCCEEDED", "CANCELLED"]
        assert await shop.balances() == SALE

    @pytest.mark.parametrize("late", range(8))
    async def test_of_the_first_just_as_the_second_begins_is_booked_once(self, shop: Shop, late: int) -> None:
        """Whoever is quicker, the other decides by what is then."""
        opened, first = await shop.paying()
        shop.fake.confirm(first.attempt.id, DECLINED)
        await shop.hear(first.attempt.id)
        await shop.drain()
        shop.fake.approve(first.attempt.id)

        async def hear() -> bool:
            await asyncio.sleep(late / 1000)
            return await shop.hear(first.attempt.id)

        paid, heard = await asyncio.gather(shop.pay(opened), hear(), return_exceptions=True)
        assert heard is True
        assert isinstance(paid, Paying | AlreadyPaid)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        shop.clock.tick(seconds=5)
        await shop.drain()
        assert await shop.attempts(opened) == ["SUCCEEDED", *(["CANCELLED"] if isinstance(paid, Paying) else [])]
        assert await shop.balances() == SALE

    async def test_of_both_books_the_second_apart(self, shop: Shop) -> None:
        opened, first = await shop.paying()
        shop.fake.confirm(first.attempt.id, DECLINED)
        await shop.hear(first.attempt.id)
        await shop.drain()
        second = await shop.pay(opened)
        shop.fake.confirm(second.attempt.id)
        shop.fake.approve(first.attempt.id)
        for paying in (second, first):
            await shop.hear(paying.attempt.id)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == {"CLEARING": -5198, "MERCHANT": 2524, "FEES": 75, "UNAPPLIED": 2599}


class TestAnotherAmount:
    @pytest.mark.parametrize("received", [PRICE - Money(1, "USD"), PRICE * 2], ids=str)
    async def test_is_kept_apart_and_nobody_pays_again(self, shop: Shop, received: Money) -> None:
        opened, paying = await shop.paying()
        shop.fake.approve(paying.attempt.id, received)
        await shop.hear(paying.attempt.id)
        assert await stands(shop, opened) == ("EXPIRED", "FAILED")
        assert await shop.attempts(opened) == ["INTEGRITY_FAILURE"]
        assert await shop.balances() == {"CLEARING": -received.minor, "UNAPPLIED": received.minor}
        with pytest.raises((SessionOver, NoAttemptsLeft)):
            await shop.pay(opened)

    async def test_shows_the_buyer_not_to_pay_again(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        shop.fake.approve(paying.attempt.id, Money(2599, "EUR"))
        await shop.hear(paying.attempt.id)
        await shop.drain()
        status = await shop.status(opened)
        assert status.payment is not None
        assert (status.payment.failure_code, status.attempts_left) == (payments.INTEGRITY, 0)

    async def test_that_comes_after_the_attempt_was_called_off_lets_nobody_pay_again(self, shop: Shop) -> None:
        opened, paying = await shop.paying()
        await shop.change(opened, quantity=2)
        await shop.hear(paying.attempt.id, Approved("fake_1", Money(1, "USD")))
        await shop.drain()
        with pytest.raises((SessionOver, NoAttemptsLeft)):
            await shop.pay(opened)


class TestAsking:
    WAITS = (5, 30, 300, 3600, 86_400, 86_400)

    async def silent(self, shop: Shop) -> tuple[Opened, AttemptId]:
        opened = await shop.open()
        shop.fake.deaf = True
        paying = await shop.pay(opened)
        shop.fake.calls.clear()
        return opened, paying.attempt.id

    def asked(self, shop: Shop, key: AttemptId) -> int:
        return sum(1 for verb, about in shop.fake.calls if verb == "find" and about == key)

    async def test_goes_by_schedule(self, db: Database) -> None:
        shop = await make.shop(db, session_expires_s=30 * 86_400)
        _, key = await self.silent(shop)
        for number, wait_s in enumerate(self.WAITS, 1):
            shop.clock.tick(seconds=wait_s - 1)
            await self.ask_due(shop)
            assert self.asked(shop, key) == number - 1
            shop.clock.tick(seconds=1)
            await self.ask_due(shop)
            assert self.asked(shop, key) == number

    async def ask_due(self, shop: Shop) -> None:
        for store, row_id in await payments.find_due(shop.db, range(16), shop.clock(), 10_000):
            if store == shop.store.number:
                await payments.ask_row(shop.db, shop.providers, row_id, shop.clock())

    @pytest.mark.parametrize("ends", ["approved", "declined", "withdrawn", "waiting"])
    async def test_resolves_silence(self, shop: Shop, ends: str) -> None:
        opened, key = await self.silent(shop)
        shop.fake.deaf = False
        if ends == "withdrawn":
            shop.fake._cancel(key)
        elif ends != "waiting":
            shop.fake.confirm(key, DECLINED if ends == "declined" else "4242")
        shop.clock.tick(seconds=5)
        assert (
            await stands(shop, opened)
            == {
                "approved": ("COMPLETED", "COMPLETED"),
                "declined": ("OPEN", "PENDING"),
                "withdrawn": ("OPEN", "PENDING"),
                "waiting": ("PROCESSING", "PENDING"),
            }[ends]
        )

    async def test_about_what_never_arrived_lets_the_buyer_try_again(self, shop: Shop) -> None:
        opened = await shop.open()
        shop.fake.silent = True
        first = await shop.pay(opened)
        shop.fake.silent = False
        shop.clock.tick(seconds=5)
        assert (await stands(shop, opened))[0] == "OPEN"
        second = await shop.pay(opened)
        assert second.attempt.id != first.attempt.id
        shop.fake.confirm(second.attempt.id)
        await shop.hear(second.attempt.id)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_knows_the_reference_that_one_of_two_calls_was_told(self, shop: Shop) -> None:
        opened = await shop.open()

        async def meanwhile(_: AttemptId) -> None:
            shop.fake.meanwhile, shop.fake.deaf = None, True
            await shop.pay(opened)
            shop.fake.deaf = False

        shop.fake.meanwhile = meanwhile
        paying = await shop.pay(opened)
        assert await shop.attempts(opened) == ["UNKNOWN"]
        sql = "select provider_reference from payments.attempt where store = $1 and id = $2"
        reference = await shop.db.fetchval(sql, shop.store.number, paying.attempt.id.uuid)
        assert reference == shop.fake.twins[paying.attempt.id].reference

    async def test_stops_once_it_is_known(self, shop: Shop) -> None:
        opened, key = await self.silent(shop)
        shop.fake.deaf = False
        shop.fake.confirm(key)
        await shop.hear(key)
        sql = "select ask_at from payments.attempt where store = $1 and id = $2"
        assert await shop.db.fetchval(sql, key.store, key.uuid) is None
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_of_a_provider_that_is_gone_goes_on_later(self, shop: Shop) -> None:
        _, key = await self.silent(shop)
        now = shop.clock.tick(seconds=5)
        await payments.ask(shop.db, {}, key, now)
        assert (key.store, key.uuid) not in await payments.find_due(shop.db, range(16), now, 10_000)


class TestStatus:
    async def test_is_for_everybody_but_not_with_a_wrong_secret(self, shop: Shop) -> None:
        opened = await shop.open()
        for secret in (None, opened.client_secret):
            status = await checkout.read_status(shop.db, opened.session.id, secret)
            assert (status.session.status, status.payment, status.attempts_left) == (SessionStatus.OPEN, None, 3)
        with pytest.raises(WrongSecret):
            await checkout.read_status(shop.db, opened.session.id, "wrong")
