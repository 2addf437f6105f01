"""Stores: the tenants. Every other table that belongs to a merchant is keyed by a store's number.

Owns schema `stores` (global: it refers to no tenant table). Publishes nothing yet.
Invariants: a slug names one store; the fee lies between nothing and everything.
"""

from checkie.stores.create import create
from checkie.stores.model import CONSTRAINTS, NoSuchStore, SlugTaken, Store
from checkie.stores.queries import find_by_slug, get, get_by_slug

__all__ = ["CONSTRAINTS", "NoSuchStore", "SlugTaken", "Store", "create", "find_by_slug", "get", "get_by_slug"]
