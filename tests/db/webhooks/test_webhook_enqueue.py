"""Events become deliveries: for who wants them, once, in the caller's transaction."""

from __future__ import annotations

import asyncio
import json

import pytest

from checkie import webhooks
from tests.db.webhooks.conftest import Merchant, statements

COUNT = """
select (select count(*) from webhooks.event where store = $1), (select count(*) from webhooks.delivery where store = $1)
"""
URL = "https://shop.example/hook"


async def written(merchant: Merchant) -> tuple[int, int]:
    """How many events and deliveries the store has."""
    row = await merchant.db.fetchrow(COUNT, merchant.store)
    assert row
    return row[0], row[1]


async def test_without_endpoint_nothing_is_written(merchant: Merchant) -> None:
    assert await merchant.say(merchant.item(), merchant.item()) == 0
    assert await written(merchant) == (0, 0)


async def test_only_endpoints_that_want_an_event_get_it(merchant: Merchant) -> None:
    every, _ = await merchant.endpoint(URL)
    paid, _ = await merchant.endpoint(URL, "payment.completed", "payment.failed")
    customers, _ = await merchant.endpoint(URL, "customer.created")
    assert await merchant.say(merchant.item("payment.completed"), merchant.item("payment.refunded")) == 3
    assert await written(merchant) == (2, 3)
    heard = [[one.type for one in await merchant.deliveries(endpoint)] for endpoint in (every, paid, customers)]
    assert heard == [["payment.refunded", "payment.completed"], ["payment.completed"], []]


async def test_an_event_is_said_once_however_often_it_is_enqueued(merchant: Merchant) -> None:
    await merchant.endpoint(URL)
    item = merchant.item()
    assert await merchant.say(item, item) == 1
    assert await merchant.say(item) == 0
    assert await asyncio.gather(*(merchant.say(item) for _ in range(5))) == [0] * 5
    assert await written(merchant) == (1, 1)


async def test_at_once_it_is_said_once(merchant: Merchant) -> None:
    await merchant.endpoint(URL)
    item = merchant.item()
    assert sorted(await asyncio.gather(*(merchant.say(item) for _ in range(5)))) == [0, 0, 0, 0, 1]


async def test_nothing_is_written_when_the_callers_transaction_fails(merchant: Merchant) -> None:
    await merchant.endpoint(URL)

    async def fail() -> None:
        async with merchant.db.transaction() as unit:
            await webhooks.enqueue(unit, store=merchant.store, now=merchant.now, **merchant.item())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await written(merchant) == (0, 0)


async def test_a_batch_costs_two_statements(merchant: Merchant) -> None:
    for _ in range(3):
        await merchant.endpoint(URL)
    before = statements()
    assert await merchant.say(*(merchant.item() for _ in range(50))) == 150
    assert statements() - before == 4  # with begin and commit


async def test_another_stores_endpoints_hear_nothing(merchant: Merchant, poster: webhooks.Poster) -> None:
    await merchant.endpoint(URL)
    stranger = Merchant(merchant.db, poster, merchant.store + 1_000_000)
    assert await stranger.say() == 0


async def test_the_body_says_what_happened_when_and_where(merchant: Merchant) -> None:
    endpoint, _ = await merchant.endpoint(URL)
    async with merchant.db.transaction() as unit:
        await webhooks.enqueue(unit, store=merchant.store, now=merchant.now, **merchant.item(amount=1))
    delivery = await merchant.only(endpoint)
    assert json.loads(delivery.body) == {
        "id": delivery.event,
        "type": "payment.completed",
        "timestamp": "2026-03-01T12:00:00.000Z",
        "store": "sto_1",
        "data": {"amount": 1},
    }
    assert delivery.resource == "pay_1"
