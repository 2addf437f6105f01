"""The page at an address: found, refused, and cached for a second."""

from __future__ import annotations

import pytest

from checkie import catalog, checkout, stores
from checkie.db import Database
from tests import make


async def test_a_page_is_cached_for_a_second(db: Database) -> None:
    merchant = await make.merchant(db)
    services = make.services(db, merchant.clock, parts=[checkout.PageCache()])
    address = merchant.store.slug, merchant.page.slug
    assert await checkout.find_page(services, *address) == (merchant.store, merchant.page)
    before = make.statements()
    assert await checkout.find_page(services, *address) == (merchant.store, merchant.page)
    assert make.statements() == before
    merchant.clock.tick(seconds=1)
    await checkout.find_page(services, *address)
    assert make.statements() > before


async def test_each_process_has_a_cache_of_its_own(db: Database) -> None:
    merchant = await make.merchant(db)
    address = merchant.store.slug, merchant.page.slug
    await checkout.find_page(make.services(db, parts=[checkout.PageCache()]), *address)
    before = make.statements()
    await checkout.find_page(make.services(db, parts=[checkout.PageCache()]), *address)
    assert make.statements() > before


@pytest.mark.parametrize("slug", ["no-such", "", "UPPER", "a\0b", "\ud800", "a" * 64])
async def test_an_address_without_a_page_is_refused(db: Database, slug: str) -> None:
    merchant = await make.merchant(db)
    services = make.services(db, parts=[checkout.PageCache()])
    with pytest.raises(stores.NoSuchStore):
        await checkout.find_page(services, slug, merchant.page.slug)
    with pytest.raises(catalog.NoSuchPage):
        await checkout.find_page(services, merchant.store.slug, slug)
