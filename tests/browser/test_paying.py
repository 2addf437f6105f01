"""A buyer pays, in a real browser, against the whole stack."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser import chromium
from tests.browser.buying import ASKS, EMAIL, LACKS_FUNDS
from tests.browser.conftest import Visit
from tests.browser.stages import Stages
from tests.tools import need

pytestmark = need("chromium", chromium.INSTALL)


async def test_a_buyer_pays_and_gets_a_receipt(visit: Visit) -> None:
    buying = await visit()
    await buying.page.get_by_role("button", name="Increase quantity").click()
    await expect(buying.pay_button).to_have_text("Pay $50.00")
    await buying.pay_with()
    await buying.is_thanked()
    receipt = buying.page.get_by_role("main")
    for shown in ("$50.00", "Demo store", EMAIL, "Visa ···· 4242", "ord_", "pay_"):
        await expect(receipt).to_contain_text(shown)


async def test_a_receipts_link_opens_in_another_browser(visit: Visit, facts: dict[str, Any]) -> None:
    buying = await visit()
    await buying.pay_with()
    await buying.is_thanked()
    link = await buying.page.get_by_role("link", name="Link to this receipt").get_attribute("href")
    other = await visit(f"{facts['base_url']}{link}")
    await other.sees("Receipt")
    receipt = other.page.get_by_role("main")
    for shown in ("$25.00", "Demo store", "Visa ···· 4242", "b•••@example.com"):
        await expect(receipt).to_contain_text(shown)
    await expect(receipt).not_to_contain_text(EMAIL)
    await expect(other.page.get_by_role("button", name="Print receipt")).to_be_visible()
    assert await other.page.context.cookies() == []


async def test_a_declined_buyer_can_use_a_different_card(visit: Visit) -> None:
    buying = await visit()
    await buying.pay_with(LACKS_FUNDS)
    notice = buying.page.get_by_role("alert")
    await expect(notice).to_contain_text("Your card has insufficient funds.")
    await expect(notice).to_contain_text("You have 2 attempts left.")
    await expect(buying.email).to_have_value(EMAIL)
    await buying.type_card()
    await buying.pay_button.click()
    await buying.is_thanked()


async def test_3d_secure_may_fail_and_then_succeed(visit: Visit) -> None:
    buying = await visit()
    await buying.pay_with(ASKS)
    await buying.page.locator("button[value=fail]").click()
    await expect(buying.page.get_by_role("alert")).to_contain_text("Your bank could not verify your identity.")
    await buying.page.get_by_role("button", name="Enter card details").click()
    await buying.type_card(ASKS)
    await buying.pay_button.click()
    await buying.page.locator("button[value=pass]").click()
    await buying.is_thanked()


async def test_a_double_click_pays_once(visit: Visit) -> None:
    buying = await visit()
    calls: list[str] = []
    buying.page.on("request", lambda request: calls.append(request.url))
    await buying.type_email()
    await buying.type_card()
    await buying.pay_button.dblclick()
    await buying.is_thanked()
    assert sum(url.endswith("/checkout") for url in calls) == 1


async def test_the_back_button_shows_the_current_status(visit: Visit) -> None:
    buying = await visit()
    await buying.pay_with(ASKS)
    await buying.page.locator("button[value=pass]").wait_for()
    await buying.page.go_back()
    await buying.sees("Confirm your payment")
    await buying.page.get_by_role("button", name="Confirm payment").click()
    await buying.page.locator("button[value=pass]").click()
    await buying.is_thanked()
    await buying.open()
    await expect(buying.page.get_by_role("link", name="View receipt")).to_be_visible()


async def test_a_reload_while_the_payment_is_processing_keeps_waiting(visit: Visit, stages: Stages) -> None:
    buying = await visit()
    await stages.inject_fault(fault="slow_bank", delay_s=4, match={"email": "patient@example.com"})
    await buying.type_email("patient@example.com")
    await buying.type_card()
    await buying.pay_button.click()
    await buying.page.locator("[data-stage=processing]").wait_for()
    await buying.page.reload()
    await buying.sees("Processing payment")
    await buying.is_thanked()


async def test_two_tabs_share_one_session(visit: Visit) -> None:
    first = await visit()
    await first.type_email()
    async with first.page.expect_response(lambda answer: "quantity" in (answer.request.post_data or "")):
        await first.page.get_by_role("button", name="Increase quantity").click()
    second = type(first)(await first.page.context.new_page(), first.url)
    await second.open()
    await expect(second.email).to_have_value(EMAIL)
    await expect(second.pay_button).to_have_text("Pay $50.00")
    await second.pay_with()
    await second.is_thanked()
    await first.page.bring_to_front()
    await first.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await first.is_thanked()
