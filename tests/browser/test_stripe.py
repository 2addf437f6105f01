"""The page with Stripe's card field, against localstripe, its script and its webhooks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from checkie import catalog, stores
from checkie.db import Database, embedded
from checkie.kernel import Money
from tests.browser import chromium
from tests.browser.buying import Buying
from tests.browser.conftest import STRIPE_SECRET, Visit
from tests.contract.drivers import DECLINED, GOOD
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
        least=Money(100, "USD"),
        most=Money(9000, "USD"),
        pricing=catalog.Pricing.PAY_WHAT_YOU_WANT,
        quantity_max=1,
        provider="stripe",
    )
    async with Database(embedded.start(stack.data).url()) as db:
        shop = await stores.get_by_slug(db, facts["store"]["slug"])
        async with db.transaction() as tx:
            await catalog.create_page(tx, shop.number, new, datetime(2026, 3, 1, tzinfo=UTC))
    hook = {"url": f"{facts['base_url']}/api/webhooks/stripe", "secret": STRIPE_SECRET, "events": None}
    async with httpx.AsyncClient() as http:
        (await http.post(f"{localstripe}/_config/webhooks/browser", json=hook)).raise_for_status()
    return f"{facts['base_url']}/{shop.slug}/{SLUG}"


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
    await expect(buying.page.get_by_role("alert")).to_contain_text("Ihre Bank hat die Zahlung abgelehnt.")
    await type_card(buying, GOOD)
    await buying.pay_button.click()
    await buying.sees("Vielen Dank")
    await expect(buying.page.get_by_role("main")).to_contain_text("12,50\u00a0$")
