"""Find the page at an address."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

from checkie import catalog, stores
from checkie.kernel import Cache, refuses
from checkie.web import Services

SLUG: Final = re.compile(r"[a-z0-9-]{1,63}")
_TTL: Final = timedelta(seconds=1)
_Found: TypeAlias = tuple[stores.Store, catalog.Page]


@dataclass(frozen=True, slots=True)
class PageCache:
    """Published pages by address, for a second: part of the services of a process, shared by its requests.

    A page that sells well is read often and changed rarely, and the price of a session is frozen when it is opened.
    """

    pages: Cache[tuple[str, str], _Found] = field(default_factory=lambda: Cache(_TTL))


@refuses(stores.NoSuchStore, catalog.NoSuchPage)
async def find_page(services: Services, store_slug: str, page_slug: str) -> tuple[stores.Store, catalog.Page]:
    """The published page at this address, and its store, as of a second ago at most."""
    if not SLUG.fullmatch(store_slug):
        raise stores.NoSuchStore
    if not SLUG.fullmatch(page_slug):
        raise catalog.NoSuchPage
    cache, now, address = services.get(PageCache).pages, services.now(), (store_slug, page_slug)
    found = cache.find(address, now)
    if found is None:
        store = await stores.get_by_slug(services.db, store_slug)
        found = store, await catalog.get_published(services.db, store.number, page_slug)
        cache.keep(address, found, now)
    return found
