"""Transactions: what is only written goes together, all or nothing, and whoever was overtaken decides anew."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkie.db import Database, UnitOfWork, WriteConflict, retry_on_conflict
from checkie.db.statements import OVERTAKEN
from tests import make
from tests.make import START

ADD = "insert into outbox.inbox (store, consumer, message, at) values ($1, 'test', $2, $3)"
ADD_NEW = f"{ADD} on conflict do nothing"
DROP = "delete from outbox.inbox where store = $1 and message = $2"
LOOK = "select message from outbox.inbox where store = $1 and message = $2"
ALL = "select array_agg(message order by message) from outbox.inbox where store = $1"


@pytest.fixture
async def store(db: Database) -> int:
    return (await make.store(db)).number


async def messages(db: Database, store: int) -> list[str]:
    return await db.fetchval(ALL, store) or []


def overtaken() -> float:
    """How often somebody was quicker, as the metric tells it."""
    (metric,) = OVERTAKEN.collect()
    return metric.samples[0].value


class TestWrites:
    async def test_go_in_one_statement_that_is_a_transaction_by_itself(self, db: Database, store: int) -> None:
        await db.execute(ADD, store, "old", START)
        before = make.statements()
        async with db.transaction() as unit:
            unit.write(ADD, store, "new", START)
            unit.write(DROP, store, "old", rows=1)
            unit.write(ADD_NEW, store, "newer", START, rows=1)
        assert make.statements() == before + 1
        assert await messages(db, store) == ["new", "newer"]

    async def test_take_effect_all_or_none(self, db: Database, store: int) -> None:
        async def add_both() -> None:
            async with db.transaction() as unit:
                unit.write(ADD_NEW, store, "new", START)
                unit.write(ADD, store, "old", START)

        await db.execute(ADD, store, "old", START)
        with pytest.raises(asyncpg.UniqueViolationError):
            await add_both()
        assert await messages(db, store) == ["old"]

    @pytest.mark.parametrize("begins_first", [False, True])
    async def test_that_do_not_find_their_rows_undo_everything(
        self, db: Database, store: int, *, begins_first: bool
    ) -> None:
        async def miss() -> None:
            async with db.transaction() as unit:
                if begins_first:
                    await unit.execute(ADD, store, "first", START)
                unit.write(ADD, store, "new", START)
                unit.write(DROP, store, "not there", rows=1)

        with pytest.raises(WriteConflict):
            await miss()
        assert await messages(db, store) == []

    async def test_stay_in_the_order_of_the_transaction(self, db: Database, store: int) -> None:
        async with db.transaction() as unit:
            unit.write(ADD, store, "one", START)
            assert await unit.fetchval(LOOK, store, "one") == "one"
            unit.write(DROP, store, "one", rows=1)
            assert await unit.fetchval(LOOK, store, "one") is None
            unit.write(ADD, store, "two", START)
        assert await messages(db, store) == ["two"]

    async def test_that_are_the_same_may_touch_one_row_after_another(self, db: Database, store: int) -> None:
        async with db.transaction() as unit:
            for _ in range(3):
                unit.write(ADD_NEW, store, "one", START)
        assert await messages(db, store) == ["one"]

    async def test_of_a_block_that_raises_are_never_sent(self, db: Database, store: int) -> None:
        async def crash() -> None:
            async with db.transaction() as unit:
                unit.write(ADD, store, "one", START)
                raise ConnectionError

        before = make.statements()
        with pytest.raises(ConnectionError):
            await crash()
        assert make.statements() == before
        assert await messages(db, store) == []


class TestPeek:
    async def test_begins_no_transaction(self, db: Database, store: int) -> None:
        before = make.statements()
        async with db.transaction() as unit:
            assert await unit.read(LOOK, store, "one") is None
            unit.write(ADD, store, "one", START)
        assert make.statements() == before + 2

    async def test_sees_what_an_open_transaction_has_done(self, db: Database, store: int) -> None:
        async with db.transaction() as unit:
            await unit.execute(ADD, store, "one", START)
            assert await unit.read(LOOK, store, "one") is not None
            assert await db.read(LOOK, store, "one") is None


class TestOvertaken:
    async def test_is_whoever_read_before_another_wrote(self, db: Database, store: int) -> None:
        """Twenty read that it is there, and each wants to be the one that takes it away."""
        await db.execute(ADD, store, "one", START)
        together = asyncio.Barrier(20)

        async def take() -> bool:
            async with db.transaction() as unit:
                if await unit.read(LOOK, store, "one") is None:
                    return False
                await together.wait()
                unit.write(DROP, store, "one", rows=1)
                return True

        wide = Database(db.url, size=20)
        async with wide:
            ends = await asyncio.gather(*(take() for _ in range(20)), return_exceptions=True)
        assert ends.count(True) == 1
        assert sum(isinstance(end, WriteConflict) for end in ends) == 19

    async def test_is_the_victim_of_a_deadlock(self, db: Database, store: int) -> None:
        for message in ("one", "two"):
            await db.execute(ADD, store, message, START)
        together = asyncio.Barrier(2)

        async def drop(first: str, second: str) -> None:
            async with db.transaction() as unit:
                await unit.execute(DROP, store, first)
                await together.wait()
                await unit.execute(DROP, store, second)

        ends = await asyncio.gather(drop("one", "two"), drop("two", "one"), return_exceptions=True)
        assert [type(end) for end in ends if end] == [WriteConflict]
        assert await messages(db, store) == []

    async def test_decides_anew(self, db: Database, store: int) -> None:
        tries = 0

        async def decide() -> str:
            nonlocal tries
            tries += 1
            async with db.transaction() as unit:
                if await unit.read(LOOK, store, "one") is not None:
                    return "there"
                await db.execute(ADD_NEW, store, "one", START)  # somebody else, just now
                unit.write(ADD_NEW, store, "one", START, rows=1)
                return "made"

        before = overtaken()
        assert await retry_on_conflict(decide) == "there"
        assert (tries, overtaken() - before) == (2, 1)

    async def test_is_told_when_it_does_not_end(self, db: Database, store: int) -> None:
        async def decide() -> None:
            async with db.transaction() as unit:
                unit.write(DROP, store, "never there", rows=1)

        with pytest.raises(WriteConflict):
            await retry_on_conflict(decide)


async def test_a_connection_in_doubt_is_closed(db: Database, store: int) -> None:
    """Cancelled while the server works: nobody knows how far it came, so nothing may stay."""

    async def hang(unit: UnitOfWork) -> None:
        await unit.execute(ADD, store, "one", START)
        await unit.fetchval("select pg_sleep(0.5)")

    async def crash() -> None:
        async with db.transaction() as unit:
            await asyncio.wait_for(hang(unit), 0.05)

    with pytest.raises(TimeoutError):
        await crash()
    assert await messages(db, store) == []
    assert await db.fetchval("select 1") == 1
