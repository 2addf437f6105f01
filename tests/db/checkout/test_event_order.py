"""Events may be handled late, again or in another order: sessions and orders still agree with the payment."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from checkie.app.reactions import REACTIONS
from checkie.checkout import SessionStatus
from checkie.checkout.open import Opened
from checkie.db import Database, Leases
from checkie.outbox import Consumer, PostgresBus, Recorded
from checkie.payments.port import Refunded
from tests import make
from tests.fakes import ASKS, DECLINED
from tests.make import PRICE, START, Merchant

HANDLED = ("payment.failed", "payment.completed", "payment.refunded")
_numbers = itertools.count(1)


@pytest.fixture
async def merchant(db: Database) -> Merchant:
    return await make.merchant(db, session_expires_s=3600, session_abandoned_s=600)


async def recorded(merchant: Merchant) -> dict[str, Recorded]:
    """The store's events by name."""
    sql = "select store, id, aggregate, seq, name, version, body, at, partition from outbox.event where store = $1"
    return {row["name"]: Recorded(**dict(row)) for row in await merchant.db.fetch(sql, merchant.store.number)}


async def handle(merchant: Merchant, events: Sequence[Recorded]) -> None:
    """Handle events one by one, as a consumer of its own name."""
    name = f"order-{next(_numbers)}"
    bus = PostgresBus(merchant.db, Leases(merchant.db, name, "me"))
    consumer = Consumer(name, REACTIONS["progress"], merchant.db, bus)
    for event in events:
        await consumer.do(merchant.store.number, [event], START)


async def refunded_after_a_decline(merchant: Merchant) -> Opened:
    """Declined, paid, refunded; nothing of it is handled yet."""
    opened, first = await merchant.paying()
    merchant.fake.confirm(first.attempt.id, DECLINED)
    await merchant.receive_webhook(first.attempt.id)
    second = await merchant.pay(opened)
    merchant.fake.confirm(second.attempt.id)
    await merchant.receive_webhook(second.attempt.id)
    await merchant.receive_webhook(second.attempt.id, Refunded("re_1", PRICE))
    return opened


class TestEventsInAnyOrder:
    @pytest.mark.parametrize("order", [*itertools.permutations(HANDLED)], ids=" ".join)
    async def test_session_and_order_agree_with_the_payment(self, merchant: Merchant, order: Sequence[str]) -> None:
        opened = await refunded_after_a_decline(merchant)
        events = await recorded(merchant)
        await handle(merchant, [events[name] for name in order])
        assert (await merchant.status(opened)).session.status is SessionStatus.COMPLETED
        assert await merchant.order(opened) == "REFUNDED"

    async def test_every_transition_on_the_way_is_published_in_order(self, merchant: Merchant) -> None:
        """The refund is handled first, because the completion became a dead letter and is redriven later."""
        opened = await refunded_after_a_decline(merchant)
        events = await recorded(merchant)
        await handle(merchant, [events["payment.refunded"], events["payment.completed"]])
        payment = (await merchant.status(opened)).payment
        assert payment is not None
        assert await merchant.events(payment.order) == ["order.created", "order.completed", "order.refunded"]

    async def test_an_event_that_is_handled_again_changes_nothing(self, merchant: Merchant) -> None:
        opened = await refunded_after_a_decline(merchant)
        events = [event for name, event in (await recorded(merchant)).items() if name in HANDLED]
        await handle(merchant, events)
        before = await merchant.events(opened.session.id)
        await handle(merchant, events)
        assert await merchant.events(opened.session.id) == before
        assert await merchant.order(opened) == "REFUNDED"

    async def test_a_late_event_of_3d_secure_does_not_reopen_it_once_passed(self, merchant: Merchant) -> None:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, ASKS)
        await merchant.receive_webhook(paying.attempt.id)
        asked = (await recorded(merchant))["payment.requires_action"]
        merchant.fake.authenticate(paying.attempt.id)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        await handle(merchant, [asked])
        assert (await merchant.status(opened)).session.status is SessionStatus.COMPLETED


class TestAQuickRetry:
    async def test_publishes_that_the_session_was_reopened(self, merchant: Merchant) -> None:
        """The buyer pays again before the decline is handled: the event must not be lost."""
        opened, first = await merchant.paying()
        merchant.fake.confirm(first.attempt.id, DECLINED)
        await merchant.receive_webhook(first.attempt.id)
        second = await merchant.pay(opened)
        assert await merchant.events(opened.session.id) == ["session.reopened"]
        merchant.fake.confirm(second.attempt.id)
        await merchant.receive_webhook(second.attempt.id)
        await merchant.drain()
        assert await merchant.events(opened.session.id) == ["session.reopened", "session.completed"]


class TestABuyerWhoLeavesAtThreeDSecure:
    async def left(self, merchant: Merchant) -> Opened:
        opened, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id, ASKS)
        await merchant.receive_webhook(paying.attempt.id)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.AWAITING_ACTION
        return opened

    async def test_abandons_the_session_once_the_attempt_is_cancelled(self, merchant: Merchant) -> None:
        opened = await self.left(merchant)
        merchant.clock.tick(minutes=11)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.ABANDONED
        assert await merchant.attempts(opened) == ["CANCELLED"]
        assert await merchant.order(opened) == "CANCELLED"
        assert await merchant.events(opened.session.id) == ["session.abandoned"]

    async def test_does_not_while_the_provider_does_not_respond(self, merchant: Merchant) -> None:
        opened = await self.left(merchant)
        merchant.fake.unreachable = True
        merchant.clock.tick(minutes=11)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.AWAITING_ACTION
        merchant.fake.unreachable = False
        merchant.clock.tick(minutes=6)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.ABANDONED

    async def test_who_authenticated_in_time_has_paid(self, merchant: Merchant) -> None:
        opened = await self.left(merchant)
        attempt = (await merchant.status(opened)).attempt
        assert attempt is not None
        merchant.fake.authenticate(attempt.id)
        merchant.clock.tick(minutes=11)
        await merchant.drain()
        assert (await merchant.status(opened)).session.status is SessionStatus.COMPLETED
        assert await merchant.order(opened) == "COMPLETED"
