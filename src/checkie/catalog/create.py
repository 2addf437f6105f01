"""Create a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from checkie import stores
from checkie.catalog.model import Page, PageStatus, Pricing
from checkie.db import UnitOfWork
from checkie.kernel import Money
from checkie.kernel.ids import PageId

_DAY_S: Final = 86_400
_INSERT: Final = """
insert into catalog.page (store, id, slug, title, description, picture_url, status, pricing, currency,
  price_minor, min_minor, max_minor, quantity_max, provider, session_expires_s, session_abandoned_s, success_url,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPage:
    """A new page's configuration. A fixed price needs `price` alone. Times are in seconds (expiry 300 to 30 days)."""

    slug: str
    title: str
    price: Money
    provider: str
    pricing: Pricing = Pricing.FIXED
    min: Money | None = None
    max: Money | None = None
    description: str = ""
    picture_url: str | None = None
    quantity_max: int = 99
    session_expires_s: int = _DAY_S
    session_abandoned_s: int = _DAY_S // 4
    success_url: str | None = None


async def create_page(unit: UnitOfWork, store: int, new: NewPage, now: datetime) -> Page:
    """A new, published page. Refuses a slug that another page of the store has (PageSlugTaken).

    Refuses the simulator in a live store (`stores.ProviderNotAllowed`), and with `stores.NoSuchStore`.
    """
    (await stores.get(unit, store)).check_provider(new.provider)
    page = Page(
        store=store,
        id=PageId.new(store, now),
        slug=new.slug,
        title=new.title,
        description=new.description,
        picture_url=new.picture_url,
        status=PageStatus.PUBLISHED,
        pricing=new.pricing,
        price=new.price,
        min=new.min or new.price,
        max=new.max or new.price,
        quantity_max=new.quantity_max,
        provider=new.provider,
        session_expires_s=new.session_expires_s,
        session_abandoned_s=new.session_abandoned_s,
        success_url=new.success_url,
    )
    unit.add(_INSERT, *_values(page), now)
    return page


def _values(page: Page) -> tuple[object, ...]:
    return (
        page.store,
        page.id.uuid,
        page.slug,
        page.title,
        page.description,
        page.picture_url,
        page.status,
        page.pricing,
        page.price.currency,
        page.price.minor,
        page.min.minor,
        page.max.minor,
        page.quantity_max,
        page.provider,
        page.session_expires_s,
        page.session_abandoned_s,
        page.success_url,
    )
