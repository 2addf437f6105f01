"""Paying on Stripe's own page, from the form to the ledger, with Stripe's webhooks in the worst order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from checkie.checkout.open import Opened
from checkie.checkout.pay import PaymentStarted
from checkie.db import Database
from checkie.kernel.ids import AttemptId
from checkie.payments.port import ActionNeeded, Cancelled, Intent, Outcome, Providers, Unknown
from checkie.payments.receive import receive
from checkie.providers.stripe import Stripe
from tests import make
from tests.contract import drivers
from tests.contract.drivers import DECLINED, GOOD, CardProvider, Hosted, StripePageDriver
from tests.contract.standins import NEEDS_LOCALSTRIPE, Delivery, Inbox, inbox, localstripe

__all__ = ["localstripe"]
pytestmark = NEEDS_LOCALSTRIPE

SALE = {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}
FAILS = "DE62370400440532013001"
PAID = ("checkout.session.completed", "payment_intent.succeeded")


class LostResponses(Hosted):
    """Stripe receives each request, and its response is lost."""

    async def authorize(self, intent: Intent) -> Outcome:
        await super().authorize(intent)
        return Unknown("lost")


@dataclass
class StripeMerchant(make.Merchant):
    """A merchant that sells through Stripe, a buyer at Stripe's page, and the webhooks that came."""

    stripe: CardProvider = field(kw_only=True)
    buyer: StripePageDriver = field(kw_only=True)

    @property
    def providers(self) -> Providers:
        return Providers({"stripe": self.stripe})

    async def on_page(self) -> tuple[Opened, PaymentStarted]:
        """A buyer who looks at Stripe's page."""
        opened = await self.open()
        return opened, await self.pay(opened, hosted=True)

    async def sent(self, about: AttemptId, kind: str) -> Delivery:
        """The webhook of that kind, when it comes."""

        def fits(delivery: Delivery) -> bool:
            return about in delivery.body.decode() and bool(delivery.event["type"] == kind)

        return await self.buyer.inbox.wait_for(fits)

    async def receive(self, delivery: Delivery) -> bool:
        """Receive a webhook. Whether it changes anything."""
        at_s = int(delivery.headers["stripe-signature"].partition(",")[0].removeprefix("t="))
        at = datetime.fromtimestamp(at_s, UTC)
        return await receive(self.db, self.stripe, "stripe", delivery.body, delivery.headers, at)

    async def receive_event(self, about: AttemptId, kind: str, event: str, **fields: Any) -> bool:
        """Receive a webhook with these contents."""
        facts = {"currency": "usd", "metadata": {"attempt": about, "hosted": "true"}, **fields}
        body = json.dumps({"id": event, "type": kind, "data": {"object": facts}}).encode()
        at_s = int(self.clock().timestamp())
        return await self.receive(Delivery({"stripe-signature": drivers.sign(body, at_s)}, body))


@pytest.fixture(scope="module")
async def webhooks() -> AsyncIterator[Inbox]:
    async with inbox() as kept:
        yield kept


@pytest.fixture
async def merchant(db: Database, localstripe: str, webhooks: Inbox) -> AsyncIterator[StripeMerchant]:
    buyer = StripePageDriver(localstripe, webhooks)
    await buyer.listen()
    stripe = Stripe(drivers.SECRET_KEY, drivers.WEBHOOK_SECRET, drivers.PUBLISHABLE_KEY, api_base=localstripe)
    clock = make.Clock(datetime.now(UTC))  # noqa: TID251 Stripe has a clock of its own
    store = await make.store(db)
    page = await make.page(db, store.number, provider="stripe", session_expires_s=3600)
    yield StripeMerchant(db, store, page, clock=clock, stripe=stripe, buyer=buyer)
    await stripe.aclose()
    await buyer.aclose()


def page_of(paying: PaymentStarted) -> ActionNeeded:
    assert isinstance(paying.outcome, ActionNeeded)
    assert paying.outcome.hosted_url
    return paying.outcome


