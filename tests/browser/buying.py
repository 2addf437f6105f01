"""What a person does on the checkout page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.async_api import FrameLocator, Locator, Page, expect

GOOD: Final = "4242 4242 4242 4242"
ASKS: Final = "4000 0000 0000 3220"
LACKS_FUNDS: Final = "4000 0000 0000 9995"
EMAIL: Final = "buyer@example.com"


@dataclass(frozen=True)
class Buying:
    """A browser's tab with the page of one product in it."""

    page: Page
    url: str

    async def open(self) -> None:
        await self.page.goto(self.url)

    @property
    def email(self) -> Locator:
        return self.page.get_by_label("Email")

    @property
    def quantity(self) -> Locator:
        return self.page.get_by_label("Quantity", exact=True)

    @property
    def pay_button(self) -> Locator:
        return self.page.locator("#pay")

    @property
    def card(self) -> FrameLocator:
        return self.page.frame_locator("#card iframe")

    @property
    def title(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    async def type_email(self, text: str = EMAIL) -> None:
        await self.email.fill(text)

    async def type_card(self, number: str = GOOD) -> None:
        await self.card.locator("#number").fill(number)
        await self.card.locator("#exp").fill("12 / 40")
        await self.card.locator("#cvc").fill("123")

    async def pay_with(self, number: str = GOOD) -> None:
        """Fill in everything and click the button."""
        await self.type_email()
        await self.type_card(number)
        await self.pay_button.click()

    async def sees(self, title: str) -> None:
        """Waits until that is the page's main heading."""
        await expect(self.title).to_have_text(title)

    async def is_thanked(self) -> None:
        """Waits for the thank-you page."""
        await self.sees("Thank you")
