"""Read stores."""

from __future__ import annotations

from typing import Final

import asyncpg

from checkie.db import Database, UnitOfWork
from checkie.kernel.ids import StoreId
from checkie.stores.model import NoSuchStore, Store

_COLUMNS: Final = "number, id, slug, name, currency, locale, fee_bps, support_email"
_BY_SLUG: Final = f"select {_COLUMNS} from stores.store where slug = $1"
_BY_NUMBER: Final = f"select {_COLUMNS} from stores.store where number = $1"


async def find_by_slug(db: Database | UnitOfWork, slug: str) -> Store | None:
    """The store at this address, if there is one."""
    return _store(await db.fetchrow(_BY_SLUG, slug))


async def get_by_slug(db: Database | UnitOfWork, slug: str) -> Store:
    """The store at this address. Refuses with NoSuchStore."""
    store = await find_by_slug(db, slug)
    if store is None:
        raise NoSuchStore
    return store


async def get(db: Database | UnitOfWork, number: int) -> Store:
    """The store with this number. Refuses with NoSuchStore."""
    store = _store(await db.fetchrow(_BY_NUMBER, number))
    if store is None:
        raise NoSuchStore
    return store


def _store(row: asyncpg.Record | None) -> Store | None:
    return None if row is None else Store(**{**dict(row), "id": StoreId.of(row["id"])})
