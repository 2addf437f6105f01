"""Several workers deliver at the same time, and each may stop at any point."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from checkie.db import partition_of
from checkie.webhooks import sql
from checkie.webhooks.model import Status
from tests.db.webhooks.conftest import Merchant, event_ids, statements
from tests.db.webhooks.receiver import Receiver


class TestWorkers:
    async def test_that_die_after_posting_repeat_with_the_same_id(self, merchant: Merchant, receiver: Receiver) -> None:
        endpoint, _ = await merchant.endpoint(receiver.url)
        item = merchant.item()
        await merchant.enqueue(item)
        receiver.answers[:] = [None]
        dying = asyncio.create_task(merchant.deliver())
        await receiver.until(1)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        receiver.answer("200 OK")
        del receiver.answers[0]
        assert (await merchant.only(endpoint)).status == "PENDING"
        await merchant.wait(seconds=59)
        assert await merchant.deliver() == 0
        await merchant.wait(seconds=1)
        assert await merchant.deliver() == 1
        assert event_ids(receiver) == [item.id] * 2
        done = await merchant.only(endpoint)
        assert (done.status, done.attempt_number) == ("DELIVERED", 2)

    async def test_that_run_concurrently_claim_each_delivery_once(self, merchant: Merchant, receiver: Receiver) -> None:
        for _ in range(5):
            await merchant.endpoint(receiver.url)
        items = [merchant.item() for _ in range(20)]
        assert await merchant.enqueue(*items) == 100
        made = await asyncio.gather(*(merchant.deliver() for _ in range(4)))
        assert sum(made) == 100
        assert sorted(event_ids(receiver)) == sorted(item.id for item in items for _ in range(5))

    async def test_whose_claim_lapsed_can_only_record_that_it_was_received(
        self, merchant: Merchant, receiver: Receiver
    ) -> None:
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        ids = [(await merchant.only(endpoint)).id.uuid]
        (slow,) = await sql.claim(merchant.db, merchant.store, ids, merchant.now)
        assert not await sql.claim(merchant.db, merchant.store, ids, merchant.now + timedelta(seconds=59))
        (quick,) = await sql.claim(merchant.db, merchant.store, ids, merchant.now + timedelta(seconds=60))
        for attempt, error in ((quick.attempt, "quick"), (slow.attempt, "slow")):
            await sql.record(
                merchant.db, merchant.store, [sql.Result(attempt, Status.RETRYING, None, None, error, merchant.now)]
            )
            assert (await merchant.only(endpoint)).error == "quick"
        for status in (Status.DELIVERED, Status.FAILED):
            await sql.record(merchant.db, merchant.store, [sql.Result(slow.attempt, status, 200, "", None, None)])
            assert (await merchant.only(endpoint)).status == "DELIVERED"

    async def test_whose_claim_lapsed_do_not_undo_a_pause(self, merchant: Merchant, receiver: Receiver) -> None:
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        ids = [(await merchant.only(endpoint)).id.uuid]
        (slow,) = await sql.claim(merchant.db, merchant.store, ids, merchant.now)
        lapsed_at, until = merchant.now + timedelta(seconds=60), merchant.now + timedelta(seconds=90)
        await sql.postpone(merchant.db, merchant.store, endpoint.id, now=lapsed_at, until=until)
        late = sql.Result(slow.attempt, Status.RETRYING, None, None, "late", lapsed_at)
        await sql.record(merchant.db, merchant.store, [late])
        assert (await merchant.only(endpoint)).next_retry_at == until

    async def test_take_only_from_their_partitions(self, merchant: Merchant, receiver: Receiver) -> None:
        endpoint, _ = await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        mine = partition_of(endpoint.id.number)
        assert await merchant.deliver(partitions=[part for part in range(16) if part != mine]) == 0
        assert await merchant.deliver(partitions=[mine]) == 1

    async def test_take_no_more_than_their_limit_the_longest_due_first(
        self, merchant: Merchant, receiver: Receiver
    ) -> None:
        await merchant.endpoint(receiver.url)
        first, second = merchant.item(), merchant.item()
        await merchant.enqueue(first)
        await merchant.wait(seconds=1)
        await merchant.enqueue(second)
        await merchant.deliver(limit=1)
        assert event_ids(receiver) == [first.id]

    async def test_lose_nothing_when_a_step_fails(self, merchant: Merchant, receiver: Receiver) -> None:
        await merchant.endpoint(receiver.url)
        await merchant.enqueue()
        moments = iter([merchant.now])  # one for the find, none for the claim
        assert await merchant.deliver(now=lambda: next(moments)) == 0
        assert await merchant.deliver() == 1

    async def test_need_three_statements_for_eight_deliveries(self, merchant: Merchant, receiver: Receiver) -> None:
        await merchant.endpoint(receiver.url)
        await merchant.enqueue(*(merchant.item() for _ in range(8)))
        before = statements()
        assert await merchant.deliver() == 8
        assert statements() - before == 3
