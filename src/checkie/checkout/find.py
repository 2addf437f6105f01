"""Find the page at an address."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from checkie import catalog, stores
from checkie.kernel import refuses
from checkie.web import Services

SLUG: Final = re.compile(r"[a-z0-9-]{1,68}")
"""At most 63 characters, and `-test` where it is a test twin's."""
_TTL: Final = timedelta(seconds=1)
_MAX_PAGES: Final = 10_000
_Found: TypeAlias = tuple[stores.Store, catalog.Page]


@dataclass(slots=True)
class PageCache:
    """Published pages by address, for a second: part of the services of a process, shared by its requests.

    A page is read far more often than changed, and a session freezes its price when it is opened.
    """

    _pages: dict[tuple[str, str], tuple[datetime, _Found]] = field(default_factory=dict, repr=False)

    def find(self, address: tuple[str, str], now: datetime) -> _Found | None:
        """The page at this address and its store, unless they are unknown or too old."""
        kept = self._pages.get(address)
        return kept[1] if kept and now - kept[0] < _TTL else None

    def keep(self, address: tuple[str, str], found: _Found, now: datetime) -> None:
        """Keep a page and its store, as read at `now`. A full cache is emptied."""
        if len(self._pages) >= _MAX_PAGES:
            self._pages.clear()
        self._pages[address] = (now, found)


@refuses(stores.NoSuchStore, catalog.NoSuchPage)
async def find_page(services: Services, store_slug: str, page_slug: str) -> tuple[stores.Store, catalog.Page]:
    """The published page at this address, and its store, as of a second ago at most."""
    if not SLUG.fullmatch(store_slug):
        raise stores.NoSuchStore
    if not SLUG.fullmatch(page_slug):
        raise catalog.NoSuchPage
    cache, now, address = services.get(PageCache), services.now(), (store_slug, page_slug)
    found = cache.find(address, now)
    if found is None:
        store = await stores.get_by_slug(services.db, store_slug)
        found = store, await catalog.get_published(services.db, store.number, page_slug)
        cache.keep(address, found, now)
    return found
