"""Webhooks at the worst time: before the response, twice, too late, with another amount."""

from __future__ import annotations

import asyncio

import pytest

from checkie import checkout
from checkie.checkout import SessionStatus
from checkie.checkout.model import AlreadyPaid, SessionOver
from checkie.checkout.open import Opened
from checkie.checkout.pay import PaymentStarted
from checkie.db import Database
from checkie.kernel import Money
from checkie.kernel.ids import AttemptId
from checkie.payments.events import INTEGRITY
from checkie.payments.model import NoAttemptsLeft, NotYetSucceeded
from checkie.payments.port import Action, ActionNeeded, Approved, Declined, InProgress, Providers, Refunded
from checkie.payments.reconciling.reconcile import reconcile, reconcile_row
from checkie.payments.reconciling.sql import find_due
from checkie.web.caller import WrongSecret
from tests import make
from tests.fakes import DECLINED
from tests.make import PRICE, Merchant

SALE = {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db, session_expires_s=3600, session_abandoned_s=600)


async def statuses(merchant: Merchant, opened: Opened) -> tuple[str, str | None]:
    await merchant.drain()
    return (await merchant.status(opened)).session.status, await merchant.order(opened)


class TestAWebhook:
    async def test_before_the_response_of_authorize_is_applied(self, merchant: Merchant) -> None:
        opened = await merchant.open()

        async def during_authorize(key: AttemptId) -> None:
            merchant.fake.confirm(key)
            assert await merchant.receive_webhook(key)

        merchant.fake.during_authorize = during_authorize
        await merchant.pay(opened)
        assert await merchant.attempts(opened) == ["SUCCEEDED"]
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE

    async def test_of_a_decline_before_the_response_is_applied(self, merchant: Merchant) -> None:
        opened = await merchant.open()

        async def during_authorize(key: AttemptId) -> None:
            merchant.fake.confirm(key, DECLINED)
            await merchant.receive_webhook(key)

        merchant.fake.during_authorize = during_authorize
        await merchant.pay(opened)
        assert await statuses(merchant, opened) == ("OPEN", "PENDING")

    async def test_that_arrives_twice_changes_nothing(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        first = await merchant.receive_webhook(paying.attempt.id, event="sev_1")
        again = [await merchant.receive_webhook(paying.attempt.id, event=name) for name in ("sev_1", "sev_1", "sev_2")]
        assert (first, again) == (True, [False, False, False])
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE

    async def test_that_arrives_twenty_times_concurrently_is_applied_once(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        applied = await asyncio.gather(*(merchant.receive_webhook(paying.attempt.id, event="sev_1") for _ in range(20)))
        assert sum(applied) == 1
        assert await merchant.balances() == SALE
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_that_arrives_again_after_a_newer_one_changes_nothing(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        key = paying.attempt.id
        proof = ActionNeeded("fake_1", Action.AUTHENTICATE, client_secret="s")
        assert await merchant.receive_webhook(key, proof, event="older")
        assert await merchant.receive_webhook(key, InProgress("fake_1"), event="newer")
        assert not await merchant.receive_webhook(key, proof, event="older")
        assert await merchant.attempts(opened) == ["PROCESSING"]

    async def test_that_is_stale_changes_nothing(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        key = paying.attempt.id
        waiting = merchant.fake.attempts[key].outcome
        merchant.fake.confirm(key)
        await merchant.receive_webhook(key)
        for stale in (waiting, Declined("fake_1", "card_declined", "No.")):
            assert not await merchant.receive_webhook(key, stale)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_of_a_refund_before_the_success_must_be_sent_again(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        key, back = paying.attempt.id, Refunded("fake_1", PRICE)
        with pytest.raises(NotYetSucceeded):
            await merchant.receive_webhook(key, back, event="sev_refund")
        merchant.fake.confirm(key)
        await merchant.receive_webhook(key)
        assert await merchant.receive_webhook(key, back, event="sev_refund")
        assert await statuses(merchant, opened) == ("COMPLETED", "REFUNDED")
        assert await merchant.balances() == {"MERCHANT": -75, "FEES": 75}

    async def test_of_a_refund_of_more_than_was_paid_is_accepted(self, merchant: Merchant) -> None:
        """If it were refused, the provider would send it for three days and nothing would be recorded."""
        _, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id, Refunded("fake_1", PRICE * 2))
        await merchant.drain()
        await merchant.receive_webhook(paying.attempt.id, Refunded("fake_1", PRICE * 3))


class TestExpiry:
    async def test_ends_an_unpaid_session(self, merchant: Merchant) -> None:
        opened = await merchant.open(email=None)
        merchant.clock.tick(seconds=3599)
        assert await statuses(merchant, opened) == ("OPEN", None)
        merchant.clock.tick(seconds=1)
        assert await statuses(merchant, opened) == ("EXPIRED", None)
        assert await merchant.events(opened.session.id) == ["session.expired"]

    async def test_abandons_one_with_an_email_address_sooner(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.clock.tick(seconds=599)
        assert await statuses(merchant, opened) == ("OPEN", None)
        merchant.clock.tick(seconds=1)
        assert await statuses(merchant, opened) == ("ABANDONED", None)
        assert await merchant.events(opened.session.id) == ["session.abandoned"]

    async def test_is_counted_from_the_last_change(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.clock.tick(seconds=500)
        await merchant.change(opened, quantity=2)
        merchant.clock.tick(seconds=500)
        assert (await statuses(merchant, opened))[0] == "OPEN"

    async def test_cancels_a_pending_payment_first(self, merchant: Merchant) -> None:
        opened, _ = await merchant.paying()
        merchant.clock.tick(hours=1)
        assert await statuses(merchant, opened) == ("EXPIRED", "CANCELLED")
        assert await merchant.attempts(opened) == ["CANCELLED"]

    async def test_does_not_end_one_that_can_still_succeed(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.unreachable = True
        merchant.clock.tick(hours=1)
        assert (await statuses(merchant, opened))[0] == "PROCESSING"
        merchant.fake.unreachable = False
        merchant.fake.confirm(paying.attempt.id)
        merchant.clock.tick(minutes=5)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_completes_a_session_that_was_paid_at_the_last_moment(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        merchant.clock.tick(hours=1)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE


class TestALateSuccess:
    async def test_after_expiry_is_fulfilled(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.clock.tick(hours=1)
        assert await statuses(merchant, opened) == ("EXPIRED", "CANCELLED")
        merchant.fake.approve(paying.attempt.id)
        assert await merchant.receive_webhook(paying.attempt.id)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE
        assert await merchant.events(opened.session.id) == ["session.expired", "session.completed"]

    async def test_after_abandonment_is_fulfilled(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, DECLINED)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        merchant.clock.tick(minutes=10)
        assert await statuses(merchant, opened) == ("ABANDONED", "CANCELLED")
        merchant.fake.approve(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_after_three_declines_is_fulfilled(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        keys = []
        for _ in range(3):
            keys.append((await merchant.pay(opened)).attempt.id)
            merchant.fake.confirm(keys[-1], DECLINED)
            await merchant.receive_webhook(keys[-1])
            await merchant.drain()
        merchant.fake.approve(keys[-1])
        await merchant.receive_webhook(keys[-1])
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE

    async def test_of_the_first_while_the_second_waits_leaves_the_second_uncharged(self, merchant: Merchant) -> None:
        opened, first = await merchant.paying()
        merchant.fake.confirm(first.attempt.id, DECLINED)
        await merchant.receive_webhook(first.attempt.id)
        await merchant.drain()
        second = await merchant.pay(opened)
        merchant.fake.approve(first.attempt.id)
        await merchant.receive_webhook(first.attempt.id)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        merchant.clock.tick(seconds=5)
        await merchant.drain()
        assert ("cancel", second.attempt.id) in merchant.fake.calls
        assert await merchant.attempts(opened) == ["SUCCEEDED", "CANCELLED"]
        assert await merchant.balances() == SALE

    @pytest.mark.parametrize("late", range(8))
    async def test_of_the_first_just_as_the_second_begins_is_booked_once(self, merchant: Merchant, late: int) -> None:
        """Whichever commits first, the other decides by what it wrote."""
        opened, first = await merchant.paying()
        merchant.fake.confirm(first.attempt.id, DECLINED)
        await merchant.receive_webhook(first.attempt.id)
        await merchant.drain()
        merchant.fake.approve(first.attempt.id)

        async def receive() -> bool:
            await asyncio.sleep(late / 1000)
            return await merchant.receive_webhook(first.attempt.id)

        paid, applied = await asyncio.gather(merchant.pay(opened), receive(), return_exceptions=True)
        assert applied is True
        assert isinstance(paid, PaymentStarted | AlreadyPaid)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        merchant.clock.tick(seconds=5)
        await merchant.drain()
        assert await merchant.attempts(opened) == [
            "SUCCEEDED",
            *(["CANCELLED"] if isinstance(paid, PaymentStarted) else []),
        ]
        assert await merchant.balances() == SALE

    async def test_of_both_books_the_second_separately(self, merchant: Merchant) -> None:
        opened, first = await merchant.paying()
        merchant.fake.confirm(first.attempt.id, DECLINED)
        await merchant.receive_webhook(first.attempt.id)
        await merchant.drain()
        second = await merchant.pay(opened)
        merchant.fake.confirm(second.attempt.id)
        merchant.fake.approve(first.attempt.id)
        for paying in (second, first):
            await merchant.receive_webhook(paying.attempt.id)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == {"CLEARING": -5198, "MERCHANT": 2524, "FEES": 75, "UNAPPLIED": 2599}


class TestAnotherAmount:
    @pytest.mark.parametrize("received", [PRICE - Money(1, "USD"), PRICE * 2], ids=str)
    async def test_is_booked_separately_and_prevents_another_payment(self, merchant: Merchant, received: Money) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.approve(paying.attempt.id, received)
        await merchant.receive_webhook(paying.attempt.id)
        assert await statuses(merchant, opened) == ("EXPIRED", "FAILED")
        assert await merchant.attempts(opened) == ["INTEGRITY_FAILURE"]
        assert await merchant.balances() == {"CLEARING": -received.minor, "UNAPPLIED": received.minor}
        with pytest.raises((SessionOver, NoAttemptsLeft)):
            await merchant.pay(opened)

    async def test_leaves_the_buyer_no_attempts(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.approve(paying.attempt.id, Money(2599, "EUR"))
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        status = await merchant.status(opened)
        assert status.payment is not None
        assert (status.payment.failure_code, status.attempts_left) == (INTEGRITY, 0)

    async def test_after_the_attempt_was_cancelled_prevents_another_payment(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        await merchant.change(opened, quantity=2)
        await merchant.receive_webhook(paying.attempt.id, Approved("fake_1", Money(1, "USD")))
        await merchant.drain()
        with pytest.raises((SessionOver, NoAttemptsLeft)):
            await merchant.pay(opened)


class TestReconciling:
    WAITS = (5, 30, 300, 3600, 86_400, 86_400)

    async def lose_response(self, merchant: Merchant) -> tuple[Opened, AttemptId]:
        opened = await merchant.open()
        merchant.fake.loses_responses = True
        paying = await merchant.pay(opened)
        merchant.fake.calls.clear()
        return opened, paying.attempt.id

    def count_checks(self, merchant: Merchant, key: AttemptId) -> int:
        return sum(1 for verb, about in merchant.fake.calls if verb == "find" and about == key)

    async def test_follows_the_schedule(self, db: Database) -> None:
        merchant = await make.merchant(db, session_expires_s=30 * 86_400)
        _, key = await self.lose_response(merchant)
        for number, wait_s in enumerate(self.WAITS, 1):
            merchant.clock.tick(seconds=wait_s - 1)
            await self.check_due(merchant)
            assert self.count_checks(merchant, key) == number - 1
            merchant.clock.tick(seconds=1)
            await self.check_due(merchant)
            assert self.count_checks(merchant, key) == number

    async def check_due(self, merchant: Merchant) -> None:
        for store, row_id in await find_due(merchant.db, range(16), merchant.clock(), 10_000):
            if store == merchant.store.number:
                await reconcile_row(merchant.db, merchant.providers, row_id, merchant.clock())

    @pytest.mark.parametrize("ends", ["approved", "declined", "withdrawn", "waiting"])
    async def test_resolves_an_unknown_outcome(self, merchant: Merchant, ends: str) -> None:
        opened, key = await self.lose_response(merchant)
        merchant.fake.loses_responses = False
        if ends == "withdrawn":
            merchant.fake._cancel(key)
        elif ends != "waiting":
            merchant.fake.confirm(key, DECLINED if ends == "declined" else "4242")
        merchant.clock.tick(seconds=5)
        assert (
            await statuses(merchant, opened)
            == {
                "approved": ("COMPLETED", "COMPLETED"),
                "declined": ("OPEN", "PENDING"),
                "withdrawn": ("OPEN", "PENDING"),
                "waiting": ("PROCESSING", "PENDING"),
            }[ends]
        )

    async def test_of_a_request_that_never_arrived_lets_the_buyer_try_again(self, merchant: Merchant) -> None:
        opened = await merchant.open()
        merchant.fake.unreachable = True
        first = await merchant.pay(opened)
        merchant.fake.unreachable = False
        merchant.clock.tick(seconds=5)
        assert (await statuses(merchant, opened))[0] == "OPEN"
        second = await merchant.pay(opened)
        assert second.attempt.id != first.attempt.id
        merchant.fake.confirm(second.attempt.id)
        await merchant.receive_webhook(second.attempt.id)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_uses_the_reference_that_one_of_two_calls_received(self, merchant: Merchant) -> None:
        opened = await merchant.open()

        async def during_authorize(_: AttemptId) -> None:
            merchant.fake.during_authorize, merchant.fake.loses_responses = None, True
            await merchant.pay(opened)
            merchant.fake.loses_responses = False

        merchant.fake.during_authorize = during_authorize
        paying = await merchant.pay(opened)
        assert await merchant.attempts(opened) == ["UNKNOWN"]
        sql = "select provider_reference from payments.attempt where store = $1 and id = $2"
        reference = await merchant.db.fetchval(sql, merchant.store.number, paying.attempt.id.uuid)
        assert reference == merchant.fake.attempts[paying.attempt.id].reference

    async def test_stops_once_it_is_known(self, merchant: Merchant) -> None:
        opened, key = await self.lose_response(merchant)
        merchant.fake.loses_responses = False
        merchant.fake.confirm(key)
        await merchant.receive_webhook(key)
        sql = "select next_check_at from payments.attempt where store = $1 and id = $2"
        assert await merchant.db.fetchval(sql, key.store, key.uuid) is None
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_of_a_provider_that_is_not_configured_is_postponed(self, merchant: Merchant) -> None:
        _, key = await self.lose_response(merchant)
        now = merchant.clock.tick(seconds=5)
        await reconcile(merchant.db, Providers({}), key, now)
        assert (key.store, key.uuid) not in await find_due(merchant.db, range(16), now, 10_000)


class TestStatus:
    async def test_is_for_callers_with_the_client_secret(self, merchant: Merchant) -> None:
        opened, other = await merchant.open(), await merchant.open()
        status = await checkout.read_status(merchant.db, opened.session.id, opened.client_secret)
        assert (status.session.status, status.payment, status.attempts_left) == (SessionStatus.OPEN, None, 3)
        for secret in ("", "wrong", other.client_secret):
            with pytest.raises(WrongSecret):
                await checkout.read_status(merchant.db, opened.session.id, secret)
