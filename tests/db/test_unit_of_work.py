"""Units of work: writes are sent together, take effect together, and a conflict undoes them all."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkie.db import Database, UnitOfWork, WriteConflict, retry_on_conflict
from checkie.db.conflicts import CONFLICTS
from tests import make
from tests.make import START

INSERT = "insert into outbox.inbox (store, consumer, message, at) values ($1, 'test', $2, $3)"
INSERT_NEW = f"{INSERT} on conflict do nothing"
DELETE = "delete from outbox.inbox where store = $1 and message = $2"
RENAME = "update customers.customer set email = $3, seq = seq + 1 where store = $1 and email = $2"
LOOK = "select message from outbox.inbox where store = $1 and message = $2"
LOCK = "select email from customers.customer where store = $1 and email = $2 for update"
EMAILS = "select array_agg((email, seq)::text) from customers.customer where store = $1"
ALL = "select array_agg(message order by message) from outbox.inbox where store = $1"
INSERT_CUSTOMER = """
insert into customers.customer (store, id, email, email_key, seq, created_at)
values ($1, gen_random_uuid(), $2, $2, 1, $3)
"""


@pytest.fixture
async def store(db: Database) -> int:
    return (await make.store(db)).number


async def messages(db: Database, store: int) -> list[str]:
    return await db.fetchval(ALL, store) or []


def conflicts() -> float:
    """How many conflicts the metric counts."""
    (metric,) = CONFLICTS.collect()
    return float(metric.samples[0].value)


class TestWrites:
    async def test_to_different_tables_go_in_one_statement(self, db: Database, store: int) -> None:
        before = make.statements()
        async with db.transaction() as unit:
            unit.add(INSERT, store, "new", START)
            unit.add(INSERT_CUSTOMER, store, "a@b.example", START)
        assert make.statements() == before + 1
        assert await messages(db, store) == ["new"]

    async def test_to_one_row_all_take_effect_in_order(self, db: Database, store: int) -> None:
        """Sent as one statement, the second would find the row as it was before the first, and be lost."""
        async with db.transaction() as unit:
            unit.add(INSERT_CUSTOMER, store, "one", START)
            unit.add(RENAME, store, "one", "two")
            unit.add(f"{RENAME} and seq = $4", store, "two", "three", 2)
        assert await db.fetchval(EMAILS, store) == ["(three,3)"]

    async def test_take_effect_all_or_none(self, db: Database, store: int) -> None:
        async def insert_both() -> None:
            async with db.transaction() as unit:
                unit.add(INSERT_NEW, store, "new", START, expect=None)
                unit.add(INSERT, store, "old", START)

        await db.execute(INSERT, store, "old", START)
        with pytest.raises(asyncpg.UniqueViolationError):
            await insert_both()
        assert await messages(db, store) == ["old"]

    @pytest.mark.parametrize("begins_first", [False, True])
    async def test_that_miss_their_rows_undo_everything(self, db: Database, store: int, *, begins_first: bool) -> None:
        async def miss() -> None:
            async with db.transaction() as unit:
                if begins_first:
                    await unit.execute(INSERT, store, "first", START)
                unit.add(INSERT_CUSTOMER, store, "a@b.example", START)
                unit.add(DELETE, store, "not there")

        with pytest.raises(WriteConflict):
            await miss()
        assert await messages(db, store) == []

    async def test_may_expect_any_number_of_rows(self, db: Database, store: int) -> None:
        async with db.transaction() as unit:
            unit.add(DELETE, store, "not there", expect=None)
        assert await messages(db, store) == []

    async def test_are_sent_before_a_statement_whose_answer_is_needed(self, db: Database, store: int) -> None:
        async with db.transaction() as unit:
            unit.add(INSERT, store, "one", START)
            assert await unit.fetchval(LOOK, store, "one") == "one"
            unit.add(DELETE, store, "one")
            assert await unit.fetchval(LOOK, store, "one") is None
            unit.add(INSERT, store, "two", START)
        assert await messages(db, store) == ["two"]

    async def test_of_a_block_that_raises_are_never_sent(self, db: Database, store: int) -> None:
        async def crash() -> None:
            async with db.transaction() as unit:
                unit.add(INSERT, store, "one", START)
                raise ConnectionError

        before = make.statements()
        with pytest.raises(ConnectionError):
            await crash()
        assert make.statements() == before
        assert await messages(db, store) == []

    @pytest.mark.parametrize("sql", ["with x as (delete from t) select 1", "truncate outbox.inbox", "begin"])
    async def test_are_single_inserts_updates_or_deletes(self, db: Database, sql: str) -> None:
        unit = UnitOfWork(db)
        with pytest.raises(ValueError, match="a unit of work takes"):
            unit.add(sql)


class TestReading:
    async def test_begins_no_transaction(self, db: Database, store: int) -> None:
        before = make.statements()
        async with db.transaction() as unit:
            assert await unit.read(LOOK, store, "one") is None
            unit.add(INSERT, store, "one", START)
        assert make.statements() == before + 2

    async def test_sees_what_an_open_transaction_has_done(self, db: Database, store: int) -> None:
        async with db.transaction() as unit:
            await unit.execute(INSERT, store, "one", START)
            assert await unit.read(LOOK, store, "one") is not None
            assert await db.read(LOOK, store, "one") is None


class TestLocking:
    async def test_makes_another_wait_until_the_unit_ends(self, db: Database, store: int) -> None:
        await db.execute(INSERT_CUSTOMER, store, "one", START)
        locked = asyncio.Event()

        async def rename() -> None:
            async with db.transaction() as unit:
                await unit.lock(LOCK, store, "one")
                locked.set()
                await asyncio.sleep(0.05)
                unit.add(RENAME, store, "one", "two")

        async def look() -> int:
            await locked.wait()
            async with db.transaction() as unit:
                return len(await unit.lock(LOCK, store, "one"))

        assert (await asyncio.gather(rename(), look()))[1] == 0

    async def test_is_not_done_by_a_plain_select(self, db: Database, store: int) -> None:
        async with db.transaction() as unit:
            with pytest.raises(ValueError, match="for update"):
                await unit.lock(LOOK, store, "one")


class TestConflict:
    async def test_is_raised_for_a_row_that_another_transaction_changed(self, db: Database, store: int) -> None:
        """Twenty transactions read the row, and each tries to delete it."""
        await db.execute(INSERT, store, "one", START)
        together = asyncio.Barrier(20)

        async def delete() -> bool:
            async with db.transaction() as unit:
                if await unit.read(LOOK, store, "one") is None:
                    return False
                await together.wait()
                unit.add(DELETE, store, "one")
                return True

        wide = Database(db.url, size=20)
        async with wide:
            ends = await asyncio.gather(*(delete() for _ in range(20)), return_exceptions=True)
        assert ends.count(True) == 1
        assert sum(isinstance(end, WriteConflict) for end in ends) == 19

    async def test_is_raised_in_the_victim_of_a_deadlock(self, db: Database, store: int) -> None:
        for message in ("one", "two"):
            await db.execute(INSERT, store, message, START)
        together = asyncio.Barrier(2)

        async def delete(first: str, second: str) -> None:
            async with db.transaction() as unit:
                await unit.execute(DELETE, store, first)
                await together.wait()
                await unit.execute(DELETE, store, second)

        ends = await asyncio.gather(delete("one", "two"), delete("two", "one"), return_exceptions=True)
        assert [type(end) for end in ends if end] == [WriteConflict]
        assert await messages(db, store) == []

    async def test_is_what_a_violation_means_beside_a_condition(self, db: Database, store: int) -> None:
        """PostgreSQL may run the insert before it finds that the condition fails: the caller must not see which."""

        async def insert() -> None:
            async with db.transaction() as unit:
                unit.add(RENAME, store, "nobody", "somebody")
                unit.add(INSERT, store, "old", START)

        await db.execute(INSERT_CUSTOMER, store, "nobody", START)
        await db.execute(INSERT, store, "old", START)
        with pytest.raises(WriteConflict) as caught:
            await insert()
        assert caught.value.facts == {"constraint": "inbox_pkey"}

    async def test_is_retried_from_a_fresh_read(self, db: Database, store: int) -> None:
        tries = 0

        @retry_on_conflict()
        async def ensure() -> str:
            nonlocal tries
            tries += 1
            async with db.transaction() as unit:
                if await unit.read(LOOK, store, "one") is not None:
                    return "found"
                await db.execute(INSERT_NEW, store, "one", START)  # a concurrent request
                unit.add(INSERT_NEW, store, "one", START)
                return "inserted"

        before = conflicts()
        assert await ensure() == "found"
        assert (tries, conflicts() - before) == (2, 1)

    async def test_is_raised_after_the_last_try(self, db: Database, store: int) -> None:
        tries = 0

        @retry_on_conflict(tries=3)
        async def delete() -> None:
            nonlocal tries
            tries += 1
            async with db.transaction() as unit:
                unit.add(DELETE, store, "never there")

        with pytest.raises(WriteConflict):
            await delete()
        assert tries == 3


async def test_a_connection_whose_state_is_unknown_is_closed(db: Database, store: int) -> None:
    """Cancelled while the server works: how far it came is unknown, so nothing may stay."""

    async def hang(unit: UnitOfWork) -> None:
        await unit.execute(INSERT, store, "one", START)
        await unit.fetchval("select pg_sleep(0.5)")

    async def crash() -> None:
        async with db.transaction() as unit:
            await asyncio.wait_for(hang(unit), 0.05)

    with pytest.raises(TimeoutError):
        await crash()
    assert await messages(db, store) == []
    assert await db.fetchval("select 1") == 1


class TestReportingProfile:
    async def test_reads_and_never_writes(self, database_url: str, store: int) -> None:
        async with Database.reporting(database_url) as reports:
            assert await reports.fetchval("show plan_cache_mode") == "auto"
            assert await reports.fetchval("show enable_seqscan") == "on"
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await reports.execute(INSERT, store, "one", START)

    @pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
    async def test_leaves_the_plan_mode_of_the_hot_one_to_a_setting(self, database_url: str, mode: str) -> None:
        async with Database.hot(database_url, 2, plan_cache_mode=mode, constraints={}) as db:
            assert await db.fetchval("show plan_cache_mode") == mode
