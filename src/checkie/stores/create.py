"""Create a store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from checkie.db import UnitOfWork
from checkie.kernel.ids import StoreId
from checkie.stores.model import RESERVED_SLUGS, TWIN_SUFFIX, SlugReserved, Store, StoreMode

DEFAULT_FEE_BPS: Final = 290
_NUMBER: Final = "select nextval(pg_get_serial_sequence('stores.store', 'number'))::int"
_INSERT: Final = """
insert into stores.store (number, id, mode, twin, slug, name, currency, locale, fee_bps, support_email, created_at)
select number, id, mode, twin, slug, $6, $7, $8, $9, $10, $11
from unnest($1::int[], $2::uuid[], $3::text[], $4::int[], $5::text[]) as s (number, id, mode, twin, slug)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStore:
    """The settings of a new store. `fee_bps`: the fee in hundredths of a percent."""

    slug: str
    name: str
    currency: str
    mode: StoreMode
    locale: str = "en"
    fee_bps: int = DEFAULT_FEE_BPS
    support_email: str | None = None


async def create(unit: UnitOfWork, new: NewStore, now: datetime) -> Store:
    """A new store. A live one is created together with its test twin, whose slug is `{slug}-test`.

    Refuses a slug that is in use, for the store or its twin (SlugTaken), a live store's slug that ends in `-test`, and
    one that is the first part of another path (SlugReserved).
    """
    if new.slug in RESERVED_SLUGS:
        raise SlugReserved(param="slug")
    store = await _store(unit, new, now)
    if new.mode is StoreMode.TEST:
        _insert(unit, [store], now)
        return store
    if new.slug.endswith(TWIN_SUFFIX):
        raise SlugReserved(param="slug")
    twin = await _store(unit, replace(new, mode=StoreMode.TEST, slug=new.slug + TWIN_SUFFIX), now)
    store = replace(store, twin=twin.number)
    _insert(unit, [store, replace(twin, twin=store.number)], now)
    return store


async def _store(unit: UnitOfWork, new: NewStore, now: datetime) -> Store:
    number: int = await unit.fetchval(_NUMBER)
    return Store(
        number=number,
        id=StoreId.new(number, now),
        mode=new.mode,
        twin=None,
        slug=new.slug,
        name=new.name,
        currency=new.currency,
        locale=new.locale,
        fee_bps=new.fee_bps,
        support_email=new.support_email,
    )


def _insert(unit: UnitOfWork, stores: list[Store], now: datetime) -> None:
    settings = stores[0]
    unit.add(
        _INSERT,
        [store.number for store in stores],
        [store.id.uuid for store in stores],
        [store.mode for store in stores],
        [store.twin for store in stores],
        [store.slug for store in stores],
        settings.name,
        settings.currency,
        settings.locale,
        settings.fee_bps,
        settings.support_email,
        now,
        expect=None,
    )
