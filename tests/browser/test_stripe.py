"""The page with Stripe's card field, and payment on Stripe's own page, against localstripe and its bridge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from checkie import catalog, stores
from checkie.app import embedded
from checkie.db import Database
from checkie.kernel import Money
from tests.browser import chromium
from tests.browser.buying import Buying
from tests.browser.conftest import STRIPE_SECRET, Visit
from tests.contract.drivers import DECLINED, GOOD, REQUIRES_3DS
from tests.stack import Stack
from tests.tools import need

pytestmark = [need("chromium", chromium.INSTALL), need("localstripe", "make setup")]

SLUG = "by-stripe"


@pytest.fixture(scope="session")
async def stripe_page(stack: Stack, facts: dict[str, Any], localstripe: str) -> str:
    """The address of a page that is paid through Stripe, for an amount that the buyer chooses."""
    new = catalog.NewPage(
        slug=SLUG,
        title="A gift",
        price=Money(1000, "USD"),
        min=Money(100, "USD"),
        max=Money(9000, "USD"),
        pricing=catalog.Pricing.PAY_WHAT_YOU_WANT,
        quantity_max=1,
        provider="stripe",
    )
    async with Database(embedded.start(stack.data).url()) as db:
        merchant = await stores.get_by_slug(db, facts["store"]["slug"])
        async with db.transaction() as unit:
            await catalog.create_page(unit, merchant.number, new, datetime(2026, 3, 1, tzinfo=UTC))
    hook = {"url": f"{facts['base_url']}/api/webhooks/stripe", "secret": STRIPE_SECRET, "events": None}
    async with httpx.AsyncClient() as http:
        (await http.post(f"{localstripe}/_config/webhooks/browser", json=hook)).raise_for_status()
    return f"{facts['base_url']}/{merchant.slug}/{SLUG}"


async def type_card(buying: Buying, number: str) -> None:
    for name, text in (("number", number), ("exp_month", "12"), ("exp_year", "40"), ("cvc", "123")):
        await buying.page.get_by_placeholder(name, exact=True).fill(text)


async def test_stripes_card_field_declines_and_pays(visit: Visit, stripe_page: str) -> None:
    buying = await visit(stripe_page, locale="de-DE")
    await buying.page.get_by_label("Betrag in USD").fill("12,50")
    await expect(buying.pay_button).to_have_text("12,50\u00a0$ zahlen")
    await buying.page.get_by_label("E-Mail").fill("ada@example.com")
    await type_card(buying, DECLINED)
    await buying.pay_button.click()
    await expect(buying.page.get_by_role("alert")).to_contain_text("Ihre Karte wurde abgelehnt.")
    await type_card(buying, GOOD)
    await buying.pay_button.click()
    await buying.sees("Vielen Dank")
    await expect(buying.page.get_by_role("main")).to_contain_text("12,50\u00a0$")


class TestStripesOwnPage:
    """Without JavaScript, or without Stripe's: the whole checkout by forms, as the content policy allows."""

    async def start_payment(self, visit: Visit, stripe_page: str) -> Page:
        """On Stripe's page, about to pay."""
        buying = await visit(stripe_page, java_script_enabled=False)
        await expect(buying.page.locator("noscript .hint")).to_have_text(
            "You will enter your card details on the next page."
        )
        await buying.type_email()
        await buying.pay_button.click()
        await expect(buying.page.locator("#total")).to_have_text("1000 usd")
        return buying.page

    async def pay(self, page: Page, number: str) -> None:
        await page.get_by_label("Card number").fill(number)
        await page.get_by_role("button", name="Pay").click()

    async def test_declines_and_pays(self, visit: Visit, stripe_page: str) -> None:
        page = await self.start_payment(visit, stripe_page)
        await self.pay(page, DECLINED)
        await expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
        await self.pay(page, GOOD)
        await Buying(page, stripe_page).is_thanked()

    async def test_asks_for_authentication(self, visit: Visit, stripe_page: str) -> None:
        page = await self.start_payment(visit, stripe_page)
        await self.pay(page, REQUIRES_3DS)
        await page.get_by_role("button", name="Complete authentication").click()
        await Buying(page, stripe_page).is_thanked()

    async def test_can_be_left_and_resumed(self, visit: Visit, stripe_page: str) -> None:
        page = await self.start_payment(visit, stripe_page)
        url = page.url
        await page.get_by_role("link", name="Back").click()
        await page.get_by_role("button", name="Continue to payment").click()
        await expect(page).to_have_url(url)
        await self.pay(page, GOOD)
        await Buying(page, stripe_page).is_thanked()

    async def test_can_be_left_for_another_amount(self, visit: Visit, stripe_page: str) -> None:
        page = await self.start_payment(visit, stripe_page)
        old = page.url
        await page.get_by_role("link", name="Back").click()
        await page.get_by_role("button", name="Use a different card").click()
        await page.get_by_label("Amount in USD").fill("12.50")
        await page.get_by_role("button", name="Pay $10.00").click()
        await expect(page.locator("#total")).to_have_text("1250 usd")
        new = page.url
        await page.goto(old)
        await expect(page.get_by_text("This page has expired.")).to_be_visible()
        await page.goto(new)
        await self.pay(page, GOOD)
        await Buying(page, stripe_page).is_thanked()
        await expect(page.get_by_role("main")).to_contain_text("$12.50")

    async def test_accepts_a_delayed_payment(self, visit: Visit, stripe_page: str) -> None:
        page = await self.start_payment(visit, stripe_page)
        await page.get_by_label("IBAN").fill("DE89370400440532013000")
        await page.get_by_role("button", name="Pay").click()
        await Buying(page, stripe_page).is_thanked()

    async def test_takes_over_a_payment_that_a_script_started(self, visit: Visit, stripe_page: str) -> None:
        buying = await visit(stripe_page, java_script_enabled=False)
        page, api = buying.page, stripe_page.rsplit("/", 2)[0] + "/api/widget"
        await buying.type_email()
        await page.get_by_label("Amount in USD").fill("11")
        await page.get_by_role("button", name="Update total").click()
        session = await page.locator("[name=session]").input_value()
        secret = await page.locator("[name=secret]").input_value()
        headers = {"Idempotency-Key": session, "Authorization": f"Bearer {secret}"}
        answer = await page.request.post(f"{api}/checkout", data={"session_id": session}, headers=headers)
        started = await answer.json()
        assert started["provider"]["client_secret"]
        assert started["provider"]["hosted_url"] is None
        await page.get_by_role("button", name="Pay $11.00").click()
        await expect(page.locator("#total")).to_have_text("1100 usd")
        await self.pay(page, GOOD)
        await Buying(page, stripe_page).is_thanked()

    async def test_is_offered_where_stripes_script_does_not_load(
        self, visit: Visit, stripe_page: str, localstripe: str
    ) -> None:
        buying = await visit(stripe_page)
        await buying.page.route(f"{localstripe}/js.stripe.com/**", lambda route: route.abort())
        await buying.page.reload()
        await buying.type_email()
        await buying.page.get_by_role("button", name="Pay on the provider's page").click()
        await expect(buying.page.locator("#total")).to_have_text("1000 usd")
        await self.pay(buying.page, GOOD)
        await buying.is_thanked()
