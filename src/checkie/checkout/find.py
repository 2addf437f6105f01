"""Find the page at an address."""

from __future__ import annotations

import re
from typing import Final

from checkie import catalog, stores
from checkie.web import Runtime

SLUG: Final = re.compile(r"[a-z0-9-]{1,63}")


async def find_page(runtime: Runtime, store_slug: str, page_slug: str) -> tuple[stores.Store, catalog.Page]:
    """The published page at this address, and its store. Refuses with NoSuchStore or NoSuchPage.

    A page is cached for a second: it is read far more often than changed, and a session freezes its price.
    """
    if not SLUG.fullmatch(store_slug):
        raise stores.NoSuchStore
    if not SLUG.fullmatch(page_slug):
        raise catalog.NoSuchPage
    now, address = runtime.now(), (store_slug, page_slug)
    found: tuple[stores.Store, catalog.Page] | None = runtime.recent.find(address, now)
    if found is None:
        store = await stores.get_by_slug(runtime.db, store_slug)
        found = store, await catalog.get_published(runtime.db, store.number, page_slug)
        runtime.recent.keep(address, found, now)
    return found
