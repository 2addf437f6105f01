"""The inbox: old messages are deleted, in one statement a store."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import asyncpg
import pytest

from checkie.db import Database
from checkie.outbox import is_recorded
from checkie.outbox.inbox import KEPT, prune_inbox, record_new
from tests.make import START

CONSUMER: Final = "inbox-test"
LATER: Final = START + KEPT + timedelta(days=1)


@pytest.fixture(autouse=True)
async def _empty(owner: asyncpg.Connection) -> None:
    await owner.execute("delete from outbox.inbox")


async def record(db: Database, store: int, *messages: str, consumer: str = CONSUMER, days: int = 0) -> None:
    async with db.transaction() as unit:
        await record_new(unit, store, consumer, messages, START + timedelta(days=days))


async def recorded(db: Database, store: int, *messages: str) -> list[str]:
    return [message for message in messages if await is_recorded(db, store, CONSUMER, message)]


class TestPruning:
    async def test_deletes_what_is_old_in_every_store(self, own_db: Database) -> None:
        for store in (1, 2):
            await record(own_db, store, "a", "b")
            await record(own_db, store, "a", consumer="another")
            await record(own_db, store, "new", days=2)
        assert await prune_inbox(own_db, LATER) == 6
        assert [await recorded(own_db, store, "a", "b", "new") for store in (1, 2)] == [["new"], ["new"]]

    async def test_deletes_the_oldest_first_up_to_its_limit(self, own_db: Database) -> None:
        await record(own_db, 3, "old", "older")
        await record(own_db, 4, "oldest", days=-1)
        assert await prune_inbox(own_db, LATER, limit=1) == 1
        assert await recorded(own_db, 4, "oldest") == []
        assert await recorded(own_db, 3, "old", "older") == ["old", "older"]
        assert await prune_inbox(own_db, LATER) == 2

    async def test_finds_nothing_to_do_when_all_is_new(self, own_db: Database) -> None:
        await record(own_db, 5, "new")
        assert await prune_inbox(own_db, START + KEPT) == 0
