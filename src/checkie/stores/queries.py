"""Read stores."""

from __future__ import annotations

from typing import Final

import asyncpg

from checkie.db import Database, UnitOfWork, row
from checkie.stores.model import TEST_PROVIDERS, NoSuchStore, ProviderNotAllowed, Store, StoreMode

_COLUMNS: Final = "number, id, mode, twin, slug, name, currency, locale, fee_bps, support_email"
_BY_SLUG: Final = f"select {_COLUMNS} from stores.store where slug = $1"
_BY_NUMBER: Final = f"select {_COLUMNS} from stores.store where number = $1"
_MODE: Final = "select mode from stores.store where number = $1"
_MAX_CACHED: Final = 100_000


async def find_by_slug(db: Database | UnitOfWork, slug: str) -> Store | None:
    """The store with this slug, if there is one."""
    return _store(await db.fetchrow(_BY_SLUG, slug))


async def get_by_slug(db: Database | UnitOfWork, slug: str) -> Store:
    """The store with this slug. Refuses with NoSuchStore."""
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


async def check_provider(unit: UnitOfWork, number: int, provider: str) -> None:
    """Refuses a provider that moves no money in a live store (ProviderNotAllowed).

    A store never changes its mode, so the mode is read once and kept.
    """
    if provider in TEST_PROVIDERS and await _mode(unit, number) is StoreMode.LIVE:
        raise ProviderNotAllowed(param="provider")


async def _mode(unit: UnitOfWork, number: int) -> StoreMode:
    cache = unit.connections.cache
    mode: StoreMode | None = cache.get((__name__, number))
    if mode is None:
        record = await unit.read(_MODE, number)
        if record is None:
            raise NoSuchStore
        mode = StoreMode(record["mode"])
        if len(cache) >= _MAX_CACHED:
            cache.clear()
        cache[__name__, number] = mode
    return mode


def _store(record: asyncpg.Record | None) -> Store | None:
    return None if record is None else row(Store, record)
