"""Events: published with their change or not at all, read in order, none skipped."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Final

import pytest

from checkie.checkout.events import SessionReopened
from checkie.db import PARTITIONS, Database, Leases, UnitOfWork, partition_of
from checkie.kernel import id as ids
from checkie.kernel.ids import PageId, SessionId
from checkie.outbox import Consumer, PostgresBus, Recorded, publish
from checkie.outbox import check as check_outbox
from tests import make
from tests.make import START

NAME: Final = "session.reopened"
"""An event that nothing of the product reacts to."""
_numbers = itertools.count(1)
_READS: Final = 200


def event(aggregate: SessionId) -> SessionReopened:
    page = PageId.new(aggregate.store, START)
    return SessionReopened(session=aggregate, page=page, payment=None, order=None, email=None)


def add(unit: UnitOfWork, aggregate: SessionId, *seqs: int) -> None:
    """Publish events whose numbers are `seqs`, which follow one another."""
    publish(unit, aggregate, *(event(aggregate) for _ in seqs), after=seqs[0] - 1, now=START)


async def say(db: Database, aggregate: SessionId, *seqs: int) -> None:
    async with db.transaction() as unit:
        add(unit, aggregate, *seqs)


class Reader:
    """A consumer of its own name, with all partitions, that remembers what it did for one store."""

    def __init__(self, db: Database, store: int, *, batch: int = 200) -> None:
        self.db, self.store = db, store
        self.done: list[tuple[str, int]] = []
        name = f"reader-{next(_numbers)}"
        self.leases = Leases(db, name, "me", range(PARTITIONS))
        self.consumer = Consumer(name, {NAME: [self.note]}, db, PostgresBus(db, self.leases), batch)
        self.fail: Callable[[Recorded], bool] = lambda _: False

    async def note(self, _: UnitOfWork, store: int, events: Sequence[Recorded], __: datetime) -> None:
        for event in events:
            if self.fail(event):
                raise RuntimeError("this event is poison")
        self.done += [(str(event.aggregate), event.seq) for event in events if store == self.store]

    async def step(self) -> int:
        return await self.consumer.step(START)

    async def read_all(self) -> list[tuple[str, int]]:
        """Read until nothing is left that anybody may read yet."""
        for _ in range(_READS):
            if not await self.step():
                break
        return self.done

    async def seqs_of(self, aggregate: SessionId) -> list[int]:
        await self.settle()
        return [seq for found, seq in self.done if found == str(aggregate.uuid)]

    async def settle(self) -> None:
        """Read until every event there is has been read; older transactions of other runs are waited for."""
        for _ in range(_READS):
            blocked = await self.db.fetchval(make.AHEAD)
            await self.read_all()
            if not blocked:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def store(db: Database) -> int:
    return (await make.store(db)).number


@pytest.fixture
async def reader(db: Database, store: int) -> Reader:
    return Reader(db, store)


@pytest.fixture
def aggregate(store: int) -> SessionId:
    return SessionId.new(store, START)


@asynccontextmanager
async def open_transaction(db: Database) -> AsyncIterator[UnitOfWork]:
    """A transaction that has its place in the order already, as one that has written has."""
    async with db.transaction() as unit:
        await unit.fetchval("select pg_current_xact_id()::text")
        yield unit


async def sent(unit: UnitOfWork) -> None:
    """Send what waits in `unit`, which stays open."""
    await unit.flush()
    await unit.execute("select 1")


class TestPublish:
    async def test_writes_the_event_when_the_transaction_commits(
        self, db: Database, reader: Reader, aggregate: SessionId
    ) -> None:
        async with db.transaction() as unit:
            add(unit, aggregate, 1)
            assert await unit.fetchval("select count(*) from outbox.event where aggregate = $1", aggregate.uuid) == 0
        assert await reader.seqs_of(aggregate) == [1]

    async def test_writes_nothing_when_it_does_not(self, db: Database, reader: Reader, aggregate: SessionId) -> None:
        async def crash() -> None:
            async with db.transaction() as unit:
                add(unit, aggregate, 1)
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await crash()
        assert await reader.seqs_of(aggregate) == []

    async def test_writes_all_of_a_transaction_with_one_statement(self, db: Database, aggregate: SessionId) -> None:
        async with db.transaction() as unit:
            add(unit, aggregate, 1)
            add(unit, aggregate, 2, 3)
            before = make.statements()
        assert make.statements() == before + 1

    async def test_knows_store_partition_and_body(self, db: Database, store: int, aggregate: SessionId) -> None:
        await say(db, aggregate, 1)
        row = await db.fetchrow("select * from outbox.event where store = $1", store)
        assert row is not None
        assert (row["name"], row["partition"]) == (NAME, partition_of(aggregate.number))
        assert row["body"]["session"] == aggregate
        assert row["at"] == START

    async def test_numbers_the_events_that_follow_one_another(self, db: Database, aggregate: SessionId) -> None:
        async with db.transaction() as unit:
            assert publish(unit, aggregate, event(aggregate), event(aggregate), after=0, now=START) == 2
            assert publish(unit, aggregate, event(aggregate), after=2, now=START) == 3
        sql = "select array_agg(seq order by seq) from outbox.event where store = $1 and aggregate = $2"
        assert await db.fetchval(sql, aggregate.store, aggregate.uuid) == [1, 2, 3]

    async def test_refuses_a_second_store_in_one_unit(self, db: Database, aggregate: SessionId) -> None:
        """A unit of work writes one store's rows; no other check finds this before the database is distributed."""
        other = SessionId.new((await make.store(db)).number, START)
        async with db.transaction() as unit:
            add(unit, aggregate, 1)
            with pytest.raises(ValueError, match="one store"):
                add(unit, other, 1)
        assert await db.fetchval("select count(*) from outbox.event where aggregate = $1", other.uuid) == 0

    async def test_refuses_a_number_twice(self, db: Database, aggregate: SessionId) -> None:
        await say(db, aggregate, 1)
        with pytest.raises(Exception, match="seq_once_per_aggregate"):
            await say(db, aggregate, 1)


