"""The simulator's card fields and pages in a browser, on a merchant's page of another origin with a strict policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, FrameLocator, Page, async_playwright, expect

from tests import tools
from tests.contract import standins
from tests.contract.simulator_server import SimulatorServer, simulator_server
from tests.contract.standins import NEEDS_CHROMIUM

__all__ = ["simulator_server"]

pytestmark = NEEDS_CHROMIUM
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
PAGE = """<!doctype html><html lang="en"><title>Merchant</title>
<main><h1>Merchant</h1><div id="card"></div><button id="pay">Pay</button></main>
<script src="{simulator}/fields.js"></script><script src="/page.js"></script></html>"""
SCRIPT = """
window.received = [];
addEventListener("message", (message) => received.push(JSON.stringify(message.data)), true);
window.changes = [];
const options = { locale: "en", style: { accent: "rebeccapurple" } };
window.fields = CheckieSimulator.mount(document.getElementById("card"), options);
window.ready = new Promise((resolve) => fields.on("ready", resolve));
fields.on("change", (change) => changes.push(change));
document.getElementById("pay").addEventListener("click", () => { window.clicked = true; });
"""
ABORTED_CALL = "net::ERR_FAILED"
CONFIRM = "([confirmUrl, clientSecret]) => fields.confirm({confirmUrl, clientSecret})"


@pytest.fixture(scope="module")
async def merchant(simulator_server: SimulatorServer) -> AsyncIterator[str]:
    """A merchant's page, and its return URL, which redirects to another origin."""
    base = simulator_server.base_url
    policy = f"default-src 'none'; script-src 'self' {base}; frame-src {base}; connect-src 'self'"

    async def page(_: web.Request) -> web.Response:
        text = PAGE.format(simulator=base)
        return web.Response(text=text, content_type="text/html", headers={"content-security-policy": policy})

    async def script(_: web.Request) -> web.Response:
        return web.Response(text=SCRIPT, content_type="text/javascript")

    async def back(request: web.Request) -> web.Response:
        raise web.HTTPSeeOther(f"http://localhost:{request.url.port}/thanks")

    async def thanks(_: web.Request) -> web.Response:
        return web.Response(text="<title>Thanks</title>", content_type="text/html")

    app = web.Application()
    for path, handler in (("/", page), ("/page.js", script), ("/back", back), ("/thanks", thanks)):
        app.router.add_get(path, handler)
    async with standins.serving(app) as url:
        yield url


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=tools.find("chromium"), args=ARGS)
        yield opened
        await opened.close()


@pytest.fixture
async def page(browser: Browser, merchant: str) -> AsyncIterator[Page]:
    """The merchant's page with mounted fields. An error in the browser's console fails the test."""
    opened = await browser.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    await opened.goto(merchant)
    await opened.evaluate("ready")
    yield opened
    await opened.close()
    assert [each for each in errors if ABORTED_CALL not in each] == []


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='Card details']")


async def enter(page: Page, number: str = "4242424242424242", exp: str = "1234", cvc: str = "123") -> None:
    """Type as a buyer does, key by key."""
    for label, text in (("Card number", number), ("Expiry date", exp), ("Security code", cvc)):
        await frame(page).get_by_label(label).press_sequentially(text)


async def confirm(page: Page, intent: dict[str, Any]) -> Any:
    return await page.evaluate(CONFIRM, [intent["confirm_url"], intent["client_secret"]])


