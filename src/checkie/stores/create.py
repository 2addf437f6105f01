"""Make a store."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from checkie.db import UnitOfWork
from checkie.kernel.ids import StoreId
from checkie.stores.model import Store

DEFAULT_FEE_BPS: Final = 290
_NUMBER: Final = "select nextval(pg_get_serial_sequence('stores.store', 'number'))::int"
_INSERT: Final = """
insert into stores.store (number, id, slug, name, currency, locale, fee_bps, support_email, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def create(
    unit: UnitOfWork, *, slug: str, name: str, currency: str, now: datetime, fee_bps: int = DEFAULT_FEE_BPS
) -> Store:
    """A new store. Refuses a slug that another store has (SlugTaken)."""
    number: int = await unit.fetchval(_NUMBER)
    store = Store(number, StoreId.new(number, now), slug, name, currency, "en", fee_bps, None)
    unit.add(_INSERT, number, store.id.uuid, slug, name, currency, "en", fee_bps, None, now)
    return store