class TestOrder:
    async def test_is_that_of_the_aggregate(self, db: Database, reader: Reader, aggregate: SessionId) -> None:
        for seq in range(1, 11):
            await say(db, aggregate, seq)
        assert await reader.seqs_of(aggregate) == list(range(1, 11))

    async def test_holds_within_one_transaction_when_the_counter_of_ids_wraps(
        self, db: Database, store: int, aggregate: SessionId, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reader = Reader(db, store, batch=1)
        async with db.transaction() as unit:
            add(unit, aggregate, 1, 2, 3, 4)
            monkeypatch.setattr(ids, "_counter", itertools.count(0xFFE))
        assert await reader.seqs_of(aggregate) == [1, 2, 3, 4]

    async def test_holds_when_the_later_event_comes_from_the_older_transaction(
        self, db: Database, store: int, aggregate: SessionId
    ) -> None:
        """Paying locks the session and then the payment; a webhook between the two has the younger transaction."""
        reader = Reader(db, store, batch=1)
        async with open_transaction(db) as older:
            await say(db, aggregate, 1)
            add(older, aggregate, 2)
        assert await reader.seqs_of(aggregate) == [1, 2]

    async def test_holds_in_one_batch_too(self, db: Database, reader: Reader, aggregate: SessionId) -> None:
        async with open_transaction(db) as older:
            await say(db, aggregate, 1)
            add(older, aggregate, 2)
        assert await reader.seqs_of(aggregate) == [1, 2]


class TestTheSequenceGap:
    async def test_a_late_commit_is_not_skipped(self, db: Database, reader: Reader, store: int) -> None:
        """What was written first is committed last: a reader that took what it sees would pass it by."""
        late, early = SessionId.new(store, START), SessionId.new(store, START)
        async with AsyncExitStack() as stack:
            slow = await stack.enter_async_context(open_transaction(db))
            add(slow, late, 1)
            await sent(slow)
            await say(db, early, 1)
            await reader.read_all()
            assert reader.done == []  # the younger one waits for the older
        assert await reader.seqs_of(late) == [1]
        assert await reader.seqs_of(early) == [1]

    async def test_a_rollback_delays_no_reader(self, db: Database, reader: Reader, store: int) -> None:
        aggregate = SessionId.new(store, START)

        async def crash() -> None:
            async with open_transaction(db) as slow:
                add(slow, SessionId.new(store, START), 1)
                await sent(slow)
                await say(db, aggregate, 1)
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await crash()
        assert await reader.seqs_of(aggregate) == [1]

    async def test_many_at_once_are_all_read_once(self, db: Database, reader: Reader, store: int) -> None:
        aggregates = [SessionId.new(store, START) for _ in range(60)]
        writing = asyncio.gather(*(say(db, aggregate, 1) for aggregate in aggregates))
        while not writing.done():
            await reader.step()
        await writing
        await reader.settle()
        assert sorted(reader.done) == sorted((str(aggregate.uuid), 1) for aggregate in aggregates)


class TestNumbers:
    async def test_have_no_gap_however_many_write_at_once(self, db: Database) -> None:
        """A payment counts its events under its own lock."""
        merchant = await make.merchant(db)
        _, paying = await merchant.paying()
        merchant.fake.confirm(paying.attempt.id)
        await asyncio.gather(*(merchant.receive_webhook(paying.attempt.id) for _ in range(20)))
        sql = "select seq from outbox.event where store = $1 and aggregate = $2 order by seq"
        seqs = [row["seq"] for row in await db.fetch(sql, merchant.store.number, paying.payment.id.uuid)]
        assert seqs == [1, 2]

    async def test_with_a_gap_are_found(self, db: Database, aggregate: SessionId) -> None:
        await say(db, aggregate, 1)
        await say(db, aggregate, 3)
        found = (await check_outbox(db, []))["events_have_no_gap"]
        assert f"store {aggregate.store}, aggregate {aggregate.uuid}: 2 events up to 3" in found
        await say(db, aggregate, 2)

    async def test_that_a_consumer_has_not_read_are_found(
        self, db: Database, reader: Reader, aggregate: SessionId
    ) -> None:
        await say(db, aggregate, 1)
        name = reader.consumer.name
        late = (await check_outbox(db, [name]))["no_event_lost"]
        assert any(line.startswith(f"consumer {name}, partition {partition_of(aggregate.number)}:") for line in late)
        await reader.settle()
        assert (await check_outbox(db, [name]))["no_event_lost"] == []
