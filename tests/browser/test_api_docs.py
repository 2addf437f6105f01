"""The API reference in a browser: it shows the document and loads nothing from other hosts."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, expect

from tests.browser import chromium
from tests.tools import need

pytestmark = need("chromium", chromium.INSTALL)


async def test_the_reference_shows_an_operation_and_loads_nothing_from_elsewhere(
    browser: Browser, facts: dict[str, Any]
) -> None:
    page = await browser.new_page()
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url.removeprefix("blob:")))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{facts['base_url']}/api/docs")
    await expect(page.get_by_role("heading", name="Checkie")).to_be_visible()
    await expect(page.locator("[id='operation/check_out']")).to_contain_text("/api/widget/checkout")
    await page.get_by_placeholder("Search").fill("checkout")
    await expect(page.get_by_role("search").get_by_role("menuitem").first).to_be_visible()
    assert [url for url in requested if not url.startswith(facts["base_url"])] == []
    assert complaints == []
    await page.close()
