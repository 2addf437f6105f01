"""Consumers: each event takes effect once, even after a crash. An event that fails is kept and reported."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pytest

from checkie.checkout.events import SessionAbandoned, SessionReopened
from checkie.db import Database, Leases, UnitOfWork, partition_of
from checkie.db.leases import LEASE_S
from checkie.kernel.ids import PageId, SessionId
from checkie.outbox import Consumer, PostgresBus, Recorded, consumer, publish, redrive
from checkie.outbox import check as check_outbox
from checkie.outbox.inbox import record_new
from checkie.outbox.replay import replay
from tests import make
from tests.make import START, Clock

_READS: Final = 200
_numbers = itertools.count(1)
EFFECT: Final = "insert into outbox.inbox (store, consumer, message, at) values ($1, $2, $3, $4)"
EFFECTS: Final = "select message from outbox.inbox where store = $1 and consumer = $2"


@dataclass
class Process:
    """One process of a consumer group. Its effect is a row, written in the transaction that it is given."""

    db: Database
    group: str
    store: int
    owner: str
    clock: Clock
    poison: set[str] = field(default_factory=set)
    seen: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leases = Leases(self.db, self.group, self.owner)
        self.consumer = Consumer(
            self.group, {"session.reopened": [self.react]}, self.db, PostgresBus(self.db, self.leases)
        )

    async def react(self, unit: UnitOfWork, store: int, events: Sequence[Recorded], now: datetime) -> None:
        texts = tuple(str(event.body["email"]) for event in events)
        self.seen.append((store, texts))
        for event, text in zip(events, texts, strict=True):
            await unit.execute(EFFECT, store, f"{self.group}-effect", f"{event.id}:{text}", now)
            if text in self.poison and store == self.store:
                raise RuntimeError(f"{text} is poison")

    async def step(self) -> int:
        return await self.consumer.step(self.clock())

    async def work(self) -> None:
        """Renew the lease and read until nothing is left; older transactions of other runs are waited for."""
        await self.leases.renew(self.clock())
        for _ in range(_READS):
            blocked = await self.db.fetchval(make.AHEAD)
            while await self.step():
                pass
            if not blocked:
                return
            await asyncio.sleep(0.01)


@dataclass
class Group:
    """A consumer group of the test's own, and a store that publishes events."""

    db: Database
    store: int
    clock: Clock = field(default_factory=Clock)
    name: str = field(default_factory=lambda: f"group-{next(_numbers)}")

    def process(self, owner: str = "one") -> Process:
        return Process(self.db, self.name, self.store, owner, self.clock)

    async def say(self, *texts: str, store: int | None = None) -> SessionId:
        """One event a text, all of one new aggregate."""
        aggregate = SessionId.new(store or self.store, START)
        page = PageId.new(aggregate.store, START)
        async with self.db.transaction() as unit:
            events = [
                SessionReopened(session=aggregate, page=page, payment=None, order=None, email=text) for text in texts
            ]
            publish(unit, aggregate, *events, after=0, now=START)
        return aggregate

    async def effects(self, store: int | None = None) -> list[str]:
        rows = await self.db.fetch(EFFECTS, store or self.store, f"{self.name}-effect")
        return sorted(row["message"].partition(":")[2] for row in rows)

    async def dead(self) -> int:
        count: int = await self.db.fetchval("select count(*) from outbox.dead_letter where consumer = $1", self.name)
        return count


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_PAUSE_S", 0.0)


@pytest.fixture
async def group(db: Database) -> AsyncIterator[Group]:
    found = Group(db, (await make.store(db)).number)
    yield found
    await db.execute("delete from outbox.dead_letter where consumer = $1", found.name)  # the doctor may come by


class TestEffect:
    async def test_is_once_for_each_event(self, group: Group) -> None:
        process = group.process()
        await group.say("a", "b")
        await process.work()
        await process.work()
        assert await group.effects() == ["a", "b"]

    async def test_of_a_batch_is_one_transaction_a_store(self, group: Group, db: Database) -> None:
        other = (await make.store(db)).number
        for text in ("a", "b", "c"):
            await group.say(text)
            await group.say(text, store=other)
        process = group.process()
        await process.work()
        mine = [sorted(texts) for store, texts in process.seen if store in {group.store, other}]
        assert mine == [["a", "b", "c"]] * 2

    async def test_is_in_the_order_of_the_aggregate(self, group: Group) -> None:
        texts = [str(number) for number in range(9)]
        await group.say(*texts)
        process = group.process()
        await process.work()
        assert [seen for store, seen in process.seen if store == group.store] == [tuple(texts)]

    async def test_ignores_events_without_a_handler(self, group: Group) -> None:
        aggregate = SessionId.new(group.store, START)
        page = PageId.new(group.store, START)
        abandoned = SessionAbandoned(session=aggregate, page=page, payment=None, order=None, email="x")
        async with group.db.transaction() as unit:
            publish(unit, aggregate, abandoned, after=0, now=START)
        await group.process().work()
        assert await group.effects() == []