async def statuses(merchant: StripeMerchant, opened: Opened) -> tuple[str, str | None]:
    await merchant.drain()
    return (await merchant.status(opened)).session.status, await merchant.order(opened)


class TestWebhooks:
    @pytest.mark.parametrize("order", [PAID, PAID[::-1]], ids=["page-first", "intent-first"])
    async def test_of_success_from_page_and_intent_are_booked_once(
        self, merchant: StripeMerchant, order: tuple[str, str]
    ) -> None:
        opened, paying = await merchant.on_page()
        await merchant.buyer.confirm(page_of(paying), GOOD)
        deliveries = [await merchant.sent(paying.attempt.id, kind) for kind in order]
        assert [await merchant.receive(delivery) for delivery in [*deliveries, *deliveries]] == [
            True,
            False,
            False,
            False,
        ]
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE
        session = (await merchant.status(opened)).session
        assert await merchant.events(session.payment) == ["payment.created", "payment.completed"]

    async def test_of_a_declined_card_end_nothing_and_count_as_no_failure(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        await merchant.buyer.confirm(page_of(paying), DECLINED)
        assert not await merchant.receive(await merchant.sent(paying.attempt.id, "payment_intent.payment_failed"))
        assert await statuses(merchant, opened) == ("PROCESSING", "PENDING")
        assert (await merchant.status(opened)).attempts_left == 3
        await merchant.buyer.confirm(page_of(paying), GOOD)
        await merchant.receive(await merchant.sent(paying.attempt.id, PAID[0]))
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_that_never_arrive_are_replaced_by_a_check(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        await merchant.buyer.confirm(page_of(paying), GOOD)
        merchant.clock.tick(seconds=5)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE

    async def test_of_a_refund_find_the_attempt(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        await merchant.buyer.confirm(page_of(paying), GOOD)
        await merchant.receive(await merchant.sent(paying.attempt.id, PAID[0]))
        charge = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 2599}
        assert await merchant.receive_event(paying.attempt.id, "charge.refunded", f"evt_{paying.attempt.id}", **charge)
        assert await statuses(merchant, opened) == ("COMPLETED", "REFUNDED")

    async def test_of_success_after_expiry_are_applied(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        merchant.clock.tick(hours=1)
        assert await statuses(merchant, opened) == ("EXPIRED", "CANCELLED")
        session = {"id": page_of(paying).reference, "payment_status": "paid", "amount_total": 2599}
        assert await merchant.receive_event(paying.attempt.id, PAID[0], f"evt_{paying.attempt.id}", **session)
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.balances() == SALE

    async def test_of_another_amount_are_booked_separately(self, merchant: StripeMerchant) -> None:
        _, paying = await merchant.on_page()
        session = {"id": page_of(paying).reference, "payment_status": "paid", "amount_total": 2600}
        assert await merchant.receive_event(paying.attempt.id, PAID[0], f"evt_{paying.attempt.id}", **session)
        assert await merchant.balances() == {"CLEARING": -2600, "UNAPPLIED": 2600}

    async def test_of_a_delayed_payment_that_failed_let_the_buyer_try_again(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        await merchant.buyer.debit(page_of(paying), FAILS)
        assert await merchant.receive(await merchant.sent(paying.attempt.id, PAID[0]))
        assert await merchant.attempts(opened) == ["PROCESSING"]
        assert await merchant.receive(await merchant.sent(paying.attempt.id, "checkout.session.async_payment_failed"))
        assert not await merchant.receive(await merchant.sent(paying.attempt.id, PAID[0]))
        merchant.clock.tick(seconds=5)
        assert await statuses(merchant, opened) == ("OPEN", "PENDING")
        sql = "select next_check_at from payments.attempt where store = $1 and id = $2"
        assert await merchant.db.fetchval(sql, merchant.store.number, paying.attempt.id.uuid) is None
        assert page_of(await merchant.pay(opened, hosted=True)).reference != page_of(paying).reference


class TestTheBuyer:
    async def test_who_returns_gets_the_same_page(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        assert page_of(await merchant.pay(opened, hosted=True)) == page_of(paying)

    async def test_who_changes_something_cannot_pay_the_old_price(self, merchant: StripeMerchant) -> None:
        opened, old = await merchant.on_page()
        await merchant.change(opened, quantity=2)
        new = await merchant.pay(opened, hosted=True)
        await merchant.buyer.confirm(page_of(old), GOOD)
        await merchant.buyer.confirm(page_of(new), GOOD)
        assert not await merchant.receive(await merchant.sent(old.attempt.id, "checkout.session.expired"))
        await merchant.receive(await merchant.sent(new.attempt.id, PAID[0]))
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")
        assert await merchant.attempts(opened) == ["CANCELLED", "SUCCEEDED"]
        assert await merchant.balances() == {"CLEARING": -5198, "MERCHANT": 5047, "FEES": 151}

    async def test_whose_script_started_a_payment_is_sent_to_the_page(self, merchant: StripeMerchant) -> None:
        opened, first = await merchant.paying()
        assert isinstance(first.outcome, ActionNeeded)
        assert first.outcome.hosted_url is None
        second = await merchant.pay(opened, hosted=True)
        assert page_of(second).reference != first.outcome.reference
        reference = first.outcome.reference
        assert await merchant.stripe.find(first.attempt.id, reference) == Cancelled(reference)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_whose_page_expired_at_stripe_gets_another(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        await merchant.stripe.cancel(paying.attempt.id, page_of(paying).reference)
        assert page_of(await merchant.pay(opened, hosted=True)).reference != page_of(paying).reference
        await merchant.drain()
        assert await merchant.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_who_returns_after_expiry_cannot_pay(self, merchant: StripeMerchant) -> None:
        opened, paying = await merchant.on_page()
        merchant.clock.tick(hours=1)
        assert await statuses(merchant, opened) == ("EXPIRED", "CANCELLED")
        await merchant.buyer.confirm(page_of(paying), GOOD)
        assert await merchant.stripe.find(paying.attempt.id, None) == Cancelled(page_of(paying).reference)


class TestALostResponse:
    async def test_is_found_by_a_check_and_the_buyer_can_pay(self, merchant: StripeMerchant) -> None:
        opened, stripe = await merchant.open(), merchant.stripe
        merchant.stripe = LostResponses(stripe)
        first = await merchant.pay(opened, hosted=True)
        merchant.stripe = stripe
        assert await merchant.attempts(opened) == ["UNKNOWN"]
        merchant.clock.tick(seconds=5)
        await merchant.drain()
        assert await merchant.attempts(opened) == ["PENDING"]
        again = await merchant.pay(opened, hosted=True)
        assert again.attempt.id == first.attempt.id
        await merchant.buyer.confirm(page_of(again), GOOD)
        await merchant.receive(await merchant.sent(again.attempt.id, PAID[0]))
        assert await statuses(merchant, opened) == ("COMPLETED", "COMPLETED")

    async def test_does_not_prevent_a_change(self, merchant: StripeMerchant) -> None:
        opened, stripe = await merchant.open(), merchant.stripe
        merchant.stripe = LostResponses(stripe)
        await merchant.pay(opened, hosted=True)
        merchant.stripe = stripe
        changed = await merchant.change(opened, quantity=2)
        assert changed.quote.quantity == 2
        assert await merchant.attempts(opened) == ["CANCELLED"]

    async def test_of_a_request_that_was_not_sent_reopens_the_session(self, merchant: StripeMerchant) -> None:
        opened, stripe = await merchant.open(), merchant.stripe
        merchant.stripe = merchant.buyer.pointing_at("http://127.0.0.1:9")
        await merchant.pay(opened, hosted=True)
        await merchant.stripe.aclose()
        merchant.stripe = stripe
        merchant.clock.tick(seconds=5)
        assert await statuses(merchant, opened) == ("OPEN", "PENDING")
        assert page_of(await merchant.pay(opened, hosted=True)).hosted_url
