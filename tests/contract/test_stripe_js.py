"""The JavaScript that a page needs for Stripe, run in a browser against localstripe's stand-in for Stripe.js.

These are the calls of docs.stripe.com/js (`elements.create("card")`, `confirmCardPayment`), so they run unchanged
with Stripe's own script. Stripe requires a `return_url` for PaymentIntents with automatic payment methods.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId, PaymentId
from checkie.payments.port import ActionNeeded, Approved, Declined, Intent
from tests import tools
from tests.contract import standins
from tests.contract.drivers import DECLINED, GOOD, REQUIRES_3DS, Driver
from tests.contract.standins import NEEDS_CHROMIUM, NEEDS_LOCALSTRIPE

pytestmark = [NEEDS_CHROMIUM, NEEDS_LOCALSTRIPE]

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PAGE = """<!doctype html><title>Pay</title><form><div id="card"></div></form><script src="{js_url}"></script>"""
MOUNT = """publishableKey => {
  window.stripe = Stripe(publishableKey);
  window.card = stripe.elements().create('card', {hidePostalCode: true});
  card.mount('#card');
}"""
PAY = """async ([clientSecret, email]) => {
  const {error, paymentIntent} = await stripe.confirmCardPayment(clientSecret, {
    payment_method: {card, billing_details: {email}},
    return_url: location.href,
  });
  return error ? {error: error.code} : {status: paymentIntent.status};
}"""


@pytest.fixture(scope="module")
async def merchant(localstripe: str) -> AsyncIterator[str]:
    """A page of another origin than Stripe's."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE.format(js_url=f"{localstripe}/js.stripe.com/v3/"), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    async with standins.serving(app) as url:
        yield url


@pytest.fixture
async def page(merchant: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=tools.find("chromium"), args=["--no-sandbox"])
        opened = await browser.new_page()
        await opened.goto(merchant)
        yield opened
        await browser.close()


async def started(driver: Driver) -> tuple[Intent, ActionNeeded]:
    intent = Intent(AttemptId.new(7, NOW), PaymentId.new(7, NOW), Money(2599, "USD"), "Tea", "https://shop.example/")
    needed = await driver.provider.authorize(intent)
    assert isinstance(needed, ActionNeeded)
    return intent, needed


async def pay(page: Page, needed: ActionNeeded, number: str, button: str | None = None) -> Any:
    """The buyer submits the card, then clicks the button of 3-D Secure that is called `button`."""
    await page.evaluate(MOUNT, needed.publishable_key)
    for field, value in (("number", number), ("exp_month", "12"), ("exp_year", "34"), ("cvc", "123")):
        await page.get_by_placeholder(field, exact=True).fill(value)
    if button:
        await page.evaluate("window.paying = null")
        await page.evaluate(f"args => {{ window.paying = ({PAY})(args) }}", [needed.client_secret, "b@shop.example"])
        await page.get_by_role("button", name=button).click()
        return await page.evaluate("window.paying")
    return await page.evaluate(PAY, [needed.client_secret, "b@shop.example"])


async def test_a_card_is_charged(page: Page, stripe_driver: Driver) -> None:
    intent, needed = await started(stripe_driver)
    assert await pay(page, needed, GOOD) == {"status": "succeeded"}
    assert await stripe_driver.provider.find(intent.key, needed.reference) == Approved(
        needed.reference, Money(2599, "USD")
    )


async def test_a_declined_card_is_reported_with_its_code(page: Page, stripe_driver: Driver) -> None:
    intent, needed = await started(stripe_driver)
    assert await pay(page, needed, DECLINED) == {"error": "card_declined"}
    assert isinstance(await stripe_driver.provider.find(intent.key, needed.reference), Declined)


@pytest.mark.parametrize(
    ("button", "result", "outcome"),
    [
        ("Complete authentication", {"status": "succeeded"}, Approved),
        ("Fail authentication", {"error": "payment_intent_authentication_failure"}, Declined),
    ],
    ids=["passes", "fails"],
)
async def test_3d_secure_is_shown(
    page: Page, stripe_driver: Driver, button: str, result: dict[str, str], outcome: type
) -> None:
    intent, needed = await started(stripe_driver)
    assert await pay(page, needed, REQUIRES_3DS, button=button) == result
    assert isinstance(await stripe_driver.provider.find(intent.key, needed.reference), outcome)
