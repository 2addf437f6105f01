"""Screenshots of every page at every stage, narrow and wide, light and dark and in Arabic, into .cache/screenshots.

    make screenshots

It runs a demo of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser import chromium
from tests.browser.stages import Seen, Stages
from tests.stack import Stack, running

FOLDER: Final = Path(__file__).parents[1] / ".cache" / "screenshots"
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "360": {"viewport": {"width": 360, "height": 740}, "locale": "en-US"},
    "1280": {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"},
    "1280-dark": {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "color_scheme": "dark"},
    "360-arabic": {"viewport": {"width": 360, "height": 740}, "locale": "ar"},
}
SETTLED_MS: Final = 600


async def take_all(stack: Stack, facts: dict[str, Any]) -> None:
    """Every stage in every variant."""
    async with async_playwright() as playwright, httpx.AsyncClient(timeout=30) as http:
        browser = await chromium.launch(playwright)
        async for seen in Stages(stack, facts, http).all():
            await take(browser, seen)
        await take(browser, Seen("parts", f"{facts['base_url']}/dev/parts"))
        await browser.close()


async def take(browser: Browser, seen: Seen) -> None:
    """One page in every variant."""
    for variant, options in VARIANTS.items():
        context = await browser.new_context(**options)
        if seen.cookie:
            await context.add_cookies([seen.cookie])  # type: ignore[list-item]  # a dict of the right keys
        await capture(context, seen, variant)
        await context.close()


async def capture(context: BrowserContext, seen: Seen, variant: str) -> None:
    """The page as loaded and, if it has a form, with the card fields and an error."""
    tab = await context.new_page()
    await tab.goto(seen.url)
    await screenshot(tab, f"{seen.name}-{variant}")
    if seen.name != "page":
        return
    await tab.fill("#email", "ada@example")
    await tab.wait_for_selector("#card iframe")
    await tab.click("#pay")
    await screenshot(tab, f"error-{variant}")


async def screenshot(tab: Page, name: str) -> None:
    """The whole page, in a window of its height, so that sticky elements are at the edge of the page."""
    await tab.wait_for_timeout(SETTLED_MS)
    width, height = await tab.evaluate("[innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]")
    await tab.set_viewport_size({"width": width, "height": height})
    await tab.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    """Start a demo, take the screenshots, print where they are."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as data, running(Path(data)) as (stack, facts):
        asyncio.run(take_all(stack, facts))
    print(f"{len(list(FOLDER.iterdir()))} screenshots in {FOLDER}")


if __name__ == "__main__":
    main()
