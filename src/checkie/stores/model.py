"""A store and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from checkie.kernel import Conflict, NotFound
from checkie.kernel.ids import StoreId


class NoSuchStore(NotFound):
    """No store has this address."""

    code = "store_not_found"


class SlugTaken(Conflict):
    """Another store has this slug."""

    code = "store_slug_taken"


CONSTRAINTS: Final = {"store_slug_taken": partial(SlugTaken, param="slug")}
"""The refusal of each constraint that a caller can violate."""


@dataclass(frozen=True, slots=True)
class Store:
    """A merchant's store: the tenant. `fee_bps`: the platform's share of a card payment, in hundredths of a percent."""

    number: int
    id: StoreId
    slug: str
    name: str
    currency: str
    locale: str
    fee_bps: int
    support_email: str | None
