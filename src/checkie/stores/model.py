"""A store and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from checkie.kernel import Conflict, Invalid, NotFound
from checkie.kernel.ids import StoreId


class NoSuchStore(NotFound):
    """No store has this address. Check the store's slug."""

    code = "store_not_found"


class SlugTaken(Conflict):
    """Another store has this slug, or the slug of this store's test twin. Choose another slug."""

    code = "store_slug_taken"


class SlugReserved(Invalid):
    """The slug is reserved, for a path of Checkie or for a live store's test twin (`-test`). Choose another slug."""

    code = "store_slug_reserved"


class ProviderNotAllowed(Conflict):
    """The simulator moves no money. It can be used in test stores only."""

    code = "provider_not_allowed_in_live_store"


CONSTRAINTS: Final = {"store_slug_taken": partial(SlugTaken, param="slug")}
"""The refusal of each constraint that a caller can violate."""


class StoreMode(StrEnum):
    """Whether the store's payments move money."""

    LIVE = "live"
    TEST = "test"


TWIN_SUFFIX: Final = "-test"
RESERVED_SLUGS: Final = ("api", "static", "health", "metrics", "dev", "receipts")
"""First parts of paths that are not stores."""
TEST_PROVIDERS: Final = frozenset({"simulator"})
"""Providers that move no money."""


@dataclass(frozen=True, slots=True)
class Store:
    """A merchant's store: the tenant. `fee_bps`: the platform's share of a card payment, in hundredths of a percent.

    A live store and its test twin know each other's number (`twin`). They share their settings; pages, keys and all
    data are each store's own. A test store may have no twin.
    """

    number: int
    id: StoreId
    mode: StoreMode
    twin: int | None
    slug: str
    name: str
    currency: str
    locale: str
    fee_bps: int
    support_email: str | None

    @property
    def livemode(self) -> bool:
        """Whether its payments move money."""
        return self.mode is StoreMode.LIVE

    def check_provider(self, provider: str) -> None:
        """Refuses a provider that moves no money in a live store (ProviderNotAllowed)."""
        if self.livemode and provider in TEST_PROVIDERS:
            raise ProviderNotAllowed(param="provider")
