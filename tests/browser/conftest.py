"""The whole stack, run once, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, async_playwright

from tests import tools
from tests.browser import chromium
from tests.browser.buying import Buying
from tests.browser.stages import Stages
from tests.contract.hosted_pages import on_another_site
from tests.contract.standins import localstripe
from tests.stack import Stack, running

__all__ = ["localstripe"]

PATIENCE_MS = 8000
STRIPE_SECRET = "whsec_browser"


@pytest.fixture(scope="session")
def stripe_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Stripe's stand-in as the provider `stripe`, if it is installed."""
    if tools.find("localstripe") is None:
        return {}
    url = request.getfixturevalue("localstripe")
    return {
        "CHECKIE_STRIPE_SECRET_KEY": "sk_test_browser",
        "CHECKIE_STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
        "CHECKIE_STRIPE_PUBLISHABLE_KEY": "pk_test_browser",
        "CHECKIE_STRIPE_API_BASE": url,
        "CHECKIE_STRIPE_JS_URL": f"{url}/js.stripe.com/v3/",
        "CHECKIE_STRIPE_CHECKOUT_URL": on_another_site(url),
    }


@pytest.fixture(scope="session")
def demo(
    tmp_path_factory: pytest.TempPathFactory, stripe_settings: dict[str, str]
) -> Iterator[tuple[Stack, dict[str, Any]]]:
    """`checkie demo`, and its description of itself."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in stripe_settings.items():
            environment.setenv(name, value)
        with running(tmp_path_factory.mktemp("demo")) as stack:
            yield stack


@pytest.fixture(scope="session")
def stack(demo: tuple[Stack, dict[str, Any]]) -> Stack:
    return demo[0]


@pytest.fixture(scope="session")
def facts(demo: tuple[Stack, dict[str, Any]]) -> dict[str, Any]:
    return demo[1]


@pytest.fixture(scope="session")
def page_url(facts: dict[str, Any]) -> str:
    url: str = facts["page"]["url"]
    return url


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await chromium.launch(playwright)
        yield browser
        await browser.close()


@pytest.fixture
async def stages(stack: Stack, facts: dict[str, Any]) -> AsyncIterator[Stages]:
    async with httpx.AsyncClient(timeout=30) as http:
        yield Stages(stack, facts, http)


Visit = Callable[..., Awaitable[Buying]]


@pytest.fixture
async def visit(browser: Browser, page_url: str) -> AsyncIterator[Visit]:
    """Opens the page in a new browser context. An error in its console, such as a policy violation, fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def record(message: ConsoleMessage) -> None:
        # Failed requests are logged there too, and some tests cause them.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            errors.append(message.text)

    async def open_page(url: str = page_url, **options: Any) -> Buying:
        context = await browser.new_context(**{"locale": "en-US", **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("console", record)
        buying = Buying(await context.new_page(), url)
        await buying.open()
        return buying

    yield open_page
    for context in contexts:
        await context.close()
    assert errors == []
