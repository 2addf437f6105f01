"""What `payments.port` promises, kept by every provider."""

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
from tests.contract.drivers import ASKS, DECLINED, GOOD, Driver
from tests.contract.standins import Delivery

PRICE = Money(2599, "USD")


def an_intent(amount: Money = PRICE) -> Intent:
    born = datetime.now(UTC)  # noqa: TID251 providers have clocks of their own, and look for an attempt at its birth
    return Intent(
        key=AttemptId.new(7, born),
        payment=PaymentId.new(7, born),
        amount=amount,
        description="Darjeeling, 100 g",
        return_url="https://shop.example/thanks",
        email="buyer@shop.example",
    )


def needing(outcome: Outcome) -> ActionNeeded:
    assert isinstance(outcome, ActionNeeded)
    return outcome


async def begun(driver: Driver, intent: Intent) -> ActionNeeded:
    return needing(await driver.provider.authorize(intent))


async def declined(driver: Driver, intent: Intent) -> ActionNeeded:
    needed = await begun(driver, intent)
    await driver.confirm(needed, DECLINED)
    return needed


class TestAuthorize:
    async def test_gives_the_browser_what_it_needs(self, driver: Driver) -> None:
        needed = await begun(driver, an_intent())
        assert needed.action is Action.CONFIRM
        assert needed.reference
        by_fields = needed.client_secret and (needed.publishable_key or needed.confirm_url)
        assert by_fields or needed.hosted_url

    async def test_does_not_show_what_opens_the_payment_in_its_repr(self, driver: Driver) -> None:
        needed = await begun(driver, an_intent())
        secret = needed.client_secret or needed.hosted_url
        assert secret
        assert secret not in repr(needed)

    async def test_twice_with_one_key_is_once(self, driver: Driver) -> None:
        intent = an_intent()
        assert await begun(driver, intent) == await begun(driver, intent)

    async def test_of_what_has_begun_tells_how_it_stands_and_begins_nothing(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        assert await begun(driver, replace(intent, reference=needed.reference)) == needed

    async def test_at_the_same_time_with_one_key_is_once(self, driver: Driver) -> None:
        intent = an_intent()
        both = await asyncio.gather(begun(driver, intent), begun(driver, intent))
        assert both[0].reference == both[1].reference

    async def test_with_another_key_is_another(self, driver: Driver) -> None:
        first, second = await begun(driver, an_intent()), await begun(driver, an_intent())
        assert first.reference != second.reference

    async def test_again_tells_how_it_stands_now(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        await driver.confirm(needed, GOOD)
        assert isinstance(await driver.provider.authorize(intent), Approved)

    async def test_with_one_key_for_two_amounts_charges_neither_twice(self, driver: Driver) -> None:
        intent = an_intent()
        await begun(driver, intent)
        other = Intent(intent.key, intent.payment, Money(1, "USD"), intent.description, intent.return_url)
        assert isinstance(await driver.provider.authorize(other), Unknown | Declined)


class TestFind:
    async def test_tells_the_same_as_authorize(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        assert await driver.provider.find(intent.key, needed.reference) == needed

    async def test_needs_no_reference(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        assert await driver.provider.find(intent.key, None) == needed

    async def test_says_withdrawn_of_an_unheard_key_only_when_it_can_never_be_charged(self, driver: Driver) -> None:
        intent = an_intent()
        found = await driver.provider.find(intent.key, None)
        assert isinstance(found, Cancelled | Unknown)
        if isinstance(found, Cancelled):
            assert isinstance(await driver.provider.authorize(intent), Cancelled | Unknown)


class TestPaying:
    @pytest.mark.parametrize(
        "amount", [PRICE, Money(99, "JPY"), Money(1230, "KWD"), Money(70, "ISK"), Money(1, "EUR")], ids=str
    )
    async def test_approves_exactly_what_was_asked(self, driver: Driver, amount: Money) -> None:
        intent = an_intent(amount)
        needed = await begun(driver, intent)
        await driver.confirm(needed, GOOD)
        found = await driver.provider.find(intent.key, needed.reference)
        assert isinstance(found, Approved)
        assert found.amount == amount
        assert await driver.provider.find(intent.key, found.reference) == found
        assert await driver.provider.cancel(intent.key, found.reference) == found

    async def test_keeps_no_card_number(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        await driver.confirm(needed, GOOD)
        found = await driver.provider.find(intent.key, needed.reference)
        assert isinstance(found, Approved)
        assert found.facts.keys() <= {"brand", "last4", "three_d_secure"}
        assert GOOD not in repr(found)

    @pytest.mark.parametrize(("passes", "ends"), [(True, Approved), (False, Declined)])
    async def test_with_3d_secure_waits_for_the_buyer(self, fields_driver: Driver, passes: bool, ends: type) -> None:
        intent = an_intent()
        needed = await begun(fields_driver, intent)
        await fields_driver.confirm(needed, ASKS)
        waiting = needing(await fields_driver.provider.find(intent.key, needed.reference))
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

    async def test_stays_a_decline(self, fields_driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(fields_driver, intent)
        found = await fields_driver.provider.find(intent.key, needed.reference)
        await fields_driver.confirm(needed, GOOD)
        assert await fields_driver.provider.find(intent.key, needed.reference) == found
        assert isinstance(await fields_driver.provider.authorize(intent), Declined)


class TestOnAPageOfItsOwn:
    async def test_what_was_declined_can_still_be_paid(self, page_driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(page_driver, intent)
        assert await page_driver.provider.find(intent.key, needed.reference) == needed
        await page_driver.confirm(needed, GOOD)
        found = await page_driver.provider.find(intent.key, needed.reference)
        assert isinstance(found, Approved)
        assert found.amount == PRICE

    @pytest.mark.parametrize(("passes", "ends"), [(True, Approved), (False, ActionNeeded)])
    async def test_3d_secure_is_asked_for_there(self, page_driver: Driver, passes: bool, ends: type) -> None:
        intent = an_intent()
        needed = await begun(page_driver, intent)
        await page_driver.confirm(needed, ASKS)
        assert await page_driver.provider.find(intent.key, needed.reference) == needed
        await page_driver.authenticate(needed, passes=passes)
        assert isinstance(await page_driver.provider.find(intent.key, needed.reference), ends)

    async def test_calling_off_in_the_middle_of_3d_secure_is_certain(self, page_driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(page_driver, intent)
        await page_driver.confirm(needed, ASKS)
        assert await page_driver.provider.cancel(intent.key, needed.reference) == Cancelled(needed.reference)
        await page_driver.confirm(needed, GOOD)
        assert isinstance(await page_driver.provider.find(intent.key, needed.reference), Cancelled)


class TestCancel:
    async def test_withdraws(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        assert await driver.provider.cancel(intent.key, needed.reference) == Cancelled(needed.reference)
        assert await driver.provider.find(intent.key, needed.reference) == Cancelled(needed.reference)

    async def test_twice_is_once(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        first = await driver.provider.cancel(intent.key, needed.reference)
        assert await driver.provider.cancel(intent.key, needed.reference) == first

    async def test_needs_no_reference(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        assert await driver.provider.cancel(intent.key, None) == Cancelled(needed.reference)

    async def test_makes_sure_that_it_cannot_be_paid(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        await driver.provider.cancel(intent.key, needed.reference)
        await driver.confirm(needed, GOOD)
        assert isinstance(await driver.provider.find(intent.key, needed.reference), Cancelled)

    async def test_says_when_it_was_too_late(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await begun(driver, intent)
        await driver.confirm(needed, GOOD)
        ended = await driver.provider.cancel(intent.key, needed.reference)
        assert isinstance(ended, Approved)
        assert ended.amount == PRICE

    async def test_of_what_was_declined_withdraws_it(self, driver: Driver) -> None:
        intent = an_intent()
        needed = await declined(driver, intent)
        assert isinstance(await driver.provider.cancel(intent.key, needed.reference), Cancelled | Declined)

    async def test_comes_before_what_is_still_on_its_way(self, driver: Driver) -> None:
        intent = an_intent()
        assert isinstance(await driver.provider.cancel(intent.key, None), Cancelled)
        assert isinstance(await driver.provider.authorize(intent), Cancelled | Unknown)
        assert isinstance(await driver.provider.find(intent.key, None), Cancelled)


class TestABadDay:
    @pytest.mark.parametrize("kind", ["refuses", *bad_servers.BAD])
    async def test_is_unknown_never_an_exception_and_never_long(self, driver: Driver, kind: str) -> None:
        intent = an_intent()
        async with bad_servers.serving(kind) as url, asyncio.timeout(10 * drivers.PATIENCE_S):
            provider = driver.elsewhere(url)
            said = await asyncio.gather(
                provider.authorize(intent),
                provider.find(intent.key, "ref_1"),
                provider.find(intent.key, None),
                provider.cancel(intent.key, "ref_1"),
                provider.cancel(intent.key, None),
            )
            await provider.aclose()
        assert [type(outcome) for outcome in said] == [Unknown] * 5


class TestWebhooks:
    async def paid(self, driver: Driver) -> tuple[Intent, Delivery]:
        intent = an_intent()
        await driver.confirm(await begun(driver, intent), GOOD)
        return intent, await self.about(driver, intent, "succeeded")

    async def about(self, driver: Driver, intent: Intent, what: str) -> Delivery:
        def fits(delivery: Delivery) -> bool:
            return intent.key in delivery.body.decode() and delivery.event["type"].endswith(what)

        return await driver.inbox.wait_for(fits)

    def signed_at(self, driver: Driver, delivery: Delivery) -> int:
        return int(delivery.headers[driver.signature_header].partition(",")[0].removeprefix("t="))

    def translated(self, driver: Driver, body: bytes) -> Notice | None:
        headers = {driver.signature_header: drivers.sign(body, 1_770_000_000)}
        return driver.provider.translate(body, headers, 1_770_000_000)

    async def test_tell_of_a_payment(self, driver: Driver) -> None:
        intent, delivery = await self.paid(driver)
        notice = driver.provider.translate(delivery.body, delivery.headers, self.signed_at(driver, delivery))
        assert notice is not None
        assert notice.subject == intent.key
        assert isinstance(notice.outcome, Approved)
        assert notice.outcome.amount == PRICE

    async def test_tell_of_a_decline(self, fields_driver: Driver) -> None:
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

    async def test_keep_their_event_id_when_they_come_again(self, driver: Driver) -> None:
        _, delivery = await self.paid(driver)
        first, again = self.translated(driver, delivery.body), self.translated(driver, delivery.body)
        assert first == again
        assert first is not None
        assert first.event == delivery.event["id"]

    async def test_are_refused_when_changed_old_or_unsigned(self, driver: Driver) -> None:
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

    async def test_about_something_else_are_none(self, driver: Driver) -> None:
        assert self.translated(driver, driver.foreign_event) is None

    async def test_about_another_installations_attempt_are_none(self, driver: Driver) -> None:
        intent, delivery = await self.paid(driver)
        assert self.translated(driver, delivery.body.replace(intent.key.encode(), b"order-17")) is None

    @pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"{}", b'{"type": "x"}', b'{"data": 5}', b"\xff"])
    def test_that_cannot_be_read_are_refused(self, driver: Driver, body: bytes) -> None:
        with pytest.raises(BadSignature):
            self.translated(driver, body)


class TestNames:
    def test_a_provider_shows_its_name_and_no_secret(self, driver: Driver, provider_name: str) -> None:
        assert driver.provider.name == provider_name.removesuffix("_page")
        shown: list[Any] = [repr(driver.provider), str(driver.provider)]
        for secret in (drivers.SECRET_KEY, drivers.WEBHOOK_SECRET):
            assert not any(secret in text for text in shown)
