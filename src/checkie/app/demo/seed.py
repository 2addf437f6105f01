"""The demo store: its pages and the webhook endpoint of the local listener."""

from __future__ import annotations

from dataclasses import dataclass

from checkie import catalog, stores, webhooks
from checkie.db import UnitOfWork
from checkie.kernel import Money
from checkie.web import Services

SLUG = "demo"
PAGE = "field-notes"


@dataclass(frozen=True, slots=True)
class DemoStore:
    """The demo store and its first page."""

    store: stores.Store
    page: catalog.Page


async def ensure_store(services: Services, webhook_url: str, webhook_secret: str, picture_url: str | None) -> DemoStore:
    """The demo store, created if it does not exist. A new webhook URL (another port) gets an endpoint of its own."""
    now = services.now()
    async with services.db.transaction() as unit:
        store = await stores.find_by_slug(unit, SLUG)
        if store is None:
            new = stores.NewStore(slug=SLUG, name="Demo store", currency="USD", mode=stores.StoreMode.TEST)
            store = await stores.create(unit, new, now)
            await _add_pages(unit, store, services, picture_url)
    if await webhooks.find_endpoint(services.db, store.number, webhook_url) is None:
        async with services.db.transaction() as unit:
            await webhooks.create_endpoint(
                unit,
                services.keyring,
                store=store.number,
                now=now,
                url=webhook_url,
                events=["*"],
                secret=webhook_secret,
            )
    return DemoStore(store, await catalog.get_published(services.db, store.number, PAGE))


async def _add_pages(unit: UnitOfWork, store: stores.Store, services: Services, picture_url: str | None) -> None:
    fixed = catalog.NewPage(
        slug=PAGE,
        title="Field Notes: a pocket guide to calm software",
        description="A short, illustrated handbook on building things that last. PDF and EPUB, yours to keep.",
        price=Money(2500, "USD"),
        provider="simulator",
        quantity_max=10,
        picture_url=picture_url,
    )
    open_price = catalog.NewPage(
        slug="support-us",
        title="Support the makers",
        description="Pay what you want. Every amount keeps the workshop open.",
        price=Money(1000, "USD"),
        min=Money(100, "USD"),
        max=Money(50_000, "USD"),
        pricing=catalog.Pricing.PAY_WHAT_YOU_WANT,
        provider="simulator",
        quantity_max=1,
        picture_url=picture_url,
    )
    for page in (fixed, open_price):
        await catalog.create_page(unit, store.number, page, services.now())
