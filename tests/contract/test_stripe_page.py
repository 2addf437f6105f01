"""Stripe's hosted page under races: one payable object per attempt; delayed payments; lost responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import ActionNeeded, Approved, Cancelled, Declined, InProgress, Intent, Notice, Unknown
from checkie.providers.stripe import Stripe
from tests.contract import drivers
from tests.contract.drivers import DECLINED, GOOD, StripePageDriver
from tests.contract.standins import NEEDS_LOCALSTRIPE, Delivery

pytestmark = NEEDS_LOCALSTRIPE

PRICE = Money(2599, "USD")
GOOD_IBAN = "DE89370400440532013000"
BAD_IBAN = "DE62370400440532013001"


@pytest.fixture
async def stripe(localstripe: str) -> AsyncIterator[Stripe]:
    """The adapter as the application uses it: each intent chooses card fields or the hosted page."""
    adapter = Stripe(drivers.SECRET_KEY, drivers.WEBHOOK_SECRET, drivers.PUBLISHABLE_KEY, api_base=localstripe)
    yield adapter
    await adapter.aclose()


def an_intent(*, age: timedelta = timedelta(), hosted: bool = True) -> Intent:
    created_at = datetime.now(UTC) - age  # noqa: TID251 Stripe has a clock of its own
    key, payment = AttemptId.new(7, created_at), PaymentId.new(7, created_at)
    return Intent(key, payment, PRICE, "Tea", "https://shop.example/ses_1", "b@shop.example", hosted=hosted)


async def started(stripe: Stripe, intent: Intent) -> ActionNeeded:
    outcome = await stripe.authorize(intent)
    assert isinstance(outcome, ActionNeeded)
    return outcome


class TestOneKey:
    """An attempt for which both objects are requested. The first one remains the only one."""

    @pytest.mark.parametrize("hosted_first", [True, False])
    async def test_creates_one_object_whichever_is_requested_next(self, stripe: Stripe, hosted_first: bool) -> None:
        first = an_intent(hosted=hosted_first)
        needed = await started(stripe, first)
        other = replace(first, hosted=not hosted_first)
        assert isinstance(await stripe.authorize(other), Unknown)
        assert await stripe.authorize(replace(other, reference=needed.reference)) == needed
        assert await stripe.cancel(first.key, needed.reference) == Cancelled(needed.reference)
        assert await stripe.find(first.key, None) == Cancelled(needed.reference)

    async def test_creates_one_object_when_both_are_requested_at_once(self, stripe: Stripe) -> None:
        intent = an_intent()
        outcomes = await asyncio.gather(
            *(stripe.authorize(replace(intent, hosted=hosted)) for hosted in (True, False) * 5)
        )
        needed = {each for each in outcomes if isinstance(each, ActionNeeded)}
        assert len(needed) == 1
        assert await stripe.find(intent.key, None) == needed.pop()

    @pytest.mark.parametrize("hosted", [True, False])
    async def test_that_was_withdrawn_creates_nothing(self, stripe: Stripe, hosted: bool) -> None:
        intent = an_intent(hosted=hosted)
        assert isinstance(await stripe.find(intent.key, None), Cancelled)
        assert isinstance(await stripe.authorize(intent), Unknown)
        assert isinstance(await stripe.authorize(replace(intent, hosted=not hosted)), Unknown)

    async def test_of_an_attempt_too_old_for_a_page_is_withdrawn(self, stripe: Stripe) -> None:
        assert isinstance(await stripe.authorize(an_intent(age=timedelta(hours=22, minutes=40))), Cancelled)


class TestALostResponse:
    """The page exists, but we never received its reference."""

    async def test_before_the_buyer_opened_the_page_is_found_in_the_list(self, stripe: Stripe) -> None:
        intent = an_intent()
        needed = await started(stripe, intent)
        assert await stripe.find(intent.key, None) == needed

    async def test_after_a_card_was_declined_is_found_by_its_intent(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver
    ) -> None:
        """The search then shows the PaymentIntent, which must neither be returned as the attempt nor be cancelled."""
        intent = an_intent()
        needed = await started(stripe, intent)
        await stripe_page_driver.confirm(needed, DECLINED)
        assert await stripe.find(intent.key, None) == needed
        assert await stripe.cancel(intent.key, None) == Cancelled(needed.reference)

    async def test_after_the_buyer_paid_is_found(self, stripe: Stripe, stripe_page_driver: StripePageDriver) -> None:
        intent = an_intent()
        await stripe_page_driver.confirm(await started(stripe, intent), GOOD)
        for ask in (stripe.find, stripe.cancel):
            found = await ask(intent.key, None)
            assert isinstance(found, Approved)
            assert found.amount == PRICE

    async def test_is_distinguished_from_others_of_that_time(self, stripe: Stripe) -> None:
        intents = [an_intent() for _ in range(5)]
        needed = [await started(stripe, intent) for intent in intents]
        assert [await stripe.find(intent.key, None) for intent in intents] == needed


class TestADelayedPayment:
    async def settled(self, stripe: Stripe, intent: Intent, reference: str) -> object:
        outcome: object = InProgress(reference)
        async with asyncio.timeout(10):
            while isinstance(outcome, InProgress):
                await asyncio.sleep(0.1)
                outcome = await stripe.find(intent.key, reference)
        return outcome

    @pytest.mark.parametrize(("iban", "ends"), [(GOOD_IBAN, Approved), (BAD_IBAN, Declined)])
    async def test_is_in_progress_first(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver, iban: str, ends: type
    ) -> None:
        intent = an_intent()
        needed = await started(stripe, intent)
        await stripe_page_driver.debit(needed, iban)
        assert await stripe.find(intent.key, needed.reference) == InProgress(needed.reference)
        assert await stripe.cancel(intent.key, needed.reference) == Unknown("Stripe is still processing the payment")
        assert isinstance(await self.settled(stripe, intent, needed.reference), ends)

    async def test_that_failed_cannot_be_paid(self, stripe: Stripe, stripe_page_driver: StripePageDriver) -> None:
        intent = an_intent()
        needed = await started(stripe, intent)
        await stripe_page_driver.debit(needed, BAD_IBAN)
        await self.settled(stripe, intent, needed.reference)
        assert await stripe.cancel(intent.key, needed.reference) == Cancelled(needed.reference)


class TestWebhooks:
    async def received(self, stripe: Stripe, driver: StripePageDriver, intent: Intent, kind: str) -> Notice | None:
        def matches(delivery: Delivery) -> bool:
            return intent.key in delivery.body.decode() and bool(delivery.event["type"] == kind)

        delivery = await driver.inbox.wait_for(matches)
        signed_at = delivery.headers["stripe-signature"].partition(",")[0].removeprefix("t=")
        return stripe.translate(delivery.body, delivery.headers, int(signed_at))

    async def test_of_the_page_and_of_its_intent_have_the_same_outcome(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver
    ) -> None:
        intent = an_intent()
        await stripe_page_driver.confirm(await started(stripe, intent), GOOD)
        notices = [
            await self.received(stripe, stripe_page_driver, intent, kind)
            for kind in ("checkout.session.completed", "payment_intent.succeeded")
        ]
        outcomes = {notice.outcome.reference for notice in notices if notice and isinstance(notice.outcome, Approved)}
        assert len(outcomes) == 1
        assert outcomes.pop().startswith("pi_")

    async def test_of_a_declined_card_are_none(self, stripe: Stripe, stripe_page_driver: StripePageDriver) -> None:
        intent = an_intent()
        await stripe_page_driver.confirm(await started(stripe, intent), DECLINED)
        assert await self.received(stripe, stripe_page_driver, intent, "payment_intent.payment_failed") is None

    @pytest.mark.parametrize(
        ("iban", "kind", "ends"),
        [
            (GOOD_IBAN, "completed", InProgress),
            (GOOD_IBAN, "async_payment_succeeded", Approved),
            (BAD_IBAN, "async_payment_failed", Declined),
        ],
    )
    async def test_of_a_delayed_payment_have_its_outcome(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver, iban: str, kind: str, ends: type
    ) -> None:
        intent = an_intent()
        await stripe_page_driver.debit(await started(stripe, intent), iban)
        notice = await self.received(stripe, stripe_page_driver, intent, f"checkout.session.{kind}")
        assert notice is not None
        assert isinstance(notice.outcome, ends)

    async def test_of_an_expired_page_are_withdrawn(self, stripe: Stripe, stripe_page_driver: StripePageDriver) -> None:
        intent = an_intent()
        needed = await started(stripe, intent)
        await stripe.cancel(intent.key, needed.reference)
        notice = await self.received(stripe, stripe_page_driver, intent, "checkout.session.expired")
        assert notice is not None
        assert notice.outcome == Cancelled(needed.reference)
