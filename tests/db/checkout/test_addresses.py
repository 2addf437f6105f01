"""A session's page is in its own store, and says whether that store takes real money."""

from __future__ import annotations

import pytest

from checkie import checkout
from checkie.db import Database
from checkie.storefront import ProviderPage, pages
from checkie.storefront.resume import Address, StorePage, resume
from checkie.stores import StoreMode
from checkie.ui import Reader
from tests import make

FAKE = ProviderPage("fake", "https://provider.example/fields.js", "pk_fake")


async def test_a_session_is_not_found_at_a_page_of_another_store_with_the_same_slug(db: Database) -> None:
    mine, other = await make.merchant(db, slug="same"), await make.merchant(db, slug="same")
    opened = await mine.open()
    services = make.services(db, mine.clock)
    held = await resume(services, Address(mine.store.slug, "same", opened.session.id), opened.client_secret)
    assert held.session.id == opened.session.id
    with pytest.raises(checkout.NoSuchSession):
        await resume(services, Address(other.store.slug, "same", opened.session.id), opened.client_secret)


@pytest.mark.parametrize(("mode", "is_shown"), [(StoreMode.TEST, True), (StoreMode.LIVE, False)])
async def test_a_page_shows_test_mode_by_the_mode_of_its_store(db: Database, mode: StoreMode, is_shown: bool) -> None:
    store = await make.store(db, mode=mode)
    document = pages.new_page(StorePage(store, await make.page(db, store.number)), Reader("en", "en"), FAKE)
    assert (b"Test mode" in document.fill([b"", b""])) is is_shown
