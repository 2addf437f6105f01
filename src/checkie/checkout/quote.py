"""A quote: a frozen, explained price. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from checkie.catalog import Page, Pricing
from checkie.kernel import Invalid, Money


class QuantityOutOfRange(Invalid):
    """The quantity is outside the range that this page allows."""

    code = "quantity_out_of_range"


class AmountOutOfRange(Invalid):
    """The amount is outside the range that this page allows."""

    code = "amount_out_of_range"


class CurrencyMismatch(Invalid):
    """The currency of the amount is not the page's."""

    code = "currency_mismatch"


class AmountNotYours(Invalid):
    """This page has a fixed price: the amount cannot be chosen."""

    code = "amount_not_choosable"


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of `quantity` things at `unit` each, and the terms under which it may still change in this session.

    The terms are frozen with it: what a merchant changes on the page meets the next session, not this one.
    """

    title: str
    unit: Money
    quantity: int
    pricing: Pricing
    min: Money
    max: Money
    quantity_max: int

    @property
    def total(self) -> Money:
        """What the buyer pays."""
        return self.unit * self.quantity

    def with_quantity(self, quantity: int) -> Quote:
        """The quote for another quantity. Refuses what the page does not allow (QuantityOutOfRange)."""
        if not 1 <= quantity <= self.quantity_max:
            raise QuantityOutOfRange(f"The quantity must be between 1 and {self.quantity_max}.", param="quantity")
        return replace(self, quantity=quantity)

    def with_amount(self, unit_minor: int) -> Quote:
        """The quote for the amount that the buyer chose, for each. Refuses with AmountNotYours or AmountOutOfRange."""
        if self.pricing is not Pricing.PAY_WHAT_YOU_WANT:
            raise AmountNotYours(param="amount")
        if not self.min.minor <= unit_minor <= self.max.minor:
            allowed = f"{self.min.minor} and {self.max.minor} minor units of {self.unit.currency}"
            raise AmountOutOfRange(f"The amount must be between {allowed}.", param="amount")
        return replace(self, unit=Money(unit_minor, self.unit.currency))

    def as_json(self) -> dict[str, Any]:
        """What a row holds."""
        return {
            "title": self.title,
            "unit_minor": self.unit.minor,
            "quantity": self.quantity,
            "pricing": self.pricing,
            "min_minor": self.min.minor,
            "max_minor": self.max.minor,
            "quantity_max": self.quantity_max,
        }

    @classmethod
    def of_json(cls, body: Mapping[str, Any], currency: str) -> Quote:
        """What a row held."""
        return cls(
            title=body["title"],
            unit=Money(body["unit_minor"], currency),
            quantity=body["quantity"],
            pricing=Pricing(body["pricing"]),
            min=Money(body["min_minor"], currency),
            max=Money(body["max_minor"], currency),
            quantity_max=body["quantity_max"],
        )


def quote_page(page: Page) -> Quote:
    """The first quote of a session: one, at the page's price."""
    return Quote(page.title, page.price, 1, page.pricing, page.min, page.max, page.quantity_max)
