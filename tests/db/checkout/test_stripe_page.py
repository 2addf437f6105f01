"""Paying on Stripe's own page, from the form to the ledger, with Stripe's news in the worst order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from checkie import payments
from checkie.checkout.open import Opened
from checkie.checkout.pay import Paying
from checkie.db import Database
from checkie.payments.port import ActionNeeded, AttemptId, Intent, Outcome, Provider, Unknown, Withdrawn
from checkie.providers.stripe import Stripe
from tests import make
from tests.contract import drivers
from tests.contract.drivers import DECLINED, GOOD, OnItsOwnPage, StripePageDriver
from tests.contract.standins import NEEDS_LOCALSTRIPE, Delivery, Inbox, inbox, localstripe

__all__ = ["localstripe"]
pytestmark = NEEDS_LOCALSTRIPE

SALE = {"CLEARING": -2599, "MERCHANT": 2524, "FEES": 75}
FAILS = "DE62370400440532013001"
PAID = ("checkout.session.completed", "payment_intent.succeeded")


class Deaf(OnItsOwnPage):
    """Stripe hears what we say, and its answer is lost."""

    async def authorize(self, intent: Intent) -> Outcome:
        await super().authorize(intent)
        return Unknown("lost")


@dataclass
class StripeShop(make.Shop):
    """A shop that sells through Stripe, a buyer at Stripe's page, and the webhooks that came."""

    stripe: Provider = field(kw_only=True)
    buyer: StripePageDriver = field(kw_only=True)

    @property
    def providers(self) -> Mapping[str, Provider]:
        return {"stripe": self.stripe}

    async def on_page(self) -> tuple[Opened, Paying]:
        """A buyer who looks at Stripe's page."""
        opened = await self.open()
        return opened, await self.pay(opened, hosted=True)

    async def sent(self, about: AttemptId, kind: str) -> Delivery:
        """The webhook of that kind, when it comes."""

        def fits(delivery: Delivery) -> bool:
            return about in delivery.body.decode() and bool(delivery.event["type"] == kind)

        return await self.buyer.inbox.wait_for(fits)

    async def told(self, delivery: Delivery) -> bool:
        """It arrives here; whether it is news."""
        at_s = int(delivery.headers["stripe-signature"].partition(",")[0].removeprefix("t="))
        at = datetime.fromtimestamp(at_s, UTC)
        return await payments.receive(self.db, self.stripe, "stripe", delivery.body, delivery.headers, at)

    async def told_of(self, about: AttemptId, kind: str, event: str, **thing: Any) -> bool:
        """A webhook that is made up here arrives."""
        facts = {"currency": "usd", "metadata": {"attempt": about, "hosted": "true"}, **thing}
        body = json.dumps({"id": event, "type": kind, "data": {"object": facts}}).encode()
        at_s = int(self.clock().timestamp())
        return await self.told(Delivery({"stripe-signature": drivers.sign(body, at_s)}, body))


@pytest.fixture(scope="module")
async def webhooks() -> AsyncIterator[Inbox]:
    async with inbox() as kept:
        yield kept


@pytest.fixture
async def shop(db: Database, localstripe: str, webhooks: Inbox) -> AsyncIterator[StripeShop]:
    buyer = StripePageDriver(localstripe, webhooks)
    await buyer.listen()
    stripe = Stripe(drivers.SECRET_KEY, drivers.WEBHOOK_SECRET, drivers.PUBLISHABLE_KEY, api_base=localstripe)
    clock = make.Clock(datetime.now(UTC))  # noqa: TID251 Stripe has a clock of its own
    store = await make.store(db)
    page = await make.page(db, store.number, provider="stripe", session_expires_s=3600)
    yield StripeShop(db, store, page, clock=clock, stripe=stripe, buyer=buyer)
    await stripe.aclose()
    await buyer.aclose()