class TestACrash:
    async def test_between_effect_and_position_changes_nothing(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def crash(*_: object) -> None:
            raise ConnectionError("the process dies here")

        await group.say("a", "b")
        dying = group.process()
        await dying.leases.renew(group.clock())
        with monkeypatch.context() as patched:
            patched.setattr(PostgresBus, "keep", crash)
            with pytest.raises(ConnectionError):
                await dying.work()
        assert await group.effects() == ["a", "b"]
        group.clock.tick(seconds=LEASE_S + 1)
        await group.process("two").work()
        assert await group.effects() == ["a", "b"]

    async def test_before_the_effect_was_committed_loses_nothing(self, group: Group) -> None:
        await group.say("a", "b")
        dying = group.process()
        dying.poison = {"b"}
        batch = [event for event in await recorded(group) if event.body["email"] in "ab"]
        with pytest.raises(RuntimeError):
            await dying.consumer.do(group.store, batch, START)
        assert await group.effects() == []
        await group.process().work()
        assert await group.effects() == ["a", "b"]


async def recorded(group: Group) -> list[Recorded]:
    columns = "store, id, aggregate, seq, name, version, body, at, partition"
    sql = f"select {columns} from outbox.event where store = $1 order by seq"
    return [Recorded(**dict(row)) for row in await group.db.fetch(sql, group.store)]


class TestTheInbox:
    async def test_knows_what_was_there_before(self, group: Group) -> None:
        async with group.db.transaction() as unit:
            assert await record_new(unit, group.store, group.name, ["m1", "m2"], START) == {"m1", "m2"}
        async with group.db.transaction() as unit:
            assert await record_new(unit, group.store, group.name, ["m2", "m3"], START) == {"m3"}

    async def test_forgets_what_was_rolled_back(self, group: Group) -> None:
        async def crash() -> None:
            async with group.db.transaction() as unit:
                await record_new(unit, group.store, group.name, ["m1"], START)
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await crash()
        async with group.db.transaction() as unit:
            assert await record_new(unit, group.store, group.name, ["m1"], START) == {"m1"}

    async def test_lets_one_of_many_through(self, group: Group) -> None:
        async def receive() -> int:
            async with group.db.transaction() as unit:
                return len(await record_new(unit, group.store, group.name, ["m1"], START))

        assert sum(await asyncio.gather(*(receive() for _ in range(10)))) == 1

    async def test_keeps_consumers_and_stores_apart(self, group: Group, db: Database) -> None:
        other = (await make.store(db)).number
        for store, name in ((group.store, group.name), (group.store, "other"), (other, group.name)):
            async with db.transaction() as unit:
                assert await record_new(unit, store, name, ["m1"], START) == {"m1"}


class TestPoison:
    async def test_becomes_a_dead_letter_and_the_others_are_handled(self, group: Group) -> None:
        await group.say("a", "poison", "b")
        await group.say("c")
        process = group.process()
        process.poison = {"poison"}
        await process.work()
        assert await group.effects() == ["a", "b", "c"]
        assert await group.dead() == 1
        found = (await check_outbox(group.db, []))["no_event_dead_lettered"]
        assert any(group.name in line and "RuntimeError('poison is poison')" in line for line in found)

    async def test_delays_no_other_store(self, group: Group, db: Database) -> None:
        other = (await make.store(db)).number
        await group.say("poison")
        await group.say("a", store=other)
        process = group.process()
        process.poison = {"poison"}
        await process.work()
        assert await group.effects(other) == ["a"]

    async def test_is_tried_several_times_first(self, group: Group) -> None:
        await group.say("poison")
        process = group.process()
        process.poison = {"poison"}
        await process.work()
        assert len([store for store, _ in process.seen if store == group.store]) == 1 + consumer.TRIES

    async def test_that_succeeds_on_a_retry_is_handled(self, group: Group) -> None:
        await group.say("a")
        process = group.process()
        process.poison = {"a"}

        async def recover(unit: UnitOfWork, store: int, events: Sequence[Recorded], now: datetime) -> None:
            if len(process.seen) == 3:
                process.poison.clear()
            await process.react(unit, store, events, now)

        process.consumer.reactions = {"session.reopened": [recover]}
        await process.work()
        assert (await group.effects(), await group.dead()) == (["a"], 0)


class TestRedrive:
    async def test_handles_dead_letters_once_their_cause_is_fixed(self, group: Group) -> None:
        await group.say("a", "poison")
        process = group.process()
        process.poison = {"poison"}
        await process.work()
        assert await redrive(group.db, process.consumer, START) == 0
        assert await group.dead() == 1
        process.poison = set()
        assert await redrive(group.db, process.consumer, START) == 1
        assert (await group.effects(), await group.dead()) == (["a", "poison"], 0)
        assert await redrive(group.db, process.consumer, START) == 0

    async def test_continues_past_those_that_fail_again(self, group: Group) -> None:
        await group.say("poison", "venom", "a", "b")
        process = group.process()
        process.poison = {"poison", "venom", "a", "b"}
        await process.work()
        process.poison = {"poison", "venom"}
        assert await redrive(group.db, process.consumer, START, batch=1) == 2
        assert (await group.effects(), await group.dead()) == (["a", "b"], 2)


class TestReplay:
    async def test_handles_every_event_again_under_a_new_name(self, group: Group) -> None:
        await group.say("a", "b")
        await group.process().work()
        fresh = Group(group.db, group.store, group.clock)
        again = fresh.process()
        await again.leases.renew(group.clock())
        assert await replay(again.consumer, START) >= 2
        assert await fresh.effects() == await group.effects() == ["a", "b"]


class TestTwoProcesses:
    async def test_share_the_partitions_and_the_work(self, group: Group) -> None:
        one, two = group.process("one"), group.process("two")
        for _ in range(4):
            group.clock.tick(seconds=3)
            for process in (one, two):
                await process.leases.renew(group.clock())
        aggregates = [await group.say(str(number)) for number in range(40)]
        await asyncio.gather(one.work(), two.work())
        assert await group.effects() == sorted(str(number) for number in range(40))
        homes = {partition_of(aggregate.number) for aggregate in aggregates}
        assert homes & set(one.leases.held)
        assert homes & set(two.leases.held)
        assert [store for store, _ in one.seen if store == group.store]
        assert [store for store, _ in two.seen if store == group.store]

    async def test_one_takes_over_when_the_other_stops_renewing(self, group: Group) -> None:
        dead, heir = group.process("dead"), group.process("heir")
        await group.say("a")
        await dead.work()
        await group.say("b")
        await heir.work()
        assert await group.effects() == ["a"]
        group.clock.tick(seconds=LEASE_S + 1)
        await heir.work()
        assert await group.effects() == ["a", "b"]
        assert [texts for store, texts in heir.seen if store == group.store] == [("b",)]

    async def test_one_whose_lease_lapsed_repeats_nothing(self, group: Group) -> None:
        """Its lease lapsed while it slept, another did its work, and it continues where it stopped."""
        sleeper, heir = group.process("sleeper"), group.process("heir")
        await sleeper.work()
        await group.say("a", "b")
        group.clock.tick(seconds=LEASE_S + 1)
        await heir.work()
        await sleeper.step()
        assert await group.effects() == ["a", "b"]
        assert not [store for store, _ in sleeper.seen if store == group.store]

    async def test_a_position_never_moves_back(self, group: Group) -> None:
        sleeper, heir = group.process("sleeper"), group.process("heir")
        await group.say("a")
        await sleeper.leases.renew(group.clock())
        old = await sleeper.consumer.bus.read(group.name, 1)
        group.clock.tick(seconds=LEASE_S + 1)
        await heir.work()
        before = await positions(group)
        await sleeper.consumer.bus.keep(group.name, old.positions)
        assert await positions(group) == before


async def positions(group: Group) -> list[tuple[int, str]]:
    sql = "select partition, xid::text || event::text as mark from outbox.position where consumer = $1 order by 1"
    return [(row["partition"], row["mark"]) for row in await group.db.fetch(sql, group.name)]
