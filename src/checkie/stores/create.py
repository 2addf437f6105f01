"""Make a store."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import asyncpg

from checkie.db import Tx
from checkie.stores.model import SlugTaken, Store, StoreId

DEFAULT_FEE_BPS: Final = 290
_NUMBER: Final = "select nextval(pg_get_serial_sequence('stores.store', 'number'))::int"
_INSERT: Final = """
insert into stores.store (number, id, slug, name, currency, locale, fee_bps, support_email, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def create(
    tx: Tx, *, slug: str, name: str, currency: str, now: datetime, fee_bps: int = DEFAULT_FEE_BPS
) -> Store:
    """A new store. Refuses a slug that another store has (SlugTaken)."""
    number: int = await tx.fetchval(_NUMBER)
    store = Store(number, StoreId.new(number, now), slug, name, currency, "en", fee_bps, None)
    try:
        await tx.execute(_INSERT, number, store.id.uuid, slug, name, currency, "en", fee_bps, None, now)
    except asyncpg.UniqueViolationError:
        raise SlugTaken(param="slug") from None
    return store