class TestConfirm:
    async def test_pays_and_the_page_never_receives_the_number(
        self, page: Page, simulator_server: SimulatorServer
    ) -> None:
        intent = await simulator_server.create()
        await enter(page)
        assert await confirm(page, intent) == {"status": "succeeded"}
        received = "".join(await page.evaluate("received"))
        assert "succeeded" in received
        assert "4242" not in received + await page.content()

    async def test_reports_3d_secure_and_a_decline(self, page: Page, simulator_server: SimulatorServer) -> None:
        await enter(page, "4000000000003220")
        required = await confirm(page, await simulator_server.create())
        assert required["status"] == "requires_action"
        assert required["next_action"]["url"].startswith(simulator_server.base_url)
        await frame(page).get_by_label("Card number").fill("4000000000009995")
        declined = await confirm(page, await simulator_server.create())
        assert (declined["status"], declined["code"]) == ("declined", "insufficient_funds")

    async def test_sends_nothing_while_a_field_is_invalid(self, page: Page, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await enter(page, exp="1220")
        response = await confirm(page, intent)
        assert (response["status"], response["field"], response["code"]) == ("invalid", "exp", "invalid_expiry_year")
        await expect(frame(page).get_by_label("Expiry date")).to_be_focused()
        assert (await simulator_server.get(intent))["status"] == "requires_confirmation"

    async def test_sends_the_number_to_the_simulator_only(
        self, page: Page, merchant: str, simulator_server: SimulatorServer
    ) -> None:
        intent = await simulator_server.create() | {"confirm_url": f"{merchant}/steal"}
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await enter(page)
        assert (await confirm(page, intent))["status"] == "unknown"
        assert requests == []

    async def test_no_response_is_unknown(self, page: Page, simulator_server: SimulatorServer) -> None:
        intent = await simulator_server.create()
        await page.route("**/confirm", lambda route: route.abort())
        await enter(page)
        assert (await confirm(page, intent))["status"] == "unknown"


class TestTyping:
    async def test_groups_digits_and_completes_dates(self, page: Page) -> None:
        await enter(page, "378282246310005", "234", "12345")
        values = [await frame(page).locator(f"#{name}").input_value() for name in ("number", "exp", "cvc")]
        assert values == ["3782 822463 10005", "02 / 34", "1234"]

    async def test_keeps_the_position_of_the_caret(self, page: Page) -> None:
        number = frame(page).get_by_label("Card number")
        await number.press_sequentially("4242 4242 4242")
        for key in ("Home", "ArrowRight", "1", "2"):
            await number.press(key)
        assert await number.input_value() == "4122 4242 4242 42"

    async def test_deletes_backwards_through_the_slash(self, page: Page) -> None:
        exp = frame(page).get_by_label("Expiry date")
        await exp.press_sequentially("123")
        for _ in range(7):
            await exp.press("Backspace")
        assert await exp.input_value() == ""

    async def test_shows_an_error_after_leaving_a_field_until_it_is_corrected(self, page: Page) -> None:
        number = frame(page).get_by_label("Card number")
        await number.press_sequentially("4242424242424241")
        await expect(frame(page).get_by_text("The card number is incomplete")).to_have_count(0)
        await number.press("Tab")
        await expect(frame(page).get_by_text("The card number is incomplete")).to_be_visible()
        await number.fill("4242424242424242")
        await expect(frame(page).get_by_text("The card number is incomplete")).to_have_count(0)

    async def test_a_click_on_pay_is_not_lost_when_an_error_moves_the_button(self, page: Page) -> None:
        await frame(page).get_by_label("Card number").press_sequentially("4242")
        await page.click("#pay")
        assert await page.evaluate("clicked")
        await expect(frame(page).get_by_text("The card number is incomplete")).to_be_visible()

    async def test_reports_its_state_to_the_page(self, page: Page) -> None:
        await enter(page, "5555555555554444")
        await page.wait_for_function("changes.at(-1).complete")
        expected = {"complete": True, "empty": False, "brand": "mastercard", "errors": []}
        assert (await page.evaluate("changes"))[-1] == expected

    async def test_uses_the_merchants_colour(self, page: Page) -> None:
        root = frame(page).locator("html")
        assert await root.evaluate("html => html.style.getPropertyValue('--accent')") == "rebeccapurple"

    async def test_the_frame_has_the_height_of_its_content(self, page: Page) -> None:
        before = await page.locator("iframe").evaluate("frame => frame.offsetHeight")
        await page.evaluate("fields.validate()")
        await expect(frame(page).get_by_text("Enter the security code")).to_be_visible()
        await page.wait_for_function(f"document.querySelector('iframe').offsetHeight > {before}")
        assert await frame(page).locator("html").evaluate("html => html.scrollHeight <= innerHeight")


@pytest.mark.parametrize(("button", "status"), [("Complete", "succeeded"), ("Fail", "declined")])
async def test_without_javascript_the_hosted_page_includes_3d_secure_and_redirects_across_origins(
    browser: Browser, merchant: str, simulator_server: SimulatorServer, button: str, status: str
) -> None:
    intent = await simulator_server.create(amount=10_001, return_url=f"{merchant}/back")
    page = await browser.new_page(java_script_enabled=False)
    await page.goto(intent["hosted_url"])
    for label, text in (("Card number", "4242 4242 4242 4242"), ("Expiry date", "12/34"), ("Security code", "123")):
        await page.get_by_label(label).fill(text)
    await page.get_by_role("button", name="Pay $100.01").click()
    await page.get_by_role("button", name=button).click()
    await page.wait_for_url("http://localhost:*/thanks")
    assert (await simulator_server.get(intent))["status"] == status
    await page.close()
