"""The longest slugs that a store may have."""

from __future__ import annotations

from checkie import checkout
from checkie.db import Database
from checkie.storefront.resume import Address, resume
from checkie.stores import StoreMode, get
from checkie.web import Visitor
from tests import make


async def test_the_pages_of_a_test_twin_are_found_however_long_its_slug_is(db: Database) -> None:
    live = await make.store(db, slug=f"{make.new_store().slug}-".ljust(63, "x"), mode=StoreMode.LIVE)
    twin = await get(db, live.twin or 0)
    page = await make.page(db, twin.number)
    services = make.services(db, parts=[checkout.PageCache()])
    assert await checkout.find_page(services, twin.slug, page.slug) == (twin, page)
    opened = await checkout.open_session(db, twin, page, Visitor(), public_url=services.public_url, now=services.now())
    held = await resume(services, Address(twin.slug, page.slug, opened.session.id), opened.client_secret)
    assert held.store_page.store == twin
