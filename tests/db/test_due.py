"""Due work: a row that says when it is due is the job."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from checkie.checkout import expire_row, find_due
from checkie.db import PARTITIONS, Database, Due, run_due
from checkie.payments.reconciling.reconcile import reconcile_row
from checkie.payments.reconciling.sql import claim
from checkie.payments.reconciling.sql import find_due as find_checks
from tests import make
from tests.make import START

EVERYTHING = range(PARTITIONS)
IDS = [UUID(int=number) for number in range(5)]


def listed(ids: Sequence[UUID]) -> Due:
    """Due work that finds these ids and fails on the second."""

    async def find(_: Database, __: Sequence[int], ___: datetime, limit: int) -> Sequence[tuple[int, UUID]]:
        return [(1, row_id) for row_id in ids][:limit]

    async def do(_: int, row_id: UUID, __: datetime) -> None:
        if row_id == IDS[1]:
            raise RuntimeError("this piece is broken")
        DONE.append(row_id)

    return Due("listed", find, do)


DONE: list[UUID] = []


class TestWorkOff:
    async def test_does_the_others_when_one_piece_fails(self, db: Database) -> None:
        DONE.clear()
        assert await run_due(db, listed(IDS), EVERYTHING, START) == 5
        assert [IDS[0], *IDS[2:]] == DONE

    async def test_does_no_more_than_its_limit(self, db: Database) -> None:
        DONE.clear()
        assert await run_due(db, listed(IDS), EVERYTHING, START, limit=1) == 1
        assert IDS[:1] == DONE


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

    async def test_a_piece_whose_worker_died_comes_again(self, db: Database) -> None:
        """Claimed, and then nothing: the claim itself set the time of the next look."""
        merchant = await make.merchant(db)
        _, paying = await merchant.paying()
        assert await claim(db, paying.attempt.id, merchant.clock.tick(seconds=5))
        job = (merchant.store.number, paying.attempt.id.uuid)
        assert job not in await find_checks(db, EVERYTHING, merchant.clock.tick(seconds=29), 10_000)
        assert job in await find_checks(db, EVERYTHING, merchant.clock.tick(seconds=1), 10_000)
