"""Expired idempotency keys are deleted, in one statement a store."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from checkie.db import Database
from checkie.web.idempotency import KEPT, prune
from tests.make import Clock

_USE = """
insert into web.idempotency_key (store, key, endpoint, request_hash, locked_until, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
"""
KEYS = "select store, endpoint, key from web.idempotency_key where store = any($1) order by 1, 2, 3"


@pytest.fixture(autouse=True)
async def _empty(owner: asyncpg.Connection) -> None:
    await owner.execute("delete from web.idempotency_key")


class Keys:
    """Idempotency keys of some stores, in use from the time of `clock`."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, Clock()

    async def use(self, store: int, key: str, endpoint: str = "e") -> None:
        used_at = self.clock()
        values = (store, key, endpoint, b"0" * 32, used_at, used_at, used_at + KEPT)
        async with self.db.transaction() as unit:
            unit.add(_USE, *values)

    async def left(self, *stores: int) -> list[tuple[int, str, str]]:
        return [tuple(row) for row in await self.db.fetch(KEYS, stores)]


class TestPruning:
    async def test_deletes_what_expired_in_every_store(self, own_db: Database) -> None:
        keys = Keys(own_db)
        for store in (1, 2):
            await keys.use(store, "old")
            await keys.use(store, "old", "another")
        keys.clock.now += timedelta(hours=1)
        for store in (1, 2):
            await keys.use(store, "new")
        keys.clock.now += KEPT - timedelta(hours=1)
        assert await prune(own_db, keys.clock()) == 4
        assert await keys.left(1, 2) == [(1, "e", "new"), (2, "e", "new")]

    async def test_deletes_what_expired_first_up_to_its_limit(self, own_db: Database) -> None:
        keys = Keys(own_db)
        await keys.use(3, "old")
        keys.clock.now -= timedelta(hours=1)
        await keys.use(4, "older")
        keys.clock.now += KEPT + timedelta(days=1)
        assert await prune(own_db, keys.clock(), limit=1) == 1
        assert await keys.left(3, 4) == [(3, "e", "old")]

    async def test_leaves_what_has_not_expired(self, own_db: Database) -> None:
        keys = Keys(own_db)
        await keys.use(5, "k")
        keys.clock.now += KEPT - timedelta(milliseconds=1)
        assert await prune(own_db, keys.clock()) == 0
        assert await keys.left(5) == [(5, "e", "k")]
