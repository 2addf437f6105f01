"""The contract of `payments.port`, which every provider fulfils."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    BadSignature,
    Cancelled,
    Declined,
    Intent,
    Notice,
    Outcome,
    Unknown,
)
from tests.contract import bad_servers, drivers
from tests.contract.drivers import DECLINED, GOOD, REQUIRES_3DS, Driver
from tests.contract.standins import Delivery

PRICE = Money(2599, "USD")


def an_intent(amount: Money = PRICE) -> Intent:
    now = datetime.now(UTC)  # noqa: TID251 providers have clocks of their own, and search by the time of creation
    return Intent(
        key=AttemptId.new(7, now),
        payment=PaymentId.new(7, now),
        amount=amount,
        description="Darjeeling, 100 g",
        return_url="https://shop.example/thanks",
        email="buyer@shop.example",
    )


def action_of(outcome: Outcome) -> ActionNeeded:
    assert isinstance(outcome, ActionNeeded)
    return outcome


async def started(driver: Driver, intent: Intent) -> ActionNeeded:
    return action_of(await driver.provider.authorize(intent))


async def declined(driver: Driver, intent: Intent) -> ActionNeeded:
    needed = await started(driver, intent)
    await driver.confirm(needed, DECLINED)
    return needed


class TestAuthorize:
    async def test_returns_what_the_browser_needs(self, driver: Driver) -> None:
        needed = await started(driver, an_intent())
        assert needed.action is Action.CONFIRM
        assert needed.reference
        by_fields = needed.client_secret and (needed.publishable_key or needed.confirm_url)
        assert by_fields or needed.hosted_url

    async def test_shows_no_secret_in_its_repr(self, driver: Driver) -> None:
        needed = await started(driver, an_intent())
        secret = needed.client_secret or needed.hosted_url
        assert secret
        assert secret not in repr(needed)

    async def test_twice_with_one_key_is_once(self, driver: Driver) -> None:
        intent = an_intent()
        assert await started(driver, intent) == await started(driver, intent)

    async def test_with_a_reference_returns_the_current_outcome_and_creates_nothing(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        assert await started(driver, replace(intent, reference=needed.reference)) == needed

    async def test_at_the_same_time_with_one_key_is_once(self, driver: Driver) -> None:
        intent = an_intent()
        both = await asyncio.gather(started(driver, intent), started(driver, intent))
        assert both[0].reference == both[1].reference

    async def test_with_another_key_is_another(self, driver: Driver) -> None:
        first, second = await started(driver, an_intent()), await started(driver, an_intent())
        assert first.reference != second.reference

    async def test_again_returns_the_current_outcome(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        await driver.confirm(needed, GOOD)
        assert isinstance(await driver.provider.authorize(intent), Approved)

    async def test_with_one_key_and_another_amount_is_refused(self, driver: Driver) -> None:
        intent = an_intent()
        await started(driver, intent)
        other = Intent(intent.key, intent.payment, Money(1, "USD"), intent.description, intent.return_url)
        assert isinstance(await driver.provider.authorize(other), Unknown | Declined)


class TestFind:
    async def test_returns_the_same_as_authorize(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        assert await driver.provider.find(intent.key, needed.reference) == needed

    async def test_needs_no_reference(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        assert await driver.provider.find(intent.key, None) == needed

    async def test_of_an_unknown_key_is_withdrawn_only_when_it_can_never_be_charged(self, driver: Driver) -> None:
        intent = an_intent()
        found = await driver.provider.find(intent.key, None)
        assert isinstance(found, Cancelled | Unknown)
        if isinstance(found, Cancelled):
            assert isinstance(await driver.provider.authorize(intent), Cancelled | Unknown)


class TestPaying:
    @pytest.mark.parametrize(
        "amount", [PRICE, Money(99, "JPY"), Money(1230, "KWD"), Money(70, "ISK"), Money(1, "EUR")], ids=str
    )
    async def test_approves_exactly_the_requested_amount(self, driver: Driver, amount: Money) -> None:
        intent = an_intent(amount)
        needed = await started(driver, intent)
        await driver.confirm(needed, GOOD)
        found = await driver.provider.find(intent.key, needed.reference)
        assert isinstance(found, Approved)
        assert found.amount == amount
        assert await driver.provider.find(intent.key, found.reference) == found
        assert await driver.provider.cancel(intent.key, found.reference) == found

    async def test_returns_no_card_number(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        await driver.confirm(needed, GOOD)
        found = await driver.provider.find(intent.key, needed.reference)
        assert isinstance(found, Approved)
        assert found.facts.keys() <= {"brand", "last4", "three_d_secure"}
        assert GOOD not in repr(found)

    @pytest.mark.parametrize(("passes", "ends"), [(True, Approved), (False, Declined)])
    async def test_with_3d_secure_needs_the_buyer(self, fields_driver: Driver, passes: bool, ends: type) -> None:
        intent = an_intent()
        needed = await started(fields_driver, intent)
        await fields_driver.confirm(needed, REQUIRES_3DS)
        waiting = action_of(await fields_driver.provider.find(intent.key, needed.reference))
        assert waiting.action is Action.AUTHENTICATE
        await fields_driver.authenticate(waiting, passes=passes)
        assert isinstance(await fields_driver.provider.find(intent.key, needed.reference), ends)


class TestADecline:
    async def test_has_a_code_and_a_message(self, fields_driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(fields_driver, intent)
        found = await fields_driver.provider.find(intent.key, needed.reference)
        assert isinstance(found, Declined)
        assert (found.reference, found.code) == (needed.reference, "card_declined")
        assert found.message

    async def test_is_final(self, fields_driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(fields_driver, intent)
        found = await fields_driver.provider.find(intent.key, needed.reference)
        await fields_driver.confirm(needed, GOOD)
        assert await fields_driver.provider.find(intent.key, needed.reference) == found
        assert isinstance(await fields_driver.provider.authorize(intent), Declined)


class TestAHostedPage:
    async def test_can_still_be_paid_after_a_decline(self, page_driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(page_driver, intent)
        assert await page_driver.provider.find(intent.key, needed.reference) == needed
        await page_driver.confirm(needed, GOOD)
        found = await page_driver.provider.find(intent.key, needed.reference)
        assert isinstance(found, Approved)
        assert found.amount == PRICE

    @pytest.mark.parametrize(("passes", "ends"), [(True, Approved), (False, ActionNeeded)])
    async def test_includes_3d_secure(self, page_driver: Driver, passes: bool, ends: type) -> None:
        intent = an_intent()
        needed = await started(page_driver, intent)
        await page_driver.confirm(needed, REQUIRES_3DS)
        assert await page_driver.provider.find(intent.key, needed.reference) == needed
        await page_driver.authenticate(needed, passes=passes)
        assert isinstance(await page_driver.provider.find(intent.key, needed.reference), ends)

    async def test_can_be_cancelled_during_3d_secure(self, page_driver: Driver) -> None:
        intent = an_intent()
        needed = await started(page_driver, intent)
        await page_driver.confirm(needed, REQUIRES_3DS)
        assert await page_driver.provider.cancel(intent.key, needed.reference) == Cancelled(needed.reference)
        await page_driver.confirm(needed, GOOD)
        assert isinstance(await page_driver.provider.find(intent.key, needed.reference), Cancelled)


class TestCancel:
    async def test_withdraws(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        assert await driver.provider.cancel(intent.key, needed.reference) == Cancelled(needed.reference)
        assert await driver.provider.find(intent.key, needed.reference) == Cancelled(needed.reference)

    async def test_twice_is_once(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        first = await driver.provider.cancel(intent.key, needed.reference)
        assert await driver.provider.cancel(intent.key, needed.reference) == first

    async def test_needs_no_reference(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        assert await driver.provider.cancel(intent.key, None) == Cancelled(needed.reference)

    async def test_prevents_payment(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        await driver.provider.cancel(intent.key, needed.reference)
        await driver.confirm(needed, GOOD)
        assert isinstance(await driver.provider.find(intent.key, needed.reference), Cancelled)

    async def test_returns_the_approval_when_it_is_too_late(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await started(driver, intent)
        await driver.confirm(needed, GOOD)
        ended = await driver.provider.cancel(intent.key, needed.reference)
        assert isinstance(ended, Approved)
        assert ended.amount == PRICE

    async def test_of_a_declined_attempt_withdraws_it(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(driver, intent)
        assert isinstance(await driver.provider.cancel(intent.key, needed.reference), Cancelled | Declined)

    async def test_also_applies_to_a_request_in_flight(self, driver: Driver) -> None:
        intent = an_intent()
        assert isinstance(await driver.provider.cancel(intent.key, None), Cancelled)
        assert isinstance(await driver.provider.authorize(intent), Cancelled | Unknown)
        assert isinstance(await driver.provider.find(intent.key, None), Cancelled)


class TestABadServer:
    @pytest.mark.parametrize("kind", ["refuses", *bad_servers.BAD])
    async def test_is_unknown_within_the_time_limit_and_never_an_exception(self, driver: Driver, kind: str) -> None:
        intent = an_intent()
        async with bad_servers.serving(kind) as url, asyncio.timeout(10 * drivers.SHORT_TIMEOUT_S):
            provider = driver.pointing_at(url)
            outcomes = await asyncio.gather(
                provider.authorize(intent),
                provider.find(intent.key, "ref_1"),
                provider.find(intent.key, None),
                provider.cancel(intent.key, "ref_1"),
                provider.cancel(intent.key, None),
            )
            await provider.aclose()
        assert [type(outcome) for outcome in outcomes] == [Unknown] * 5


class TestWebhooks:
    async def paid(self, driver: Driver) -> tuple[Intent, Delivery]:
        intent = an_intent()
        await driver.confirm(await started(driver, intent), GOOD)
        return intent, await self.about(driver, intent, "succeeded")

    async def about(self, driver: Driver, intent: Intent, event: str) -> Delivery:
        def matches(delivery: Delivery) -> bool:
            return intent.key in delivery.body.decode() and delivery.event["type"].endswith(event)

        return await driver.inbox.wait_for(matches)

    def signed_at(self, driver: Driver, delivery: Delivery) -> int:
        return int(delivery.headers[driver.signature_header].partition(",")[0].removeprefix("t="))

    def translated(self, driver: Driver, body: bytes) -> Notice | None:
        headers = {driver.signature_header: drivers.sign(body, 1_770_000_000)}
        return driver.provider.translate(body, headers, 1_770_000_000)

    async def test_report_a_payment(self, driver: Driver) -> None:
        intent, delivery = await self.paid(driver)
        notice = driver.provider.translate(delivery.body, delivery.headers, self.signed_at(driver, delivery))
        assert notice is not None
        assert notice.subject == intent.key
        assert isinstance(notice.outcome, Approved)
        assert notice.outcome.amount == PRICE

    async def test_report_a_decline(self, fields_driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(fields_driver, intent)
        delivery = await self.about(
            fields_driver, intent, "failed" if "stripe" in fields_driver.signature_header else "declined"
        )
        notice = fields_driver.provider.translate(
            delivery.body, delivery.headers, self.signed_at(fields_driver, delivery)
        )
        assert notice is not None
        assert isinstance(notice.outcome, Declined)
        assert (notice.outcome.reference, notice.outcome.code) == (needed.reference, "card_declined")

    async def test_keep_their_event_id_when_they_are_sent_again(self, driver: Driver) -> None:
        _, delivery = await self.paid(driver)
        first, again = self.translated(driver, delivery.body), self.translated(driver, delivery.body)
        assert first == again
        assert first is not None
        assert first.event == delivery.event["id"]

    async def test_that_are_changed_old_or_unsigned_are_refused(self, driver: Driver) -> None:
        _, delivery = await self.paid(driver)
        at, unsigned = self.signed_at(driver, delivery), {"content-type": "application/json"}
        changed = delivery.body.replace(b"2599", b"2598")
        assert changed != delivery.body
        for body, headers, now_s in (
            (changed, delivery.headers, at),
            (delivery.body, delivery.headers, at + 301),
            (delivery.body, unsigned, at),
            (delivery.body, {**delivery.headers, driver.signature_header: ""}, at),
        ):
            with pytest.raises(BadSignature):
                driver.provider.translate(body, headers, now_s)

    async def test_about_other_objects_are_none(self, driver: Driver) -> None:
        assert self.translated(driver, driver.foreign_event) is None

    async def test_about_attempts_of_other_installations_are_none(self, driver: Driver) -> None:
        intent, delivery = await self.paid(driver)
        assert self.translated(driver, delivery.body.replace(intent.key.encode(), b"order-17")) is None

    @pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"{}", b'{"type": "x"}', b'{"data": 5}', b"\xff"])
    def test_that_are_invalid_are_refused(self, driver: Driver, body: bytes) -> None:
        with pytest.raises(BadSignature):
            self.translated(driver, body)


class TestNames:
    def test_a_provider_has_its_name_and_shows_no_secret(self, driver: Driver, provider_name: str) -> None:
        assert driver.provider.name == provider_name.removesuffix("_page")
        shown: list[Any] = [repr(driver.provider), str(driver.provider)]
        for secret in (drivers.SECRET_KEY, drivers.WEBHOOK_SECRET):
            assert not any(secret in text for text in shown)
