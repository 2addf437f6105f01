"""What a sale needs: stores, pages, customers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from checkie import catalog, customers, stores
from checkie.catalog import NewPage, NoSuchPage, PageSlugTaken
from checkie.db import Database, retry_on_conflict
from checkie.kernel import Money
from checkie.kernel.ids import CustomerId
from checkie.stores import RESERVED_SLUGS, NoSuchStore, ProviderNotAllowed, SlugReserved, SlugTaken, StoreMode
from tests import make
from tests.fakes import FakeProvider
from tests.make import PRICE, START


class TestAStore:
    async def test_is_found_by_number_and_by_slug(self, db: Database) -> None:
        made = await make.store(db, fee_bps=100, currency="EUR")
        assert await stores.get(db, made.number) == await stores.get_by_slug(db, made.slug) == made
        assert made.id.store == made.number

    async def test_that_does_not_exist_is_refused_or_none(self, db: Database) -> None:
        assert await stores.find_by_slug(db, "no-such-shop") is None
        for look in (stores.get(db, 2**31 - 1), stores.get_by_slug(db, "no-such-shop")):
            with pytest.raises(NoSuchStore):
                await look

    async def test_has_a_slug_of_its_own(self, db: Database) -> None:
        made = await make.store(db)

        async def again() -> None:
            async with db.transaction() as unit:
                await stores.create(unit, make.new_store(slug=made.slug), START)

        with pytest.raises(SlugTaken):
            await again()

    @pytest.mark.parametrize("fee_bps", [-1, 10_001])
    async def test_has_a_fee_from_0_to_100_percent(self, db: Database, fee_bps: int) -> None:
        with pytest.raises(asyncpg.CheckViolationError, match="fee_within_whole"):
            await make.store(db, fee_bps=fee_bps)


class TestALiveStore:
    async def test_has_a_test_twin_with_its_settings(self, db: Database) -> None:
        live = await make.store(db, mode=StoreMode.LIVE, fee_bps=100, currency="EUR", support_email="a@b.example")
        twin = await stores.get_by_slug(db, f"{live.slug}-test")
        assert (live.mode, live.livemode, live.twin) == (StoreMode.LIVE, True, twin.number)
        assert (twin.mode, twin.livemode, twin.twin) == (StoreMode.TEST, False, live.number)
        own: dict[str, Any] = {
            "number": live.number,
            "id": live.id,
            "slug": live.slug,
            "mode": live.mode,
            "twin": live.twin,
        }
        assert replace(twin, **own) == live
        assert twin.id.store == twin.number

    async def test_is_created_with_its_twin_or_not_at_all(self, db: Database) -> None:
        new = make.new_store(mode=StoreMode.LIVE)
        await make.store(db, slug=f"{new.slug}-test")
        with pytest.raises(SlugTaken):
            await make.store(db, slug=new.slug, mode=StoreMode.LIVE)
        assert await stores.find_by_slug(db, new.slug) is None

    async def test_cannot_have_the_slug_of_a_twin(self, db: Database) -> None:
        with pytest.raises(SlugReserved) as refused:
            await make.store(db, slug="speed-test", mode=StoreMode.LIVE)
        assert (refused.value.code, refused.value.param) == ("store_slug_reserved", "slug")

    @pytest.mark.parametrize("slug", RESERVED_SLUGS)
    @pytest.mark.parametrize("mode", StoreMode)
    async def test_cannot_have_a_slug_that_other_paths_begin_with(
        self, db: Database, slug: str, mode: StoreMode
    ) -> None:
        with pytest.raises(SlugReserved) as refused:
            await make.store(db, slug=slug, mode=mode)
        assert (refused.value.code, refused.value.param) == ("store_slug_reserved", "slug")

    async def test_may_have_the_longest_slug(self, db: Database) -> None:
        slug = make.new_store().slug.ljust(63, "x")
        assert (await make.store(db, slug=slug, mode=StoreMode.LIVE)).slug == slug

    async def test_without_a_twin_cannot_be_written(self, db: Database) -> None:
        store = await make.store(db)
        with pytest.raises(asyncpg.CheckViolationError, match="live_store_has_twin"):
            await db.execute("update stores.store set mode = 'live' where number = $1", store.number)


class TestTheSimulator:
    async def test_sells_in_a_test_store(self, db: Database) -> None:
        live = await make.store(db, mode=StoreMode.LIVE)
        assert live.twin is not None
        assert (await make.page(db, live.twin, provider="simulator")).provider == "simulator"

    async def test_cannot_be_the_provider_of_a_page_in_a_live_store(self, db: Database) -> None:
        live = await make.store(db, mode=StoreMode.LIVE)
        with pytest.raises(ProviderNotAllowed) as refused:
            await make.page(db, live.number, provider="simulator")
        assert (refused.value.code, refused.value.param) == ("provider_not_allowed_in_live_store", "provider")

    async def test_opens_no_session_in_a_live_store(self, db: Database) -> None:
        live = await make.store(db, mode=StoreMode.LIVE)
        page = replace(await make.page(db, live.number), provider="simulator")
        with pytest.raises(ProviderNotAllowed):
            await make.Merchant(db, live, page).open()

    async def test_takes_no_payment_in_a_live_store(self, db: Database) -> None:
        """Even for a session that should not exist."""
        live = await make.store(db, mode=StoreMode.LIVE)
        merchant = make.Merchant(db, live, await make.page(db, live.number), FakeProvider(name="simulator"))
        opened = await merchant.open()
        await db.execute("update checkout.session set provider = 'simulator' where store = $1", live.number)
        for _ in range(2):
            with pytest.raises(ProviderNotAllowed):
                await merchant.pay(opened)
        assert await merchant.attempts(opened) == []


class TestAPage:
    async def test_is_read_as_it_was_made(self, db: Database) -> None:
        store = await make.store(db)
        made = await make.page(db, store.number, description="Long", picture_url="/p.png", quantity_max=3)
        assert await catalog.get_page(db, made.id) == await catalog.get_published(db, store.number, made.slug) == made

    async def test_has_a_slug_of_its_own_in_its_store(self, db: Database) -> None:
        one, other = await make.store(db), await make.store(db)
        for store in (one, other):
            await make.page(db, store.number, slug="tea")
        with pytest.raises(PageSlugTaken):
            await make.page(db, one.number, slug="tea")

    async def test_of_another_store_is_not_shown(self, db: Database) -> None:
        one, other = await make.store(db), await make.store(db)
        made = await make.page(db, one.number)
        with pytest.raises(NoSuchPage):
            await catalog.get_published(db, other.number, made.slug)

    @pytest.mark.parametrize("status", ["DRAFT", "ARCHIVED"])
    async def test_that_is_not_published_is_not_shown(self, db: Database, status: str) -> None:
        store = await make.store(db)
        made = await make.page(db, store.number)
        await db.execute("update catalog.page set status = $2 where store = $1", store.number, status)
        with pytest.raises(NoSuchPage):
            await catalog.get_published(db, store.number, made.slug)
        assert (await catalog.get_page(db, made.id)).status == status

    @pytest.mark.parametrize(
        "facts",
        [
            {"price": Money(0, "USD")},
            {"min": Money(2600, "USD")},
            {"max": Money(2598, "USD")},
            {"price": Money(10**14, "USD"), "quantity_max": 11},
            {"min": Money(100, "EUR")},
            {"max": Money(5000, "EUR")},
        ],
        ids=str,
    )
    async def test_has_valid_prices(self, db: Database, facts: dict[str, object]) -> None:
        store = await make.store(db)
        with pytest.raises(ValueError, match="price"):
            await make.page(db, store.number, **facts)

    @pytest.mark.parametrize("expires_s", [299, 2_592_001])
    async def test_lets_a_session_live_from_five_minutes_to_thirty_days(self, db: Database, expires_s: int) -> None:
        store = await make.store(db)
        with pytest.raises(asyncpg.CheckViolationError, match="page_expiry_within"):
            await make.page(db, store.number, session_expires_s=expires_s)

    async def test_belongs_to_a_store_that_exists(self, db: Database) -> None:
        new = NewPage(slug="tea", title="Tea", price=PRICE, provider="fake")

        async def create() -> None:
            async with db.transaction() as unit:
                await catalog.create_page(unit, 2**31 - 1, new, START)

        with pytest.raises(NoSuchStore):
            await create()


class TestACustomer:
    async def ensure(self, db: Database, store: int, email: str) -> CustomerId:
        @retry_on_conflict()
        async def once() -> CustomerId:
            async with db.transaction() as unit:
                return await customers.ensure(unit, store, email, START)

        return await once()

    async def test_is_one_for_an_email_address_in_any_case(self, db: Database) -> None:
        store = (await make.store(db)).number
        found = {await self.ensure(db, store, email) for email in ("a@b.example", "A@B.Example", "a@B.example")}
        assert len(found) == 1

    async def test_is_created_and_published_once_by_concurrent_calls(self, db: Database) -> None:
        store = (await make.store(db)).number
        found = await asyncio.gather(*(self.ensure(db, store, "a@b.example") for _ in range(20)))
        assert len(set(found)) == 1
        sql = "select array_agg(name) from outbox.event where store = $1"
        assert await db.fetchval(sql, store) == ["customer.created"]

    async def test_belongs_to_one_store(self, db: Database) -> None:
        one, other = (await make.store(db)).number, (await make.store(db)).number
        assert await self.ensure(db, one, "a@b.example") != await self.ensure(db, other, "a@b.example")
