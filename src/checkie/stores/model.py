"""A store and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass

from checkie.kernel import Conflict, Id, NotFound


class StoreId(Id):
    """A store."""

    __slots__ = ()
    prefix = "sto"


class NoSuchStore(NotFound):
    """There is no store with this address."""

    code = "store_not_found"


class SlugTaken(Conflict):
    """Another store has this slug."""

    code = "store_slug_taken"


@dataclass(frozen=True, slots=True)
class Store:
    """A merchant's shop; the tenant. `fee_bps`: the platform's share of a card payment, in hundredths of a percent."""

    number: int
    id: StoreId
    slug: str
    name: str
    currency: str
    locale: str
    fee_bps: int
    support_email: str | None
