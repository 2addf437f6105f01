"""Read pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import asyncpg

from checkie.catalog.model import NoSuchPage, Page, PageStatus, Pricing
from checkie.db import Database, UnitOfWork
from checkie.kernel import Money
from checkie.kernel.ids import PageId

_COLUMNS: Final = """store, id, slug, title, description, picture_url, status, pricing, currency,
  price_minor, min_minor, max_minor, quantity_max, provider, session_expires_s, session_abandoned_s, success_url"""
_PUBLISHED: Final = f"select {_COLUMNS} from catalog.page where store = $1 and slug = $2 and status = 'PUBLISHED'"
_BY_ID: Final = f"select {_COLUMNS} from catalog.page where store = $1 and id = $2"
_BY_IDS: Final = f"select {_COLUMNS} from catalog.page where store = $1 and id = any($2)"


async def get_published(db: Database | UnitOfWork, store: int, slug: str) -> Page:
    """The published page at this address. Refuses with NoSuchPage."""
    return _page(await db.fetchrow(_PUBLISHED, store, slug))


async def get_page(db: Database | UnitOfWork, page: PageId) -> Page:
    """The page, in any status. Refuses with NoSuchPage."""
    return _page(await db.fetchrow(_BY_ID, page.store, page.uuid))


async def list_by_ids(db: Database | UnitOfWork, store: int, ids: Collection[PageId]) -> Mapping[PageId, Page]:
    """Those pages of the store, whatever their status, by id; unknown ids are left out."""
    pages = [_page(record) for record in await db.read_all(_BY_IDS, store, [one.uuid for one in ids])]
    return {page.id: page for page in pages}


def _page(row: asyncpg.Record | None) -> Page:
    if row is None:
        raise NoSuchPage
    return Page(
        store=row["store"],
        id=PageId.of(row["id"]),
        slug=row["slug"],
        title=row["title"],
        description=row["description"],
        picture_url=row["picture_url"],
        status=PageStatus(row["status"]),
        pricing=Pricing(row["pricing"]),
        price=Money(row["price_minor"], row["currency"]),
        min=Money(row["min_minor"], row["currency"]),
        max=Money(row["max_minor"], row["currency"]),
        quantity_max=row["quantity_max"],
        provider=row["provider"],
        session_expires_s=row["session_expires_s"],
        session_abandoned_s=row["session_abandoned_s"],
        success_url=row["success_url"],
    )
