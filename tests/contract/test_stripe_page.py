"""Stripe's hosted page at the worst moments: one attempt, never two things to pay; slow banks; lost answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import ActionNeeded, Approved, Declined, InProgress, Intent, Notice, Unknown, Withdrawn
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
    """The adapter as the application has it: by fields or by page, as the intent says."""
    made = Stripe(drivers.SECRET_KEY, drivers.WEBHOOK_SECRET, drivers.PUBLISHABLE_KEY, api_base=localstripe)
    yield made
    await made.aclose()


def an_intent(*, age: timedelta = timedelta(), hosted: bool = True) -> Intent:
    born = datetime.now(UTC) - age  # noqa: TID251 Stripe has a clock of its own
    key, payment = AttemptId.new(7, born), PaymentId.new(7, born)
    return Intent(key, payment, PRICE, "Tea", "https://shop.example/ses_1", "b@shop.example", hosted=hosted)


async def begun(stripe: Stripe, intent: Intent) -> ActionNeeded:
    outcome = await stripe.authorize(intent)
    assert isinstance(outcome, ActionNeeded)
    return outcome


class TestOneKey:
    """An attempt whose two ways are asked for. Whatever is made first stays the only thing."""

    @pytest.mark.parametrize("hosted_first", [True, False])
    async def test_makes_one_thing_whichever_way_is_asked_for_next(self, stripe: Stripe, hosted_first: bool) -> None:
        first = an_intent(hosted=hosted_first)
        needed = await begun(stripe, first)
        other = replace(first, hosted=not hosted_first)
        assert isinstance(await stripe.authorize(other), Unknown)
        assert await stripe.authorize(replace(other, reference=needed.reference)) == needed
        assert await stripe.cancel(first.key, needed.reference) == Withdrawn(needed.reference)
        assert await stripe.find(first.key, None) == Withdrawn(needed.reference)

    async def test_makes_one_thing_when_both_ways_are_asked_for_at_once(self, stripe: Stripe) -> None:
        intent = an_intent()
        said = await asyncio.gather(*(stripe.authorize(replace(intent, hosted=way)) for way in (True, False) * 5))
        needed = {each for each in said if isinstance(each, ActionNeeded)}
        assert len(needed) == 1
        assert await stripe.find(intent.key, None) == needed.pop()

    @pytest.mark.parametrize("hosted", [True, False])
    async def test_that_was_given_up_makes_nothing_any_more(self, stripe: Stripe, hosted: bool) -> None:
        intent = an_intent(hosted=hosted)
        assert isinstance(await stripe.find(intent.key, None), Withdrawn)
        assert isinstance(await stripe.authorize(intent), Unknown)
        assert isinstance(await stripe.authorize(replace(intent, hosted=not hosted)), Unknown)

    async def test_of_an_attempt_too_old_for_a_page_is_given_up(self, stripe: Stripe) -> None:
        assert isinstance(await stripe.authorize(an_intent(age=timedelta(hours=22, minutes=40))), Withdrawn)


class TestALostAnswer:
    """The page exists, but its reference never reached us."""

    async def test_before_the_buyer_came_is_found_in_the_list(self, stripe: Stripe) -> None:
        intent = an_intent()
        needed = await begun(stripe, intent)
        assert await stripe.find(intent.key, None) == needed

    async def test_after_a_card_was_declined_is_found_by_its_intent(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver
    ) -> None:
        """The search shows the Intent then, which must be neither taken for the attempt nor cancelled."""
        intent = an_intent()
        needed = await begun(stripe, intent)
        await stripe_page_driver.confirm(needed, DECLINED)
        assert await stripe.find(intent.key, None) == needed
        assert await stripe.cancel(intent.key, None) == Withdrawn(needed.reference)

    async def test_after_the_buyer_paid_is_found(self, stripe: Stripe, stripe_page_driver: StripePageDriver) -> None:
        intent = an_intent()
        await stripe_page_driver.confirm(await begun(stripe, intent), GOOD)
        for ask in (stripe.find, stripe.cancel):
            found = await ask(intent.key, None)
            assert isinstance(found, Approved)
            assert found.amount == PRICE

    async def test_is_not_mixed_up_with_others_of_that_moment(self, stripe: Stripe) -> None:
        intents = [an_intent() for _ in range(5)]
        needed = [await begun(stripe, intent) for intent in intents]
        assert [await stripe.find(intent.key, None) for intent in intents] == needed


class TestASlowBank:
    async def settled(self, stripe: Stripe, intent: Intent, reference: str) -> object:
        outcome: object = InProgress(reference)
        async with asyncio.timeout(10):
            while isinstance(outcome, InProgress):
                await asyncio.sleep(0.1)
                outcome = await stripe.find(intent.key, reference)
        return outcome

    @pytest.mark.parametrize(("iban", "ends"), [(GOOD_IBAN, Approved), (BAD_IBAN, Declined)])
    async def test_is_waited_for(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver, iban: str, ends: type
    ) -> None:
        intent = an_intent()
        needed = await begun(stripe, intent)
        await stripe_page_driver.debit(needed, iban)
        assert await stripe.find(intent.key, needed.reference) == InProgress(needed.reference)
        assert await stripe.cancel(intent.key, needed.reference) == Unknown("Stripe is still processing the payment")
        assert isinstance(await self.settled(stripe, intent, needed.reference), ends)

    async def test_that_said_no_leaves_nothing_to_be_paid(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver
    ) -> None:
        intent = an_intent()
        needed = await begun(stripe, intent)
        await stripe_page_driver.debit(needed, BAD_IBAN)
        await self.settled(stripe, intent, needed.reference)
        assert await stripe.cancel(intent.key, needed.reference) == Withdrawn(needed.reference)


class TestWebhooks:
    async def told(self, stripe: Stripe, driver: StripePageDriver, intent: Intent, kind: str) -> Notice | None:
        def fits(delivery: Delivery) -> bool:
            return intent.key in delivery.body.decode() and bool(delivery.event["type"] == kind)

        delivery = await driver.inbox.wait_for(fits)
        signed_at = delivery.headers["stripe-signature"].partition(",")[0].removeprefix("t=")
        return stripe.translate(delivery.body, delivery.headers, int(signed_at))

    async def test_of_the_page_and_of_its_intent_say_the_same(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver
    ) -> None:
        intent = an_intent()
        await stripe_page_driver.confirm(await begun(stripe, intent), GOOD)
        told = [
            await self.told(stripe, stripe_page_driver, intent, kind)
            for kind in ("checkout.session.completed", "payment_intent.succeeded")
        ]
        outcomes = {notice.outcome.reference for notice in told if notice and isinstance(notice.outcome, Approved)}
        assert len(outcomes) == 1
        assert outcomes.pop().startswith("pi_")

    async def test_of_a_declined_card_say_nothing(self, stripe: Stripe, stripe_page_driver: StripePageDriver) -> None:
        intent = an_intent()
        await stripe_page_driver.confirm(await begun(stripe, intent), DECLINED)
        assert await self.told(stripe, stripe_page_driver, intent, "payment_intent.payment_failed") is None

    @pytest.mark.parametrize(
        ("iban", "kind", "ends"),
        [
            (GOOD_IBAN, "completed", InProgress),
            (GOOD_IBAN, "async_payment_succeeded", Approved),
            (BAD_IBAN, "async_payment_failed", Declined),
        ],
    )
    async def test_of_a_slow_bank_are_told(
        self, stripe: Stripe, stripe_page_driver: StripePageDriver, iban: str, kind: str, ends: type
    ) -> None:
        intent = an_intent()
        await stripe_page_driver.debit(await begun(stripe, intent), iban)
        notice = await self.told(stripe, stripe_page_driver, intent, f"checkout.session.{kind}")
        assert notice is not None
        assert isinstance(notice.outcome, ends)

    async def test_of_a_page_that_closed_are_told(self, stripe: Stripe, stripe_page_driver: StripePageDriver) -> None:
        intent = an_intent()
        needed = await begun(stripe, intent)
        await stripe.cancel(intent.key, needed.reference)
        notice = await self.told(stripe, stripe_page_driver, intent, "checkout.session.expired")
        assert notice is not None
        assert notice.outcome == Withdrawn(needed.reference)
