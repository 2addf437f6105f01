"""Events become deliveries: for who wants them, once, in the caller's transaction."""

from __future__ import annotations

import asyncio
import json

import pytest

from checkie import webhooks
from tests.db.webhooks.conftest import Shop, statements

COUNT = """
select (select count(*) from webhooks.event where store = $1), (select count(*) from webhooks.delivery where store = $1)
"""
URL = "https://shop.example/hook"


async def written(shop: Shop) -> tuple[int, int]:
    """How many events and deliveries the store has."""
    row = await shop.db.fetchrow(COUNT, shop.store)
    assert row
    return row[0], row[1]


async def test_without_endpoint_nothing_is_written(shop: Shop) -> None:
    assert await shop.say(shop.item(), shop.item()) == 0
    assert await written(shop) == (0, 0)


async def test_only_endpoints_that_want_an_event_get_it(shop: Shop) -> None:
    every, _ = await shop.endpoint(URL)
    paid, _ = await shop.endpoint(URL, "payment.completed", "payment.failed")
    customers, _ = await shop.endpoint(URL, "customer.created")
    assert await shop.say(shop.item("payment.completed"), shop.item("payment.refunded")) == 3
    assert await written(shop) == (2, 3)
    heard = [[one.type for one in await shop.deliveries(endpoint)] for endpoint in (every, paid, customers)]
    assert heard == [["payment.refunded", "payment.completed"], ["payment.completed"], []]


async def test_an_event_is_said_once_however_often_it_is_enqueued(shop: Shop) -> None:
    await shop.endpoint(URL)
    item = shop.item()
    assert await shop.say(item, item) == 1
    assert await shop.say(item) == 0
    assert await asyncio.gather(*(shop.say(item) for _ in range(5))) == [0] * 5
    assert await written(shop) == (1, 1)


async def test_at_once_it_is_said_once(shop: Shop) -> None:
    await shop.endpoint(URL)
    item = shop.item()
    assert sorted(await asyncio.gather(*(shop.say(item) for _ in range(5)))) == [0, 0, 0, 0, 1]


async def test_nothing_is_written_when_the_callers_transaction_fails(shop: Shop) -> None:
    await shop.endpoint(URL)

    async def fail() -> None:
        async with shop.db.transaction() as tx:
            await webhooks.enqueue(tx, store=shop.store, now=shop.now, **shop.item())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await written(shop) == (0, 0)


async def test_a_batch_costs_two_statements(shop: Shop) -> None:
    for _ in range(3):
        await shop.endpoint(URL)
    before = statements()
    assert await shop.say(*(shop.item() for _ in range(50))) == 150
    assert statements() - before == 4  # with begin and commit


async def test_another_stores_endpoints_hear_nothing(shop: Shop, poster: webhooks.Poster) -> None:
    await shop.endpoint(URL)
    stranger = Shop(shop.db, poster, shop.store + 1_000_000)
    assert await stranger.say() == 0


async def test_the_body_says_what_happened_when_and_where(shop: Shop) -> None:
    endpoint, _ = await shop.endpoint(URL)
    async with shop.db.transaction() as tx:
        await webhooks.enqueue(tx, store=shop.store, now=shop.now, **shop.item(amount=1))
    delivery = await shop.only(endpoint)
    assert json.loads(delivery.body) == {
        "id": delivery.event,
        "type": "payment.completed",
        "timestamp": "2026-03-01T12:00:00.000Z",
        "store": "sto_1",
        "data": {"amount": 1},
    }
    assert delivery.resource == "pay_1"
