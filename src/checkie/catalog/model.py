"""A page: the configuration of a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from checkie.kernel import Conflict, Money, NotFound
from checkie.kernel.ids import PageId


class NoSuchPage(NotFound):
    """No published page has this address. Check the slugs of the store and the page."""

    code = "page_not_found"


class PageSlugTaken(Conflict):
    """Another page of this store has this slug. Choose another slug."""

    code = "page_slug_taken"


CONSTRAINTS: Final = {"page_slug_taken": partial(PageSlugTaken, param="slug")}
"""The refusal of each constraint that a caller can violate."""


class PageStatus(StrEnum):
    """Only PUBLISHED pages are shown."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


class Pricing(StrEnum):
    """Who sets the price."""

    FIXED = "FIXED"
    PAY_WHAT_YOU_WANT = "PAY_WHAT_YOU_WANT"


@dataclass(frozen=True, slots=True)
class Page:
    """A configured checkout page. `price` is the fixed price, or the suggested one between `min` and `max`."""

    store: int
    id: PageId
    slug: str
    title: str
    description: str
    picture_url: str | None
    status: PageStatus
    pricing: Pricing
    price: Money
    min: Money
    max: Money
    quantity_max: int
    provider: str
    session_expires_s: int
    session_abandoned_s: int
    success_url: str | None

    def __post_init__(self) -> None:
        if len({self.price.currency, self.min.currency, self.max.currency}) != 1:
            raise ValueError("a page's prices are of one currency")
        in_order = 0 < self.min.minor <= self.price.minor <= self.max.minor
        if not in_order or self.max.minor * self.quantity_max > Money.MAX_MINOR:
            raise ValueError(
                "a page's prices are positive, in order and, times the largest quantity, within what we take"
            )
