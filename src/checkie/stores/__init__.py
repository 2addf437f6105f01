"""Stores: the tenants. Every other table that belongs to a merchant is keyed by a store's number.

Owns schema `stores` (global: it refers to no tenant table). Publishes nothing yet.
Invariants: a slug names one store; a live store has a test twin, and each knows the other; a store keeps its mode;
the fee lies between nothing and everything.
"""

from checkie.stores.create import NewStore, create
from checkie.stores.model import (
    CONSTRAINTS,
    RESERVED_SLUGS,
    NoSuchStore,
    ProviderNotAllowed,
    SlugReserved,
    SlugTaken,
    Store,
    StoreMode,
)
from checkie.stores.queries import check_provider, find_by_slug, get, get_by_slug

__all__ = [
    "CONSTRAINTS",
    "RESERVED_SLUGS",
    "NewStore",
    "NoSuchStore",
    "ProviderNotAllowed",
    "SlugReserved",
    "SlugTaken",
    "Store",
    "StoreMode",
    "check_provider",
    "create",
    "find_by_slug",
    "get",
    "get_by_slug",
]
