"""The page without JavaScript, by keyboard, after its expiry and offline; its accessibility and its weight."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, expect

from checkie.kernel.ids import SessionId
from tests.browser import chromium
from tests.browser.buying import EMAIL, GOOD, LACKS_FUNDS
from tests.browser.conftest import Visit
from tests.browser.stages import Seen, Stages
from tests.tools import need

pytestmark = need("chromium", chromium.INSTALL)

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
MAX_BYTES, MAX_REQUESTS = 30_000, 5
MAX_SHIFT = 0.001
SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shift += entry.value; }))
  .observe({type: "layout-shift", buffered: true})"""


async def type_hosted(page: Page, number: str) -> None:
    """The provider's own card page."""
    for name, text in (("number", number), ("exp", "12 / 40"), ("cvc", "123")):
        await page.locator(f"[name={name}]").fill(text)
    await page.locator("[type=submit]").click()


async def test_everything_works_without_javascript(visit: Visit) -> None:
    buying = await visit(java_script_enabled=False)
    page = buying.page
    await buying.quantity.fill("2")
    await buying.email.fill("nobody")
    await buying.pay_button.click()
    await expect(page.locator("#email-error")).to_have_text("Enter a valid email address, like name@example.com.")
    await expect(buying.email).to_have_value("nobody")
    await buying.type_email()
    await page.get_by_role("button", name="Update total").click()
    await expect(buying.pay_button).to_have_text("Pay $50.00")
    await buying.pay_button.click()
    await type_hosted(page, LACKS_FUNDS)
    await expect(page.get_by_role("alert")).to_contain_text("Your card has insufficient funds.")
    await buying.pay_button.click()
    await type_hosted(page, GOOD)
    await buying.is_thanked()
    await expect(page.get_by_role("main")).to_contain_text("$50.00")


async def test_a_buyer_without_javascript_can_return_and_use_a_different_card(visit: Visit) -> None:
    buying = await visit(java_script_enabled=False)
    page = buying.page
    await buying.type_email()
    await buying.pay_button.click()
    await page.locator("[name=number]").wait_for()
    await buying.open()
    await page.get_by_role("button", name="Use a different card").click()
    await buying.pay_button.click()
    await type_hosted(page, GOOD)
    await buying.is_thanked()


async def test_an_expired_session_starts_over_with_what_was_entered(visit: Visit, stages: Stages) -> None:
    buying = await visit()
    await buying.page.get_by_role("button", name="Increase quantity").click()
    await buying.type_email()
    async with buying.page.expect_response("**/api/widget/sessions/*"):
        await buying.type_card()
    session = await buying.page.locator("[name=session]").input_value()
    await stages.let_expire(SessionId(session))
    await buying.pay_button.click()
    await buying.sees("This checkout session has expired")
    await buying.page.get_by_role("button", name="Start over").click()
    await expect(buying.email).to_have_value(EMAIL)
    await expect(buying.pay_button).to_have_text("Pay $50.00")


async def test_a_keyboard_is_enough(visit: Visit) -> None:
    buying = await visit()
    keys = buying.page.keyboard
    for _ in range(3):
        await keys.press("Tab")
    await expect(buying.page.get_by_role("button", name="Increase quantity")).to_be_focused()
    await keys.press("Enter")
    await keys.press("Tab")
    await keys.type("nobody")
    await keys.press("Tab")
    await expect(buying.page.locator("#email-error")).not_to_be_empty()
    await expect(buying.card.locator("#number")).to_be_focused()
    await keys.press("Shift+Tab")
    await keys.press("ControlOrMeta+a")
    await keys.type(EMAIL)
    for text in ("", "4242424242424242", "1240", "123"):
        await keys.type(text)
        await keys.press("Tab")
    await expect(buying.pay_button).to_be_focused()
    await keys.press("Enter")
    await buying.is_thanked()


async def test_axe_finds_nothing_at_any_stage(browser: Browser, stages: Stages, facts: dict[str, Any]) -> None:
    phone = {"width": 360, "height": 740}
    contexts = [
        await browser.new_context(viewport=phone, locale="en-US"),  # type: ignore[arg-type]  # a dict of the right keys
        await browser.new_context(viewport=phone, locale="ar", color_scheme="dark"),  # type: ignore[arg-type]  # as above
    ]
    found: list[str] = []
    parts = Seen("parts", f"{facts['base_url']}/dev/parts")
    for violations in await asyncio.gather(*(violations_of(context, parts) for context in contexts)):
        found += violations
    async for seen in stages.all():
        for violations in await asyncio.gather(*(violations_of(context, seen) for context in contexts)):
            found += violations
    for context in contexts:
        await context.close()
    assert found == [], "\n".join(found)


async def violations_of(context: BrowserContext, seen: Seen) -> list[str]:
    """The violations that axe finds on a page."""
    await context.clear_cookies()
    await context.add_cookies([seen.cookie] if seen.cookie else [])  # type: ignore[list-item]  # a dict of the right keys
    page = await context.new_page()
    await page.goto(seen.url)
    await page.evaluate(AXE)
    result = await page.evaluate("axe.run({resultTypes: ['violations']})")
    await page.close()
    return [f"{seen.name}: {violation['id']}: {violation['nodes'][0]['html']}" for violation in result["violations"]]


async def test_the_page_is_light_and_calls_no_third_party(visit: Visit, page_url: str, capsys: Any) -> None:
    buying = await visit("about:blank", viewport={"width": 360, "height": 740})
    page, answers = buying.page, []
    await page.add_init_script(SHIFTS)
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  Playwright cannot mark a built-in
    response = await page.goto(page_url)
    await page.wait_for_load_state("networkidle")
    weights = {urlsplit(answer.url).path: await weight(answer) for answer in answers}
    with capsys.disabled():
        print(f"\n{len(weights)} requests, {sum(weights.values()):,} bytes gzipped: {weights}")
    assert sum(weights.values()) <= MAX_BYTES
    assert len(answers) <= MAX_REQUESTS
    assert {urlsplit(answer.url).netloc for answer in answers} == {urlsplit(page_url).netloc}
    assert await page.evaluate("window.shift") <= MAX_SHIFT
    assert await page.context.cookies() == []
    assert response is not None
    assert "unsafe" not in response.headers["content-security-policy"]
    assert await page.locator("script:not([src]), style, [style]").count() == 0


async def weight(answer: Any) -> int:
    """The bytes of the answer, headers and body."""
    sizes = await answer.request.sizes()
    return int(sizes["responseBodySize"]) + int(sizes["responseHeadersSize"])


async def test_a_lost_connection_loses_nothing(visit: Visit) -> None:
    buying = await visit()
    await buying.type_email()
    await buying.type_card()
    await buying.page.route("**/api/widget/**", lambda route: route.abort())
    await buying.pay_button.click()
    await expect(buying.page.get_by_role("alert")).to_contain_text("You appear to be offline.")
    await buying.page.unroute("**/api/widget/**")
    await buying.pay_button.click()
    await buying.is_thanked()
