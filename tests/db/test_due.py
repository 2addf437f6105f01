"""Due work: a row that says when it is due is the job."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from checkie.checkout.expire import expire_row
from checkie.checkout.sql import find_due
from checkie.db import PARTITIONS, Database, due_rows
from checkie.db.job import BATCH, CONCURRENCY
from checkie.payments.reconciling.reconcile import reconcile_row
from checkie.payments.reconciling.sql import claim
from checkie.payments.reconciling.sql import find_due as find_checks
from tests import make
from tests.make import START

EVERYTHING = range(PARTITIONS)
IDS = [UUID(int=number) for number in range(BATCH + 5)]


@dataclass
class Listed:
    """A job that finds these rows and fails on the second."""

    db: Database
    ids: Sequence[UUID]
    done: list[UUID] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def run(self) -> int:
        return await due_rows("listed", self.db, make.Clock(), self.find, self.do).run(EVERYTHING)

    async def find(self, _: Database, __: Sequence[int], now: datetime, limit: int) -> Sequence[tuple[int, UUID]]:
        return [(1, row_id) for row_id in self.ids if now == START][:limit]

    async def do(self, row_id: UUID, _: datetime) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if row_id == IDS[1]:
            raise RuntimeError("this row is broken")
        self.done.append(row_id)


class TestDueRows:
    async def test_are_all_worked_on_when_one_fails(self, db: Database) -> None:
        listed = Listed(db, IDS[:5])
        assert await listed.run() == 5
        assert listed.done == [IDS[0], *IDS[2:5]]

    async def test_are_found_in_batches(self, db: Database) -> None:
        listed = Listed(db, IDS)
        assert await listed.run() == BATCH < len(IDS)
        assert len(listed.done) == BATCH - 1

    async def test_are_worked_on_a_few_at_a_time(self, db: Database) -> None:
        listed = Listed(db, IDS)
        await listed.run()
        assert listed.most_at_once == CONCURRENCY


class TestTwoWorkers:
    async def test_ask_about_one_attempt_once(self, db: Database) -> None:
        merchant = await make.merchant(db)
        _, paying = await merchant.paying()
        now = merchant.clock.tick(seconds=5)
        row_id = paying.attempt.id.uuid
        await asyncio.gather(*(reconcile_row(db, merchant.providers, row_id, now) for _ in range(10)))
        assert Counter(merchant.fake.calls)["find", paying.attempt.id] == 1

    async def test_end_one_session_once(self, db: Database) -> None:
        merchant = await make.merchant(db, session_expires_s=300)
        opened = await merchant.open()
        now = merchant.clock.tick(seconds=300)
        row_id = opened.session.id.uuid
        await asyncio.gather(*(expire_row(db, merchant.providers, row_id, now) for _ in range(10)))
        assert await merchant.events(opened.session.id) == ["session.expired"]


class TestFinding:
    async def test_finds_only_what_is_due_in_the_partitions_asked_for(self, db: Database) -> None:
        merchant = await make.merchant(db, session_expires_s=300)
        opened, paying = await merchant.paying()
        for find, row_id, wait_s in (
            (find_checks, paying.attempt.id.uuid, 5),
            (find_due, opened.session.id.uuid, 300),
        ):
            job, home = (merchant.store.number, row_id), row_id.int % PARTITIONS
            due_at = make.Clock().tick(seconds=wait_s)
            assert job in await find(db, EVERYTHING, due_at, 10_000)
            assert job in await find(db, [home], due_at, 10_000)
            elsewhere = [partition for partition in EVERYTHING if partition != home]
            assert job not in await find(db, elsewhere, due_at, 10_000)
            assert job not in await find(db, EVERYTHING, make.Clock().tick(seconds=wait_s - 1), 10_000)

    async def test_a_row_whose_worker_died_is_found_again(self, db: Database) -> None:
        """Claimed, and then nothing: the claim itself set the time of the next look."""
        merchant = await make.merchant(db)
        _, paying = await merchant.paying()
        assert await claim(db, paying.attempt.id, merchant.clock.tick(seconds=5))
        job = (merchant.store.number, paying.attempt.id.uuid)
        assert job not in await find_checks(db, EVERYTHING, merchant.clock.tick(seconds=29), 10_000)
        assert job in await find_checks(db, EVERYTHING, merchant.clock.tick(seconds=1), 10_000)
