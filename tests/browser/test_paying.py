"""A buyer pays, in a real browser, against the whole stack."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser import chromium
from tests.browser.buying import ASKS, EMAIL, LACKS_FUNDS
from tests.browser.conftest import Visit
from tests.browser.stages import Stages
from tests.tools import need

pytestmark = need("chromium", chromium.INSTALL)


async def test_a_buyer_pays_and_gets_a_receipt(visit: Visit) -> None:
    buying = await visit()
    await buying.page.get_by_role("button", name="One more").click()
    await expect(buying.pay_button).to_have_text("Pay $50.00")
    await buying.pay_with()
    await buying.is_thanked()
    receipt = buying.page.get_by_role("main")
    for told in ("$50.00", "Demo store", EMAIL, "Visa ···· 4242", "ord_", "pay_"):
        await expect(receipt).to_contain_text(told)


async def test_a_declined_card_can_be_followed_by_another(visit: Visit) -> None:
    buying = await visit()
    await buying.pay_with(LACKS_FUNDS)
    notice = buying.page.get_by_role("alert")
    await expect(notice).to_contain_text("There is not enough money on this card.")
    await expect(notice).to_contain_text("You can try 2 more times.")
    await expect(buying.email).to_have_value(EMAIL)
    await buying.type_card()
    await buying.pay_button.click()
    await buying.is_thanked()


async def test_a_bank_may_ask_and_the_buyer_pass_or_fail(visit: Visit) -> None:
    buying = await visit()
    await buying.pay_with(ASKS)
    await buying.page.locator("button[value=fail]").click()
    await expect(buying.page.get_by_role("alert")).to_contain_text("Your bank could not confirm that it was you.")
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


async def test_the_way_back_leads_to_what_is_true(visit: Visit) -> None:
    buying = await visit()
    await buying.pay_with(ASKS)
    await buying.page.locator("button[value=pass]").wait_for()
    await buying.page.go_back()
    await buying.sees("Your bank wants to know that it is you")
    await buying.page.get_by_role("button", name="Confirm the payment").click()
    await buying.page.locator("button[value=pass]").click()
    await buying.is_thanked()
    await buying.open()
    await expect(buying.page.get_by_role("link", name="See the receipt")).to_be_visible()


async def test_a_reload_while_the_bank_thinks_waits_on(visit: Visit, stages: Stages) -> None:
    buying = await visit()
    await stages.order_fault(fault="slow_bank", delay_s=4, match={"email": "patient@example.com"})
    await buying.type_email("patient@example.com")
    await buying.type_card()
    await buying.pay_button.click()
    await buying.page.locator("[data-stage=waiting]").wait_for()
    await buying.page.reload()
    await buying.sees("Waiting for your bank")
    await buying.is_thanked()


async def test_two_tabs_are_one_checkout(visit: Visit) -> None:
    first = await visit()
    await first.type_email()
    async with first.page.expect_response(lambda answer: "quantity" in (answer.request.post_data or "")):
        await first.page.get_by_role("button", name="One more").click()
    second = type(first)(await first.page.context.new_page(), first.url)
    await second.open()
    await expect(second.email).to_have_value(EMAIL)
    await expect(second.pay_button).to_have_text("Pay $50.00")
    await second.pay_with()
    await second.is_thanked()
    await first.page.bring_to_front()
    await first.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await first.is_thanked()
