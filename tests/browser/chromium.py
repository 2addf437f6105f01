"""The system's Chromium, as tests and screenshots use it."""

from __future__ import annotations

from typing import Final

from playwright.async_api import Browser, Playwright

from tests import tools

INSTALL: Final = "scripts/apt chromium libatomic1"
# Chromium as root needs --no-sandbox; the rest keeps it from calling home.
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


async def launch(playwright: Playwright) -> Browser:
    """A headless browser."""
    return await playwright.chromium.launch(executable_path=tools.find("chromium"), args=_FLAGS)