def page_of(paying: Paying) -> ActionNeeded:
    assert isinstance(paying.outcome, ActionNeeded)
    assert paying.outcome.hosted_url
    return paying.outcome


async def stands(shop: StripeShop, opened: Opened) -> tuple[str, str | None]:
    await shop.drain()
    return (await shop.status(opened)).session.status, await shop.order(opened)


class TestNews:
    @pytest.mark.parametrize("order", [PAID, PAID[::-1]], ids=["page-first", "intent-first"])
    async def test_of_success_comes_twice_by_two_ways_and_is_booked_once(
        self, shop: StripeShop, order: tuple[str, str]
    ) -> None:
        opened, paying = await shop.on_page()
        await shop.buyer.confirm(page_of(paying), GOOD)
        deliveries = [await shop.sent(paying.attempt.id, kind) for kind in order]
        assert [await shop.told(delivery) for delivery in [*deliveries, *deliveries]] == [True, False, False, False]
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE
        session = (await shop.status(opened)).session
        assert await shop.events(session.payment) == ["payment.created", "payment.completed"]

    async def test_of_a_declined_card_ends_nothing_and_costs_no_try(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        await shop.buyer.confirm(page_of(paying), DECLINED)
        assert not await shop.told(await shop.sent(paying.attempt.id, "payment_intent.payment_failed"))
        assert await stands(shop, opened) == ("PROCESSING", "PENDING")
        assert (await shop.status(opened)).attempts_left == 3
        await shop.buyer.confirm(page_of(paying), GOOD)
        await shop.told(await shop.sent(paying.attempt.id, PAID[0]))
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_that_never_comes_is_asked_for(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        await shop.buyer.confirm(page_of(paying), GOOD)
        shop.clock.tick(seconds=5)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE

    async def test_of_a_refund_finds_the_attempt(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        await shop.buyer.confirm(page_of(paying), GOOD)
        await shop.told(await shop.sent(paying.attempt.id, PAID[0]))
        charge = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 2599}
        assert await shop.told_of(paying.attempt.id, "charge.refunded", f"evt_{paying.attempt.id}", **charge)
        assert await stands(shop, opened) == ("COMPLETED", "REFUNDED")

    async def test_of_success_after_all_was_given_up_is_not_lost(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        shop.clock.tick(hours=1)
        assert await stands(shop, opened) == ("EXPIRED", "CANCELLED")
        session = {"id": page_of(paying).reference, "payment_status": "paid", "amount_total": 2599}
        assert await shop.told_of(paying.attempt.id, PAID[0], f"evt_{paying.attempt.id}", **session)
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.balances() == SALE

    async def test_of_another_amount_is_booked_apart(self, shop: StripeShop) -> None:
        _, paying = await shop.on_page()
        session = {"id": page_of(paying).reference, "payment_status": "paid", "amount_total": 2600}
        assert await shop.told_of(paying.attempt.id, PAID[0], f"evt_{paying.attempt.id}", **session)
        assert await shop.balances() == {"CLEARING": -2600, "UNAPPLIED": 2600}

    async def test_of_a_slow_bank_that_said_no_lets_the_buyer_try_again(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        await shop.buyer.debit(page_of(paying), FAILS)
        assert await shop.told(await shop.sent(paying.attempt.id, PAID[0]))
        assert await shop.attempts(opened) == ["PROCESSING"]
        assert await shop.told(await shop.sent(paying.attempt.id, "checkout.session.async_payment_failed"))
        assert not await shop.told(await shop.sent(paying.attempt.id, PAID[0]))
        shop.clock.tick(seconds=5)
        assert await stands(shop, opened) == ("OPEN", "PENDING")
        sql = "select ask_at from payments.attempt where store = $1 and id = $2"
        assert await shop.db.fetchval(sql, shop.store.number, paying.attempt.id.uuid) is None
        assert page_of(await shop.pay(opened, hosted=True)).reference != page_of(paying).reference


class TestTheBuyer:
    async def test_who_comes_back_goes_on_with_the_same_page(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        assert page_of(await shop.pay(opened, hosted=True)) == page_of(paying)

    async def test_who_changes_something_cannot_pay_the_old_price(self, shop: StripeShop) -> None:
        opened, old = await shop.on_page()
        await shop.change(opened, quantity=2)
        new = await shop.pay(opened, hosted=True)
        await shop.buyer.confirm(page_of(old), GOOD)
        await shop.buyer.confirm(page_of(new), GOOD)
        assert not await shop.told(await shop.sent(old.attempt.id, "checkout.session.expired"))
        await shop.told(await shop.sent(new.attempt.id, PAID[0]))
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")
        assert await shop.attempts(opened) == ["CANCELLED", "SUCCEEDED"]
        assert await shop.balances() == {"CLEARING": -5198, "MERCHANT": 5047, "FEES": 151}

    async def test_whose_script_had_begun_is_led_to_the_page(self, shop: StripeShop) -> None:
        opened, first = await shop.paying()
        assert isinstance(first.outcome, ActionNeeded)
        assert first.outcome.hosted_url is None
        second = await shop.pay(opened, hosted=True)
        assert page_of(second).reference != first.outcome.reference
        reference = first.outcome.reference
        assert await shop.stripe.find(first.attempt.id, reference) == Withdrawn(reference)
        await shop.drain()
        assert await shop.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_whose_page_has_closed_at_stripe_gets_another(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        await shop.stripe.cancel(paying.attempt.id, page_of(paying).reference)
        assert page_of(await shop.pay(opened, hosted=True)).reference != page_of(paying).reference
        await shop.drain()
        assert await shop.attempts(opened) == ["CANCELLED", "PENDING"]

    async def test_who_stays_away_has_nothing_left_to_pay(self, shop: StripeShop) -> None:
        opened, paying = await shop.on_page()
        shop.clock.tick(hours=1)
        assert await stands(shop, opened) == ("EXPIRED", "CANCELLED")
        await shop.buyer.confirm(page_of(paying), GOOD)
        assert await shop.stripe.find(paying.attempt.id, None) == Withdrawn(page_of(paying).reference)


class TestALostAnswer:
    async def test_is_found_again_and_the_buyer_goes_on(self, shop: StripeShop) -> None:
        opened, stripe = await shop.open(), shop.stripe
        shop.stripe = Deaf(stripe)
        first = await shop.pay(opened, hosted=True)
        shop.stripe = stripe
        assert await shop.attempts(opened) == ["UNKNOWN"]
        shop.clock.tick(seconds=5)
        await shop.drain()
        assert await shop.attempts(opened) == ["PENDING"]
        again = await shop.pay(opened, hosted=True)
        assert again.attempt.id == first.attempt.id
        await shop.buyer.confirm(page_of(again), GOOD)
        await shop.told(await shop.sent(again.attempt.id, PAID[0]))
        assert await stands(shop, opened) == ("COMPLETED", "COMPLETED")

    async def test_does_not_keep_the_buyer_from_changing_something(self, shop: StripeShop) -> None:
        opened, stripe = await shop.open(), shop.stripe
        shop.stripe = Deaf(stripe)
        await shop.pay(opened, hosted=True)
        shop.stripe = stripe
        changed = await shop.change(opened, quantity=2)
        assert changed.quote.quantity == 2
        assert await shop.attempts(opened) == ["CANCELLED"]

    async def test_of_a_request_that_never_left_is_given_up(self, shop: StripeShop) -> None:
        opened, stripe = await shop.open(), shop.stripe
        shop.stripe = shop.buyer.elsewhere("http://127.0.0.1:9")
        await shop.pay(opened, hosted=True)
        shop.stripe = stripe
        shop.clock.tick(seconds=5)
        assert await stands(shop, opened) == ("OPEN", "PENDING")
        assert page_of(await shop.pay(opened, hosted=True)).hosted_url
